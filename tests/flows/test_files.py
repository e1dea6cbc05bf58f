from __future__ import annotations

import gzip
import hashlib
import random
import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyzers.columns import Column, Columns, Role, Shape
from analyzers.errors import SourceError
from flows.sources import assembling, reading
from flows.sources.conforming import conform
from flows.sources.files import Kind, Table, read_files
from flows.warehouse import Warehouse, records

AT = datetime(2026, 11, 16, tzinfo=UTC)


def _read(tmp_path: Path, content: str | bytes, name: str = "a.csv", **how: object) -> Table:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_files([path], **how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("a,b\n1,x\n2,y\n", [(1, "x"), (2, "y")]),
        ("a;b\r\n1;x\r\n2;y", [(1, "x"), (2, "y")]),
        ("a\tb\n1\tx\n\n2\ty\n", [(1, "x"), (2, "y")]),
        ("a|b\r1|x\r2|y\r", [(1, "x"), (2, "y")]),
        ("sep=;\na;b\n1;x\n2;y\n", [(1, "x"), (2, "y")]),
        ("a;b;\n1;x;\n2;y;\n", [(1, "x"), (2, "y")]),
        ("Payments\nprinted today\n\na,b\n1,x\n2,y\n", [(1, "x"), (2, "y")]),
        ('a,b\n1,"x, or\ny"\n2,"say ""y"""\n', [(1, "x, or\ny"), (2, 'say "y"')]),
        ('a,b\n1,6" pipe\n2,y\n', [(1, '6" pipe'), (2, "y")]),
        ("a,b\n", []),
        ("a,b", []),
    ],
)
def test_dialects(tmp_path: Path, content: str, rows: list[tuple[object, ...]]) -> None:
    table = _read(tmp_path, content)
    assert table.frame.columns == ["a", "b"]
    assert table.frame.rows() == rows


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "utf-16-le"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    text = "name;city\n" + "Muñoz Ibáñez;Cádiz\n" * 30
    assert _read(tmp_path, text.encode(encoding)).frame.row(0) == ("Muñoz Ibáñez", "Cádiz")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "no header line"),
        (random.Random(0).randbytes(4_000), "is binary"),
        (b"a,b\n" + b"1,2\n" * 2_000_000 + b"\0", "is binary"),
        (b"PAR1 and no more", "cannot be read"),
        (b"PK\x03\x04 and no more", "damaged"),
        (b"\x1f\x8b and no more", "damaged"),
        (gzip.compress(b"a,b\n1,2\n" * 500, mtime=0)[:-9], "damaged or cut off"),
        (b'a,b\n"x,1\ny,2\n', "never closed"),
        (b"<!DOCTYPE html><html>Log in, please</html>", "web page"),
        (",".join(f"c{i}" for i in range(20_001)).encode(), "20,001 columns"),
    ],
)
def test_what_is_no_table_is_an_error_of_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        _read(tmp_path, content)
    assert "a.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_paths(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("a\n2\n")
    (tmp_path / "a.csv").write_text("a\n1\n")
    assert read_files([tmp_path / "*.csv", tmp_path / "a.csv"]).frame["a"].to_list() == [1, 2]
    assert read_files([tmp_path / "b.csv", tmp_path / "*.csv"]).frame["a"].to_list() == [2, 1]
    for wrong, message in (("none.csv", "no such file"), ("*.xlsx", "no file matches"), ("", "is a folder")):
        with pytest.raises(SourceError, match=message):
            read_files([tmp_path / wrong])
    with pytest.raises(SourceError, match="no input"):
        read_files([])


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a\n1\n")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root may read everything, so the file's rights would not do
    with pytest.raises(SourceError, match="no permission"):
        read_files([path])


