"""What a state is, said without what is drawn at random, so that two runs of a story compare.

Keys, certificates, requests and revocation lists become what they are: whose key, which names, who
issued them. What is left of randomness (serial numbers, digests, ids of secrets) becomes things
without a name of their own. A thing is told from others by where it stands alone, and by what
stands beside it there (`nodes.py`).
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import json
import re
from typing import TYPE_CHECKING, Any

from localjuju.inprocess import Canon

from .nodes import (
    Bag,
    Series,
    Table,
    Text,
    Thing,
    colours_of,
    digest_of,
    is_plain,
    parts,
    render,
)
from .pems import Found, parsed, short

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Iterator, Mapping

    from localjuju.inprocess import World

    from .nodes import Node

LIBID = "afd8c2bccf834997afce12c2706d2ede"
"""Stands in the labels of the library's secrets: not at random."""
ORDERED = frozenset({"authorities", "chain", "history", "pairs"})
"""Lists in a charm's JSON, by the key under which they stand, whose order means something."""
UNORDERED = frozenset({"ghosts", "secrets"})
"""Lists in a world's picture whose order follows from what was drawn."""
NOT_STATE = re.compile(r"\.localjuju-files|charm/[\w.]+\.yaml")
"""Files of a unit that are the same for as long as its charm is."""
FAR = 5 * 365 * 24 * 3600
"""Seconds. A moment further away than this is a mark, and no plan."""

_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.+?-----END \1-----\n?", re.DOTALL)
_RANDOM = re.compile(
    r"(?<![0-9A-Za-z])"
    r"(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # of a model
    r"|[0-9a-fA-F]{16,}(?:-[0-9a-f]{8})?"  # digests, serial numbers, sets of a store
    r"|[0-9a-v]{20})"  # of a secret
    r"(?![0-9A-Za-z])"
)
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?: UTC|Z|[+-]\d\d:\d\d)?)?"
    r"|datetime\.datetime\([^)]*\)"
)
_SINCE_1970 = range(1_500_000_000, 5_000_000_000)
"""Whole numbers that are seconds since then: the numbers of revocation lists begin so."""


@dataclasses.dataclass(frozen=True)
class Part:
    """A part of a world's picture, in JSON, that most of the next states have as well.

    It is read once.
    """

    json: str


def digest(world: World, *, times: bool = True) -> str:
    """Return a digest that states of worlds share if they mean the same.

    Args:
        world: In some state.
        times: Whether moments count.
    """
    reader = _Reader(times=times, compact=True)
    root = reader.read(_inparts(_picture(world, times=times)))
    return digest_of(render(root, colours_of(root, reader.about, reader.same)))


def readable(world: World, *, times: bool = True) -> str:
    """Return a text for people, a line for each value: the same for states that mean the same."""
    reader = _Reader(times=times)
    root = reader.read(_picture(world, times=times))
    writer = _Writer(reader, colours_of(root, reader.about, reader.same))
    return json.dumps(writer.plain(root), indent=1)


def _picture(world: World, *, times: bool) -> dict[str, Any]:
    canon = Canon(ids=False, revisions=True)
    picture = world.picture(canon if times else dataclasses.replace(canon, moment=_roughly))
    for model in picture["models"].values():
        for app in model["applications"].values():
            for unit in app["units"].values():
                files = unit["files"]
                unit["files"] = {k: v for k, v in files.items() if not NOT_STATE.fullmatch(k)}
    return picture


def _inparts(picture: dict[str, Any]) -> dict[str, Any]:
    """Return a picture whose units, relations and secrets are parts."""
    for model in picture["models"].values():
        for app in model["applications"].values():
            app["units"] = {n: Part(json.dumps(unit)) for n, unit in app["units"].items()}
        model["relations"] = {n: Part(json.dumps(one)) for n, one in model["relations"].items()}
        model["secrets"] = [Part(json.dumps(secret)) for secret in model["secrets"]]
    return picture


