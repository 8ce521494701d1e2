"""What each request is due."""

from __future__ import annotations

import dataclasses
import datetime
import ssl
from collections.abc import Callable, Iterable

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from charmlibs.interfaces.tls_certificates import (
    CertificateRequestAttributes,
    CertificateRequestErrorCode,
    CertificateSigningRequest,
    Exchange,
    PrivateKey,
    RequirerCertificateRequest,
)
from self_signed_provider.answers import Answers, decide, look
from self_signed_provider.ledger import Entry, Ledger, Revocation, fingerprint_of
from self_signed_provider.policy import Policy

Asks = Callable[..., RequirerCertificateRequest]
NOW = datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)
ISSUER, OLD = "issuer", "old"


@pytest.fixture
def ask(other_key: PrivateKey) -> Asks:
    def make(name: str, relation_id: int = 1) -> RequirerCertificateRequest:
        csr = CertificateRequestAttributes(common_name=name).generate_csr(other_key)
        return RequirerCertificateRequest(relation_id, csr, is_ca=False, requirer="app/0")

    return make


def pem(name: str) -> str:
    """Text that reads as a certificate does, for whoever does not parse it."""
    return ssl.DER_cert_to_PEM_cert(name.encode()).strip()


def exchange(
    request: RequirerCertificateRequest, *, held: bool = False, revoked: bool = False
) -> Exchange:
    csr = request.certificate_signing_request.raw
    return Exchange(
        request.relation_id,
        csr,
        is_ca=False,
        requirer="app/0",
        certificate=pem(csr) if held or revoked else None,
        revoked=revoked,
    )


def entry(
    request: RequirerCertificateRequest, authority: str = ISSUER, reason: Revocation | None = None
) -> Entry:
    csr = request.certificate_signing_request
    return Entry(
        serial=hash(csr.raw),
        relation_id=request.relation_id,
        requirer="app/0",
        names=("a",),
        key_sha256=csr.public_key_sha256,
        authority=authority,
        not_after=NOW,
        fingerprint=fingerprint_of(pem(csr.raw)),
        revoked_at=NOW if reason else None,
        reason=reason,
    )


def due_of(
    requests: Iterable[RequirerCertificateRequest],
    *standing: Entry,
    policy: Policy | None = None,
    trusted: Iterable[str] = (ISSUER, OLD),
) -> Answers:
    """What is due to *requests* when those of *standing* hold these certificates."""
    requests = list(requests)
    book = Ledger().add(standing)
    known = book.by_fingerprint()
    exchanges = [
        exchange(one, held=fingerprint_of(pem(one.certificate_signing_request.raw)) in known)
        for one in requests
    ]
    outlook = look(exchanges, book, ISSUER)
    return decide(requests, outlook, policy=policy or Policy(), trusted=set(trusted))


def test_new_request_is_issued(ask: Asks) -> None:
    """A request that has no answer is due a certificate."""
    request = ask("a")
    assert due_of([request]).issue == (request,)


def test_answered_request_is_left(ask: Asks) -> None:
    """A request that holds a certificate of the CA in use is due nothing."""
    request = ask("a")
    due = due_of([request], entry(request))
    assert (due.issue, due.deny) == ((), ())


def test_unknown_certificate_is_no_answer(ask: Asks) -> None:
    """A certificate that is not in the ledger, whoever wrote it, does not stand for an answer."""
    request = ask("a")
    outlook = look([exchange(request, held=True)], Ledger(), ISSUER)
    assert list(outlook.due.values()) == [None]


def test_text_that_is_no_certificate_is_no_answer(ask: Asks) -> None:
    """Garbage in the place of a certificate is no answer, also for a ledger of an older version,
    whose entries have no fingerprints.
    """
    request = ask("a")
    older = dataclasses.replace(entry(request), fingerprint="")
    garbage = dataclasses.replace(exchange(request), certificate="garbage")
    outlook = look([garbage], Ledger().add([older]), ISSUER)
    assert list(outlook.due.values()) == [None]


def test_issued_again_under_a_new_ca(ask: Asks) -> None:
    """After a switch, what was issued under the old CA is due a certificate of the new one."""
    request = ask("a")
    assert due_of([request], entry(request, OLD)).issue == (request,)


def test_limit_is_of_what_is_held(ask: Asks) -> None:
    """The limit counts a requirer's certificates over all hooks, not the requests of one."""
    held, new, other = ask("a"), ask("b"), ask("c", relation_id=2)
    due = due_of([held, new, other], entry(held), policy=Policy(limit=1))
    assert due.issue == (other,)
    assert [request for request, _ in due.deny] == [new]


