"""Where OpenClaw keeps things, and how it calls them."""
