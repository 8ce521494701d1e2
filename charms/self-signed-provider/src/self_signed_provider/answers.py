"""What each request is due: a certificate, a denial, or to be left as it stands."""

from __future__ import annotations

import collections
import dataclasses
from typing import TYPE_CHECKING

from . import policy as policies

if TYPE_CHECKING:
    from collections.abc import Iterable

    from charmlibs.interfaces.tls_certificates import (
        Certificate,
        ProviderCertificate,
        RequirerCertificateRequest,
    )


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
    policy: policies.Policy,
    revoked_serials: frozenset[int],
    issuer: Certificate,
) -> Answers:
    """Decide on every request of every relation.

    Args:
        requests: All that stand in the relations now.
        certificates: All answers that stand there now, revoked ones included.
        policy: What is granted.
        revoked_serials: What an operator revoked, whether or not the relation says so yet.
        issuer: The CA that signs now.
    """
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
        elif answer is not None and answer.ca == issuer:
            held[request.relation_id] += 1
        else:
            due.append(request)
    # Those that hold a certificate of another CA come first: what is in use is not what a lowered
    # limit takes away.
    due.sort(key=lambda request: _key(request) not in answers)
    for request in due:
        denial = policies.why_deny(_wish(request), policy, held[request.relation_id])
        if denial is None:
            held[request.relation_id] += 1
            issue.append(request)
        else:
            deny.append((request, denial))
    return Answers(tuple(issue), tuple(deny), tuple(revoke))


def _key(item: RequirerCertificateRequest | ProviderCertificate) -> tuple[int, str]:
    return item.relation_id, item.certificate_signing_request.raw


def _wish(request: RequirerCertificateRequest) -> policies.Wish:
    csr = request.certificate_signing_request
    return policies.wish_for(
        common_name=csr.common_name,
        dns_names=csr.sans_dns,
        ips=csr.sans_ip,
        is_ca=request.is_ca,
        key=csr.public_key_sha256,
    )
