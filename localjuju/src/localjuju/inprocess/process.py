"""One run of a charm inside this process, as if it were a process of its own."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from localjuju.hooktools import Answer, HookContext
from localjuju.hooktools import run as run_tool

from .ops_led import led

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    import ops


class Killed(BaseException):
    """The charm was killed at a hook tool. No ``except Exception`` of a charm may catch it."""


class Tools:
    """The hook tools of one run, as ops calls them."""

    def __init__(self, context: HookContext, crash_at: int | None) -> None:
        self._context = context
        self._crash_at = crash_at
        self.calls = 0

    def run(self, args: Sequence[str], **options: Any) -> SimpleNamespace:
        """Stand in for ``subprocess.run`` as ``ops.hookcmds`` calls it."""
        self.calls += 1
        if self.calls == self._crash_at:
            raise Killed
        answer: Answer = run_tool(
            self._context,
            [str(word) for word in args],
            stdin=options.get("input") or "",
            read_file=lambda name: Path(name).read_text(encoding="utf-8"),
        )
        if answer.code:
            raise subprocess.CalledProcessError(answer.code, list(args), answer.out, answer.err)
        return SimpleNamespace(returncode=0, stdout=answer.out, stderr=answer.err)


@contextlib.contextmanager
def as_a_process(
    folder: Path, variables: Mapping[str, str], run: Callable[..., Any]
) -> Generator[None]:
    """Make this process look like one that Juju started, and put everything back."""
    root = logging.getLogger()
    handlers, level, excepthook, argv = root.handlers[:], root.level, sys.excepthook, sys.argv
    showwarning = warnings.showwarning
    folder_before = Path.cwd()
    variables_before, temporary = dict(os.environ), tempfile.tempdir
    try:
        sys.argv = [str(folder / "src" / "charm.py")]
        os.chdir(folder)
        # The unit's own, which goes with it: and where it is in memory, so are ops' files.
        tempfile.tempdir = str(folder.parent)
        of_the_process = {k: v for k, v in variables_before.items() if not _is_of_a_hook(k)}
        _set_environment({**of_the_process, **variables}, now=variables_before)
        with led(run):
            yield
    finally:
        os.chdir(folder_before)
        tempfile.tempdir = temporary
        _set_environment(variables_before, now=dict(os.environ))
        root.handlers[:], sys.excepthook, sys.argv = handlers, excepthook, argv
        warnings.showwarning = showwarning
        root.setLevel(level)


def _is_of_a_hook(variable: str) -> bool:
    return variable.startswith("JUJU_") or variable == "OPERATOR_DISPATCH"


def _set_environment(variables: Mapping[str, str], *, now: Mapping[str, str]) -> None:
    """Change what differs from what is set now: to look at ``os.environ`` costs, too."""
    for name in now.keys() - variables.keys():
        del os.environ[name]
    for name, value in variables.items():
        if now.get(name) != value:
            os.environ[name] = value


def fresh(charm_class: type[ops.CharmBase]) -> type[ops.CharmBase]:
    """Return the class as a new process would have it: ops defines events on it once."""
    events = type(charm_class.on.__class__.__name__, (charm_class.on.__class__,), {})()
    return type(charm_class.__name__, (charm_class,), {"on": events})
