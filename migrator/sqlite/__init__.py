"""The shapes in which SQLite databases hold sessions."""
