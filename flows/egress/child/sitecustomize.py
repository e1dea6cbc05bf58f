"""Python runs this in every process that Sereno starts: the guard is there before any other code.

A guard that cannot be put up ends the process. The environment's own `sitecustomize`, which this one hides, follows.
"""

import os
import sys

if os.environ.get("SERENO_EGRESS"):
    try:
        from flows.egress.guard import install_as_child

        install_as_child()
    except BaseException as error:  # Python would print it and go on unguarded
        sys.stderr.write(f"sereno: the egress guard cannot be put up ({error}); nothing runs without it\n")
        sys.stderr.flush()
        os._exit(1)


def _follow() -> None:
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec
    from pathlib import Path

    here = Path(__file__).parent
    spec = PathFinder.find_spec("sitecustomize", [each for each in sys.path if Path(each) != here])
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(module_from_spec(spec))


_follow()
