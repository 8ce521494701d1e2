"""What a state is, said without what is drawn at random, so that two runs of a story compare.

Keys, certificates, requests and revocation lists become what they are: whose key, which names, who
issued them. What is left of randomness (serial numbers, digests, ids of secrets) becomes things
without a name of their own. A thing is told from others by where it stands alone, and by what
stands beside it there: as in colour refinement of graphs, every thing is coloured by its kind,
then again and again by the colours around it, until no more can be told apart.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from localjuju.inprocess import Canon

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Iterator, Mapping

    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

    from localjuju.inprocess import World

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
MOST_ROUNDS = 6

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


@dataclasses.dataclass(frozen=True)
class Part:
    """A part of a world's picture, in JSON, that most of the next states have as well.

    It is read once.
    """

    json: str


@dataclasses.dataclass(frozen=True, eq=False)
class _Found:
    """One PEM text, read. There is one of it for each text."""

    thing: Thing
    aliases: tuple[str, ...]
    about: Mapping[str, Any]
    keys: tuple[tuple[str, str], ...] = ()
    """A public key's SHA-256, and its identifier in certificates."""


def digest(world: World, *, times: bool = True) -> str:
    """Return a digest that states of worlds share if they mean the same.

    Args:
        world: In some state.
        times: Whether moments count.
    """
    reader = _Reader(times=times, compact=True)
    root = reader.read(_in_parts(_picture(world, times=times)))
    return _digest(_render(root, _colours(root, reader)))


def readable(world: World, *, times: bool = True) -> str:
    """Return a text for people, a line for each value: the same for states that mean the same."""
    reader = _Reader(times=times)
    root = reader.read(_picture(world, times=times))
    writer = _Writer(reader, _colours(root, reader))
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


def _in_parts(picture: dict[str, Any]) -> dict[str, Any]:
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
def _about(found: _Found, manner: _Manner) -> Node:
    return _node(dict(found.about), manner)


def _compacted(node: Series | Bag | Table) -> Node:
    """Return a node in which what has no things in it, and no place of its own, is one text."""
    if all(map(_is_plain, _parts(node))):
        return Text((_render(node, {}),))
    if isinstance(node, Table):
        plain = tuple(pair for pair in node.items if all(map(_is_plain, pair)))
        if len(plain) > 1:
            others = tuple(pair for pair in node.items if not all(map(_is_plain, pair)))
            return Table(((Text(("",)), Text((_render(Table(plain), {}),))), *others))
    if isinstance(node, Bag):
        plain_items = tuple(item for item in node.items if _is_plain(item))
        if len(plain_items) > 1:
            others_in_bag = tuple(item for item in node.items if not _is_plain(item))
            return Bag((Text((_render(Bag(plain_items), {}),)), *others_in_bag))
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
        parts.append(_parsed(found[0].strip()).thing)
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
    return Thing("number", _short(word))


def _pems(value: Any) -> Iterator[_Found]:
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
def _pems_in_part(part: Part) -> tuple[_Found, ...]:
    return tuple(dict.fromkeys(_pems(json.loads(part.json))))


@functools.lru_cache(maxsize=20_000)
def _pems_in(text: str) -> tuple[_Found, ...]:
    text = _unescaped(text)
    decoded = _decoded(text)
    if decoded is not None:
        return tuple(_pems(decoded))
    return tuple(_parsed(found[0].strip()) for found in _PEM.finditer(text))


def _parts(node: Series | Bag | Table) -> Iterator[Node]:
    if isinstance(node, Table):
        return (one for pair in node.items for one in pair)
    return iter(node.items)


def _is_plain(node: Node) -> bool:
    return isinstance(node, Text) and all(isinstance(part, str) for part in node.parts)


def _short(word: str) -> str:
    return word.lower().lstrip("0")


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


# PEM texts.


