"""A controller of its own for the tests that need processes."""

from __future__ import annotations

import contextlib
import io
import json
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import psutil
import pytest

from localjuju import cli
from localjuju.cli import client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHARMS = Path(__file__).parents[2] / "charms"
RECORDER = CHARMS / "recorder"
BY_HAND = "model-config automatically-retry-hooks=false"
"""For tests of `resolve`, which a retry would get in the way of."""
OBEDIENT = """#!/bin/sh
echo "$JUJU_DISPATCH_PATH" >> ../record
case "$JUJU_DISPATCH_PATH" in
    hooks/start) status-set active ready ;;
    hooks/config-changed) eval "$(config-get do)" ;;
esac
"""


class Done(NamedTuple):
    """How a verb ended."""

    code: int
    out: str
    err: str


class CommandLine:
    """The ``juju`` command line, run in this process."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(self, command: str) -> Done:
        """Run a command line, written as in a shell and without ``juju``."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.main(shlex.split(command))
        return Done(code, out.getvalue(), err.getvalue())

    def well(self, command: str) -> str:
        """Run what must succeed; return its output."""
        done = self(command)
        assert done.code == 0, done
        return done.out

    def data(self, command: str) -> Any:
        """Run what must succeed with ``--format json``; return its data."""
        return json.loads(self.well(f"{command} --format json"))

    def wait(self, ready: Callable[[Any], bool], model: str, seconds: float = 120) -> Any:
        """Wait until the status of *model* is as wanted; return it."""
        deadline = time.monotonic() + seconds
        while not ready(status := self.data(f"status -m {model}")):
            assert time.monotonic() < deadline, self.well(f"debug-log -m {model}")[-4000:]
            time.sleep(0.05)
        return status

    def unit_folder(self, model: str, unit: str) -> Path:
        """Where a unit's things are."""
        tag = "unit-" + unit.replace("/", "-")
        uuid = self.data(f"show-model {model}")[model]["model-uuid"]
        return next(self.home.glob(f"controllers/*/models/{uuid}/units/{tag}"))


def until(ready: Callable[[], object], seconds: float = 120) -> None:
    """Wait until something is as wanted."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process runs still."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def at_rest(status: Any) -> bool:
    """Whether every unit has started and is idle."""
    units = [u for app in status["applications"].values() for u in app.get("units", {}).values()]
    return bool(units) and all(
        unit["juju-status"]["current"] == "idle" and unit["workload-status"]["current"] == "active"
        for unit in units
    )


@pytest.fixture(scope="session")
def juju(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A controller that the session's tests share, each with models of its own."""
    home = tmp_path_factory.mktemp("a-home-whose-path-is-too-long-for-the-address-of-a-socket" * 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCALJUJU_HOME", str(home))
        for name in ("JUJU_MODEL", "JUJU_CONTROLLER"):
            patch.delenv(name, raising=False)
        juju = CommandLine(home)
        juju.well("bootstrap localhost ctl")
        yield juju
        juju.well("kill-controller ctl --no-prompt")


@pytest.fixture
def model(juju: CommandLine, request: pytest.FixtureRequest) -> Iterator[str]:
    """A model that is current, and gone after the test."""
    name = f"m{abs(hash(request.node.name)) % 10**8}"
    juju.well(f"add-model {name}")
    yield name
    juju(f"destroy-model {name} --no-prompt --force")


@pytest.fixture(scope="session")
def obedient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A charm that does in config-changed what its option says."""
    folder = tmp_path_factory.mktemp("charms") / "obedient"
    folder.mkdir()
    (folder / "metadata.yaml").write_text(
        "name: obedient\nsummary: s\ndescription: d\npeers: {fellows: {interface: f}}\n"
        "provides: {door: {interface: d}}\nrequires: {key: {interface: d}}\n"
    )
    (folder / "config.yaml").write_text('options: {do: {type: string, default: ""}}')
    (folder / "actions.yaml").write_text("go: {params: {what: {type: string}}}")
    (folder / "dispatch").write_text(OBEDIENT)
    (folder / "dispatch").chmod(0o755)
    return folder


@pytest.fixture
def unit(juju: CommandLine, model: str, obedient: Path) -> str:
    """One unit of the obedient charm, at rest."""
    juju.well(f"deploy {obedient}")
    juju.wait(at_rest, model)
    return "obedient/0"


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommandLine]:
    """A home of its own, in which no controller is left."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("LOCALJUJU_HOME", str(home))
    yield CommandLine(home)
    if home.exists():
        for name in client.controllers():
            CommandLine(home)(f"kill-controller {name} --no-prompt")
