"""The hook tools by name: which options each takes, and how one is run."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from localjuju.flags import Flag, Parsed, UsageError, by_spelling, parse
from localjuju.model import JujuError
from localjuju.output import show

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .context import HookContext

FORMAT = Flag("format")


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of a hook tool."""

    context: HookContext
    options: Parsed
    stdin: str = dataclasses.field(repr=False)
    read_file: Callable[[str], str] = dataclasses.field(repr=False)
    """Reads a file that an argument names, from the caller's folder."""

    @property
    def args(self) -> list[str]:
        """What is no option."""
        return self.options.args

    def only(self, at_most: int) -> None:
        """Refuse more arguments than a tool takes."""
        if len(self.args) > at_most:
            extra = ",".join(f'"{word}"' for word in self.args[at_most:])
            raise UsageError(f"unrecognized args: [{extra}]")


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a hook tool leaves behind: its exit status and what it printed."""

    code: int = 0
    out: str = dataclasses.field(default="", repr=False)
    err: str = ""


NOTHING = object()
"""What a tool returns that prints nothing in any format."""

_TOOLS: dict[str, tuple[Callable[[Call], Any], dict[str, Flag]]] = {}
"""By name what a tool does, and its options by how they are written."""


def tool(name: str, *flags: Flag) -> Callable[[Callable[[Call], Any]], Callable[[Call], Any]]:
    """Register a function as a hook tool; it returns what is to be printed."""

    def register(function: Callable[[Call], Any]) -> Callable[[Call], Any]:
        _TOOLS[name] = (function, by_spelling(flags))
        return function

    return register


def names() -> list[str]:
    """Return the hook tools that there are."""
    return sorted(_TOOLS)


def run(
    context: HookContext,
    argv: Sequence[str],
    *,
    stdin: str = "",
    read_file: Callable[[str], str],
) -> Answer:
    """Run a hook tool.

    Args:
        context: The hook that it is called from.
        argv: Its name and arguments.
        stdin: What was written to it.
        read_file: Reads a file that an argument names.
    """
    if argv[0] not in _TOOLS:
        return Answer(127, "", f"ERROR localjuju has no hook tool {argv[0]}\n")
    function, known = _TOOLS[argv[0]]
    try:
        options = parse(argv[1:], known)
        form = _form(options)
        value = function(Call(context, options, stdin, read_file))
    except UsageError as error:
        return Answer(2, "", f"ERROR {error}\n")
    except JujuError as error:
        return Answer(error.code, "", f"ERROR {error}\n")
    return Answer(0, "" if value is NOTHING else show(value, form))


def _form(options: Parsed) -> str:
    form = options.last("format", "smart")
    if form not in {"smart", "json", "yaml"}:
        raise UsageError(f'invalid value "{form}" for option --format: unknown format "{form}"')
    return form
