"""Labels in place of names, and the guard at the door."""
