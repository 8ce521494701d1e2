"""What an onlooker sees of a world: parsed here, by `cryptography` alone, and never twice."""

from __future__ import annotations

import dataclasses
import functools
import json
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from demo_requirer.store import Store

from .charms import ASSIGNED

if TYPE_CHECKING:
    import datetime
    import pathlib
    from collections.abc import Iterator, Mapping

    from localjuju.inprocess import World
    from localjuju.model import Model, Unit
    from localjuju.model.applications import Application
    from localjuju.model.relations import Databag, Relation, Side
    from localjuju.model.secrets import Secret

PROVIDER, REQUIRER = "self-signed-provider", "demo-requirer"
BARE_REQUIRER = "bare-requirer"
OLDER = "older"


@dataclasses.dataclass(frozen=True)
class Leaf:
    """A certificate."""

    pem: str
    serial: int
    key: str
    """Hex of SHA-256 over its public key in DER."""
    names: frozenset[str]
    """Common name, DNS names and addresses."""
    is_ca: bool
    not_before: datetime.datetime
    not_after: datetime.datetime
    issuer: str
    subject: str
    fingerprint: str

    def is_valid(self, now: datetime.datetime) -> bool:
        return self.not_before <= now <= self.not_after

    def __str__(self) -> str:
        return f"{self.serial:X} ({', '.join(sorted(self.names))}, until {self.not_after:%F %T})"


@dataclasses.dataclass(frozen=True)
class Served:
    """What a unit serves, or would use, for one of its names."""

    slot: str
    leaf: Leaf
    chain: tuple[str, ...]
    """PEM, leaf first."""
    key: str
    """Digest of the public half of the key that it is served with."""

    @property
    def root(self) -> str:
        return self.chain[-1].strip()


@dataclasses.dataclass(frozen=True)
class Request:
    """A request that stands in a databag."""

    by: str
    """The unit or application."""
    csr: str
    key: str
    names: frozenset[str]
    is_ca: bool


@dataclasses.dataclass(frozen=True)
class Link:
    """A relation for certificates, as its two sides."""

    model: Model
    """Of the provider."""
    other_model: Model
    """Of the requirer: the same, or another to which the provider is offered."""
    relation: Relation
    provider: Side
    requirer: Side

    @property
    def where(self) -> str:
        return f"{self.provider.app}:{self.provider.relation_id}"

    @property
    def honest_provider(self) -> Application | None:
        return honest(self.model, self.provider.app)

    @property
    def honest_requirer(self) -> Application | None:
        return honest(self.other_model, self.requirer.app)

    def is_leaving(self, name: str) -> bool:
        """Tell whether a unit or application of the requirer is about to leave the relation."""
        app = self.other_model.applications.get(self.requirer.app)
        units = {} if app is None else {unit.name: unit for unit in app.units.values()}
        is_dying = name in units and units[name].dying
        return self.relation.dying or is_dying or app is None or app.dying

    def has_told(self, unit: Unit) -> bool:
        """Tell whether a unit of the requirer has come through a hook that shows what stands.

        Not one that another version of its charm ran.
        """
        view = unit.views.get(self.requirer.relation_id)
        seen = view.app_version if view is not None else None
        app = self.other_model.applications[unit.app]
        is_its_own = unit.charm_told == app.charm_revision
        return is_its_own and unit.failure is None and seen == self.provider.settings.version

    def list_of(self, key: str) -> list[dict[str, Any]]:
        """Return the provider's entries; none where it wrote what is no list of them."""
        return entries(self.provider.settings.settings.get(key, ""))

    def answers(self) -> dict[str, dict[str, Any]]:
        """Return the provider's certificates, by their requests."""
        return {
            str(entry.get("certificate_signing_request")).strip(): entry
            for entry in self.list_of("certificates")
        }

    def refused(self) -> set[str]:
        return {str(entry.get("csr")).strip() for entry in self.list_of("request_errors")}

    def requests(self) -> list[Request]:
        """Return every request that can be read."""
        return [
            found
            for name, bag in bags(self.requirer).items()
            for entry in entries(bag.settings.get("certificate_signing_requests", ""))
            if (found := _request(name, entry)) is not None
        ]


def bags(side: Side) -> dict[str, Databag]:
    """Return a side's databags by whose they are, under the names that its own model has."""
    units = {f"{side.app}/{number}": bag for number, bag in sorted(side.units.items())}
    return {side.app: side.settings, **units}


def honest(model: Model, name: str) -> Application | None:
    """Return an application that runs what is tested here; None for liars, and for old versions.

    A liar says so in its name, an old version in its charm's summary.
    """
    app = model.applications.get(name)
    if app is None or name.startswith("liar") or app.charm.summary == OLDER:
        return None
    return app


def models(world: World) -> Iterator[Model]:
    yield from world.models.values()


def units(world: World, *charms: str) -> Iterator[tuple[Model, Unit]]:
    """Yield the honest units of these charms."""
    for model in models(world):
        for app in model.applications.values():
            if app.charm.name in charms and honest(model, app.name):
                for unit in app.units.values():
                    yield model, unit


def links(world: World, endpoint: str = "certificates") -> Iterator[Link]:
    """Yield the relations of an endpoint, each once."""
    seen: set[int] = set()
    for model in models(world):
        for relation in model.relations.values():
            if id(relation) not in seen:
                seen.add(id(relation))
                yield from _links_in(model, relation, endpoint)


def links_of(model: Model, app: str) -> Iterator[Link]:
    """Yield the relations over which an application is certified."""
    for relation in model.relations_of(app):
        for link in _links_in(model, relation, "certificates"):
            if link.requirer.model == model.uuid and link.requirer.app == app:
                yield link


