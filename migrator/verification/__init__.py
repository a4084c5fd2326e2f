"""Verify: judge databases by their sources, whoever wrote them."""
