"""What releases of OpenClaw legitimately change, each change by its name."""
