"""What each request is due."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateRequestAttributes,
    CertificateRequestErrorCode,
    CertificateSigningRequest,
    PrivateKey,
    ProviderCertificate,
    RequirerCertificateRequest,
)
from self_signed_provider.answers import Answers as Due
from self_signed_provider.answers import decide
from self_signed_provider.ledger import Ledger, Revocation, entry_for
from self_signed_provider.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Callable

    Asks = Callable[..., RequirerCertificateRequest]
    Answers = Callable[..., ProviderCertificate]


@pytest.fixture
def ask(other_key: PrivateKey) -> Callable[..., RequirerCertificateRequest]:
    def make(name: str, relation_id: int = 1) -> RequirerCertificateRequest:
        csr = CertificateRequestAttributes(common_name=name).generate_csr(other_key)
        return RequirerCertificateRequest(relation_id, csr, is_ca=False, requirer="app/0")

    return make


@pytest.fixture
def answer(root: Certificate, ca_key: PrivateKey) -> Callable[..., ProviderCertificate]:
    def make(
        request: RequirerCertificateRequest,
        ca: Certificate = root,
        key: PrivateKey = ca_key,
        revoked: bool | None = None,
    ) -> ProviderCertificate:
        csr = request.certificate_signing_request
        leaf = csr.sign(ca, key, datetime.timedelta(days=1))
        return ProviderCertificate(request.relation_id, leaf, csr, ca, [leaf, ca], revoked)

    return make


def due_of(
    requests: list[RequirerCertificateRequest],
    standing: list[ProviderCertificate],
    policy: Policy,
    book: Ledger,
    issuer: Certificate,
    *old: Certificate,
) -> Due:
    """What is due when *issuer* issues and *old* ones are trusted still."""
    return decide(
        requests, standing, policy=policy, book=book, issuer=issuer, trusted={issuer, *old}
    )


def ledger_of(standing: ProviderCertificate, reason: Revocation) -> Ledger:
    certificate = standing.certificate
    made = entry_for(certificate, relation_id=1, requirer="app/0", authority="ca")
    return Ledger().add([made]).revoke(lambda _: True, reason, certificate.validity_start_time)


def test_new_request_is_issued(ask: Asks, root: Certificate) -> None:
    """A request that has no answer is due a certificate."""
    request = ask("a")
    assert due_of([request], [], Policy(), Ledger(), root).issue == (request,)


def test_answered_request_is_left(ask: Asks, answer: Answers, root: Certificate) -> None:
    """A request that holds a certificate of the CA in use is due nothing."""
    request = ask("a")
    due = due_of([request], [answer(request)], Policy(), Ledger(), root)
    assert (due.issue, due.deny, due.revoke) == ((), (), ())


def test_issued_again_under_a_new_ca(ask: Asks, answer: Answers, other_root: Certificate) -> None:
    """After a switch, what was issued under the old CA is due a certificate of the new one."""
    request = ask("a")
    assert due_of([request], [answer(request)], Policy(), Ledger(), other_root).issue == (request,)


def test_limit_is_of_what_is_held(ask: Asks, answer: Answers, root: Certificate) -> None:
    """The limit counts a requirer's certificates over all hooks, not the requests of one."""
    held, new, other = ask("a"), ask("b"), ask("c", relation_id=2)
    due = due_of([held, new, other], [answer(held)], Policy(limit=1), Ledger(), root)
    assert due.issue == (other,)
    assert [request for request, _ in due.deny] == [new]


def test_lowered_limit_takes_nothing_away_at_a_switch(
    ask: Asks, answer: Answers, other_root: Certificate
) -> None:
    """Requests that hold a certificate come before those that have none yet."""
    new, held = ask("b"), ask("a")
    due = due_of([new, held], [answer(held)], Policy(limit=1), Ledger(), other_root)
    assert due.issue == (held,)


def test_revoked_entry_is_the_answer(ask: Asks, answer: Answers, root: Certificate) -> None:
    """A request whose certificate was revoked gets neither a certificate nor an error."""
    request = ask("a")
    due = due_of([request], [answer(request, revoked=True)], Policy(), Ledger(), root)
    assert (due.issue, due.deny, due.revoke) == ((), (), ())


def test_revocation_reaches_the_relation(ask: Asks, answer: Answers, root: Certificate) -> None:
    """What the ledger has as revoked is marked in the relation."""
    request = ask("a")
    standing = answer(request)
    book = ledger_of(standing, Revocation.OPERATOR)
    assert due_of([request], [standing], Policy(), book, root).revoke == (standing,)


def test_revoked_key_asks_anew(ask: Asks, root: Certificate) -> None:
    """Another request with a key that was revoked is denied."""
    request = ask("a")
    refused = frozenset({request.certificate_signing_request.public_key_sha256})
    due = due_of([request], [], Policy(refused_keys=refused), Ledger(), root)
    assert [denied for denied, _ in due.deny] == [request]


def test_same_request_of_two_units_is_one(ask: Asks, root: Certificate) -> None:
    """A request that stands in two databags of a relation is answered once."""
    request = ask("a")
    assert due_of([request, request], [], Policy(), Ledger(), root).issue == (request,)


def test_lowered_limit_is_for_more_certificates(
    ask: Asks, answer: Answers, root: Certificate, other_root: Certificate
) -> None:
    """A rotation issues all again that is held, also where fewer would be granted now."""
    one, other, new = ask("a"), ask("b"), ask("c")
    standing = [answer(one), answer(other)]
    due = due_of([one, other, new], standing, Policy(limit=1), Ledger(), other_root, root)
    assert due.issue == (one, other)
    assert [request for request, _ in due.deny] == [new]


def test_stricter_policy_takes_nothing_away_at_a_switch(
    ask: Asks, answer: Answers, root: Certificate, other_root: Certificate
) -> None:
    """What would not be granted now stays as it stands for as long as its CA is trusted."""
    request = ask("a.test")
    strict = Policy(domains=("example.com",))
    due = due_of([request], [answer(request)], strict, Ledger(), other_root, root)
    assert (due.issue, due.deny, due.revoke) == ((), (), ())


def test_stricter_policy_after_a_compromise(
    ask: Asks, answer: Answers, other_root: Certificate
) -> None:
    """A certificate of a CA that is trusted no more is no reason to say nothing."""
    request = ask("a.test")
    strict = Policy(domains=("example.com",))
    due = due_of([request], [answer(request)], strict, Ledger(), other_root)
    assert [denied for denied, _ in due.deny] == [request]


def test_certificate_of_a_revocation_list_is_no_answer(
    ask: Asks, answer: Answers, root: Certificate
) -> None:
    """Whoever seemed to have gone and asks still, as after a relation was suspended, gets a new
    certificate in place of the one that was revoked.
    """
    request = ask("a")
    standing = answer(request)
    book = ledger_of(standing, Revocation.DEPARTED)
    assert due_of([request], [standing], Policy(), book, root).issue == (request,)


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
    other_key: PrivateKey, root: Certificate, subject: x509.Name, names: list[x509.GeneralName]
) -> None:
    """No kind of name, and no second one of a kind, comes past the allowed domains."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    key = other_key.x509_object
    csr = CertificateSigningRequest(x509_object=builder.sign(key, other_key.signature_hash))
    request = RequirerCertificateRequest(1, csr, is_ca=False)
    due = due_of([request], [], Policy(domains=("example.com",)), Ledger(), root)
    [(_, denial)] = due.deny
    assert denial.code is CertificateRequestErrorCode.DOMAIN_NOT_ALLOWED
    assert "evil.test" in denial.reason
