"""Every hostile input gives one clear line or a clean result: no trace, nothing half-written, nothing unescaped."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import sqlite3
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from flows.cli import status
from flows.warehouse import Warehouse, sql
from flows.workspace import Workspace
from reports.contents import Lang
from reports.narrator import narrate
from reports.narrator.engines import Tokens
from reports.narrator.prompt import Prompt
from tests.flows.conftest import DATA_DATE
from tests.flows.hostile import ANSWERS, CELLS, FILES, MONITORS, NAMES, REQUESTS, RESULTS, SETTINGS, SOUND, YAML
from tests.flows.nights import run_night
from tests.reports.sample_facts import example, finding
from tests.reports.test_narrator import DUPLICATE

TRACE = Path("/tmp/sereno-was-here")
MONITOR = "title: T\nrecords: {files: FILE}\ncolumns: {payment: {role: key}, paid_at: time, amount: exposure}\n"


def test_there_are_enough_of_them() -> None:
    tables = (YAML, YAML, SETTINGS, MONITORS, FILES, RESULTS, NAMES, CELLS, REQUESTS, ANSWERS)
    assert sum(len(table) for table in tables) >= 250


def site(
    folder: Path, *, settings: str = "", monitor: str | None = MONITOR, name: str = "p.csv", data: bytes = b""
) -> Path:
    (folder / "monitors").mkdir()
    (folder / "data").mkdir()
    (folder / "sereno.yaml").write_text(settings or "name: T\n", encoding="utf-8", errors="surrogatepass")
    if monitor is not None:
        text = monitor.replace("FILE", f"data/{name}")
        (folder / "monitors" / "p.yaml").write_text(text, encoding="utf-8", errors="surrogatepass")
    (folder / "data" / name).write_bytes(data or SOUND.encode())
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def clear(capsys: pytest.CaptureFixture[str], *arguments: str, allowed: tuple[int, ...] = (0, 2)) -> tuple[int, str]:
    """Run a command; its status and standard error, which must be fit to be read."""
    done = status(list(arguments))
    said = capsys.readouterr()
    assert done in allowed, said.err
    assert "Traceback" not in said.err
    assert "internal error" not in said.err
    assert all(letter.isprintable() or letter in "\n\t" for letter in said.err + said.out), "it could steer a terminal"
    assert all(len(line) < 2_000 for line in said.err.splitlines())
    if done:
        assert said.err.strip() or said.out.strip()
    assert not TRACE.exists(), "it ran what it read"
    return done, said.err


@pytest.mark.parametrize("what", YAML)
@pytest.mark.parametrize("place", ["sereno.yaml", "monitor"])
def test_yaml(tmp_path: Path, what: str, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = site(tmp_path, settings=YAML[what]) if place == "sereno.yaml" else site(tmp_path, monitor=YAML[what])
    before = contents(folder)
    done, said = clear(capsys, "check", "--workspace", str(folder))
    # What is only odd is read as text and refused as such; nothing of it is taken.
    assert done == 2 or (what, place) in {("empty value", "sereno.yaml")}
    assert len([line for line in said.splitlines() if line.strip()]) == 1
    assert contents(folder) == before


@pytest.mark.parametrize("what", SETTINGS)
def test_settings(tmp_path: Path, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = site(tmp_path, settings=SETTINGS[what])
    before = contents(folder)
    done, said = clear(capsys, "check", "--workspace", str(folder))
    assert done == 2
    assert re.search(r"sereno\.yaml:\d+", said)
    assert contents(folder) == before


@pytest.mark.parametrize("what", MONITORS)
def test_monitors(tmp_path: Path, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = site(tmp_path, monitor=MONITORS[what])
    before = contents(folder)
    done, said = clear(capsys, "check", "--workspace", str(folder))
    assert done == 2
    assert len(said.splitlines()) == 1
    assert contents(folder) == before


@pytest.mark.parametrize("what", FILES)
def test_files(tmp_path: Path, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    name, data = FILES[what]
    folder = site(tmp_path, name=name, data=data or b"\n")
    if not data:
        (folder / "data" / name).write_bytes(b"")
    before = contents(folder)
    _, said = clear(capsys, "check", "--workspace", str(folder))
    assert len(said.splitlines()) == 1
    assert contents(folder) == before
    if os.environ.get("NEW_EXAMPLES") == "1":
        report = tmp_path / "report.html"
        done, _ = clear(capsys, "scan", str(folder / "data" / name), "--no-llm", "--report", str(report))
        assert report.exists() == (done == 0)


def named(folder: Path, labels: list[str]) -> Path:
    """A workspace whose records have columns of these names, each described as a category."""
    frame = pl.read_csv(io.StringIO(SOUND))
    for label in labels:
        frame = frame.with_columns(pl.format("c{}", pl.int_range(pl.len()) % 3).alias(label))
    written = io.StringIO()
    frame.write_csv(written)
    said = "".join(f"{json.dumps(label)}: category, " for label in labels)
    return site(folder, monitor=MONITOR.replace("columns: {", "columns: {" + said), data=written.getvalue().encode())


@pytest.mark.parametrize("what", RESULTS)
def test_results_of_queries(tmp_path: Path, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    monitor = MONITOR.replace("{files: FILE}", "{database: erp, query: " + json.dumps(RESULTS[what]) + "}")
    settings = "name: T\ndatabases: {erp: {kind: sqlite, file: erp.db}}\n"
    folder = site(tmp_path, settings=settings, monitor=monitor)
    with contextlib.closing(sqlite3.connect(folder / "erp.db")) as connection:
        connection.execute("CREATE TABLE t (a)")
    before = contents(folder)
    _, said = clear(capsys, "check", "--workspace", str(folder))
    assert len(said.splitlines()) == 1
    assert contents(folder) == before


@pytest.mark.parametrize("what", NAMES)
def test_names_of_columns(tmp_path: Path, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = named(tmp_path, [NAMES[what]])
    before = contents(folder)
    _, said = clear(capsys, "check", "--workspace", str(folder))
    assert len(said.splitlines()) == 1
    assert contents(folder) == before


def test_a_night_takes_all_names_that_the_check_lets_pass(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    passed = []
    for what, label in NAMES.items():
        folder = named(tmp_path_factory.mktemp("name"), [label])
        if clear(capsys, "check", "--workspace", str(folder))[0] == 0:
            passed.append(what)
    assert len(passed) > len(NAMES) / 2
    folder = named(tmp_path_factory.mktemp("names"), [NAMES[what] for what in passed])
    outcome, _ = run_night(folder, DATA_DATE.replace(month=1, day=28))
    assert outcome.status == "done"
    (page,) = (folder / "archive").glob("2026-*.html")
    check_page(page.read_text(encoding="utf-8"))


class Tags(HTMLParser):
    """The tags of a page, with their attributes; what stands in scripts of the page's own is no markup."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def check_page(page: str) -> None:
    """Nothing of the input became markup, and nothing is loaded from elsewhere."""
    parsed = Tags()
    parsed.feed(page)
    for tag, attributes in parsed.found:
        assert tag not in {"script", "iframe", "object", "embed", "form", "base"}, tag
        assert not any(name.startswith("on") for name in attributes), attributes
        for name in ("src", "href"):
            address = attributes.get(name) or ""
            assert re.match(r"#|data:image/|$|mailto:|[\w.-]+\.(html|csv|xlsx|jsonl)|http://127\.0\.0\.1", address), (
                address
            )
    assert "49" not in re.findall(r"\{\{.*?\}\}", page)
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", page), "a control character"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A night whose findings are named after hostile cells: each supplier has one payment far above its usual."""
    folder = tmp_path_factory.mktemp("cells")
    lines = []
    for i, cell in enumerate(CELLS):
        for n in range(25):
            amount = 900_000 + i if n == 24 else 100 + (i * 7 + n * 13) % 50
            lines.append((f"{cell[:20]}-{i}-{n}", f"2026-01-{1 + n:02} 10:00:00", f"{amount}.00", cell))
    written = io.StringIO()
    pl.DataFrame(lines, schema=["payment", "paid_at", "amount", "supplier"], orient="row").write_csv(written)
    monitor = MONITOR.replace("columns: {", "columns: {supplier: entity, ").replace("title: T", 'title: "<b>T</b>"')
    rule = "rules: [{name: '<i>big</i>', where: 'amount > 800000', text: '<b>more than usual</b>'}]"
    monitor += f"owners: [a@example.com]\ncurrency: EUR\nanalysis: {{budget: 60, {rule}}}\n"
    site(folder, monitor=monitor, data=written.getvalue().encode())
    outcome, analysis = run_night(folder, DATA_DATE.replace(month=1, day=25))
    assert outcome.status == "done"
    assert len(analysis.findings) >= len(CELLS)
    return folder


