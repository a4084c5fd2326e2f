"""Run a real release of OpenClaw where it can do no harm."""
