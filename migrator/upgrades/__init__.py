"""Try an upgrade with real releases on private copies."""
