"""JSON schemas of the two kinds of YAML files, for editors that complete and check while one writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from analyzers.columns import Role
from analyzers.settings import AnalysisSettings
from flows.monitors import Monitor, WorkspaceSettings

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_STATED_ABOVE = ("monitor", "timezone", "currency")


def monitor_schema() -> dict[str, Any]:
    """Of a file in `monitors/`."""
    schema = Monitor.model_json_schema()
    analysis = AnalysisSettings.model_json_schema()
    definitions = schema.setdefault("$defs", {}) | analysis.pop("$defs", {})
    for name in _STATED_ABOVE:
        analysis["properties"].pop(name)
    definitions["AnalysisSettings"] = analysis
    properties = schema["properties"]
    properties["analysis"] = {"$ref": "#/$defs/AnalysisSettings", "description": properties["analysis"]["description"]}
    short = {"enum": [role.value for role in Role]}
    properties["columns"]["additionalProperties"] = {"anyOf": [short, {"$ref": "#/$defs/ColumnSettings"}]}
    for source in ("RecordsSettings", "ReferenceSettings"):
        files = definitions[source]["properties"]["files"]
        files["anyOf"] = [{"type": "string"}, {"type": files.pop("type"), "items": files.pop("items")}]
        files.pop("default", None)
    properties["include"] = {
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
        "description": "Files of the workspace over which this one is laid: what it says itself prevails.",
    }
    # Includes and defaults may say what is missing here.
    schema.pop("required", None)
    return _finished(schema, definitions, "A monitor of Sereno")


def workspace_schema() -> dict[str, Any]:
    """Of `sereno.yaml`."""
    schema = WorkspaceSettings.model_json_schema()
    return _finished(schema, schema.setdefault("$defs", {}), "Settings of a workspace of Sereno")


SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {"monitor": monitor_schema, "sereno": workspace_schema}
"""By the name of the file that `sereno init` writes for editors."""


def _finished(schema: dict[str, Any], definitions: dict[str, Any], title: str) -> dict[str, Any]:
    for model in (schema, *definitions.values()):
        for field in model.get("properties", {}).values():
            field.pop("title", None)
            if "description" in field:
                field["description"] = " ".join(field["description"].split())
    return {"$schema": _DIALECT, **schema, "title": title, "$defs": definitions}
