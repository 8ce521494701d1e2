"""Certificate revocation lists (RFC 5280, section 5)."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from .ledger import Revocation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from charmlibs.interfaces.tls_certificates import Certificate, PrivateKey

    from .ledger import Entry

LIFETIME = datetime.timedelta(days=7)
"""How long a list may be relied on: whoever fetches it does so more often than that."""

_MINUTE = datetime.timedelta(minutes=1)

_FLAGS = {
    Revocation.OPERATOR: x509.ReasonFlags.privilege_withdrawn,
    Revocation.DEPARTED: x509.ReasonFlags.cessation_of_operation,
    Revocation.CA_COMPROMISED: x509.ReasonFlags.ca_compromise,
}


def next_number(last: int | None, now: datetime.datetime) -> int:
    """Return the number of the next list, which is higher than that of any before.

    Numbers begin at the time, in seconds, so that they grow also where *last* was lost, or where
    a CA was brought back in another model which cannot know it.
    """
    return max((last or 0) + 1, int(now.timestamp()))


def build(
    authority: Certificate,
    key: PrivateKey,
    revoked: Iterable[Entry],
    *,
    number: int,
    now: datetime.datetime,
    last_until: datetime.datetime | None = None,
) -> str:
    """Return the list of what *authority* revoked, in PEM.

    Args:
        authority: The CA whose certificates these are.
        key: Its key.
        revoked: The entries that stand in it, each with its time and reason.
        number: Higher than that of any list of this CA before (section 5.2.3).
        now: Aware.
        last_until: For a list after which no other comes, because the key is destroyed: when the
            last certificate expires of which it speaks. Without it, a list is for `LIFETIME`.
    """
    issued = now.replace(microsecond=0)
    until = max(issued + LIFETIME, (last_until or issued) + _MINUTE)
    ca = authority.x509_object
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(ca.subject)
        .last_update(issued)
        .next_update(until)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(_identifier(ca)),
            critical=False,
        )
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    for entry in revoked:
        builder = builder.add_revoked_certificate(_entry(entry))
    signed = builder.sign(key.x509_object, key.signature_hash)
    return signed.public_bytes(serialization.Encoding.PEM).decode().strip()


def _identifier(ca: x509.Certificate) -> x509.SubjectKeyIdentifier:
    try:
        return ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        # An operator's CA need not have one; leaves then name the key by its usual digest too.
        return x509.SubjectKeyIdentifier.from_public_key(ca.public_key())


def _entry(entry: Entry) -> x509.RevokedCertificate:
    if entry.revoked_at is None or entry.reason is None:
        raise ValueError(f"certificate {entry.serial_hex} is not revoked")
    return (
        x509.RevokedCertificateBuilder()
        .serial_number(entry.serial)
        .revocation_date(entry.revoked_at)
        .add_extension(x509.CRLReason(_FLAGS[entry.reason]), critical=False)
        .build()
    )
