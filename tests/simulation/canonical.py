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
class _Found:
    """One PEM text, read."""

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
    root = reader.read(_picture(world, times=times))
    return _digest(_render(root, _colours(root, reader.about)))


def readable(world: World, *, times: bool = True) -> str:
    """Return a text for people, a line for each value: the same for states that mean the same."""
    reader = _Reader(times=times)
    root = reader.read(_picture(world, times=times))
    writer = _Writer(reader.about, _colours(root, reader.about))
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
        self._times = times
        self._compact = compact
        self._aliases: dict[str, Thing] = {}
        self._about: dict[Thing, Mapping[str, Any]] = {}
        self.about: dict[Thing, Node] = {}

    def read(self, picture: Any) -> Node:
        # First every PEM text is read, so that each digest or serial number of one is known.
        _scan(picture, self._note)
        self.about = {thing: self._node(value) for thing, value in self._about.items()}
        return self._node(picture)

    def _note(self, found: _Found) -> None:
        self._about.setdefault(found.thing, found.about)
        for alias in found.aliases:
            self._aliases[alias] = found.thing
        for key, identifier in found.keys:
            thing = Thing("key", key)
            self._aliases[key] = self._aliases[identifier] = thing
            self._about.setdefault(thing, {})

    def _node(self, value: Any, name: str = "", *, is_json: bool = False) -> Node:
        node = self._whole(value, name, is_json=is_json)
        if self._compact and not isinstance(node, Text) and all(map(_is_plain, _parts(node))):
            return Text((_render(node, {}),))
        return node

    def _whole(self, value: Any, name: str, *, is_json: bool) -> Node:
        if isinstance(value, dict):
            return Table(
                tuple((self._text(k), self._node(v, k, is_json=is_json)) for k, v in value.items())
            )
        if isinstance(value, (list, tuple)):
            items = tuple(self._node(item, is_json=is_json) for item in value)
            keeps_order = name in ORDERED if is_json else name not in UNORDERED
            return Series(items) if keeps_order else Bag(items)
        if isinstance(value, str):
            value = _unescaped(value)
            decoded = _decoded(value)
            return (
                self._text(value) if decoded is None else self._node(decoded, name, is_json=True)
            )
        if isinstance(value, int) and not isinstance(value, bool):
            if value > 2**53:
                return Text((self._thing(f"{value:x}"),))
            if value in _SINCE_1970 and not self._times:
                return Text(("time",))
        return Text((json.dumps(value),))

    def _text(self, text: str) -> Node:
        parts: list[str | Thing] = []
        end = 0
        for found in _PEM.finditer(text):
            parts += self._words(text[end : found.start()])
            parts.append(_parsed(found[0].strip()).thing)
            end = found.end()
        parts += self._words(text[end:])
        return Text(tuple(part for part in parts if part != ""))

    def _words(self, text: str) -> Iterator[str | Thing]:
        if not self._times:
            text = _TIME.sub("time", text)
        end = 0
        for found in _RANDOM.finditer(text):
            if found[0] == LIBID:
                continue
            yield text[end : found.start()]
            yield self._thing(found[0])
            end = found.end()
        yield text[end:]

    def _thing(self, word: str) -> Thing:
        name = _short(word)
        return self._aliases.get(name, Thing("number", name))


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


def _scan(value: Any, note: Any) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _scan(key, note)
            _scan(item, note)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _scan(item, note)
    elif isinstance(value, str):
        value = _unescaped(value)
        decoded = _decoded(value)
        if decoded is not None:
            _scan(decoded, note)
            return
        for found in _PEM.finditer(value):
            note(_parsed(found[0].strip()))


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


def _colours(root: Node, about: Mapping[Thing, Node]) -> dict[Thing, str]:
    colours = {thing: thing.kind for thing in {*_things(root), *about}}
    for node in about.values():
        colours |= {thing: thing.kind for thing in _things(node)}
    count = 0
    for _ in range(MOST_ROUNDS):
        places: dict[Thing, list[str]] = collections.defaultdict(list)
        _visit(root, colours, places)
        described: dict[Thing, str] = {}
        for thing, node in about.items():
            described[thing], inside = _visit(node, colours, places)
            for path, other in inside:
                places[other].append(f"{path} of {colours[thing]}")
        colours = {
            thing: thing.kind
            + " "
            + _digest("|".join([colour, described.get(thing, ""), *sorted(places[thing])]))
            for thing, colour in colours.items()
        }
        if len(set(colours.values())) == count:
            break
        count = len(set(colours.values()))
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

    def __init__(self, about: Mapping[Thing, Node], colours: Mapping[Thing, str]) -> None:
        self._about = about
        self._colours = colours
        kinds = {thing: thing.kind for thing in colours}
        self._kinds = kinds | {
            thing: f"{thing.kind} {_render(node, kinds)}" for thing, node in about.items()
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
        is_new = thing not in self._numbers
        name = self._name(thing)
        if is_new and thing in self._about:
            return {name: self.plain(self._about[thing])}
        return name

    def _name(self, thing: Thing) -> str:
        if thing not in self._numbers:
            self._counts[thing.kind] += 1
            self._numbers[thing] = f"{thing.kind} {self._counts[thing.kind]}"
        return self._numbers[thing]

    def _inline(self, node: Node) -> str:
        assert isinstance(node, Text)
        return "".join(p if isinstance(p, str) else f"<{self._name(p)}>" for p in node.parts)
