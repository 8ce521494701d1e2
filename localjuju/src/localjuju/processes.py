"""Processes that a unit left behind: found by a mark in their environment, never by name."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

MARK = "LOCALJUJU_UNIT"
"""The variable that every process started from a unit inherits."""


def marked(mark: str, variable: str = MARK) -> list[int]:
    """Return the ids of this user's processes whose mark is *mark* or begins with ``mark/``."""
    wanted = os.fsencode(f"{variable}={mark}")
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        # Other users' processes cannot be read, and others end while we look.
        with contextlib.suppress(OSError):
            variables = (entry / "environ").read_bytes().split(b"\0")
            if any(v == wanted or v.startswith(wanted + b"/") for v in variables):
                found.append(int(entry.name))
    return found


def end_marked(mark: str, variable: str = MARK, *, patience: float = 5.0) -> int:
    """End every process with *mark*, and what they start meanwhile; return how many there were.

    They are killed, as a machine that goes away would: nothing of a charm runs any more.

    Args:
        mark: Of a unit, a model or a controller.
        variable: Which variable holds it.
        patience: For how many seconds to look again until none is left.
    """
    ended: set[int] = set()
    deadline = time.monotonic() + patience
    while alive := [pid for pid in marked(mark, variable) if not _is_zombie(pid)]:
        for pid in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        ended.update(alive)
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    return len(ended)


def end_group(pid: int) -> None:
    """End a process that leads its group, and the others of it, at once; it may be gone."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def identity(pid: int) -> str | None:
    """Return what tells a process from a later one with the same id; None if it is gone."""
    if _is_zombie(pid):
        return None
    try:
        # When it was started, in ticks since the machine was: the 22nd field of proc(5).
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return None


def _is_zombie(pid: int) -> bool:
    try:
        # The state follows the name, which is in parentheses and may hold anything.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
