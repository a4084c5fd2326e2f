"""The formats of OpenClaw as text: stores, transcripts, JSON and JSON5."""
