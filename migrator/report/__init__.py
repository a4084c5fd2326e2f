"""How results are shown: one module per format."""

FORMATS = ("text", "json")
"""What ``--format`` takes."""
