"""What a Dask worker of another machine loads first: `dask worker ... --preload flows.spreading.worker`.

It needs `SERENO_WORKSPACE`, the workspace on the storage that all machines share. What the worker may talk to is what
its settings name: the scheduler, the Prefect server, and the `networks` in which the machines are.
"""

from __future__ import annotations

import os
from typing import Any

from flows.egress import guard
from flows.prefect_environment import environment
from flows.workspace import Workspace


def dask_setup(worker: Any) -> None:
    """Put up the egress guard, and keep Prefect's analytics off, before the worker takes any work."""
    os.umask(0o077)
    workspace = Workspace.open()
    os.environ.update(environment(workspace))
    guard.install()
