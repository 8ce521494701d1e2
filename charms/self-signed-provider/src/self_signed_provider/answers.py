"""What each request is due: a certificate, a denial, or to be left as it stands."""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import NameOID

from . import constraints
from . import policy as policies
from .ledger import Revocation, fingerprint_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from charmlibs.interfaces.tls_certificates import (
        CertificateSigningRequest,
        Exchange,
        RequirerCertificateRequest,
    )

    from .ledger import Entry, Ledger


Key = tuple[int, str]
"""A request: the id of its relation, and its text in PEM, the interface's correlation id."""


@dataclasses.dataclass(frozen=True)
class Outlook:
    """What a look at the relations shows to be done, before anything there is parsed."""

    held: Mapping[int, int]
    """How many certificates each relation holds that stand as they should."""
    due: Mapping[Key, Entry | None]
    """Requests to decide on, each with the certificate that it holds of another CA, or one that
    was withdrawn."""
    mark: frozenset[Key]
    """Requests whose certificate is to be marked as revoked."""


@dataclasses.dataclass(frozen=True)
class Answers:
    """What to write into the relations. What already stands there rightly is not among it."""

    issue: tuple[RequirerCertificateRequest, ...]
    """Sign these, whether for the first time or again under another CA."""
    deny: tuple[tuple[RequirerCertificateRequest, policies.Denial], ...]
    """Answer these with an error; one that stands there word for word is not written again."""


def look(exchanges: Iterable[Exchange], book: Ledger, issuer: str) -> Outlook:
    """See which requests are due something.

    Args:
        exchanges: Every request of every relation, with its answer.
        book: The ledger; a certificate that it does not have is no answer.
        issuer: The id of the CA that signs now.
    """
    known = book.by_fingerprint()
    held: collections.Counter[int] = collections.Counter()
    due: dict[Key, Entry | None] = {}
    mark: set[Key] = set()
    for one in exchanges:
        key = one.relation_id, one.csr
        entry = known.get(fingerprint_of(one.certificate)) if one.certificate else None
        if one.revoked:
            # The revoked entry is the answer, and stays for as long as that request does.
            continue
        if entry is None:
            due[key] = None
        elif entry.reason is Revocation.OPERATOR:
            mark.add(key)
        elif entry.reason is not None or entry.authority != issuer:
            due[key] = entry
        else:
            held[one.relation_id] += 1
    return Outlook(held, due, frozenset(mark))


def decide(
    requests: Iterable[RequirerCertificateRequest],
    outlook: Outlook,
    *,
    policy: policies.Policy,
    trusted: Collection[str],
    unsignable: Mapping[Key, policies.Denial] | None = None,
) -> Answers:
    """Decide on every request that is due something.

    What a requirer holds is not taken away by a policy that became stricter: a rotation issues it
    again whatever the limit is now, and leaves it standing if it would not be granted now, so that
    its renewal is what is denied. Under a CA that is trusted no more it is of no use, and denied.

    Args:
        requests: Those of `outlook.due` that can be read and prove that their sender has the key.
        outlook: What stands.
        policy: What is granted.
        trusted: The ids of the CAs that clients are told to trust.
        unsignable: Requests that were found to be no base for a certificate: they take no room
            under the limit from others.
    """
    unsignable = unsignable or {}
    issue: list[RequirerCertificateRequest] = []
    deny: list[tuple[RequirerCertificateRequest, policies.Denial]] = []
    held = collections.Counter(outlook.held)
    chosen = [request for request in requests if key_of(request) in outlook.due]
    # Those that hold a certificate of another CA come first: what is in use is not what a lowered
    # limit takes away.
    for request in sorted(chosen, key=lambda request: outlook.due[key_of(request)] is None):
        key = key_of(request)
        entry = outlook.due[key]
        granted = policy if entry is None else dataclasses.replace(policy, limit=None)
        denial = unsignable.get(key) or policies.why_deny(
            _wish(request), granted, held[request.relation_id]
        )
        if denial is None:
            held[request.relation_id] += 1
            issue.append(request)
        elif is_kept(entry, trusted):
            held[request.relation_id] += 1
        else:
            deny.append((request, denial))
    return Answers(tuple(issue), tuple(deny))