def _roughly(moment: datetime.datetime, now: datetime.datetime) -> str:
    ahead = (moment - now).total_seconds()
    return "past" if ahead <= 0 else "far away" if ahead > FAR else "to come"


class _Reader:
    """Turns plain data into nodes, and collects what is known of the things in it.

    Args:
        times: Whether moments count.
        compact: Whether what has no things in it becomes one text: most of a state has none.
    """

    def __init__(self, *, times: bool, compact: bool = False) -> None:
        self._manner = _Manner(times, compact)
        self.same: dict[Thing, Thing] = {}
        """What a digest or a serial number stands for, where that is here."""
        self.about: dict[Thing, Node] = {}

    def read(self, picture: Any) -> Node:
        for found in dict.fromkeys(_pems(picture)):
            self.about[found.thing] = _about(found, self._manner)
            for alias in found.aliases:
                self.same[Thing("number", alias)] = found.thing
            for key, identifier in found.keys:
                thing = Thing("key", key)
                self.same[Thing("number", key)] = self.same[Thing("number", identifier)] = thing
        return _node(picture, self._manner)


@dataclasses.dataclass(frozen=True)
class _Manner:
    """How data is read: see `_Reader`."""

    times: bool
    compact: bool


def _node(value: Any, manner: _Manner, name: str = "", *, is_json: bool = False) -> Node:
    if isinstance(value, str):
        return _text_node(value, manner, name)
    if isinstance(value, Part):
        return _part(value, manner)
    if isinstance(value, int) and not isinstance(value, bool):
        if value > 2**53:
            return Text((_thing(f"{value:x}"),))
        if value in _SINCE_1970 and not manner.times:
            return Text(("time",))
    if isinstance(value, dict):
        node = Table(
            tuple(
                (_text_node(k, manner, ""), _node(v, manner, k, is_json=is_json))
                for k, v in value.items()
            )
        )
    elif isinstance(value, (list, tuple)):
        items = tuple(_node(item, manner, is_json=is_json) for item in value)
        keeps_order = name in ORDERED if is_json else name not in UNORDERED
        node = Series(items) if keeps_order else Bag(items)
    else:
        return Text((json.dumps(value),))
    return _compacted(node) if manner.compact else node


@functools.lru_cache(maxsize=4_000)
def _part(part: Part, manner: _Manner) -> Node:
    return _node(json.loads(part.json), manner)


@functools.lru_cache(maxsize=20_000)
def _about(found: Found, manner: _Manner) -> Node:
    return _node(dict(found.about), manner)


def _compacted(node: Series | Bag | Table) -> Node:
    """Return a node in which what has no things in it, and no place of its own, is one text."""
    if all(map(is_plain, parts(node))):
        return Text((render(node, {}),))
    if isinstance(node, Table):
        plain = tuple(pair for pair in node.items if all(map(is_plain, pair)))
        if len(plain) > 1:
            others = tuple(pair for pair in node.items if not all(map(is_plain, pair)))
            return Table(((Text(("",)), Text((render(Table(plain), {}),))), *others))
    if isinstance(node, Bag):
        plain_items = tuple(item for item in node.items if is_plain(item))
        if len(plain_items) > 1:
            others_in_bag = tuple(item for item in node.items if not is_plain(item))
            return Bag((Text((render(Bag(plain_items), {}),)), *others_in_bag))
    return node


@functools.lru_cache(maxsize=20_000)
def _text_node(text: str, manner: _Manner, name: str) -> Node:
    text = _unescaped(text)
    decoded = _decoded(text)
    if decoded is not None:
        return _node(decoded, manner, name, is_json=True)
    parts: list[str | Thing] = []
    end = 0
    for found in _PEM.finditer(text):
        parts += _words(text[end : found.start()], manner)
        parts.append(parsed(found[0].strip()).thing)
        end = found.end()
    parts += _words(text[end:], manner)
    return Text(tuple(part for part in parts if part != ""))


