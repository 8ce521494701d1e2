"""Verbs that the command line does by itself: no controller knows of them."""

from __future__ import annotations

import os
import sys

from localjuju import JUJU_VERSION, home
from localjuju.flags import Parsed, UsageError
from localjuju.wire import Reply

from . import client

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "ppc64le": "ppc64el"}
SCP_OPTIONS = {"-r", "-C", "-q", "-p"}

SHIM = """\
{first_line}
import gc, sys
gc.disable()  # Nearly all that is made lasts until the end.
sys.path += {needed}
from localjuju.cli import program
program()
"""

NEEDED = ("localjuju", "yaml")
"""What ``juju`` imports that is not Python's own."""

LONGEST_FIRST_LINE = 127
"""What every Linux reads of it (execve(2))."""


def version(words: Parsed) -> Reply:
    """Say which Juju this behaves like, and that it is none."""
    import platform  # noqa: PLC0415 (see the package)

    arch = ARCHITECTURES.get(platform.machine(), platform.machine())
    text = f"{JUJU_VERSION}-localjuju-{arch}"
    if not words.on("all"):
        return Reply(text, text=text)
    note = "localjuju, a stand-in for Juju on one machine"
    view = {"version": text, "git-tree-state": "archive", "compiler": "python", "official": False}
    return Reply({**view, "build-tags": note})


def bootstrap(words: Parsed, focus: client.Focus) -> Reply:
    """Start a controller that stays until it is ended."""
    name = words.args[1] if len(words.args) > 1 else client.DEFAULT_CONTROLLER
    client.check_name(name)
    if not client.start(name, ends_by_itself=False):
        return Reply(error=f'controller "{name}" already exists', code=1)
    if not words.on("no-switch"):
        focus.choose(name)
    return Reply(notes=(f'Bootstrap complete, controller "{name}" is now available',))


def controllers(_words: Parsed, focus: client.Focus) -> Reply:
    """List the controllers."""
    listed: dict[str, object] = {}
    for name in client.controllers():
        if not client.is_alive(home.controller_folder(name)):
            continue
        reply = client.ask(name, "show-controller")
        details = reply.data[name]["details"]
        listed[name] = {
            "current-model": focus.model_on(name),
            "user": "admin",
            "access": "superuser",
            **details,
        }
    if not listed:
        return Reply({"controllers": {}}, error="No controllers registered.", code=1)
    return Reply({"controllers": listed, "current-controller": focus.controller})


def whoami(_words: Parsed, focus: client.Focus) -> Reply:
    """Say who is meant."""
    controller = focus.controller
    model = focus.model_on(controller)
    return Reply({"controller": controller, "model": model, "user": "admin"})


def switch(words: Parsed, focus: client.Focus) -> Reply:
    """Choose the current model."""
    controller = focus.controller
    if not words.args:
        model = focus.model_on(controller)
        return Reply(text=f"{controller}:admin/{model}" if model else controller)
    if os.environ.get("JUJU_MODEL"):
        chosen = os.environ["JUJU_MODEL"]
        error = f'cannot switch when JUJU_MODEL is overriding the model (set to "{chosen}")'
        return Reply(error=error, code=1)
    target = words.args[0]
    before = f"{controller}:admin/{focus.model_on(controller)}"
    if target in client.controllers():
        focus.choose(target)
        return Reply(notes=(f"{before} -> {target} (controller)",))
    named, model = focus.resolve(target)
    reply = client.ask(named, "has-model", model=model)
    if reply.code:
        return Reply(error=f'"{target}" is not the name of a model or controller', code=1)
    focus.choose(named, model)
    return Reply(notes=(f"{before} -> {named}:admin/{model}",))


def shim(words: Parsed) -> Reply:
    """Write a ``juju`` that is this localjuju, run by this interpreter.

    As a hook tool, it is run isolated and without ``site``, which would look for packages longer
    than most verbs take: it is told where the few are that it needs.
    """
    import importlib.util  # noqa: PLC0415 (see the package)
    from pathlib import Path  # noqa: PLC0415 (see the package)

    needed: list[str] = []
    for name in NEEDED:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise client.ClientError(
                f"{sys.executable} does not find the package {name}, which juju needs; install "
                "localjuju there with what it depends on"
            )
        needed.append(str(Path(spec.origin).absolute().parents[1]))
    folder = Path(words.args[0])
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "juju"
    text = SHIM.format(first_line=_first_line(sys.executable), needed=needed)
    script.write_text(text, encoding="utf-8")
    script.chmod(0o755)
    return Reply(text=str(script.absolute()))


