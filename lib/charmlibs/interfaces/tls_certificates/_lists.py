"""JSON lists of which one item may be more than Python's parser takes."""

import json
import re
from typing import Any


def load(text: str) -> Any:
    """Return what a JSON text says; None if it is none."""
    try:
        return json.loads(text)
    # RecursionError: lists nested by the thousand are a text that some JSON writer accepts.
    except (ValueError, RecursionError):
        return None


def load_list(text: str) -> list[Any] | None:
    """Return the items of a JSON list, None for those that cannot be loaded; None if it is none.

    One item nested by the thousand, or a number of thousands of digits, is more than Python's
    parser takes, and would fail the whole text: then each item is loaded by itself.
    """
    items = load(text)
    if items is None:
        texts = _split_list(text.strip())
        return None if texts is None else [load(item) for item in texts]
    return items if isinstance(items, list) else None  # pyright: ignore[reportUnknownVariableType] - JSON.


# A string without an end is a token, too: else its end would be looked for from every quote in it.
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[\]{},]', re.DOTALL)


def _split_list(text: str) -> list[str] | None:
    """Return the texts of a JSON list's items; None if its brackets do not fit together."""
    if not (text.startswith("[") and text.endswith("]")):
        return None
    items: list[str] = []
    depth = start = 0
    for token in _TOKEN.finditer(text):
        bracket = token[0]
        if bracket in "[{":
            depth += 1
            start = start or token.end()
        elif bracket in "]}":
            depth -= 1
        if (bracket == "," and depth == 1) or depth == 0:
            items.append(text[start : token.start()])
            start = token.end()
        if depth == 0 and start < len(text):
            return None
    return items if depth == 0 else None
