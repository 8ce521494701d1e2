"""What a page of the documentation shows of a terminal, as commands to run and text to see.

A block of Markdown that begins with ```` ```console run ```` is run; one with ``run until`` is for
what comes in a while, so its commands are run again until they show it.

    $ a command
    what it prints, where "…" stands for anything on that line
    …

A line that is "…" alone stands for any lines, and a command that shows nothing may print anything.
"""

from __future__ import annotations

import dataclasses
import os
import re
import selectors
import subprocess
import time
from typing import TYPE_CHECKING

import typing_extensions

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Mapping

_BLOCK = re.compile(
    r"^```console run(?P<until> until)?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_PROMPT, _MORE = "$ ", "> "
_ANYTHING = "…"
_END = "--end-of-command--"


@dataclasses.dataclass(frozen=True)
class Step:
    """One command, and what its page says that it prints."""

    command: str
    shown: str
    until: bool
    """Whether it shows that only after a while."""


class UnlikeError(AssertionError):
    """A command did not do what its page shows."""


def steps(page: str) -> list[Step]:
    """Return the commands of a page of Markdown that are to be run."""
    return [
        Step(command, shown, bool(block["until"]))
        for block in _BLOCK.finditer(page)
        for command, shown in _commands(block["text"])
    ]


def _commands(text: str) -> list[tuple[str, str]]:
    found: list[tuple[list[str], list[str]]] = []
    for line in text.splitlines():
        if line.startswith(_PROMPT):
            found.append(([line.removeprefix(_PROMPT)], []))
        elif line.startswith(_MORE) and found and not found[-1][1]:
            found[-1][0].append(line.removeprefix(_MORE))
        elif found:
            found[-1][1].append(line)
        else:
            raise ValueError(f"the block does not begin with a command: {line!r}")
    return [("\n".join(command), "\n".join(shown)) for command, shown in found]


def is_like(printed: str, shown: str) -> bool:
    """Tell whether what was printed is what a page shows."""
    lines: list[str] = []
    for line in shown.splitlines():
        if line.strip() == _ANYTHING:
            lines.append(r"(?:[^\n]*\n)*?")
        else:
            # Columns are as wide as their longest entry: how many spaces there are says nothing.
            parts = (re.escape(part) for part in re.sub(r" +", " ", line).split(_ANYTHING))
            lines.append(r"[^\n]*?".join(parts) + r"\n")
    text = re.sub(r" *\n", "\n", re.sub(r" +", " ", printed.rstrip("\n") + "\n"))
    return re.fullmatch("".join(lines), text) is not None


class Shell:
    """A bash that goes through a page, as its reader would.

    Args:
        folder: Where it begins.
        environment: What it has in its environment.
        patience: For how many seconds a command may run, and what comes in a while be waited for.
    """

    def __init__(
        self, folder: pathlib.Path, environment: Mapping[str, str], patience: float = 60
    ) -> None:
        self._patience = patience
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> typing_extensions.Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._shell.kill()
        self._shell.communicate()

    def go_through(self, page: str) -> int:
        """Run each command of a page that is to be run; return how many there are.

        Raises:
            UnlikeError: If one fails, or does not print what the page shows.
        """
        found = steps(page)
        for step in found:
            self._do(step)
        return len(found)

    def _do(self, step: Step) -> None:
        ends = time.monotonic() + self._patience
        while True:
            status, printed = self._run(step.command)
            if status == 0 and (not step.shown or is_like(printed, step.shown)):
                return
            if not step.until or time.monotonic() > ends:
                raise UnlikeError(
                    f"$ {step.command}\nshould print:\n{step.shown}\n"
                    f"ended with {status}, and printed:\n{printed}"
                )
            time.sleep(0.5)

    def _run(self, command: str) -> tuple[int, str]:
        """Run a command to its end; return its exit status and what it printed."""
        assert self._shell.stdin is not None
        # The command reads nothing of what follows it.
        ending = f"\n}} </dev/null\nprintf '\\n{_END} %d\\n' $?\n"
        self._shell.stdin.write(f"{{ {command}{ending}".encode())
        self._shell.stdin.flush()
        text, _, status = self._read_to_end().rpartition(f"\n{_END} ")
        return int(status), text

    def _read_to_end(self) -> str:
        assert self._shell.stdout is not None
        read, ends = b"", time.monotonic() + self._patience
        with selectors.DefaultSelector() as selector:
            selector.register(self._shell.stdout, selectors.EVENT_READ)
            while not re.search(rb"\n%b \d+\n$" % _END.encode(), read):
                if not selector.select(ends - time.monotonic()):
                    raise UnlikeError(f"a command did not end in {self._patience} s:\n{read!r}")
                piece = os.read(self._shell.stdout.fileno(), 65536)
                if not piece:
                    raise UnlikeError(f"the shell ended:\n{read.decode()}")
                read += piece
        return read.decode()
