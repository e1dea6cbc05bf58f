"""The image without an engine: its steps are performed in a folder of their own, and what comes of them serves.

The steps are read from the Dockerfile. Its absolute folders lie under a root of the test's; what belongs to the system
(packages, users) is only looked at, and the interpreter is this machine's instead of the base image's.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.docker.dockerfile import DOCKERFILE, ROOT, Stage, read_dockerfile
from tests.flows import postgresql_server
from tests.flows.conftest import free_port, payments

ARGUMENTS, STAGES = read_dockerfile()
OURS = ("/opt/uv", "/opt/sereno", "/sereno", "/workspace")
"""Absolute folders of the image that the test moves under its root."""
SYSTEM = ("apt-get", "useradd")
INDEX = re.compile(r"PIP_|UV_(?!PROJECT|PYTHON|CACHE)|SSL_|(HTTPS?|NO|ALL)_PROXY$", re.IGNORECASE)
"""Variables by which this machine reaches its package index."""
SYSTEM_PYTHON = Path("/usr/bin/python3")
HADOLINT = Path(sys.executable).parent / "hadolint"


def _serves(python: Path) -> bool:
    """Whether an interpreter is new enough and makes virtual environments."""
    asked = "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))"
    return python.exists() and subprocess.run([python, "-c", asked], capture_output=True, check=False).returncode == 0


INTERPRETER = SYSTEM_PYTHON if _serves(SYSTEM_PYTHON) else Path(sys.executable).resolve()
AS_ITS_USER = os.geteuid() == 0 and INTERPRETER == SYSTEM_PYTHON
"""Whether the image's user can be taken: one of root's own interpreters is nobody else's to run."""


def moved(text: str, root: Path) -> str:
    """A text in which the image's own folders lie under a root."""
    return re.sub(rf"(?<![\w/.-])({'|'.join(OURS)})(?![\w-])", lambda found: f"{root}{found[1]}", text)


