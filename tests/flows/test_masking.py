"""Masks of persons: stable in a workspace, different between workspaces, nothing of the name in them."""

from __future__ import annotations

import polars as pl

from analyzers.columns import Column, Columns, Role, Shape
from analyzers.persons import mask_of as mask
from flows.masking import mask_persons

COLUMNS = Columns(
    shape=Shape.EVENTS,
    columns=(Column(name="by", role=Role.PERSON), Column(name="to", role=Role.PERSON), Column(name="n", role=Role.KEY)),
)


def test_the_same_person_has_one_mask_in_every_column() -> None:
    frame = pl.DataFrame({"by": ["Ana ", "Luis", None], "to": ["ana", " ", "Luis"], "n": ["Ana", "b", "c"]})
    masked = mask_persons(frame, COLUMNS, b"key of this workspace")
    assert masked["by"][0] == masked["to"][0] == mask("ANA", b"key of this workspace")
    assert masked["by"][1] == masked["to"][2] != masked["by"][0]
    assert masked["by"][2] is None
    assert masked["to"][1] is None
    assert masked["n"].to_list() == ["Ana", "b", "c"]
    assert "ana" not in str(masked["by"].to_list()).lower()


def test_another_workspace_has_other_masks() -> None:
    assert mask("Ana", b"one") != mask("Ana", b"two")
