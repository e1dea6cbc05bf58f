"""Parts of `benchmarks/pipeline.py`: generated records, what runs on them, and how it is watched."""
