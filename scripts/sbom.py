"""The bill of materials as CycloneDX 1.5 (JSON), from the lock alone: every package with its hashes, and the model.

    .venv/bin/python scripts/sbom.py sereno.cdx.json

What a user installs is listed, not what development needs. Nothing is asked of any server.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
COMMAND = (
    "export",
    "--locked",
    "--offline",
    "--quiet",
    "--format",
    "cyclonedx1.5",
    "--no-default-groups",
    "--all-extras",
)


def bill() -> dict[str, Any]:
    """The bill; OSError or CalledProcessError where uv is missing or the lock does not fit."""
    uv = Path(sys.executable).parent / "uv"
    done = subprocess.run(
        [uv, *COMMAND, "--group", "model"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "UV_PROJECT_ENVIRONMENT": str(uv.parents[1])},
    )
    made: dict[str, Any] = json.loads(done.stdout)
    made["components"] += [_model()]
    return made


def _model() -> dict[str, Any]:
    from reports.narrator.engines import default_model_path

    path = default_model_path()
    assert path is not None, "the default model is not installed: make setup"
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model-{path.name}",
        "name": path.name,
        "version": digest[:16],
        "hashes": [{"alg": "SHA-256", "content": digest}],
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }


if __name__ == "__main__":
    target = Path(sys.argv[1])
    written = bill()
    target.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    print(f"{target}: {len(written['components'])} components")
