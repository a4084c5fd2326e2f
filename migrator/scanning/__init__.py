"""Scan: find everything and read it into plain data. Nothing here writes."""
