"""A night that is killed at a stated place: `python -m tests.flows.killing PLACE WHEN NTH ARGUMENTS...`.

PLACE is `module:function`, WHEN `before` or `after` its NTH call. The process sends itself SIGKILL there, as the
kernel does to whatever it ends: no handler, no clean-up.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import Any


def arm(place: str, when: str, nth: int) -> None:
    """Put the kill into the place."""
    module_name, _, name = place.partition(":")
    module = importlib.import_module(module_name)
    original, calls = getattr(module, name), 0

    def deadly(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if calls == nth and when == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(module, name, deadly)


if __name__ == "__main__":
    arm(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    from flows.cli import main

    main(sys.argv[4:])
