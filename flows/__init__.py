"""The shell: what runs, when, in which order, and everything that touches the world."""
