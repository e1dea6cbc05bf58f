"""Who computes a night's parts, as the settings say: the cores of this machine, or a Dask cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from analyzers.errors import UsageError
from analyzers.spreading import Cores, Spread
from flows.plan import Plan


@contextlib.contextmanager
def spread_of(plan: Plan) -> Iterator[Spread]:
    """The spread of a night's analyses. A cluster is started or asked with the first large part, and left at the end.

    UsageError where the settings ask for a cluster and its packages are missing.
    """
    settings = plan.workspace.settings.dask
    if settings is None:
        yield Cores()
        return
    try:
        from flows.spreading.cluster import Cluster
    except ModuleNotFoundError as error:
        raise UsageError(
            f"sereno.yaml: dask: the package {error.name} is not installed; "
            "install `sereno[dask]`, or remove the section to stay within this process"
        ) from None
    with Cluster(settings, plan.workspace.folder, plan.handover.folder) as cluster:
        yield cluster
