"""Local models: which there are, which fit this machine, how they come into a workspace, and what they earned there.

A module per thing. Whatever llama.cpp does with a file that somebody brought happens in a process of its own
(`child.py`), so that a crash there is one line here.
"""
