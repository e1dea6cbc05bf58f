"""What was written about findings, and the skeletons that reproduce it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from flows.warehouse import sql
from reports.contents import Cost, Narrative


def store_narratives(connection: sql.Connection, run: str, narratives: Iterable[Narrative]) -> None:
    """Write a run's narratives; `Narrative.finding` is the finding's id."""
    sql.insert(
        connection,
        "narratives",
        [
            {
                **narrative.model_dump(exclude={"claims"}),
                "run": run,
                "claims": json.dumps([claim.model_dump() for claim in narrative.claims], ensure_ascii=False),
            }
            for narrative in narratives
        ],
    )


def narratives_of(connection: sql.Connection, runs: Iterable[str]) -> dict[tuple[str, str], Narrative]:
    """The narratives of these runs by (run, finding id)."""
    listed = sorted(set(runs))
    if not listed:
        return {}
    query = f"SELECT run, {_COLUMNS} FROM narratives WHERE run IN (SELECT unnest($runs))"
    return {(row[0], row[1]): _narrative(row[1:]) for row in sql.rows(connection, query, {"runs": listed})}


def store_cost(connection: sql.Connection, run: str, cost: Cost) -> None:
    """Write what a run's narration came to."""
    sql.insert(connection, "narration_costs", [{"run": run, **cost.model_dump()}])


def cost_of(connection: sql.Connection, run: str) -> Cost | None:
    """What a run's narration came to; None where no model wrote."""
    row = sql.first(connection, f"SELECT {', '.join(Cost.model_fields)} FROM narration_costs WHERE run = ?", [run])
    return None if row is None else Cost.model_validate(dict(zip(Cost.model_fields, row, strict=True)))


def load_skeletons(connection: sql.Connection) -> dict[str, str]:
    """The accepted narrative skeletons by their key (signature, model, prompt, language), for `narrate`."""
    return dict(sql.rows(connection, "SELECT key, skeleton FROM skeletons"))


def keep_skeletons(connection: sql.Connection, skeletons: Mapping[str, str]) -> int:
    """Keep skeletons that are new; the first accepted one of a key stays for good. How many were new."""
    known = load_skeletons(connection)
    added = [{"key": key, "skeleton": text} for key, text in sorted(skeletons.items()) if key not in known]
    return sql.insert(connection, "skeletons", added)


_COLUMNS = "finding, lang, mode, grounded, replaced, model, unasked, text, claims"


def _narrative(row: sql.Row) -> Narrative:
    named: dict[str, Any] = dict(zip(_COLUMNS.split(", "), row, strict=True))
    return Narrative.model_validate({**named, "claims": json.loads(named["claims"])})
