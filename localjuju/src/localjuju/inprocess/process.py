"""One run of a charm inside this process, as if it were a process of its own."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest import mock

import ops
import ops.hookcmds._utils
import ops.storage

from localjuju.hooktools import Answer, HookContext
from localjuju.hooktools import run as run_tool

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence


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
    kept = {k: v for k, v in os.environ.items() if not k.startswith("JUJU_")}
    kept.pop("OPERATOR_DISPATCH", None)
    # The one place where ops starts a process for a hook tool, and the one where it opens its
    # state.
    led = SimpleNamespace(run=run, CalledProcessError=subprocess.CalledProcessError)
    try:
        sys.argv = [str(folder / "src" / "charm.py")]
        os.chdir(folder)
        with (
            mock.patch.dict(os.environ, {**kept, **variables}, clear=True),
            mock.patch.object(ops.hookcmds._utils, "subprocess", led),  # noqa: SLF001 (see above)
            mock.patch.object(ops.storage, "sqlite3", SimpleNamespace(connect=_connect)),
            _without_tracing(),
        ):
            yield
    finally:
        os.chdir(folder_before)
        root.handlers[:], sys.excepthook, sys.argv = handlers, excepthook, argv
        warnings.showwarning = showwarning
        root.setLevel(level)


def _connect(*args: Any, **options: Any) -> sqlite3.Connection:
    """Open a database that does not wait for the disk: no machine fails here but this one."""
    database = sqlite3.connect(*args, **options)
    database.execute("PRAGMA synchronous=OFF")
    database.execute("PRAGMA journal_mode=MEMORY")
    return database


def _without_tracing() -> contextlib.AbstractContextManager[Any]:
    """Keep ops from setting up a trace provider: that is of the whole process, and done once.

    A charm's own `ops.tracing.Tracing` is left to it.
    """
    if not ops.tracing:
        return contextlib.nullcontext()
    return mock.patch.multiple(ops.tracing, _setup=mock.DEFAULT, _shutdown=mock.DEFAULT)


def fresh(charm_class: type[ops.CharmBase]) -> type[ops.CharmBase]:
    """Return the class as a new process would have it: ops defines events on it once."""
    events = type(charm_class.on.__class__.__name__, (charm_class.on.__class__,), {})()
    return type(charm_class.__name__, (charm_class,), {"on": events})
