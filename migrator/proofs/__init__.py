"""Prove: redacted, hash-chained logs of what was found and done, and everything that guards and checks them."""