def test_a_decompression_bomb_is_refused(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.csv.gz", "wb", compresslevel=1) as file:
        file.write(b"a,b\n")
        for _ in range(270):
            file.write(b"0" * (1 << 20))
    with pytest.raises(SourceError, match="decompression bomb"):
        read_files([tmp_path / "a.csv.gz"])


def test_packed_files(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a,b\n1,x\n"))
    with pa.output_stream(str(tmp_path / "b.csv.zst"), compression="zstd") as file:
        file.write(b"a,b\n2,y\n")
    assert read_files([tmp_path / "*.csv.*"]).frame.rows() == [(1, "x"), (2, "y")]


def test_hostile_column_names(tmp_path: Path) -> None:
    table = _read(tmp_path, "a,a, ,A,record_id,*,^a.*$,torn,c0\n1,2,3,4,5,6,7,8,9\n")
    assert table.frame.columns == ["a", "a_2", "column_3", "A", "record_id_2", "column_6", "a.", "torn", "c0"]
    assert table.frame.row(0) == tuple(range(1, 10))


def test_rows_that_do_not_fit_are_put_aside_with_their_number(tmp_path: Path) -> None:
    good = "".join(f"{i}.5,x\n" for i in range(200))
    table = _read(tmp_path, f"a,b\n1,2,3\n{good}oops,x\n5")
    assert table.total == 203
    assert [(row, value) for row, _, value, _ in table.quarantined.rows()] == [(0, None), (201, "oops"), (202, None)]
    assert table.rows.to_list() == list(range(1, 201))
    assert table.frame["a"].to_list() == [i + 0.5 for i in range(200)]


def test_short_rows_end_with_nulls(tmp_path: Path) -> None:
    assert _read(tmp_path, "a,b,c\n1,x,2\n3\n4,y,5\n").frame.rows() == [(1, "x", 2), (3, None, None), (4, "y", 5)]


def test_files_with_other_columns_are_united_and_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,x\n")
    (tmp_path / "b.csv").write_text("c;a\ny;2,5\n")
    table = read_files([tmp_path / "*.csv"])
    assert table.frame["a"].to_list() == [1.0, 2.5]
    assert table.frame["b"].to_list() == ["x", None]
    assert table.frame["c"].to_list() == [None, "y"]
    assert any("'b' is absent in 1 of 2 files" in note for note in table.notes)


@pytest.mark.parametrize(
    ("rest", "last", "kind", "values"),
    [
        ("12", "007", Kind.TEXT, ("12", "007")),
        ("1.234", "12,50", Kind.NUMBER, (1234.0, 12.5)),
        ("1", "2.5", Kind.NUMBER, (1.0, 2.5)),
        ("", "2.5", Kind.NUMBER, (None, 2.5)),
        (
            "01/02/2026",
            "01/13/2026",
            Kind.INSTANT,
            (datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 13, tzinfo=UTC)),
        ),
    ],
)
def test_a_late_cell_decides_what_the_first_batch_could_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rest: str, last: str, kind: Kind, values: tuple[object, object]
) -> None:
    monkeypatch.setattr(reading, "BATCH", 10)
    monkeypatch.setattr(assembling, "BATCH", 10)
    table = _read(tmp_path, "a;b\n" + f"{rest};x\n" * 50 + f"{last};x\n")
    assert table.kinds["a"].kind is kind
    assert (table.frame["a"][0], table.frame["a"][-1]) == values
    assert table.frame.height == 51


_CELLS = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)


@given(st.lists(st.tuples(_CELLS, _CELLS), min_size=1, max_size=20))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_text_comes_back_as_it_was(tmp_path: Path, cells: list[tuple[str, str]]) -> None:
    frame = pl.DataFrame(cells, schema={"a": pl.String, "b": pl.String}, orient="row")
    frame.write_csv(tmp_path / "t.csv", quote_style="always")
    read = read_files([tmp_path / "t.csv"], kinds={"a": Kind.TEXT, "b": Kind.TEXT}).frame
    kept = [(a or None, b or None) for a, b in cells if a or b]
    assert read.rows() == kept


def test_typed_sources(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "i": [1, 2],
            "f": [1.5, float("nan")],
            "t": ["007", "x"],
            "when": [datetime(2026, 7, 1, 12), datetime(2026, 1, 1)],  # noqa: DTZ001
            "money": [Decimal("1.25"), None],
            "nested": [[1], None],
        }
    )
    frame.write_parquet(tmp_path / "a.parquet")
    (tmp_path / "b.jsonl").write_text('{"i": 3, "t": "y", "when": "2026-01-02T00:00:00Z"}\n\n{"i": "four"}\n')
    table = read_files([tmp_path / "a.parquet"], timezone="Europe/Madrid")
    assert {name: kind.kind.value for name, kind in table.kinds.items()} == {
        "i": "number", "f": "number", "t": "text", "when": "instant", "money": "money", "nested": "text",
    }  # fmt: skip
    assert table.frame["f"].to_list() == [1.5, None]
    assert table.frame["when"][0] == datetime(2026, 7, 1, 10, tzinfo=UTC)
    both = read_files([tmp_path / "a.parquet", tmp_path / "b.jsonl"])
    assert both.frame["i"].to_list() == ["1", "2", "3", "four"]
    assert both.frame["when"].null_count() == 1


