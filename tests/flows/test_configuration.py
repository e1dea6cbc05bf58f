"""Includes and defaults of monitors, and what editors and people are told about the keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from analyzers.errors import MonitorError
from flows.cli import status
from flows.configuration import page
from flows.configuration.editor_schema import SCHEMAS
from flows.workspace import Workspace

SETTINGS = """\
timezone: UTC
defaults:
  timezone: Europe/Madrid
  owners: [auditor@example.com]
  analysis: {budget: 7, audit: {limits: [5000]}}
"""
SHARED = """\
currency: EUR
batch: 3
columns:
  id: {role: key, field: document}
  paid_at: time
analysis:
  audit: {split_days: 5}
"""
MONITOR = """\
include: shared/erp.yaml
title: Payments
batch: 2
records: {files: data/*.csv}
columns:
  amount: exposure
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "monitors").mkdir()
    (tmp_path / "shared").mkdir()
    write(tmp_path)
    return tmp_path


def write(folder: Path, settings: str = SETTINGS, shared: str = SHARED, monitor: str = MONITOR) -> None:
    (folder / "sereno.yaml").write_text(settings, encoding="utf-8")
    (folder / "shared" / "erp.yaml").write_text(shared, encoding="utf-8")
    (folder / "monitors" / "payments.yaml").write_text(monitor, encoding="utf-8")


def test_a_monitor_lies_over_what_it_includes_and_over_the_defaults(folder: Path) -> None:
    monitor = Workspace.open(folder).monitor("payments")
    assert (monitor.timezone, monitor.owners) == ("Europe/Madrid", ("auditor@example.com",))
    assert (monitor.currency, monitor.batch) == ("EUR", 2)
    assert list(monitor.columns) == ["id", "paid_at", "amount"]
    settings = monitor.analysis_settings()
    assert settings.budget == 7
    assert (settings.audit.split_days, list(map(int, settings.audit.limits))) == (5, [5000])


@pytest.mark.parametrize(
    ("part", "replaced", "by", "expected"),
    [
        ("settings", "budget: 7", "bugdet: 7", "sereno.yaml:5: analysis.bugdet: unknown key; did you mean 'budget'?"),
        ("settings", "owners: [", "owner: [", "sereno.yaml:4: owner: unknown key; did you mean 'owners'?"),
        ("shared", "batch: 3", "batch: 3\nhistroy: 5", "shared/erp.yaml:3: histroy: unknown key; did you mean"),
        ("shared", "field: document", "field: docment", "shared/erp.yaml:4: columns.id.field: Input should be"),
        ("shared", "role: key", "rol: key", "shared/erp.yaml:4: columns.id.role: missing"),
        ("monitor", "batch: 2", "batch: many", "monitors/payments.yaml:3: batch: Input should be a valid integer"),
        ("monitor", "shared/erp", "shared/epr", "monitors/payments.yaml:1: include: there is no file"),
        ("monitor", "shared/erp.yaml", "../../etc/passwd", "monitors/payments.yaml:1: include: '../../etc/"),
        ("monitor", "shared/erp.yaml", "{a: b}", "monitors/payments.yaml:1: include: name one file"),
        ("shared", "batch: 3", "include: monitors/payments.yaml", "shared/erp.yaml:2: include: 'monitors/"),
    ],
)  # fmt: skip
def test_an_error_names_the_file_that_says_it(folder: Path, part: str, replaced: str, by: str, expected: str) -> None:
    texts = {"settings": SETTINGS, "shared": SHARED, "monitor": MONITOR}
    assert replaced in texts[part]
    write(folder, **(texts | {part: texts[part].replace(replaced, by)}))
    with pytest.raises(MonitorError) as caught:
        Workspace.open(folder).monitor("payments")
    assert str(caught.value).startswith(f"{folder}/{expected}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("supplier: entitty", "did you mean 'entity'?"),
        ("supplier: {role: entity, feld: invoice}", "did you mean 'field'?"),
        ("supplier: {role: ignore, field: invoise}", "did you mean 'invoice'?"),
    ],
)
def test_nearest_keys_and_values_are_those_of_the_place(folder: Path, text: str, expected: str) -> None:
    write(folder, monitor=f"{MONITOR}  {text}\n")
    with pytest.raises(MonitorError, match=r"columns\.supplier") as caught:
        Workspace.open(folder).monitor("payments")
    assert expected in str(caught.value)


def accepted(schema: dict[str, Any], value: Any, root: dict[str, Any]) -> bool:
    """Whether a schema of the kinds that pydantic writes accepts a value."""
    if "$ref" in schema:
        return accepted(root["$defs"][schema["$ref"].rpartition("/")[2]], value, root)
    for key, many in (("anyOf", any), ("oneOf", any), ("allOf", all)):
        if key in schema and not many(accepted(one, value, root) for one in schema[key]):
            return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "const" in schema and value != schema["const"]:
        return False
    kinds: dict[str, Any] = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "null": type(None),
    }
    if "type" in schema and not isinstance(value, kinds[schema["type"]]):
        return False
    if isinstance(value, list) and "items" in schema:
        return all(accepted(schema["items"], one, root) for one in value)
    if isinstance(value, dict):
        known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        others = next(iter(schema.get("patternProperties", {}).values()), others)
        return all(name in value for name in schema.get("required", ())) and all(
            accepted(known[name], one, root)
            if name in known
            else others is True or (bool(others) and accepted(others, one, root))
            for name, one in value.items()
        )
    return True


def test_editors_accept_the_examples_and_refuse_unknown_keys(capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["check", "--schema", "monitor"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema == json.loads(json.dumps(SCHEMAS["monitor"]()))
    assert len(list(Path("monitors").glob("*.yaml"))) == 3
    for path in Path("monitors").glob("*.yaml"):
        example = json.loads(json.dumps(yaml.safe_load(path.read_text(encoding="utf-8")), default=str))
        assert accepted(schema, example, schema), path
        assert not accepted(schema, example | {"titel": "T"}, schema)
        assert not accepted(schema, example | {"analysis": {"bugdet": 3}}, schema)
        assert not accepted(schema, example | {"columns": {"a": "entitty"}}, schema)
    assert schema["properties"]["batch"]["description"].startswith("Days, ending with the data date")
    assert status(["check", "--schema", "sereno"]) == 0
    settings = json.loads(capsys.readouterr().out)
    assert accepted(settings, {"databases": {"a": {"kind": "sqlite", "file": "f"}}}, settings)
    assert not accepted(settings, {"databases": {"a": {"kind": "sqlite", "flie": "f"}}}, settings)
    assert status(["check", "--schema", "nothing"]) == 2


def test_the_page_names_every_key_and_is_up_to_date(tmp_path: Path) -> None:
    written = page.page()
    assert Path("docs/configuration.md").read_text(encoding="utf-8") == written
    for key in ("watermark", "look_back", "split_days", "longest_text", "recipients", "api_url", "western_electric"):
        assert f"| `{key}` |" in written
    assert "typing" not in written
    copy = tmp_path / "page.md"
    assert page.main(copy, check=True) == 1
    assert page.main(copy, check=False) == 0
    assert page.main(copy, check=True) == 0
