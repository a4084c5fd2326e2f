"""Invented states as releases before SQLite left them, and what is unexplained in what a real release made of one."""