def _first_line(interpreter: str) -> str:
    """Return how a script begins that is to be run by *interpreter*."""
    line = f"#!{interpreter} -IS"
    if len(os.fsencode(line)) <= LONGEST_FIRST_LINE and not any(map(str.isspace, interpreter)):
        return line
    import shlex  # noqa: PLC0415 (see the package)

    # What a first line cannot say, the shell can: it sees a command here, Python a text.
    return f"#!/bin/sh\n'''exec' {shlex.quote(interpreter)} -IS \"$0\" \"$@\"\n' '''"


def clean(_words: Parsed) -> Reply:
    """End what dead controllers left: processes found by their mark, and folders."""
    import contextlib  # noqa: PLC0415 (see the package)
    import json  # noqa: PLC0415 (see the package)
    import shutil  # noqa: PLC0415 (see the package)

    from localjuju import processes  # noqa: PLC0415 (see the package)

    notes: list[str] = []
    for name in client.controllers():
        folder = home.controller_folder(name)
        # One that is starting, or ending in good order, is not dead.
        with home.starting_or_ending(folder):
            if client.is_alive(folder) or not folder.exists():
                continue
            # The controller itself too: it may live on, and nobody can reach it.
            ended = processes.end_marked(str(folder.path), home.CONTROLLER_MARK)
            with contextlib.suppress(OSError, ValueError, KeyError):
                # Without an identity on record it had not begun to run anything.
                ended += processes.end_marked(json.loads(folder.pid.read_text())["uuid"])
            shutil.rmtree(folder.path)
        notes.append(f'Removed what was left of controller "{name}"; ended {ended} processes.')
    return Reply(notes=tuple(notes) or ("Nothing to clean.",))


def ssh(words: Parsed, controller: str, model: str) -> Reply:
    """Run a command in a unit's folder."""
    import subprocess  # noqa: PLC0415 (see the package)
    from pathlib import Path  # noqa: PLC0415 (see the package)

    from localjuju import processes  # noqa: PLC0415 (see the package)

    target = words.args[0].rpartition("@")[2]
    for word in words.args[1:2]:
        if word.startswith("-"):
            raise UsageError(f"localjuju has no ssh, nor its option {word}")
    reply = client.ask(controller, "unit-folder", Parsed.of([target], {}), model=model)
    if reply.code:
        return reply
    folder = Path(reply.data["folder"])
    command = " ".join(words.args[1:])
    done = subprocess.run(  # noqa: S603 (what the user asked for)
        ["/bin/sh", "-c", command] if command else ["/bin/sh"],
        cwd=folder / "charm" if (folder / "charm").exists() else folder,
        # What it leaves running is the unit's, and ends with it.
        env={**os.environ, processes.MARK: reply.data["mark"]},
        check=False,
    )
    return Reply(code=done.returncode)


def scp(words: Parsed, controller: str, model: str) -> Reply:
    """Copy files into or out of a unit's folder (``/`` is the machine's own)."""
    import shutil  # noqa: PLC0415 (see the package)
    from pathlib import Path  # noqa: PLC0415 (see the package)

    paths: list[str] = []
    for word in words.args:
        if word.startswith("-"):
            if word not in SCP_OPTIONS:
                raise UsageError(f"localjuju has no scp option {word}")
            continue
        name, colon, path = word.partition(":")
        if not colon or "/" in name.partition("/")[2]:
            paths.append(word)
            continue
        reply = client.ask(
            controller, "unit-folder", Parsed.of([name.rpartition("@")[2]], {}), model=model
        )
        if reply.code:
            return reply
        paths.append(str(Path(reply.data["folder"]) / "charm" / path))
    *sources, goal = paths
    for source in sources:
        target = Path(goal) / Path(source).name if Path(goal).is_dir() else Path(goal)
        try:
            if Path(source).is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            else:
                shutil.copy2(source, target)
        except OSError as error:
            return Reply(error=f"{error.filename}: {error.strerror}", code=1)
    return Reply()


WITHOUT_FOCUS = {"version": version, "local shim": shim, "local clean": clean}
"""Verbs that are about no controller."""

WITH_FOCUS = {
    "bootstrap": bootstrap,
    "controllers": controllers,
    "whoami": whoami,
    "switch": switch,
}
"""Verbs about which controller there is, or is meant."""

IN_UNIT = {"ssh": ssh, "scp": scp}
"""Verbs that work in a unit's folder."""
