"""What the command line and the controller say to each other: one JSON line each way."""

from __future__ import annotations

import json

from .flags import Parsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

ENDING = 75
"""The exit status with which a controller that is about to end refuses what comes too late."""


class Request:
    """One verb, parsed.

    Args:
        verb: Its name.
        words: What else the command line said.
        model: The model's short name; empty when the verb is about none.
        cwd: The folder that the user is in.
        progress: Shows a line to the user before the verb has ended.
    """

    def __init__(
        self,
        verb: str,
        words: Parsed,
        model: str,
        cwd: str,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.verb = verb
        self.words = words
        self.model = model
        self.cwd = cwd
        self.progress = progress

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


class Reply:
    """How a verb ended.

    Args:
        data: What it is about, as Juju's JSON has it; how it is shown is the command line's
            business.
        text: What is printed when no format was asked for, if the data alone does not say it.
        notes: Lines for the standard error.
        question: What would have been asked of a person; nobody is, so the answer is no.
        error: What went wrong, if anything did.
        code: The exit status.
    """

    def __init__(
        self,
        data: Any = None,
        *,
        text: str | None = None,
        notes: tuple[str, ...] = (),
        question: str = "",
        error: str = "",
        code: int = 0,
    ) -> None:
        self.data = data
        self.text = text
        self.notes = notes
        self.question = question
        self.error = error
        self.code = code

    def to_json(self) -> bytes:
        """Return it as a line."""
        return json.dumps({"reply": vars(self)}).encode() + b"\n"

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Reply:
        """Return what ``to_json`` wrote."""
        notes: list[str] = body.pop("notes")
        return cls(notes=tuple(notes), **body)
