"""What each request is due: a certificate, a denial, or to be left as it stands."""

from __future__ import annotations

import collections
import dataclasses
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import NameOID

from . import policy as policies

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from charmlibs.interfaces.tls_certificates import (
        Certificate,
        CertificateSigningRequest,
        ProviderCertificate,
        RequirerCertificateRequest,
    )

    from .ledger import Ledger


@dataclasses.dataclass(frozen=True)
class Answers:
    """What to write into the relations. What already stands there rightly is not among it."""

    issue: tuple[RequirerCertificateRequest, ...]
    """Sign these, whether for the first time or again under another CA."""
    deny: tuple[tuple[RequirerCertificateRequest, policies.Denial], ...]
    """Answer these with an error; one that stands there word for word is not written again."""
    revoke: tuple[ProviderCertificate, ...]
    """Mark these as revoked."""


def decide(
    requests: Iterable[RequirerCertificateRequest],
    certificates: Iterable[ProviderCertificate],
    *,
    policy: policies.Policy,
    book: Ledger,
    issuer: Certificate,
    trusted: Collection[Certificate],
) -> Answers:
    """Decide on every request of every relation.

    What a requirer holds is not taken away by a policy that became stricter: a rotation issues it
    again whatever the limit is now, and leaves it standing if it would not be granted now, so that
    its renewal is what is denied. Under a CA that is trusted no more it is of no use, and denied.

    Args:
        requests: All that stand in the relations now.
        certificates: All answers that stand there now, revoked ones included.
        policy: What is granted.
        book: What was revoked, whether or not the relations say so yet.
        issuer: The CA that signs now.
        trusted: The CAs that clients are told to trust, by their own certificates.
    """
    revoked_serials = book.revoked_serials()
    withdrawn_serials = book.withdrawn_serials()
    issue: list[RequirerCertificateRequest] = []
    deny: list[tuple[RequirerCertificateRequest, policies.Denial]] = []
    revoke: list[ProviderCertificate] = []
    answers = {_key(answer): answer for answer in certificates}
    held: collections.Counter[int] = collections.Counter()
    due: list[RequirerCertificateRequest] = []
    # One request in the databags of two units of a requirer is one request.
    for request in {_key(request): request for request in requests}.values():
        answer = answers.get(_key(request))
        if answer is not None and (
            answer.revoked or answer.certificate.serial_number in revoked_serials
        ):
            # The revoked entry is the answer, and stays for as long as that request does.
            if not answer.revoked:
                revoke.append(answer)
        elif (
            answer is not None
            and answer.ca == issuer
            and answer.certificate.serial_number not in withdrawn_serials
        ):
            held[request.relation_id] += 1
        else:
            due.append(request)
    # Those that hold a certificate of another CA come first: what is in use is not what a lowered
    # limit takes away.
    due.sort(key=lambda request: _key(request) not in answers)
    for request in due:
        answer = answers.get(_key(request))
        granted = policy if answer is None else dataclasses.replace(policy, limit=None)
        denial = policies.why_deny(_wish(request), granted, held[request.relation_id])
        if denial is None:
            held[request.relation_id] += 1
            issue.append(request)
        elif (
            answer is not None
            and answer.ca in trusted
            and answer.certificate.serial_number not in withdrawn_serials
        ):
            held[request.relation_id] += 1
        else:
            deny.append((request, denial))
    return Answers(tuple(issue), tuple(deny), tuple(revoke))


def _key(item: RequirerCertificateRequest | ProviderCertificate) -> tuple[int, str]:
    return item.relation_id, item.certificate_signing_request.raw


def _wish(request: RequirerCertificateRequest) -> policies.Wish:
    csr = request.certificate_signing_request
    subject = csr.x509_object.subject
    return policies.wish_for(
        common_names=_texts(subject, NameOID.COMMON_NAME),
        dns_names=csr.sans_dns,
        ips=csr.sans_ip,
        addresses={*_texts(subject, NameOID.EMAIL_ADDRESS), *_addresses(csr)},
        is_ca=request.is_ca,
        key=csr.public_key_sha256,
    )


def _texts(subject: x509.Name, oid: x509.ObjectIdentifier) -> set[str]:
    """Return every value of an attribute: a subject may have several common names."""
    return {str(attribute.value) for attribute in subject.get_attributes_for_oid(oid)}


def _addresses(csr: CertificateSigningRequest) -> list[str]:
    try:
        names = csr.x509_object.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return [
        *names.value.get_values_for_type(x509.RFC822Name),
        *names.value.get_values_for_type(x509.UniformResourceIdentifier),
    ]
