"""Plan: from what was found to what is to be done, and what an upgrade would do. Pure but for the plan file."""
