"""What a user gives in files and as YAML, read with a clear word for what cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from .model import JujuError


class _GoLoader(yaml.SafeLoader):
    """Reads as Juju's library does: what looks like a date is text."""


_GoLoader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if not pair[0].endswith(":timestamp")]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_text(cwd: str, shown: str) -> str:
    """Return the text of a file.

    Args:
        cwd: The folder that the user is in.
        shown: The file as the user wrote it.

    Raises:
        JujuError: If it cannot be read, or is not text.
    """
    path = Path(cwd, Path(shown).expanduser())
    try:
        if path.exists() and not path.is_file():
            # A pipe or a device might never end.
            raise JujuError(f"cannot read {shown}: it is not a regular file")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise JujuError(f"open {shown}: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError:
        # Without the cause, which holds the bytes: they may be a secret's.
        raise JujuError(f"cannot read {shown}: it is not text in UTF-8") from None


def read_yaml(text: str, what: str) -> Any:
    """Return what a YAML document says.

    Args:
        text: The document.
        what: What it is, for the error.

    Raises:
        JujuError: If it is none. Without the cause: that quotes the document.
    """
    try:
        return yaml.load(text, Loader=_GoLoader)  # noqa: S506 (a safe loader)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise JujuError(f"cannot read {what}: it is not YAML") from None