def circumstances(
    exchanges: Iterable[Exchange],
    outlook: Outlook,
    *,
    terms: str,
    limit: int | None,
    trusted: Collection[str],
) -> dict[Key, str]:
    """Return for each request that is due something what the decision on it depends on.

    Where that is the same as it was when the request was left as it stands, a denial above all,
    the decision would be the same again, and the request need not be parsed for it.

    Args:
        exchanges: As for `look`.
        outlook: What it returned.
        terms: All else that a decision depends on, as one text: options, CA, refused keys.
        limit: As in the policy.
        trusted: As for `decide`.

    Returns:
        Digests, hexadecimal.
    """
    standing = collections.Counter(outlook.held)
    standing.update(
        relation for (relation, _), entry in outlook.due.items() if is_kept(entry, trusted)
    )
    found: dict[Key, str] = {}
    for one in exchanges:
        key = one.relation_id, one.csr
        if key not in outlook.due:
            continue
        entry = outlook.due[key]
        depends = [
            *key,
            one.is_ca,
            one.certificate,
            one.error and one.error.model_dump_json(),
            entry and entry.reason and entry.reason.value,
            is_kept(entry, trusted),
            limit is None or standing[one.relation_id] < limit,
            terms,
        ]
        found[key] = hashlib.sha256(json.dumps(depends).encode()).hexdigest()
    return found


def without(outlook: Outlook, settled: Collection[Key], trusted: Collection[str]) -> Outlook:
    """Return *outlook* without requests on which nothing else can be decided than before."""
    held = collections.Counter(outlook.held)
    held.update(key[0] for key in settled if is_kept(outlook.due[key], trusted))
    due = {key: entry for key, entry in outlook.due.items() if key not in settled}
    return dataclasses.replace(outlook, held=held, due=due)


def is_kept(entry: Entry | None, trusted: Collection[str]) -> bool:
    """Return whether a certificate stays where no other can be had: clients take it still."""
    return entry is not None and entry.reason is None and entry.authority in trusted


def key_of(request: RequirerCertificateRequest) -> Key:
    """Return what a request is known by."""
    return request.relation_id, request.certificate_signing_request.raw


def _wish(request: RequirerCertificateRequest) -> policies.Wish:
    csr = request.certificate_signing_request
    subject = csr.x509_object.subject
    common_names = _texts(subject, NameOID.COMMON_NAME)
    emails, uris = _addresses(csr)
    emails |= _texts(subject, NameOID.EMAIL_ADDRESS)
    return policies.wish_for(
        common_names=common_names,
        dns_names=csr.sans_dns,
        ips=csr.sans_ip,
        addresses={*emails, *uris},
        is_ca=request.is_ca,
        key=csr.public_key_sha256,
        constrained=constraints.names_of(
            common_names=() if request.is_ca else common_names,
            dns=csr.sans_dns,
            ips=csr.sans_ip,
            emails=emails,
            uris=uris,
            oids=csr.sans_oid,
            subject=subject,
        ),
    )


def _texts(subject: x509.Name, oid: x509.ObjectIdentifier) -> set[str]:
    """Return every value of an attribute: a subject may have several common names."""
    return {str(attribute.value) for attribute in subject.get_attributes_for_oid(oid)}


def _addresses(csr: CertificateSigningRequest) -> tuple[set[str], set[str]]:
    """Return the e-mail addresses and the URIs among the subject alternative names."""
    try:
        names = csr.x509_object.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return set(), set()
    emails = names.value.get_values_for_type(x509.RFC822Name)
    return set(emails), set(names.value.get_values_for_type(x509.UniformResourceIdentifier))
