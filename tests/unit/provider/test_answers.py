"""What each request is due."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pytest

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateRequestAttributes,
    PrivateKey,
    ProviderCertificate,
    RequirerCertificateRequest,
)
from self_signed_provider.answers import decide
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


def test_new_request_is_issued(ask: Asks, root: Certificate) -> None:
    """A request that has no answer is due a certificate."""
    request = ask("a")
    assert decide([request], [], Policy(), frozenset(), root).issue == (request,)


def test_answered_request_is_left(ask: Asks, answer: Answers, root: Certificate) -> None:
    """A request that holds a certificate of the CA in use is due nothing."""
    request = ask("a")
    due = decide([request], [answer(request)], Policy(), frozenset(), root)
    assert (due.issue, due.deny, due.revoke) == ((), (), ())


def test_issued_again_under_a_new_ca(ask: Asks, answer: Answers, other_root: Certificate) -> None:
    """After a switch, what was issued under the old CA is due a certificate of the new one."""
    request = ask("a")
    assert decide([request], [answer(request)], Policy(), frozenset(), other_root).issue == (
        request,
    )


def test_limit_is_of_what_is_held(ask: Asks, answer: Answers, root: Certificate) -> None:
    """The limit counts a requirer's certificates over all hooks, not the requests of one."""
    held, new, other = ask("a"), ask("b"), ask("c", relation_id=2)
    due = decide([held, new, other], [answer(held)], Policy(limit=1), frozenset(), root)
    assert due.issue == (other,)
    assert [request for request, _ in due.deny] == [new]


def test_lowered_limit_takes_nothing_away_at_a_switch(
    ask: Asks, answer: Answers, other_root: Certificate
) -> None:
    """Requests that hold a certificate come before those that have none yet."""
    new, held = ask("b"), ask("a")
    due = decide([new, held], [answer(held)], Policy(limit=1), frozenset(), other_root)
    assert due.issue == (held,)


def test_revoked_entry_is_the_answer(ask: Asks, answer: Answers, root: Certificate) -> None:
    """A request whose certificate was revoked gets neither a certificate nor an error."""
    request = ask("a")
    due = decide([request], [answer(request, revoked=True)], Policy(), frozenset(), root)
    assert (due.issue, due.deny, due.revoke) == ((), (), ())


def test_revocation_reaches_the_relation(ask: Asks, answer: Answers, root: Certificate) -> None:
    """What the ledger has as revoked is marked in the relation."""
    request = ask("a")
    standing = answer(request)
    serials = frozenset({standing.certificate.serial_number})
    assert decide([request], [standing], Policy(), serials, root).revoke == (standing,)


def test_revoked_key_asks_anew(ask: Asks, root: Certificate) -> None:
    """Another request with a key that was revoked is denied."""
    request = ask("a")
    refused = frozenset({request.certificate_signing_request.public_key_sha256})
    due = decide([request], [], Policy(refused_keys=refused), frozenset(), root)
    assert [denied for denied, _ in due.deny] == [request]


def test_same_request_of_two_units_is_one(ask: Asks, root: Certificate) -> None:
    """A request that stands in two databags of a relation is answered once."""
    request = ask("a")
    assert decide([request, request], [], Policy(), frozenset(), root).issue == (request,)
