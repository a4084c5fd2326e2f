"""Export: from databases back to the legacy tree."""
