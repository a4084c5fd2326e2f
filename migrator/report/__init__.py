"""How results are shown: one module per format."""

FORMATS = ("text", "json", "junit", "github", "markdown", "html")
"""What ``--format`` takes."""