def _links_in(model: Model, relation: Relation, endpoint: str) -> Iterator[Link]:
    if relation.is_peer:
        return
    for provider, requirer in (relation.sides, relation.sides[::-1]):
        end = provider.endpoint
        if end.name == endpoint and end.role.value == "provider":
            models = model.models
            yield Link(
                models[provider.model], models[requirer.model], relation, provider, requirer
            )


def served(world: World, model: Model, unit: Unit) -> dict[str, Served]:
    """Return what a unit presents, valid or not, by slot."""
    own = world.unit_folder(model, unit)
    store = Store(own / f"{unit.app}-{unit.number}-server" / "store")
    name = store.current_set()
    if name is not None:
        return _stored(store.folder, name)
    try:
        text = (own / "charm" / ASSIGNED).read_text()
    except FileNotFoundError:
        return {}
    return _assigned(text)


def memory(model: Model, app: str) -> Mapping[str, str]:
    """Return what a provider's peers remember."""
    for relation in model.relations_of(app):
        if relation.is_peer:
            return relation.sides[0].settings.settings
    return {}


def authorities(model: Model, app: str) -> dict[str, str]:
    """Return the phase of each CA of a provider, by its certificate."""
    text = memory(model, app).get("authorities", "")
    return {entry["certificate"].strip(): entry["phase"] for entry in entries(text)}


def private_keys(secret: Secret) -> list[str]:
    """Return every private key in a secret."""
    return [
        value
        for revision in secret.revisions.values()
        for value in revision.content.values()
        if "PRIVATE KEY-----" in value
    ]


@functools.lru_cache(maxsize=4096)
def key_digest(pem: str) -> str:
    """Return the digest of a private key's public half; empty where it is no key."""
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        return ""
    return _digest(key.public_key().public_bytes(*_SPKI))


@functools.lru_cache(maxsize=8192)
def leaf(pem: str) -> Leaf | None:
    """Parse a certificate; None where it is none."""
    try:
        parsed = x509.load_pem_x509_certificate(pem.strip().encode())
        return Leaf(
            pem=pem.strip(),
            serial=parsed.serial_number,
            key=_digest(parsed.public_key().public_bytes(*_SPKI)),
            names=_names(parsed),
            is_ca=_is_ca(parsed),
            not_before=parsed.not_valid_before_utc,
            not_after=parsed.not_valid_after_utc,
            issuer=parsed.issuer.rfc4514_string(),
            subject=parsed.subject.rfc4514_string(),
            fingerprint=parsed.fingerprint(hashes.SHA256()).hex(),
        )
    except (ValueError, TypeError):
        return None


@functools.lru_cache(maxsize=8192)
def is_signed_by(pem: str, issuer: str) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(issuer.encode()))
    except Exception:  # noqa: BLE001 (whatever is wrong with it, it is not signed)
        return False
    return True


_SPKI = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _digest(data: bytes) -> str:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(data)
    return digest.finalize().hex()


def _request(by: str, entry: dict[str, Any]) -> Request | None:
    text = entry.get("certificate_signing_request")
    parsed = key_and_names(text) if isinstance(text, str) else None
    if not isinstance(text, str) or parsed is None:
        return None
    return Request(by, text.strip(), *parsed, is_ca=bool(entry.get("ca")))


@functools.lru_cache(maxsize=8192)
def key_and_names(pem: str) -> tuple[str, frozenset[str]] | None:
    """Return what a request is for, in the words of `Leaf`; None where it is no request."""
    try:
        parsed = x509.load_pem_x509_csr(pem.strip().encode())
        return _digest(parsed.public_key().public_bytes(*_SPKI)), _names(parsed)
    except (ValueError, TypeError):
        return None


def _names(parsed: x509.Certificate | x509.CertificateSigningRequest) -> frozenset[str]:
    common = parsed.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    found = {str(name.value) for name in common}
    try:
        names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset(found)
    found.update(names.get_values_for_type(x509.DNSName))
    found.update(map(str, names.get_values_for_type(x509.IPAddress)))
    return frozenset(found)


def _is_ca(parsed: x509.Certificate) -> bool:
    try:
        return bool(parsed.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except x509.ExtensionNotFound:
        return False


@functools.lru_cache(maxsize=1024)
def _stored(store: pathlib.Path, name: str) -> dict[str, Served]:
    content = Store(store).read(name)
    assert content is not None
    return _serving((pair.slot, pair.chain, pair.private_key) for pair in content.pairs)


@functools.lru_cache(maxsize=1024)
def _assigned(text: str) -> dict[str, Served]:
    return _serving((item["slot"], tuple(item["chain"]), item["key"]) for item in json.loads(text))


def _serving(items: Iterator[tuple[str, tuple[str, ...], str]]) -> dict[str, Served]:
    found: dict[str, Served] = {}
    for slot, chain, key in items:
        certificate = leaf(chain[0])
        assert certificate is not None, f"{slot} is served with what is no certificate"
        assert slot not in found, f"{slot} is served twice"
        found[slot] = Served(slot, certificate, chain, key_digest(key))
    return found


def entries(text: str) -> list[dict[str, Any]]:
    return list(_loaded(text))


@functools.lru_cache(maxsize=2048)
def _loaded(text: str) -> tuple[dict[str, Any], ...]:
    try:
        items = json.loads(text) if text else []
    except (ValueError, RecursionError):
        return ()
    if not isinstance(items, list):
        return ()
    return tuple(item for item in items if isinstance(item, dict))


def forget() -> None:
    """Let go of what was parsed: another life has keys and certificates of its own."""
    for parsed in (
        key_digest,
        leaf,
        is_signed_by,
        key_and_names,
        _stored,
        _assigned,
        _loaded,
    ):
        parsed.cache_clear()
