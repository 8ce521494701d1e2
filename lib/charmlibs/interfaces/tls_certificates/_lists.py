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
        return None if texts is None else _load_each(texts)
    return items if isinstance(items, list) else None  # pyright: ignore[reportUnknownVariableType] - JSON.


def _load_each(texts: list[str]) -> list[Any]:
    failed: set[str] = set()
    """What a stranger wrote a thousand times fails once: that takes a parser longest."""
    items: list[Any] = []
    for text in texts:
        item = None if text in failed else load(text)
        if item is None:
            failed.add(text)
        items.append(item)
    return items


# A string without an end is a token, too: else its end would be looked for from every quote in it.
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)'
# Brackets come in runs: of lists in one another, there may be millions.
_TOKENS = rf"({_STRING})|([\[{{]+)|([\]}}]+)|(,)"
_A_STRING, _OPENING, _CLOSING = 1, 2, 3


def _split_list(text: str) -> list[str] | None:
    """Return the texts of a JSON list's items; None if its brackets do not fit together."""
    if not text.startswith("["):
        return None
    items: list[str] = []
    depth = start = 1
    # Compiled here and not above: most hooks never take a list apart.
    for token in re.compile(_TOKENS, re.DOTALL).finditer(text, 1):
        kind = token.lastindex
        if kind == _A_STRING:
            continue
        begin, end = token.span()
        if kind == _OPENING:
            depth += end - begin
        elif kind == _CLOSING:
            depth -= end - begin
            if depth <= 0:
                items.append(text[start : end - 1])
                return items if depth == 0 and end == len(text) and text[-1] == "]" else None
        elif depth == 1:
            items.append(text[start:begin])
            start = end
    return None
