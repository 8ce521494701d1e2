"""Command line options as Juju reads them (Go's ``gnuflag``): anywhere among the arguments.

Shared by the ``juju`` verbs and by the hook tools, so that both refuse what they do not know with
the same words and exit status.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Literal

    Kind = Literal["bool", "value", "list", "int", "refused"]

DIGITS = 18
"""How many fit into an integer of 64 bits, whichever they are."""


class UsageError(Exception):
    """The command line cannot be understood; the program ends with exit status 2."""


class Flag:
    """One option: ``Flag("num-units", "int", short="n")`` is ``-n 3`` and ``--num-units=3``."""

    def __init__(self, name: str, kind: Kind = "value", short: str = "") -> None:
        self.name = name
        self.kind: Kind = kind
        self.short = short

    @property
    def spellings(self) -> tuple[str, ...]:
        """The ways to write it, with their dashes."""
        long = f"--{self.name}" if len(self.name) > 1 else f"-{self.name}"
        return (long, f"-{self.short}") if self.short else (long,)


class Parsed:
    """What a command line said: options by their long name, and the other arguments."""

    def __init__(self) -> None:
        self.args: list[str] = []
        self._values: dict[str, list[str]] = {}

    def add(self, name: str, value: str) -> None:
        """Note that option *name* was given with *value*."""
        self._values.setdefault(name, []).append(value)

    def given(self, name: str) -> bool:
        """Whether the option stood on the command line at all."""
        return name in self._values

    def on(self, name: str) -> bool:
        """Whether a switch is on: given, and not as ``--name=false``."""
        return self.last(name, "false").lower() in {"true", "1", "t"}

    def last(self, name: str, default: str = "") -> str:
        """The value of an option; the last one wins."""
        return self._values.get(name, [default])[-1]

    def all(self, name: str) -> list[str]:
        """Every value of an option that may be repeated."""
        return list(self._values.get(name, []))

    def options(self) -> dict[str, list[str]]:
        """Every option that was given, with its values."""
        return {name: list(values) for name, values in self._values.items()}

    @classmethod
    def of(cls, args: list[str], options: dict[str, list[str]]) -> Parsed:
        """Return what ``args`` and ``options()`` were taken from."""
        parsed = cls()
        parsed.args, parsed._values = args, options
        return parsed

    def number(self, name: str, default: int) -> int:
        """The value of an option of kind ``int``, checked when it was read."""
        return int(self._values[name][-1]) if name in self._values else default


def by_spelling(flags: Iterable[Flag]) -> dict[str, Flag]:
    """Return a command's options by each way to write them."""
    return {spelling: flag for flag in flags for spelling in flag.spellings}


def parse(argv: Sequence[str], known: Mapping[str, Flag], *, interspersed: bool = True) -> Parsed:
    """Read *argv* against the options that a command has.

    Args:
        argv: Without the command's own name.
        known: What it knows, by how it is written.
        interspersed: Whether options may follow the first argument. ``juju exec`` and ``juju ssh``
            stop there, since what follows is another command.

    Raises:
        UsageError: With gnuflag's words, such as ``option provided but not defined: --nosuch``.
    """
    parsed = Parsed()
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if word == "--":
            parsed.args.extend(rest)
            break
        if word.startswith("-") and word != "-":
            _take_option(word, rest, known, parsed)
            continue
        parsed.args.append(word)
        if not interspersed:
            parsed.args.extend(rest)
            break
    return parsed


def _take_option(word: str, rest: list[str], known: Mapping[str, Flag], parsed: Parsed) -> None:
    """Read one option, with its value from *word* itself or the first of *rest*."""
    spelling, equals, value = word.partition("=")
    if spelling not in known and not spelling.startswith("--") and spelling[:2] in known:
        # `-n3` is `-n 3`.
        spelling, equals, value = word[:2], "=", word[2:]
    flag = known.get(spelling)
    if flag is None:
        raise UsageError(f"option provided but not defined: {spelling}")
    if flag.kind == "refused":
        raise UsageError(f"localjuju has no option {spelling}")
    if flag.kind == "bool":
        parsed.add(flag.name, value if equals else "true")
        return
    if not equals:
        if not rest:
            raise UsageError(f"option needs an argument: {spelling}")
        value = rest.pop(0)
    if flag.kind == "int" and not _is_integer(value):
        raise UsageError(
            f'invalid value "{value}" for option {spelling}: '
            f'strconv.ParseInt: parsing "{value}": invalid syntax'
        )
    parsed.add(flag.name, value)


def _is_integer(value: str) -> bool:
    """Whether Go reads *value* as an integer of 64 bits, or nearly."""
    digits = value[1:] if value.startswith(("+", "-")) else value
    return digits.isascii() and digits.isdigit() and len(digits) <= DIGITS