def _words(text: str, manner: _Manner) -> Iterator[str | Thing]:
    if not manner.times:
        text = _TIME.sub("time", text)
    end = 0
    for found in _RANDOM.finditer(text):
        if found[0] == LIBID:
            continue
        yield text[end : found.start()]
        yield _thing(found[0])
        end = found.end()
    yield text[end:]


def _thing(word: str) -> Thing:
    return Thing("number", short(word))


def _pems(value: Any) -> Iterator[Found]:
    """Yield every PEM text in plain data."""
    if isinstance(value, str):
        yield from _pems_in(value)
    elif isinstance(value, Part):
        yield from _pems_in_part(value)
    elif isinstance(value, dict):
        for pair in value.items():
            for one in pair:
                yield from _pems(one)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _pems(item)


@functools.lru_cache(maxsize=4_000)
def _pems_in_part(part: Part) -> tuple[Found, ...]:
    return tuple(dict.fromkeys(_pems(json.loads(part.json))))


@functools.lru_cache(maxsize=20_000)
def _pems_in(text: str) -> tuple[Found, ...]:
    text = _unescaped(text)
    decoded = _decoded(text)
    if decoded is not None:
        return tuple(_pems(decoded))
    return tuple(parsed(found[0].strip()) for found in _PEM.finditer(text))


def _unescaped(text: str) -> str:
    """Return a text with the lines of PEM that `repr` has put into one: ops' state is shown so."""
    return re.sub(r"\\+n", "\n", text) if "-\\n" in text and not _decoded(text) else text


@functools.lru_cache(maxsize=10_000)
def _decoded(text: str) -> Any:
    """Return what a text says in JSON, if it is a list or an object. It is only looked at."""
    if not text.lstrip().startswith(("[", "{")):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


class _Writer:
    """Gives things numbers, as they are met, and says what they are where they are met first."""

    def __init__(self, reader: _Reader, colours: Mapping[Thing, str]) -> None:
        self._about = reader.about
        self._same = reader.same
        self._colours = colours
        kinds = {thing: self._same.get(thing, thing).kind for thing in colours}
        described = {
            thing: f"{thing.kind} {render(node, kinds)}" for thing, node in reader.about.items()
        }
        self._kinds = {
            thing: described.get(self._same.get(thing, thing), kind)
            for thing, kind in kinds.items()
        }
        self._numbers: dict[Thing, str] = {}
        self._counts: dict[str, int] = collections.defaultdict(int)

    def plain(self, node: Node) -> Any:
        if isinstance(node, Table):
            pairs = sorted(node.items, key=self._order)
            return {self._inline(key): self.plain(value) for key, value in pairs}
        if isinstance(node, Text):
            if len(node.parts) == 1 and isinstance(node.parts[0], Thing):
                return self._first(node.parts[0])
            return self._inline(node)
        items = node.items
        if isinstance(node, Bag):
            items = sorted(items, key=lambda item: self._order((item,)))
        return [self.plain(item) for item in items]

    def _order(self, nodes: Iterable[Node]) -> list[tuple[str, str]]:
        # By what does not depend on the neighbourhood first: so a difference stays where it is.
        return [(render(node, self._kinds), render(node, self._colours)) for node in nodes]

    def _first(self, thing: Thing) -> Any:
        thing = self._same.get(thing, thing)
        is_new = thing not in self._numbers
        name = self._name(thing)
        if is_new and thing in self._about:
            return {name: self.plain(self._about[thing])}
        return name

    def _name(self, thing: Thing) -> str:
        thing = self._same.get(thing, thing)
        if thing not in self._numbers:
            self._counts[thing.kind] += 1
            self._numbers[thing] = f"{thing.kind} {self._counts[thing.kind]}"
        return self._numbers[thing]

    def _inline(self, node: Node) -> str:
        assert isinstance(node, Text)
        return "".join(p if isinstance(p, str) else f"<{self._name(p)}>" for p in node.parts)
