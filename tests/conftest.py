"""What all tests share: skips that count, and an environment in which nothing dials out."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from hypothesis import settings

# A gate must not fail by chance: `make test` draws the same examples each time, `make test-long` draws new ones.
settings.register_profile("same examples", derandomize=True)
settings.register_profile("new examples")
settings.load_profile("new examples" if os.environ.get("NEW_EXAMPLES") == "1" else "same examples")

# Tests run side by side, a core each: threads beyond that only wait, at full speed. Read when NumPy is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Prefect reads its settings at import; the tests' own come first.
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With REQUIRE_ALL=1 a skipped test is a failure: on CI every program is there."""
    report = yield
    if os.environ.get("REQUIRE_ALL") == "1" and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"REQUIRE_ALL=1, but skipped: {report.longrepr}"
    return report
