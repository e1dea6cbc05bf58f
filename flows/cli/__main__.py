"""`python -m flows.cli` is `sereno`."""

from flows.cli import main

main()
