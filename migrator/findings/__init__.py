"""What is worth knowing: every code with its severity, its sentence, and what to do."""
