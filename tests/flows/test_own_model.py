"""The model is the user's own to adapt: an adapter, own prompts, and what to tune it with."""

from __future__ import annotations

import json
import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest

from analyzers.errors import ModelError, MonitorError
from analyzers.results import FactKind
from flows import triaging
from flows.cli import status
from flows.models import model_hash, open_engine
from flows.warehouse.triage import Verdict
from flows.workspace import Workspace
from reports.narrator import narrate
from reports.narrator.engines import LlamaEngine, default_model_path
from reports.narrator.prompt import PREFIX
from tests.flows.conftest import DATA_DATE
from tests.flows.nights import run_night
from tests.reports.gguf_files import TEXT, gguf
from tests.reports.sample_facts import example, finding

TOLD = [finding(example(FactKind.DUPLICATE)), finding(example(FactKind.OWN_HISTORY), example(FactKind.PEERS, "f2"))]
_F32 = 0


def adapter(path: Path, weight: float, architecture: str = "llama", width: int = 576) -> Path:
    """A LoRA adapter of rank 1 for the output projection of the default model's first layers."""
    rows, at = [], 0
    for layer in range(4):
        for part in ("a", "b"):
            shape = (width, 1) if part == "a" else (1, width)
            rows.append((f"blk.{layer}.attn_output.weight.lora_{part}", shape, _F32, at))
            at += 4 * width
    changed = {
        "general.type": (TEXT, "adapter"), "adapter.type": (TEXT, "lora"), "adapter.lora.alpha": (6, 1.0),
        "general.architecture": (TEXT, architecture),
    }  # fmt: skip
    head = gguf(changed, tensors=rows, data=0)
    path.write_bytes(head + struct.pack(f"<{8 * width}f", *([weight] * 8 * width)))
    return path


@pytest.fixture(scope="module")
def model() -> Path:
    path = default_model_path()
    if path is None:
        pytest.skip("the default model is not installed")
    return path


def test_an_adapter_changes_what_the_model_says_and_its_hash(model: Path, tmp_path: Path) -> None:
    plain = LlamaEngine(model)
    adapted = LlamaEngine(model, adapter=adapter(tmp_path / "ours.gguf", 0.5))
    assert adapted.sha256 != plain.sha256
    assert adapted.name == f"{plain.name} + ours"
    texts = narrate(TOLD, lang="en", engine=adapted)
    assert all(text.grounded and text.model == adapted.name for text in texts.narratives)
    nothing = LlamaEngine(model, adapter=adapter(tmp_path / "idle.gguf", 0.0))
    assert narrate(TOLD, lang="en", engine=nothing).narratives[0].text == narrate(
        TOLD, lang="en", engine=plain
    ).narratives[0].text  # fmt: skip


def test_an_adapter_of_another_model_is_one_line(model: Path, tmp_path: Path) -> None:
    other = adapter(tmp_path / "other.gguf", 0.5, architecture="qwen2")
    with pytest.raises(ModelError, match=r"an adapter for qwen2, the model is of llama"):
        LlamaEngine(model, adapter=other)
    with pytest.raises(ModelError, match=r"cannot use this adapter|no LoRA adapter"):
        LlamaEngine(model, adapter=adapter(tmp_path / "wide.gguf", 0.5, width=640))
    with pytest.raises(ModelError, match=r"no LoRA adapter in GGUF format"):
        LlamaEngine(model, adapter=model)


def test_the_workspace_names_its_adapter_and_its_prompts(model: Path, tmp_path: Path) -> None:
    (tmp_path / "sereno.yaml").write_text("name: Site\n", encoding="utf-8")
    before = model_hash(Workspace.open(tmp_path))
    adapter(tmp_path / "ours.gguf", 0.5)
    (tmp_path / "sereno.yaml").write_text("adapter: ours.gguf\n", encoding="utf-8")
    workspace = Workspace.open(tmp_path)
    adapted = model_hash(workspace)
    engine, note = open_engine(model, workspace)
    assert engine is not None
    assert note.name == f"{model.stem} + ours"
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "strict.txt").write_text(PREFIX.replace("a reader", "an auditor"), encoding="utf-8")
    assert len({before, adapted, model_hash(workspace)}) == 3
    for own in (workspace.prefixes(), {"strict": "Tell it well. " * 280}):
        narrated = narrate(TOLD, lang="es", engine=engine, prefixes=own).narratives
        assert all(text.grounded and text.model == note.name for text in narrated)


@pytest.mark.parametrize(
    ("name", "text"), [("strict.txt", ""), ("strict.txt", "x" * 5_000), ("strikt.txt", "Tell it.")]
)
def test_a_prompt_that_cannot_be_used_is_one_line(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "sereno.yaml").write_text("name: Site\n", encoding="utf-8")
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / name).write_text(text, encoding="utf-8")
    with pytest.raises(MonitorError) as caught:
        Workspace.open(tmp_path).prefixes()
    assert "\n" not in str(caught.value)
    assert status(["check", "--workspace", str(tmp_path)]) == 2


def test_training_lines_hold_texts_and_verdicts_and_no_person(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, found = run_night(folder, DATA_DATE)
    triaging.triage(
        Workspace.open(folder), found.findings[0].id, Verdict.FALSE_POSITIVE, why="Maria Gil said so, ask m.gil@x.es",
        who="Maria Gil", at=datetime.now(UTC),
    )  # fmt: skip
    target = tmp_path / "training.jsonl"
    assert status(["models", "export-training", str(target), "--workspace", str(folder), "--json"]) == 0
    (said,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    text = target.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert (said["findings"], said["judged"]) == (len(found.findings), 1)
    assert len(lines) == len(found.findings)
    assert all(line["narrative"]["text"] and line["facts"] and line["prompt"].startswith(PREFIX) for line in lines)
    (judged,) = [line for line in lines if line["dispositions"]]
    assert judged["id"] == found.findings[0].id
    assert judged["dispositions"][0]["verdict"] == "false_positive"
    assert "Maria" not in text
    assert "m.gil" not in text
    assert "Person 1" not in text
    assert target.stat().st_mode & 0o077 == 0
    assert status(["models", "export-training", str(target), "--monitor", "nobody", "--workspace", str(folder)]) == 2
