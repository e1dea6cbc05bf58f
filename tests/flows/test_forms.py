"""The forms of the Prefect UI fit the flows behind them, and links open them filled in."""

from __future__ import annotations

import inspect
import json
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from prefect.utilities.schema_tools.validation import is_valid_schema, validate

from flows.forms import night_form, snooze_form, triage_all_form, triage_form
from flows.nightly import night
from flows.snooze_run import snooze
from flows.triage_all_run import decide_all
from flows.triage_links import form_address, link, remember_form
from flows.triage_run import triage
from flows.workspace import Workspace
from tests.flows.conftest import DATA_DATE, SETTINGS, free_port
from tests.flows.nights import run_night

DEPLOYMENT = UUID("12345678-1234-5678-1234-567812345678")


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_form_asks_for_what_its_flow_takes(folder: Path, language: str) -> None:
    settings = SETTINGS.format(port=free_port()) + f"language: {language}\n"
    (folder / "sereno.yaml").write_text(settings, encoding="utf-8")
    workspace = Workspace.open(folder)
    forms = (
        (night, night_form(workspace)),
        (triage, triage_form(workspace)),
        (decide_all, triage_all_form(workspace)),
        (snooze, snooze_form(workspace)),
    )
    for flow, form in forms:
        taken = inspect.signature(flow.fn).parameters
        assert list(form.properties) == list(taken)
        assert form.required == [name for name, each in taken.items() if each.default is inspect.Parameter.empty]
        is_valid_schema(form.model_dump_for_openapi())
    monitors = night_form(workspace).properties["monitors"]
    assert monitors["items"]["enum"] == ["payments"]
    assert monitors["title"] == {"en": "Monitors", "es": "Monitores"}[language]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"verdict": "maybe"}, "verdict"),
        ({"reason": "  "}, "reason"),
        ({"until": "2026-13-01"}, "until"),
        ({"until": "next week"}, "until"),
        ({"finding": "x" * 200}, "finding"),
    ],
)
def test_a_form_refuses_what_is_wrong(folder: Path, changed: dict[str, str], field: str) -> None:
    form = triage_form(Workspace.open(folder)).model_dump_for_openapi()
    good = {"finding": "53d2604e9a6a", "verdict": "accepted", "reason": "known", "by": "ana", "until": "2026-12-01"}
    assert validate(good, form) == []
    assert validate({**good, "until": None}, form, allow_none_with_default=True) == []
    assert {str(error.path[0]) for error in validate({**good, **changed}, form)} == {field}


def test_mails_link_to_the_form_with_finding_and_reader_filled_in(folder: Path) -> None:
    workspace = Workspace.open(folder)
    workspace.prepare()
    assert form_address(workspace) is None
    remember_form(workspace, DEPLOYMENT, "http://127.0.0.1:4200/api")
    _, found = run_night(folder, DATA_DATE)
    message = message_from_bytes(next((folder / "outbox").glob("*.eml")).read_bytes(), policy=policy.default)
    assert isinstance(message, EmailMessage)
    plain = message.get_body(("plain",))
    assert plain is not None
    links = [word for word in plain.get_content().split() if word.startswith("http://127.0.0.1:4200/")]
    asked = [json.loads(parse_qs(urlsplit(each).query)["parameters"][0]) for each in links]
    mailed = [finding.id for finding in found.findings if finding.mailed]
    assert sorted(each["finding"] for each in asked) == sorted(mailed)
    assert {each["by"] for each in asked} == {"controller@example.com"}
    page = (folder / "archive" / f"{DATA_DATE}.html").read_text(encoding="utf-8")
    assert f"/deployment/{DEPLOYMENT}/run?parameters=" in page
    assert "controller%40example.com" not in page


def test_readers_may_reach_the_ui_under_another_address(folder: Path) -> None:
    (folder / "sereno.yaml").write_text("prefect: {ui_url: 'https://sereno.example.com/'}\n", encoding="utf-8")
    workspace = Workspace.open(folder)
    workspace.prepare()
    remember_form(workspace, DEPLOYMENT, "http://127.0.0.1:4200/api")
    form = form_address(workspace)
    assert form == f"https://sereno.example.com/v2/deployments/deployment/{DEPLOYMENT}/run"
    (asked,) = parse_qs(urlsplit(link(form, 'a"&b=#')).query)["parameters"]
    assert json.loads(asked) == {"finding": 'a"&b=#'}
