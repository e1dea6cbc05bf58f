"""Measured claims: what `docs/` and the README state, side by side with what a user would pick instead."""
