"""What the command line and the controller say to each other: one JSON line each way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from .flags import Parsed

if TYPE_CHECKING:
    from collections.abc import Callable


ENDING = 75
"""The exit status with which a controller that is about to end refuses what comes too late."""


class Request(NamedTuple):
    """One verb, parsed."""

    verb: str
    words: Parsed
    model: str
    """The model's short name; empty when the verb is about none."""
    cwd: str
    progress: Callable[[str], None] = lambda _: None
    """Shows a line to the user before the verb has ended."""

    def to_json(self) -> bytes:
        """Return it as a line."""
        body = {
            "verb": self.verb,
            "args": self.words.args,
            "options": self.words.options(),
            "model": self.model,
            "cwd": self.cwd,
        }
        return json.dumps(body).encode() + b"\n"

    @classmethod
    def from_json(cls, line: bytes, progress: Callable[[str], None]) -> Request:
        """Return what ``to_json`` wrote."""
        body = json.loads(line)
        words = Parsed.of(body["args"], body["options"])
        return cls(body["verb"], words, body["model"], body["cwd"], progress)


class Reply(NamedTuple):
    """How a verb ended."""

    data: Any = None
    """What it is about, as Juju's JSON has it; how it is shown is the command line's business."""
    text: str | None = None
    """What is printed when no format was asked for, if the data alone does not say it."""
    notes: tuple[str, ...] = ()
    """Lines for the standard error."""
    question: str = ""
    """What would have been asked of a person; nobody is, so the answer is no."""
    error: str = ""
    code: int = 0

    def to_json(self) -> bytes:
        """Return it as a line."""
        return json.dumps({"reply": self._asdict()}).encode() + b"\n"

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Reply:
        """Return what ``to_json`` wrote."""
        notes: list[str] = body.pop("notes")
        return cls(notes=tuple(notes), **body)