@functools.lru_cache(maxsize=100_000)
def _parsed(pem: str) -> _Found:
    kind = pem.partition("-----BEGIN ")[2].partition("-----")[0]
    if kind == "CERTIFICATE":
        return _certificate(pem, x509.load_pem_x509_certificate(pem.encode()))
    if kind == "CERTIFICATE REQUEST":
        return _request(pem, x509.load_pem_x509_csr(pem.encode()))
    if kind == "X509 CRL":
        return _list(pem, x509.load_pem_x509_crl(pem.encode()))
    if kind.endswith("PRIVATE KEY"):
        key = serialization.load_pem_private_key(pem.encode(), None).public_key()
        name, identifier = _key(key)
        thing = Thing("private key", name + " private")
        return _Found(thing, (), {"of": name}, ((name, identifier),))
    raise ValueError(f"a PEM text of a kind that is not known here: {kind}")


def _certificate(pem: str, certificate: x509.Certificate) -> _Found:
    name, identifier = _key(certificate.public_key())
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex()
    extensions = certificate.extensions
    issuer = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    serial = f"{certificate.serial_number:x}"
    is_ca = extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    about = {
        "subject": _subject(certificate.subject),
        "names": _alternatives(extensions),
        "is-ca": is_ca,
        "key": name,
        "issuer": _subject(certificate.issuer),
        # Of an authority of its own making it may be left out.
        "signed-by": issuer.hex() if issuer else "",
        "from": certificate.not_valid_before_utc.isoformat(),
        "until": certificate.not_valid_after_utc.isoformat(),
    }
    aliases = (_short(serial), *_digests(pem), _short(fingerprint), _short(fingerprint[:16]))
    return _Found(Thing("certificate", fingerprint), aliases, about, ((name, identifier),))


def _request(pem: str, request: x509.CertificateSigningRequest) -> _Found:
    name, identifier = _key(request.public_key())
    about = {
        "subject": _subject(request.subject),
        "names": _alternatives(request.extensions),
        "key": name,
    }
    aliases = _digests(pem)
    return _Found(Thing("request", aliases[0]), aliases, about, ((name, identifier),))


def _list(pem: str, revoked: x509.CertificateRevocationList) -> _Found:
    signer = revoked.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    about = {
        "signed-by": (signer.key_identifier or b"").hex(),
        "revoked": [f"{entry.serial_number:x}" for entry in revoked],
        "from": revoked.last_update_utc.isoformat(),
    }
    return _Found(Thing("revocation list", _digests(pem)[0]), (), about)


def _key(key: PublicKeyTypes) -> tuple[str, str]:
    der = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(key)  # pyright: ignore[reportArgumentType] - of those that certificates have
    return _short(hashlib.sha256(der).hexdigest()), _short(identifier.digest.hex())


def _digests(pem: str) -> tuple[str, ...]:
    texts = (pem, f"{pem}\n")
    return tuple(_short(hashlib.sha256(text.encode()).hexdigest()) for text in texts)


def _subject(name: x509.Name) -> str:
    random = x509.NameOID.X500_UNIQUE_IDENTIFIER
    return x509.Name([one for one in name if one.oid != random]).rfc4514_string()


def _alternatives(extensions: x509.Extensions) -> list[str]:
    try:
        found = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in found]


# Colours.


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _render(node: Node, colours: Mapping[Thing, str]) -> str:
    return _visit(node, colours, collections.defaultdict(list))[0]


def _colours(root: Node, reader: _Reader) -> dict[Thing, str]:
    about, same = reader.about, reader.same
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
            + _digest(
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
        for part in _parts(node):
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
        whole = _digest(text)
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


class _Writer:
    """Gives things numbers, as they are met, and says what they are where they are met first."""

    def __init__(self, reader: _Reader, colours: Mapping[Thing, str]) -> None:
        self._about = reader.about
        self._same = reader.same
        self._colours = colours
        kinds = {thing: self._same.get(thing, thing).kind for thing in colours}
        described = {
            thing: f"{thing.kind} {_render(node, kinds)}" for thing, node in reader.about.items()
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
        return [(_render(node, self._kinds), _render(node, self._colours)) for node in nodes]

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