def test_cells_become_no_markup(told: Path) -> None:
    for page in (told / "archive").glob("*.html"):
        check_page(page.read_text(encoding="utf-8"))


def test_cells_become_no_header_and_no_markup_of_a_mail(told: Path) -> None:
    from email import message_from_bytes, policy

    (path,) = (told / "outbox").glob("*.eml")
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert [message["To"], message["Bcc"], message["Cc"]] == ["a@example.com", None, None]
    assert message.defects == []
    for part in message.walk():
        assert part.defects == []
        if part.get_content_type() == "text/html" and not part.get_filename():
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            parsed = Tags()
            parsed.feed(payload.decode())
            assert not {"script", "iframe", "form", "svg"} & {tag for tag, _ in parsed.found}


def test_cells_become_no_formula_and_no_line(told: Path) -> None:
    (path,) = (told / "archive").glob("*.findings.csv")
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    assert len({len(row) for row in rows}) == 1
    numeric = re.compile(r"-?\d+(\.\d+)?")
    assert [
        cell for row in rows for cell in row if cell[:1] in "=+-@\t\r" and cell and not numeric.fullmatch(cell)
    ] == []
    (path,) = (told / "archive").glob("*.findings.jsonl")
    lines = path.read_text(encoding="utf-8").split("\n")
    assert all(json.loads(line)["subject"] for line in lines if line)


