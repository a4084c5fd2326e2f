"""Execute: the only room that writes to a state directory, and the way back."""
