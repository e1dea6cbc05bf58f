"""llama.cpp and the model: built for this processor, present, unchanged, examined."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

from analyzers.errors import ModelError
from flows.doctor.line import Line, Patient, ok, problem, warning
from flows.model_server import ServerEngine, private_address
from flows.model_store.catalogue import memory
from flows.model_store.fit import CONTEXT, verdict
from flows.model_store.machine import processor_flags, this_machine
from flows.model_store.register import installed, mark_of, sha256_of
from flows.workspace import Workspace
from reports.narrator.gguf import read_head

FLAGS = {
    "SSE3": "pni", "SSSE3": "ssse3", "AVX": "avx", "AVX_VNNI": "avx_vnni", "AVX2": "avx2", "F16C": "f16c", "FMA": "fma",
    "BMI2": "bmi2", "AVX512": "avx512f", "AVX512_VBMI": "avx512vbmi", "AVX512_VNNI": "avx512_vnni",
    "AVX512_BF16": "avx512_bf16",
}  # fmt: skip
"""What llama.cpp says it was built with, and Linux's name of the same instructions."""
_ASK = (
    "import json, llama_cpp as l; "
    "print(json.dumps([l.llama_print_system_info().decode(), bool(l.llama_supports_gpu_offload())]))"
)


def look_at_model(patient: Patient) -> Iterator[Line]:
    """The build first; a local model is of no use without it. A model server is contacted only where asked."""
    server = patient.workspace.settings.model_server if patient.workspace else None
    if server is not None:
        yield _server(server, connect=patient.connect)
        return
    build = _build()
    yield build
    if build.status == "problem":
        return
    workspace = patient.workspace
    if workspace is not None and not workspace.settings.narration:
        yield ok("model", "narration is switched off in sereno.yaml")
        return
    yield from _chosen(workspace)


def _server(url: str, *, connect: bool) -> Line:
    try:
        if not connect:
            return ok("server", f"{private_address(url).url} is private, not contacted (--connect does)")
        return ok("server", f"{url} answers with {ServerEngine(url).name}")
    except ModelError as error:
        what, _, remedy = str(error).rpartition("; ")
        return problem("server", f"{what}: texts are templates", remedy)


def _build() -> Line:
    """Whether llama.cpp loads, tried in a process of its own: one built for another processor is killed by it."""
    command = [sys.executable, "-P", "-c", _ASK]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        how = f"was killed by signal {-done.returncode}" if done.returncode < 0 else "does not load"
        return problem("llama.cpp", f"llama-cpp-python {how}", "build it on this very machine: `make setup`")
    said, gpu = json.loads(done.stdout.splitlines()[-1])
    return judge_build(said, gpu=gpu, has=processor_flags())


def judge_build(said: str, *, gpu: bool, has: frozenset[str]) -> Line:
    """What llama.cpp says of itself against the processor's instruction sets (empty where the system names none)."""
    built = [name for name in FLAGS if f" {name} = 1 " in f" {said.replace('|', ' ').replace(':', ' ')} "]
    lacking = [name for name in built if has and FLAGS[name] not in has]
    if lacking:
        text = f"llama.cpp was built with {', '.join(lacking)}, which this processor lacks"
        return problem("llama.cpp", text, "build it on this very machine: `make setup`")
    best = next((name for name in ("AVX512", "AVX2", "AVX") if name in built), "no AVX")
    return ok("llama.cpp", f"llama.cpp loads, built with {best}{' and for a GPU' if gpu else ''}")


def _chosen(workspace: Workspace | None) -> Iterator[Line]:
    chosen = next((model for model in installed(workspace) if model.in_use), None)
    if chosen is None or not chosen.path.is_file():
        what = f"{chosen.path} is missing" if chosen else "no model is installed"
        yield warning("model", f"{what}: texts are templates", "`sereno models add FILE`, then `sereno models use`")
        return
    head, sha256 = read_head(chosen.path), sha256_of(chosen.path)
    if chosen.sha256 is not None and sha256 != chosen.sha256:
        text = f"{chosen.path.name} is not the file that was recorded: its SHA-256 is {sha256}"
        yield problem("model", text, "copy it again; `sereno models add FILE` records the new hash")
    else:
        yield ok("model", f"{chosen.path.name}, SHA-256 {sha256[:16]}…, {head.bytes / 1e9:.1f} GB")
    machine = this_machine()
    needed = memory(head.bytes, head.cell_bytes or 0, CONTEXT)
    match verdict(needed, machine):
        case "fits":
            yield ok("memory", f"the model takes {needed / 1e9:.1f} of {machine.memory / 1e9:.1f} GB")
        case "tight":
            text = f"the model takes {needed / 1e9:.1f} GB, {machine.available / 1e9:.1f} GB are free now"
            yield warning("memory", text, "end other work at night, or use a smaller model")
        case _:
            text = (
                f"the model takes {needed / 1e9:.1f} GB, too much beside the analysis on {machine.memory / 1e9:.1f} GB"
            )
            yield problem("memory", text, "`sereno models fit` names smaller ones")
    if workspace is not None:
        yield _examined(workspace, sha256)


def _examined(workspace: Workspace, sha256: str) -> Line:
    mark = mark_of(workspace, sha256)
    if mark is None:
        return warning("exam", "the model was not examined here, or not since an update", "run `sereno models exam`")
    if mark.mark == "none":
        return warning("exam", f"the model failed its exam ({mark.reason}): texts are templates", "use another model")
    return ok("exam", f"the model earned {mark.mark} here on {mark.at:%Y-%m-%d}")
