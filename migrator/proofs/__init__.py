"""Prove: hash-chained logs of what was found and done without a name, and what holds them to be complete and true."""
