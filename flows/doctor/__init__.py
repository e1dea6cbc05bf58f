"""`sereno doctor`: what stands in the way of a quiet night, found before the night.

A module per section; `sections.py` lists them. A section looks and changes nothing.
"""
