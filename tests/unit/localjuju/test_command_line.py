"""The program ``juju``: what each call imports, how it is started, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from localjuju import cli
from localjuju.cli import local

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import CommandLine

SLOW = {
    "asyncio",
    "contextlib",
    "dataclasses",
    "datetime",
    "inspect",
    "jsonschema",
    "pathlib",
    "platform",
    "runpy",
    "shutil",
    "site",
    "subprocess",
    "typing",
    "urllib.parse",
    "yaml",
}
"""Modules that are slow to import, and that nothing needs which every call of ``juju`` needs."""


def test_imports_of_a_status(juju: CommandLine, model: str, tmp_path: Path) -> None:
    """A call of ``juju status`` imports none of the modules that are slow to import."""
    juju.well(f"local shim {tmp_path}")
    command = [sys.executable, "-ISX", "importtime", tmp_path / "juju"]
    done = subprocess.run(
        [*command, "status", "--format", "json"], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["model"]["name"] == model
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "localjuju.wire" in imported
    assert imported & SLOW == set()


def test_shim_starts_without_site(juju: CommandLine, tmp_path: Path) -> None:
    """A ``juju`` is run isolated and without ``site``, as its imports are looked at above."""
    juju.well(f"local shim {tmp_path}")
    before_imports, _ = (tmp_path / "juju").read_text().split("import", 1)
    assert " -IS" in before_imports


@pytest.mark.parametrize("folder", ["plain", "with a space, and 'quotes'", "long" * 50])
def test_interpreter_anywhere(
    juju: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    """A ``juju`` runs also by an interpreter whose path no first line of a script can hold."""
    interpreter = tmp_path / folder / "python"
    interpreter.parent.mkdir()
    interpreter.symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(interpreter))
    script = juju.well(f"local shim {tmp_path / 'bin'}").strip()
    done = subprocess.run(
        [script, "version", "--all", "--format", "yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "official: false" in done.stdout


@pytest.mark.parametrize("start", ["shim", "module"])
def test_exit_status(juju: CommandLine, tmp_path: Path, start: str) -> None:
    """However it is started, ``juju`` says what went wrong, and ends with the verb's status."""
    script = juju.well(f"local shim {tmp_path}").strip()
    command = [script] if start == "shim" else [sys.executable, "-m", "localjuju"]
    done = subprocess.run([*command, "bind"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == 'ERROR localjuju has no "juju bind"\n'


def test_reader_that_has_seen_enough(juju: CommandLine, tmp_path: Path) -> None:
    """Who closes the pipe early is told nothing of it, and gets no failure."""
    script = juju.well(f"local shim {tmp_path}").strip()
    with subprocess.Popen(
        [script, "help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (0, b"")


@pytest.mark.parametrize(("verb", "status"), [("version", 0), ("add-model", 0), ("bind", 2)])
@pytest.mark.parametrize("closed", ["1", "2"])
def test_closed_stream(
    juju: CommandLine, tmp_path: Path, verb: str, status: int, closed: str
) -> None:
    """A verb ends with its own status though there is nowhere to write what it says."""
    script = juju.well(f"local shim {tmp_path}").strip()
    words = [verb, f"closed-{closed}"] if verb == "add-model" else [verb]
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" "$@" {closed}>&-', script, *words],
        capture_output=True,
        text=True,
        check=False,
    )
    if verb == "add-model":
        juju.well(f"destroy-model closed-{closed} --no-prompt")
    assert done.returncode == status, done.stderr


def test_package_that_is_not_there(
    juju: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a package is missing, no ``juju`` is written that could not run; it is named."""
    monkeypatch.setattr(local, "NEEDED", ("localjuju", "no_such_package"))
    done = juju(f"local shim {tmp_path / 'bin'}")
    assert done.code == 1
    assert f"{sys.executable} does not find the package no_such_package" in done.err
    assert not (tmp_path / "bin").exists()


def test_program_is_the_console_script() -> None:
    """What is installed as ``localjuju`` is the program too."""
    import importlib.metadata  # noqa: PLC0415 (this test alone)

    (script,) = importlib.metadata.entry_points(group="console_scripts", name="localjuju")
    assert script.load() is cli.program
