"""The parts of `benchmarks/narration.py`: truth and coverage, planted instructions, speed, blind reading."""
