"""The forms of the Prefect UI: what a person may ask for, in the workspace's language, refused where it is wrong.

A form is a JSON schema that the server holds every run against. It is stated here and not read off the flow, since
what may be chosen (the monitors) is the workspace's, and so is the language.
"""

from __future__ import annotations

from typing import Any

from prefect.utilities.callables import ParameterSchema

from flows.warehouse.triage import Verdict
from flows.workspace import Workspace
from reports.locale import texts

# The format draws a calendar; only the pattern is held against what comes.
_DAY = {"type": "string", "format": "date", "pattern": r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"}
_LONGEST_NAME = 120
_LONGEST_REASON = 2000
_TEXT = {"type": "string", "minLength": 1, "pattern": r"\S"}
_NAME = {**_TEXT, "maxLength": _LONGEST_NAME}
_TIME = {"type": "string", "pattern": r"^(\d{4}-\d{2}-\d{2}(T\d{2}:\d{2})?|\d{1,4}[hdw])$"}


def night_form(workspace: Workspace) -> ParameterSchema:
    """Which monitors, which date, with or without mail, and whether a decided date is decided again."""
    say = texts(workspace.settings.language)["forms"]["night"]
    return _form(
        {
            "monitors": {
                **_said(say, "monitors"),
                "type": "array",
                "items": {"type": "string", "enum": workspace.monitor_names()},
                "uniqueItems": True,
                "default": [],
            },
            "data_date": {**_said(say, "data_date"), **_DAY},
            "mail": {**_said(say, "mail"), "type": "boolean", "default": True},
            "force": {**_said(say, "force"), "type": "boolean", "default": False},
        }
    )


def triage_form(workspace: Workspace) -> ParameterSchema:
    """A verdict on a finding: which one, what, why, by whom, until when."""
    say = texts(workspace.settings.language)["forms"]["triage"]
    return _form(
        {
            "finding": {**_said(say, "finding"), **_NAME},
            **_statement(say),
            "until": {**_said(say, "until"), **_DAY},
            "normal_from": {**_said(say, "normal_from"), **_DAY},
        },
        required=["finding", "verdict", "reason", "by"],
    )


def triage_all_form(workspace: Workspace) -> ParameterSchema:
    """A verdict on all open findings that fit: what, why, by whom, which; counted first."""
    forms = texts(workspace.settings.language)["forms"]
    say = {**forms["triage"], **forms["triage_all"]}
    amount = {"type": "number", "exclusiveMinimum": 0}
    return _form(
        {
            **_statement(say),
            "monitor": {**_said(say, "monitor"), "type": "string", "enum": workspace.monitor_names()},
            "types": {**_said(say, "types"), "type": "array", "items": _NAME, "uniqueItems": True},
            "entity": {**_said(say, "entity"), **_NAME},
            "first_date": {**_said(say, "first_date"), **_DAY},
            "last_date": {**_said(say, "last_date"), **_DAY},
            "below_priority": {**_said(say, "below_priority"), **amount, "maximum": 100},
            "below_exposure": {**_said(say, "below_exposure"), **amount},
            "until": {**_said(say, "until"), **_DAY},
            "normal_from": {**_said(say, "normal_from"), **_DAY},
            "carry_out": {**_said(say, "carry_out"), "type": "boolean", "default": False},
        },
        required=["verdict", "reason", "by"],
    )


def snooze_form(workspace: Workspace) -> ParameterSchema:
    """A finding or an entity to be muted: which, until when, why, by whom, since when, where."""
    say = texts(workspace.settings.language)["forms"]["snooze"]
    return _form(
        {
            "target": {**_said(say, "target"), **_NAME},
            "until": {**_said(say, "until"), **_TIME},
            "reason": {**_said(say, "reason"), **_TEXT, "maxLength": _LONGEST_REASON},
            "by": {**_said(say, "by"), **_NAME},
            "start": {**_said(say, "start"), **_TIME},
            "monitor": {**_said(say, "monitor"), "type": "string", "enum": workspace.monitor_names()},
        },
        required=["target", "until", "reason", "by"],
    )


def _statement(say: Any) -> dict[str, dict[str, Any]]:
    """The fields of every verdict."""
    return {
        "verdict": {**_said(say, "verdict"), "type": "string", "enum": [verdict.value for verdict in Verdict]},
        "reason": {**_said(say, "reason"), **_TEXT, "maxLength": _LONGEST_REASON},
        "by": {**_said(say, "by"), **_NAME},
    }


def _form(fields: dict[str, dict[str, Any]], required: list[str] | None = None) -> ParameterSchema:
    placed = {name: {**field, "position": position} for position, (name, field) in enumerate(fields.items())}
    # Stated whole: what is left at its default does not reach the server.
    stated = {"title": "Parameters", "type": "object", "properties": placed, "required": required or []}
    return ParameterSchema.model_validate({**stated, "definitions": {}})


def _said(say: Any, field: str) -> dict[str, str]:
    return {"title": str(say[field]["title"]), "description": str(say[field]["description"])}
