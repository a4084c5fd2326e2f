"""The parts of ``scripts/bench``: inputs, what runs on them, how it is measured, and what is expected of it."""