def test_lowered_limit_takes_nothing_away_at_a_switch(ask: Asks) -> None:
    """Requests that hold a certificate come before those that have none yet."""
    new, held = ask("b"), ask("a")
    due = due_of([new, held], entry(held, OLD), policy=Policy(limit=1))
    assert due.issue == (held,)


def test_revoked_entry_is_the_answer(ask: Asks) -> None:
    """A request whose certificate was revoked gets neither a certificate nor an error."""
    outlook = look([exchange(ask("a"), revoked=True)], Ledger(), ISSUER)
    assert (outlook.due, outlook.mark) == ({}, frozenset())


def test_revocation_reaches_the_relation(ask: Asks) -> None:
    """What the ledger has as revoked is marked in the relation."""
    request = ask("a")
    book = Ledger().add([entry(request, reason=Revocation.OPERATOR)])
    outlook = look([exchange(request, held=True)], book, ISSUER)
    assert outlook.mark == {(1, request.certificate_signing_request.raw)}
    assert not outlook.due


def test_revoked_key_asks_anew(ask: Asks) -> None:
    """Another request with a key that was revoked is denied."""
    request = ask("a")
    refused = frozenset({request.certificate_signing_request.public_key_sha256})
    due = due_of([request], policy=Policy(refused_keys=refused))
    assert [denied for denied, _ in due.deny] == [request]


def test_request_that_is_not_due_is_not_answered(ask: Asks) -> None:
    """One requirer's text in another's relation takes no answer there from where it is due."""
    mine, elsewhere = ask("a"), ask("a", relation_id=2)
    outlook = look([exchange(mine)], Ledger(), ISSUER)
    due = decide([mine, elsewhere], outlook, policy=Policy(), trusted={ISSUER})
    assert due.issue == (mine,)


def test_lowered_limit_is_for_more_certificates(ask: Asks) -> None:
    """A rotation issues all again that is held, also where fewer would be granted now."""
    one, other, new = ask("a"), ask("b"), ask("c")
    due = due_of([one, other, new], entry(one, OLD), entry(other, OLD), policy=Policy(limit=1))
    assert due.issue == (one, other)
    assert [request for request, _ in due.deny] == [new]


def test_stricter_policy_takes_nothing_away_at_a_switch(ask: Asks) -> None:
    """What would not be granted now stays as it stands for as long as its CA is trusted."""
    request = ask("a.test")
    strict = Policy(domains=("example.com",))
    due = due_of([request], entry(request, OLD), policy=strict)
    assert (due.issue, due.deny) == ((), ())


def test_stricter_policy_after_a_compromise(ask: Asks) -> None:
    """A certificate of a CA that is trusted no more is no reason to say nothing."""
    request = ask("a.test")
    strict = Policy(domains=("example.com",))
    due = due_of([request], entry(request, OLD), policy=strict, trusted=[ISSUER])
    assert [denied for denied, _ in due.deny] == [request]


@pytest.mark.parametrize("reason", [Revocation.DEPARTED, Revocation.CA_COMPROMISED])
def test_certificate_of_a_revocation_list_is_no_answer(ask: Asks, reason: Revocation) -> None:
    """Whoever seemed to have gone and asks still, as after a relation was suspended, gets a new
    certificate in place of the one that was revoked.
    """
    request = ask("a")
    assert due_of([request], entry(request, reason=reason)).issue == (request,)


def subject_names(*common_names: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in common_names])


@pytest.mark.parametrize(
    ("subject", "names"),
    [
        pytest.param(subject_names("a.example.com", "b.evil.test"), [], id="second common name"),
        pytest.param(
            subject_names("a.example.com"), [x509.RFC822Name("me@evil.test")], id="e-mail"
        ),
        pytest.param(
            subject_names("a.example.com"),
            [x509.UniformResourceIdentifier("spiffe://evil.test/x")],
            id="URI",
        ),
    ],
)
def test_every_name_is_held_to_the_policy(
    other_key: PrivateKey, subject: x509.Name, names: list[x509.GeneralName]
) -> None:
    """No kind of name, and no second one of a kind, comes past the allowed domains."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    key = other_key.x509_object
    csr = CertificateSigningRequest(x509_object=builder.sign(key, other_key.signature_hash))
    request = RequirerCertificateRequest(1, csr, is_ca=False)
    due = due_of([request], policy=Policy(domains=("example.com",)))
    [(_, denial)] = due.deny
    assert denial.code is CertificateRequestErrorCode.DOMAIN_NOT_ALLOWED
    assert "evil.test" in denial.reason
