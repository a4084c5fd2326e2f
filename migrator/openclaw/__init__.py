"""Facts about OpenClaw: where it keeps things and in which formats. Decides nothing."""
