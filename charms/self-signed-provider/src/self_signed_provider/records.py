"""The charm's memory between hooks: written by the leader into the peers' databag, for any leader.

Nothing secret stands here: keys are in the vault. Each key of the databag is read on its own, and
entry by entry, so that damage to one costs that one alone; what cannot be read is reported, and
the charm rebuilds it from what the relations still show.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import logging
from typing import TYPE_CHECKING, Any

import pydantic

from charmlibs.interfaces.tls_certificates import Certificate

from .ca import Authority, Phase
from .config import ProviderConfig
from .ledger import Entry, Ledger, Revocation
from .origin import Brought, Made, Origin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, MutableMapping

logger = logging.getLogger(__name__)

CONFIGURATION = "configuration"
AUTHORITIES = "authorities"
ISSUED = "issued"
REFUSED_KEYS = "refused-keys"
CRL_NUMBERS = "crl-numbers"
LAST_CRLS = "last-crls"
LEFT = "left"


@dataclasses.dataclass(frozen=True)
class Memory:
    """All that the authority remembers."""

    config: ProviderConfig | None = None
    """The last good configuration."""
    authorities: tuple[Authority, ...] = ()
    ledger: Ledger = dataclasses.field(default_factory=Ledger)
    crl_numbers: dict[str, int] = dataclasses.field(default_factory=dict[str, int])
    """The number of the last CRL of each authority, by its id."""
    last_crls: dict[str, str] = dataclasses.field(default_factory=dict[str, str])
    """The final CRL, in PEM, of each authority whose key is gone."""
    left: frozenset[str] = frozenset()
    """What was looked at and left as it stands, denials above all: see `answers.circumstances`."""


def read(databag: Mapping[str, str]) -> Memory:
    """Return what *databag* remembers, as far as it can be read."""
    return Memory(
        config=_read_config(databag),
        authorities=tuple(_each(databag, AUTHORITIES, _read_authority)),
        ledger=_read_ledger(databag),
        crl_numbers=dict(_items(databag, CRL_NUMBERS, int)),
        last_crls=dict(_items(databag, LAST_CRLS, str)),
        left=frozenset(_each(databag, LEFT, _read_digest)),
    )


def write(memory: Memory, databag: MutableMapping[str, str]) -> None:
    """Make *databag* say what *memory* has; what it says already is not written again."""
    values = {
        CONFIGURATION: memory.config.model_dump_json() if memory.config else "",
        AUTHORITIES: _dump([_write_authority(a) for a in memory.authorities]),
        ISSUED: _dump([_write_entry(e) for _, e in sorted(memory.ledger.entries.items())]),
        REFUSED_KEYS: _dump(sorted(memory.ledger.refused_keys)),
        CRL_NUMBERS: _dump(memory.crl_numbers),
        LAST_CRLS: _dump(memory.last_crls),
        LEFT: _dump(sorted(memory.left)),
    }
    for key, value in values.items():
        if databag.get(key, "") != value:
            databag[key] = value


def _read_config(databag: Mapping[str, str]) -> ProviderConfig | None:
    text = databag.get(CONFIGURATION)
    if not text:
        return None
    try:
        return ProviderConfig.model_validate_json(text)
    except pydantic.ValidationError:
        _report(CONFIGURATION, "the last good configuration")
        return None


def _read_ledger(databag: Mapping[str, str]) -> Ledger:
    ledger = Ledger().add(_each(databag, ISSUED, _read_entry))
    refused = {entry.key_sha256 for entry in ledger if entry.reason is Revocation.OPERATOR}
    refused.update(_each(databag, REFUSED_KEYS, _read_digest))
    return dataclasses.replace(ledger, refused_keys=frozenset(refused))


def _read_digest(item: Any) -> str:
    if not isinstance(item, str):
        raise TypeError(f"a digest is text, and not {type(item).__name__}")
    return item


def _read_authority(item: Mapping[str, Any]) -> Authority:
    issued_until = item.get("issued-until")
    return Authority(
        certificate=Certificate.from_string(item["certificate"]),
        chain=tuple(Certificate.from_string(pem) for pem in item["chain"]),
        origin=_read_origin(item["origin"]),
        phase=Phase(item["phase"]),
        since=_moment(item["since"]),
        issued_until=_moment(issued_until) if issued_until else None,
    )


def _write_authority(authority: Authority) -> dict[str, Any]:
    item: dict[str, Any] = {
        "certificate": authority.certificate.raw,
        "chain": [certificate.raw for certificate in authority.chain],
        "origin": _write_origin(authority.origin),
        "phase": authority.phase.value,
        "since": authority.since.isoformat(),
    }
    if authority.issued_until is not None:
        item["issued-until"] = authority.issued_until.isoformat()
    return item


def _read_origin(item: Mapping[str, Any]) -> Origin:
    if "fingerprint" in item:
        return Brought(str(item["fingerprint"]))
    return Made(tuple(str(part) for part in item["subject"]), str(item["key-algorithm"]))


def _write_origin(origin: Origin) -> dict[str, Any]:
    if isinstance(origin, Brought):
        return {"fingerprint": origin.fingerprint}
    return {"subject": list(origin.subject), "key-algorithm": origin.key_algorithm}


def _read_entry(item: Mapping[str, Any]) -> Entry:
    revoked_at = item.get("revoked-at")
    return Entry(
        serial=int(item["serial"], 16),
        relation_id=int(item["relation"]),
        requirer=str(item["requirer"]),
        names=tuple(str(name) for name in item["names"]),
        key_sha256=str(item["key"]),
        authority=str(item["authority"]),
        not_after=_moment(item["not-after"]),
        fingerprint=str(item.get("fingerprint", "")),
        revoked_at=_moment(revoked_at) if revoked_at else None,
        reason=Revocation(item["reason"]) if revoked_at else None,
    )


def _write_entry(entry: Entry) -> dict[str, Any]:
    item: dict[str, Any] = {
        "serial": entry.serial_hex,
        "relation": entry.relation_id,
        "requirer": entry.requirer,
        "names": list(entry.names),
        "key": entry.key_sha256,
        "authority": entry.authority,
        "not-after": entry.not_after.isoformat(),
        "fingerprint": entry.fingerprint,
    }
    if entry.revoked_at is not None and entry.reason is not None:
        item |= {"revoked-at": entry.revoked_at.isoformat(), "reason": entry.reason.value}
    return item


def _moment(text: str) -> datetime.datetime:
    moment = datetime.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"a time without a zone: {text!r}")
    return moment


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True) if value else ""


def _load(databag: Mapping[str, str], key: str, kind: type[Any]) -> Any:
    """Return the JSON under *key*, or an empty value of *kind* if there is none that is one."""
    text = databag.get(key)
    if not text:
        return kind()
    try:
        value = json.loads(text)
    # RecursionError: brackets by the thousand.
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, kind):
        _report(key, "all of it")
        return kind()
    return value


def _each(
    databag: Mapping[str, str], key: str, read_item: Callable[[Mapping[str, Any]], Any]
) -> Iterator[Any]:
    for item in _load(databag, key, list):
        try:
            yield read_item(item)
        # ArithmeticError: JSON as Python reads it has infinite numbers.
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
            _report(key, "an entry")


def _items(databag: Mapping[str, str], key: str, kind: type[Any]) -> Iterator[tuple[str, Any]]:
    for name, value in _load(databag, key, dict).items():
        if isinstance(value, kind):
            yield name, value
        else:
            _report(key, "an entry")


def _report(key: str, what: str) -> None:
    logger.warning(
        "The peers' databag has %r damaged: %s cannot be read and is left out", key, what
    )
