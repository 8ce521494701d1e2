"""A state as a tree in which things that were drawn at random stand, and what tells them apart.

As in colour refinement of graphs, every thing is coloured by its kind, then again and again by the
colours around it, until no more can be told apart.
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST_ROUNDS = 6


@dataclasses.dataclass(frozen=True)
class Thing:
    """Something that was drawn at random, or follows from what was."""

    kind: str
    id: str


@dataclasses.dataclass(frozen=True)
class Text:
    """A text with things in it."""

    parts: tuple[str | Thing, ...]


@dataclasses.dataclass(frozen=True)
class Series:
    """Several, in their order."""

    items: tuple[Node, ...]


@dataclasses.dataclass(frozen=True)
class Bag:
    """Several, in no order."""

    items: tuple[Node, ...]


@dataclasses.dataclass(frozen=True)
class Table:
    """Values by their names, in no order."""

    items: tuple[tuple[Node, Node], ...]


Node = Text | Series | Bag | Table


def parts(node: Series | Bag | Table) -> Iterator[Node]:
    """Yield what is in a node, names among it."""
    if isinstance(node, Table):
        return (one for pair in node.items for one in pair)
    return iter(node.items)


def is_plain(node: Node) -> bool:
    """Tell whether a node is a text without things in it."""
    return isinstance(node, Text) and all(isinstance(part, str) for part in node.parts)


def digest_of(text: str) -> str:
    """Return a short digest of a text."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def render(node: Node, colours: Mapping[Thing, str]) -> str:
    """Return a node as a text, the same for those that mean the same."""
    return _visit(node, colours, collections.defaultdict(list))[0]


def colours_of(
    root: Node, about: Mapping[Thing, Node], same: Mapping[Thing, Thing]
) -> dict[Thing, str]:
    """Return what tells each thing from others.

    Args:
        root: What the things stand in.
        about: What is known of them.
        same: What a digest or a serial number stands for, where that is here.
    """
    found = {*_things(root), *about}
    for node in about.values():
        found.update(_things(node))
    colours = {thing: same.get(thing, thing).kind for thing in found}
    things = {same.get(thing, thing) for thing in found}
    count = 0
    for _ in range(MOST_ROUNDS):
        met: dict[Thing, list[str]] = collections.defaultdict(list)
        _visit(root, colours, met)
        described: dict[Thing, str] = {}
        for thing, node in about.items():
            described[thing], inside = _visit(node, colours, met)
            for path, other in inside:
                met[other].append(f"{path} of {colours[thing]}")
        places: dict[Thing, list[str]] = collections.defaultdict(list)
        for thing, where in met.items():
            places[same.get(thing, thing)] += where
        new = {
            thing: thing.kind
            + " "
            + digest_of(
                "|".join(
                    [
                        colours.get(thing, thing.kind),
                        described.get(thing, ""),
                        *sorted(places[thing]),
                    ]
                )
            )
            for thing in things
        }
        colours = new | {thing: new[same.get(thing, thing)] for thing in found}
        if len(set(new.values())) == count:
            break
        count = len(set(new.values()))
    return colours


def _things(node: Node) -> Iterator[Thing]:
    if isinstance(node, Text):
        yield from (part for part in node.parts if isinstance(part, Thing))
    else:
        for part in parts(node):
            yield from _things(part)


_Places = list[tuple[str, Thing]]


def _visit(
    node: Node, colours: Mapping[Thing, str], places: dict[Thing, list[str]]
) -> tuple[str, _Places]:
    """Return a node's text, and the things in it with the ways to them.

    Each table notes, for each thing in it, the way there and what else it holds.
    """
    if isinstance(node, Text):
        text = "".join(p if isinstance(p, str) else f"<{colours[p]}>" for p in node.parts)
        return text, [("", part) for part in node.parts if isinstance(part, Thing)]
    inside: _Places = []
    texts: list[str] = []
    if isinstance(node, Table):
        for key, value in node.items:
            name, in_name = _visit(key, colours, places)
            text, in_value = _visit(value, colours, places)
            texts.append(f"{name}:{text}")
            inside += [("name", thing) for _, thing in in_name]
            inside += [(f"{name}.{path}", thing) for path, thing in in_value]
        text = f"{{{','.join(sorted(texts))}}}"
        whole = digest_of(text)
        for path, thing in inside:
            places[thing].append(f"{path} in {whole}")
        return text, inside
    for number, item in enumerate(node.items):
        text, in_item = _visit(item, colours, places)
        texts.append(text)
        step = number if isinstance(node, Series) else "*"
        inside += [(f"{step}.{path}", thing) for path, thing in in_item]
    if isinstance(node, Bag):
        return f"[{','.join(sorted(texts))}]", inside
    return f"({','.join(texts)})", inside
