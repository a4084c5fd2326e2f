"""Run folders: what a run leaves behind in the state directory, and how it is read again."""
