"""The door: options, errors and exit codes, and what leaves the process."""
