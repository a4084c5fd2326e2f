"""Find every OpenClaw session, move it into SQLite, and prove that nothing was lost."""

__version__ = "0.1.0"