def _workbook(path: Path, rows: list[list[str | float]]) -> None:
    """The smallest workbook that has the rows."""
    cells = "".join(
        "<row>"
        + "".join(
            f'<c t="inlineStr"><is><t>{cell}</t></is></c>' if isinstance(cell, str) else f"<c><v>{cell}</v></c>"
            for cell in row
        )
        + "</row>"
        for row in rows
    )
    space = "http://schemas.openxmlformats.org"
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{space}/package/2006/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kinds}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{space}/package/2006/relationships"><Relationship Id="r1" '
        f'Type="{space}/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{space}/spreadsheetml/2006/main" '
        f'xmlns:r="{space}/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{space}/package/2006/relationships"><Relationship '
        f'Id="r1" Type="{space}/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>'
        "</Relationships>",
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{space}/spreadsheetml/2006/main"><sheetData>{cells}'
        "</sheetData></worksheet>",
    }
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in parts.items():
            packed.writestr(name, content)


def test_excel_keeps_text_in_columns_of_numbers(tmp_path: Path) -> None:
    _workbook(tmp_path / "a.xlsx", [["code", "amount"], ["007", 1.5], [12, 10_000], ["A7", 2.25]])
    table = read_files([tmp_path / "a.xlsx"])
    assert table.frame.to_dict(as_series=False) == {"code": ["007", "12", "A7"], "amount": [1.5, 10_000, 2.25]}


def _columns(**roles: Role) -> Columns:
    return Columns(shape=Shape.EVENTS, columns=tuple(Column(name=name, role=role) for name, role in roles.items()))


def test_conform_gives_the_types_of_the_material(tmp_path: Path) -> None:
    table = _read(tmp_path, "id,who,sum,when,x\n1,10012,1.25,2026-01-01,3\n2,7,1e15,2026-01-02,4\n3,8,5,2026-01-03,5\n")
    columns = _columns(id=Role.KEY, who=Role.ENTITY, sum=Role.EXPOSURE, when=Role.TIME, x=Role.MEASURE)
    frame, quarantined = conform(table, columns, timezone="UTC")
    assert frame.schema == {
        "id": pl.String, "who": pl.String, "sum": pl.Decimal(18, 4), "when": pl.Datetime("us", "UTC"), "x": pl.Float64,
        "record_id": pl.String,
    }  # fmt: skip
    assert frame["who"].to_list() == ["10012", "8"]
    assert quarantined.select("row", "column").rows() == [(1, "sum")]


def test_conform_names_a_column_that_is_absent(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no column 'b'"):
        conform(_read(tmp_path, "a\n1\n"), _columns(b=Role.KEY), timezone="UTC")


@pytest.mark.parametrize("keyed", [True, False])
def test_record_ids_are_those_of_the_warehouse_whatever_the_order(tmp_path: Path, *, keyed: bool) -> None:
    lines = ["k1,x,1.5", "k2,y,2", "k2,z,3", ",w,4", ",w,4", "ñ,w,5"]
    columns = _columns(a=Role.KEY if keyed else Role.CATEGORY, b=Role.CATEGORY, c=Role.MEASURE)
    found = []
    for order in (lines, lines[::-1]):
        table = _read(tmp_path, "a,b,c\n" + "\n".join(order) + "\n")
        found.append(conform(table, columns, timezone="UTC", monitor="m").frame)
    assert sorted(found[0]["record_id"]) == sorted(found[1]["record_id"])
    assert found[0]["record_id"].is_unique().all()
    with Warehouse(tmp_path / "w.duckdb", work=tmp_path / "work").writing() as connection:
        records.ingest(connection, "m", columns, found[0].drop("record_id"), "r1", at=AT)
        stored = records.load(connection, "m", columns)
    assert sorted(stored.rows(), key=str) == sorted(found[0].select(stored.columns).rows(), key=str)


def test_a_record_id_is_fixed_for_ever(tmp_path: Path) -> None:
    frame = conform(
        _read(tmp_path, "a,b\nk1,x\n"), _columns(a=Role.KEY, b=Role.CATEGORY), timezone="UTC", monitor="m"
    ).frame
    digest = hashlib.sha256(b"1:m|key|1:a=2:k1").hexdigest()
    assert frame["record_id"][0] == "r1:" + digest[:32] == "r1:35bf695b7f409e47fc95c78c4a5adc80"
