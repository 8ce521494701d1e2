"""The one exception that the rules of a model raise."""

from __future__ import annotations


class JujuError(Exception):
    """Something that Juju refuses, in Juju's words where they were recorded.

    Nothing has changed when it is raised: every rule checks before it writes.
    """

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        """The exit status: 1 for a refusal, 2 for a command line that makes no sense."""


class NotFoundError(JujuError):
    """A thing that was named does not exist."""
