"""Certificates that are being replaced, as the content of their Juju secret.

A request leaves the databag before its successor is answered, as every provider expects. What was
assigned under it waits here, with its key, so that it can go on being used meanwhile. An entry
without a certificate waits for nothing but the removal of its own secret, which takes two hooks.
What is to outlive its relation is held here from the beginning, while its request is there still.

Juju limits a secret to 1 MB of base64; before juju/juju#20287 (of 2025) to 64 KiB, 8 KiB a value.
So no certificate is written twice, and what does not fit is left out.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from . import _errors, _keys, _values, _wire

_KEY = "private-key"
_ENTRIES = "entries"
_FULL = "full"
# What a value of another type than expected raises; OverflowError is of an infinite number.
_UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, OverflowError)


class OutgoingEntry(NamedTuple):
    """A request that has left the databag."""

    csr: str
    """The request, in PEM."""
    answer: _values.ProviderCertificate | None = None
    """The certificate that was assigned under it; None if it is not to be used any more."""


class Outgoing(NamedTuple):
    """What one owner has that is being replaced."""

    key: _keys.PrivateKey | None = None
    """The key of the certificates; None if there are none, or the charm itself holds it."""
    entries: tuple[OutgoingEntry, ...] = ()
    """In the order in which they left, and last what has not left."""
    is_full: bool = False
    """Whether something else should be held, and did not fit."""

    @classmethod
    def of(
        cls,
        key: _keys.PrivateKey | None,
        entries: Iterable[OutgoingEntry],
        *,
        is_full: bool = False,
    ) -> "Outgoing":
        """Return these entries, with the key if one of them has a certificate."""
        entries = tuple(entries)
        has_any = any(entry.answer for entry in entries)
        return cls(key if has_any else None, entries, is_full)

    @property
    def answers(self) -> tuple[_values.ProviderCertificate, ...]:
        """The certificates that are being replaced."""
        return tuple(entry.answer for entry in self.entries if entry.answer is not None)

    def smaller(self, staying: Collection[str] = ()) -> "Iterator[Outgoing]":
        """Yield what is kept where this is too large: half of the certificates, and so on.

        The last one has none of them: what is needed to clean up.

        Args:
            staying: The requests, in PEM, that have not left, and need no cleaning up.
        """
        count = len(self.answers)
        while count:
            count //= 2
            left = count
            entries: list[OutgoingEntry] = []
            is_full = self.is_full
            for entry in self.entries:
                left -= entry.answer is not None
                if left >= 0:
                    entries.append(entry)
                elif entry.csr in staying:
                    is_full = True
                else:
                    entries.append(OutgoingEntry(entry.csr))
            yield Outgoing.of(self.key, entries, is_full=is_full)

    def to_content(self, *, keep_key: bool) -> dict[str, str]:
        """Return the content of the secret.

        Args:
            keep_key: Whether the key goes into it: a key that the charm passes is never stored.
        """
        content = {_ENTRIES: json.dumps([_entry_to_json(entry) for entry in self.entries])}
        if keep_key and self.key is not None:
            content[_KEY] = self.key.raw
        if self.is_full:
            content[_FULL] = "true"
        return content


def from_content(
    content: Mapping[str, str], passed_key: _keys.PrivateKey | None, reader: _wire.Reader
) -> Outgoing:
    """Read the content of the secret; what cannot be read keeps what is needed to clean up.

    Args:
        content: The secret's content.
        passed_key: The key that the charm passes, which stands for a key that is not stored.
        reader: Parses the texts.
    """
    entries: list[OutgoingEntry] = []
    for item in _load_list(content.get(_ENTRIES, "")):
        csr = item.get("csr")
        if isinstance(csr, str):
            entries.append(OutgoingEntry(csr, _answer(item, reader)))
    key = _key(content.get(_KEY)) or passed_key
    return Outgoing.of(key, entries, is_full=_FULL in content)


def _key(pem: str | None) -> _keys.PrivateKey | None:
    try:
        return _keys.PrivateKey.from_string(pem) if pem else None
    except _errors.TLSCertificatesError:
        return None


def _entry_to_json(entry: OutgoingEntry) -> dict[str, Any]:
    if entry.answer is None:
        return {"csr": entry.csr}
    certificate, ca = entry.answer.certificate.raw, entry.answer.ca.raw
    # A chain has both of them, as a rule: there their places are named.
    places = {ca: "ca", certificate: "certificate"}
    return {
        "csr": entry.csr,
        "certificate": certificate,
        "ca": ca,
        "chain": [places.get(one.raw, one.raw) for one in entry.answer.chain],
        "relation-id": entry.answer.relation_id,
    }


def _answer(item: dict[str, Any], reader: _wire.Reader) -> _values.ProviderCertificate | None:
    if "certificate" not in item:
        return None
    try:
        places = {place: item[place] for place in ("certificate", "ca")}
        chain = [places.get(one, one) for one in item.get("chain", [])]
        return _values.ProviderCertificate(
            relation_id=int(item.get("relation-id", -1)),
            certificate=reader.certificate(item["certificate"]),
            certificate_signing_request=reader.request(item["csr"]),
            ca=reader.certificate(item["ca"]),
            chain=[reader.certificate(pem) for pem in chain],
        )
    except (_errors.TLSCertificatesError, *_UNREADABLE):
        return None


def _load_list(text: str) -> list[dict[str, Any]]:
    try:
        items: object = json.loads(text)
    except (ValueError, RecursionError):
        return []
    if not isinstance(items, list):
        return []
    return [item for item in items if isinstance(item, dict)]  # pyright: ignore[reportUnknownVariableType] - JSON.
