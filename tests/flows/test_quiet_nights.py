"""A quiet night is mailed as one line, unless the workspace wants none."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tests.flows.nights import run_night

LATER = date(2026, 6, 30)
"""Long after the last payment: nothing can be abnormal, and nothing is broken."""


def test_a_quiet_night_is_mailed_unless_the_workspace_wants_none(folder: Path) -> None:
    told, found = run_night(folder, LATER)
    assert found.findings == ()
    assert told.mail is not None
    assert b"all quiet, 0 records looked at" in Path(told.mail).read_bytes()
    settings = folder / "sereno.yaml"
    settings.write_text(settings.read_text(encoding="utf-8") + "mail: {quiet_nights: false}\n", encoding="utf-8")
    silent, _ = run_night(folder, LATER, force=True)
    assert silent.mail is None
    assert silent.report is not None
