"""Simulated data that knows its own truth: a ledger of supplier payments and a plant of three pumps."""