class Build:
    """A stage that is being performed."""

    def __init__(self, root: Path, cache: Path) -> None:
        self.root, self.folder = root, root
        self.environment = {
            "PATH": f"{INTERPRETER.parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(root / "home"),
            # What `make setup` compiled is taken again; the image compiles for more processors than this one.
            "UV_CACHE_DIR": str(cache),
            **{name: value for name, value in os.environ.items() if INDEX.match(name)},
        }

    def perform(self, stage: Stage) -> list[str]:
        """Perform a stage; commands of the system are left out and given back."""
        left = []
        for step in stage.instructions:
            if step.name == "ARG":
                name, _, default = step.value.partition("=")
                self.environment[name] = default
            elif step.name == "ENV":
                self.environment |= dict(each.split("=", 1) for each in self._expanded(step.words))
            elif step.name == "WORKDIR":
                self.folder = Path(moved(step.value, self.root))
                self.folder.mkdir(parents=True, exist_ok=True)
            elif step.name == "COPY":
                self._copy(step.words)
            elif step.name == "RUN" and step.value.startswith(SYSTEM):
                left.append(step.value)
            elif step.name == "RUN":
                self._run(step.value)
        return left

    def _expanded(self, words: list[str]) -> list[str]:
        known = self.environment
        return [re.sub(r"\$(\w+)", lambda found: known[found[1]], moved(word, self.root)) for word in words]

    def _copy(self, words: list[str]) -> None:
        *sources, target = [word for word in words if not word.startswith("--")]
        for source in sources:
            origin = ROOT / source
            place = self.folder / target
            place.parent.mkdir(parents=True, exist_ok=True)
            if origin.is_dir():
                shutil.copytree(origin, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(origin, place / source if target.endswith("/") else place)

    def _run(self, command: str) -> None:
        done = subprocess.run(
            ["/bin/sh", "-c", moved(command, self.root)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"


@pytest.mark.skipif(not HADOLINT.exists(), reason="hadolint has no wheel for this machine")
def test_hadolint_has_nothing_to_say() -> None:
    config = DOCKERFILE.parent / ".hadolint.yaml"
    done = subprocess.run([HADOLINT, "--config", config, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_is_pinned_and_no_root() -> None:
    build, final = STAGES
    assert re.fullmatch(r"python:[\w.-]+@sha256:[0-9a-f]{64}", ARGUMENTS["PYTHON"])
    assert build.image == final.image == "${PYTHON}"
    assert not [each for each in final.of("RUN") if "g++" in each.value]
    (user,) = final.of("USER")
    assert int(user.value.partition(":")[0]) > 0
    after = final.instructions[final.instructions.index(user) :]
    assert not [each for each in after if each.name in {"RUN", "COPY"}]


@pytest.fixture(scope="module")
def image() -> Iterator[Path]:
    """The image's folders as its steps leave them, readable by everybody."""
    cache = next(iter(sorted(_caches(), key=lambda path: path.stat().st_mtime, reverse=True)), None)
    with tempfile.TemporaryDirectory(prefix="sereno-image-") as name:
        root = Path(name)
        root.chmod(0o755)
        (root / "home").mkdir()
        build, _ = STAGES
        left = Build(root, cache or root / "cache").perform(build)
        assert [command.split("&&")[0].strip() for command in left] == ["apt-get update"]
        yield root


def _caches() -> Iterator[Path]:
    stated = os.environ.get("SERENO_CACHE_DIR")
    base = (
        Path(stated) if stated else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sereno" / "uv"
    )
    yield from base.parent.glob(f"{base.name}-*")


class Container:
    """What the final stage runs: its environment, as its user."""

    def __init__(self, root: Path) -> None:
        _, final = STAGES
        self.root, self.final, self.workspace = root, final, root / "workspace"
        self.user = int(final.of("USER")[0].value.partition(":")[0]) if AS_ITS_USER else os.geteuid()
        self.workspace.mkdir(mode=0o700, exist_ok=True)
        if AS_ITS_USER:
            os.chown(self.workspace, self.user, self.user)
        stated = Build(root, root)
        stated.environment = {"PATH": "/usr/bin:/bin"}
        stated.perform(Stage("", None, final.of("ENV")))
        self.environment = {**stated.environment, "HOME": str(self.workspace)}

    def command(self, *arguments: str) -> list[str]:
        """The entry point with these arguments."""
        return [*self.final.of("ENTRYPOINT")[0].words, *arguments]

    @property
    def health(self) -> list[str]:
        """The command of the image's health check."""
        return list(json.loads(self.final.of("HEALTHCHECK")[0].value.partition("CMD ")[2]))

    def start(self, command: list[str], **environment: str) -> subprocess.Popen[bytes]:
        """Start a command as the image's user, with standard input open."""
        who: dict[str, Any] = {}
        if AS_ITS_USER:
            who = {"user": self.user, "group": self.user, "extra_groups": []}
        given = self.environment | environment
        program = shutil.which(command[0], path=given["PATH"])
        assert program is not None
        return subprocess.Popen(
            [program, *command[1:]],
            cwd=self.workspace,
            env=given,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **who,
        )

    def run(self, command: list[str], **environment: str) -> tuple[int, str]:
        """Run a command to its end; status and output."""
        process = self.start(command, **environment)
        output, _ = process.communicate(timeout=300)
        return process.returncode, output.decode()

    @contextmanager
    def running(self, command: list[str], **environment: str) -> Iterator[subprocess.Popen[bytes]]:
        """A command that runs until the block ends."""
        with tempfile.TemporaryFile() as log:
            process = self.start(command, **environment)
            try:
                yield process
            finally:
                process.terminate()
                process.communicate(timeout=60)
                log.close()


@pytest.mark.slow
@pytest.mark.xdist_group("image")
def test_what_the_steps_make_serves_against_the_server_of_compose(image: Path) -> None:
    container = Container(image)
    data = container.workspace / "data"
    data.mkdir()
    payments().write_csv(data / "payments.csv")
    if AS_ITS_USER:
        shutil.chown(data, container.user, container.user)
        (data / "payments.csv").chmod(0o644)
    status, told = container.run(container.command("init", "--from", "data/payments.csv"))
    assert status == 0, told
    status, told = container.run(
        ["python", "-c", "from reports.narrator.engines import default_model_path as p; print(p())"]
    )
    assert str(image / "opt/sereno") in told, "the model is part of the image"
    status, told = container.run(container.command("run", "--data-date", "2026-03-31", "--json"))
    assert status == 0, told
    (line,) = [line for line in told.splitlines() if line.startswith("{")]
    assert json.loads(line)["status"] == "done"
    status, told = container.run(container.health)
    assert (status, told.strip()) == (1, "sereno: `sereno serve` does not run")

    with postgresql_server.running() as database, _server_of_compose(container, database) as url:
        at_server = {"PREFECT_API_URL": url, "PREFECT_API_AUTH_STRING": "ana:secret"}
        status, told = container.run(container.health, **at_server)
        assert (status, "has not started yet" in told) == (1, True), told
        status, told = container.run(container.health, PREFECT_API_URL=url, PREFECT_API_AUTH_STRING="ana:wrong")
        assert "status 401" in told
        command = container.command(*STAGES[-1].of("CMD")[0].words)
        with container.running(command, **at_server) as served:
            deadline = time.monotonic() + 180
            while container.run(container.health, **at_server)[0] != 0:
                assert served.poll() is None
                assert time.monotonic() < deadline, container.run(container.health, **at_server)
        assert int(database.sql("\\c prefect\nSELECT count(*) FROM deployment")) >= 2


@contextmanager
def _server_of_compose(container: Container, database: postgresql_server.Server) -> Iterator[str]:
    """Compose's Prefect server by its own command and settings, but for addresses; its API."""
    from tests.docker.test_compose import rendered

    service, port = rendered()["services"]["prefect"], free_port()
    here = {
        "PREFECT_HOME": str(container.workspace / "server"),
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_API_AUTH_STRING": "ana:secret",
        "PREFECT_SERVER_DATABASE_HOST": "127.0.0.1",
        "PREFECT_SERVER_DATABASE_PORT": str(database.port),
        "PREFECT_SERVER_DATABASE_PASSWORD": postgresql_server.PASSWORD,
    }
    quoted = postgresql_server.PASSWORD.replace("'", "''")
    database.sql(f"SET standard_conforming_strings = on; CREATE ROLE prefect LOGIN PASSWORD '{quoted}';")
    database.sql("CREATE DATABASE prefect OWNER prefect;")
    assert here.keys() <= service["environment"].keys()
    check = [part.replace(":4200", f":{port}") for part in service["healthcheck"]["test"][1:]]
    with container.running(service["entrypoint"], **{**service["environment"], **here}) as server:
        deadline = time.monotonic() + 180
        while container.run(check)[0] != 0:
            assert server.poll() is None, server.communicate()[0].decode()[-3000:]
            assert time.monotonic() < deadline
        yield f"http://127.0.0.1:{port}/api"
