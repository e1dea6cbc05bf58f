"""Who computes a night's parts, as the settings say: the cores of this machine, or a Dask cluster."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator

from analyzers.errors import UsageError
from analyzers.spreading import Cores, Spread
from flows.dask_settings import DaskSettings
from flows.plan import Plan

PACKAGES = ("dask", "distributed", "prefect_dask")
"""What the extra `sereno[dask]` brings."""


def missing_package() -> str | None:
    """The first package of the extra that is not installed; None where all are. Nothing is imported."""
    return next((name for name in PACKAGES if importlib.util.find_spec(name) is None), None)


def check_installed(settings: DaskSettings | None) -> None:
    """UsageError where the settings ask for a cluster and its packages are missing."""
    if settings is not None and (package := missing_package()):
        raise UsageError(
            f"sereno.yaml: dask: the package {package} is not installed; "
            "`pip install 'sereno[dask]'`, or remove the section to stay within this process"
        )


@contextlib.contextmanager
def spread_of(plan: Plan) -> Iterator[Spread]:
    """The spread of a night's analyses. A cluster is started, or asked, with the first large part, and left at the end.

    UsageError as in `check_installed`.
    """
    settings = plan.workspace.settings.dask
    check_installed(settings)
    if settings is None:
        yield Cores()
        return
    from flows.spreading.cluster import Cluster

    with Cluster(settings, plan.workspace.folder, plan.handover.folder) as cluster:
        yield cluster