def test_cells_steer_no_terminal(told: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clear(capsys, "findings", "--workspace", str(told))
    clear(capsys, "doctor", "--egress", "--workspace", str(told))


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A night, and the id of one of its findings."""
    from tests.flows.conftest import fill

    folder = fill(tmp_path_factory.mktemp("requests"))
    run_night(folder, DATA_DATE)
    with Warehouse.of(Workspace.open(folder)).reading() as connection:
        return folder, str(sql.scalar(connection, "SELECT id FROM run_findings ORDER BY position LIMIT 1"))


def state(folder: Path) -> list[object]:
    with Warehouse.of(Workspace.open(folder)).reading() as connection:
        tables = ("dispositions", "snoozes", "audit", "erased_persons")
        return [sql.rows(connection, f"SELECT * FROM {table} ORDER BY ALL") for table in tables]


@pytest.mark.parametrize("what", REQUESTS)
def test_requests(decided: tuple[Path, str], what: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder, known = decided
    before = state(folder)
    arguments = [known if argument == "ID" else argument for argument in REQUESTS[what]]
    done, said = clear(capsys, *arguments, "--workspace", str(folder), allowed=(1, 2))
    assert done == 2 or what == "anchor far"
    assert len(said.splitlines()) <= (1 if done == 2 else 2)
    assert state(folder) == before


class Saying:
    """A model that says the same whatever it is asked."""

    name, sha256, tokens = "hostile", "0" * 64, Tokens()

    def __init__(self, answer: str) -> None:
        self._answer = answer

    def fits(self, prompt: Prompt) -> bool:
        return bool(prompt.text)

    def complete(self, prompts: list[Prompt]) -> list[str]:
        return [self._answer] * len(prompts)


@pytest.mark.parametrize("answer", ANSWERS, ids=range(len(ANSWERS)))
@pytest.mark.parametrize("lang", ["en", "es"])
def test_answers_of_a_model(answer: str, lang: Lang) -> None:
    about = finding(*(example(kind) for kind in DUPLICATE))
    plain = narrate([about], lang=lang, timezone="UTC", engine=None).narratives[0]
    told = narrate([about], lang=lang, timezone="UTC", engine=Saying(answer)).narratives[0]  # type: ignore[arg-type]
    assert told.grounded
    assert {claim.text for claim in told.claims if claim.facts} <= {claim.text for claim in plain.claims} or told.text
    for piece in ("<", "{", "\x1b", "Ana", "stolen", "Bcc", "all is well"):
        assert piece not in told.text
