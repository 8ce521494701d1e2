"""The requirer's decisions as tables: what is dropped and why, what is stored, what is told."""

import dataclasses
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from charmlibs.interfaces.tls_certificates import (
    CertificateError,
    CertificateInvalidationReason,
    CertificateSigningRequest,
    ProviderCertificateError,
    RequirerCertificateRequest,
    _outgoing,
    _renewal,
    _requirer_plan,
    _requirer_state,
)
from charmlibs.interfaces.tls_certificates._requirer_plan import DropReason
from charmlibs.interfaces.tls_certificates._requirer_state import Flaw
from tests.unit.lib import keys
from tests.unit.lib.at_rest import (
    ANSWER,
    CSR,
    DAY,
    REQUEST,
    REVOKED,
    START,
    A,
    plan_of,
    seen_at_rest,
)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({}, None, id="at rest"),
        pytest.param({"wanted": ()}, DropReason.NOT_REQUESTED, id="not requested"),
        pytest.param(
            {"wanted": (A(common_name="a", is_ca=True),)}, DropReason.NOT_REQUESTED, id="now a CA"
        ),
        pytest.param({"key": keys.key("b")}, DropReason.KEY_CHANGED, id="key changed"),
        pytest.param({"answers": REVOKED}, None, id="revoked"),
        pytest.param(
            {"answers": REVOKED, "key": keys.key("b")}, DropReason.REVOKED, id="revoked, new key"
        ),
        pytest.param({"asked": frozenset([CSR.raw])}, DropReason.RENEWAL_ASKED, id="asked for"),
        pytest.param({"now": START + 81 * DAY}, DropReason.RENEWAL_DUE, id="due"),
        pytest.param(
            {"now": START + 81 * DAY - timedelta(seconds=50), "hinted": frozenset([CSR.raw])},
            DropReason.RENEWAL_DUE,
            id="alarm a little early",
        ),
        pytest.param(
            {"now": START + 81 * DAY - timedelta(seconds=70), "hinted": frozenset([CSR.raw])},
            None,
            id="alarm much too early",
        ),
        pytest.param({"now": START + 95 * DAY}, DropReason.RENEWAL_DUE, id="expired"),
        pytest.param({"now": START + 82 * DAY, "answers": REVOKED}, None, id="due, but revoked"),
        pytest.param(
            {"now": START + 82 * DAY, "answers": {}}, DropReason.RENEWAL_DUE, id="withdrawn, due"
        ),
        pytest.param({"now": START + 82 * DAY, "stored": {}}, None, id="no alarm"),
        pytest.param(
            {"now": START + 82 * DAY, "answers": {CSR.raw: keys.answer(CSR, 200 * DAY)}},
            None,
            id="due, and answered anew",
        ),
        pytest.param(
            {"now": START + 95 * DAY, "stored": {}, "asks_again": True},
            DropReason.ANSWERED_TOO_LATE,
            id="expired unseen",
        ),
        pytest.param(
            {"now": START + 95 * DAY, "stored": {}}, None, id="expired unseen, asked just now"
        ),
        pytest.param(
            {"now": START + 95 * DAY, "stored": {}, "answers": REVOKED, "asks_again": True},
            None,
            id="expired unseen, and revoked",
        ),
        pytest.param(
            {"now": START - 95 * DAY, "stored": {}, "asks_again": True}, None, id="not valid yet"
        ),
        pytest.param({"asks_again": True}, None, id="at rest, now and then"),
    ],
)
def test_why_drop(changes: dict[str, Any], reason: DropReason | None) -> None:
    """A request leaves the databag for one of these reasons, and for no other."""
    assert _requirer_plan.why_drop(REQUEST, seen_at_rest(**changes)) is reason


def _with_a_spoilt_signature(csr: CertificateSigningRequest) -> RequirerCertificateRequest:
    der = bytearray(csr.x509_object.public_bytes(Encoding.DER))
    der[-1] ^= 1
    pem = x509.load_der_x509_csr(bytes(der)).public_bytes(Encoding.PEM).decode()
    return RequirerCertificateRequest(1, CertificateSigningRequest.from_string(pem), False)


def test_request_that_proves_nothing_is_made_anew() -> None:
    """No provider answers it."""
    plan = plan_of(sent=(_with_a_spoilt_signature(CSR),), answers={}, stored={})
    assert [one.reason for one in plan.dropped] == [DropReason.UNPROVEN]
    assert len(plan.send) == 1


def test_request_that_proves_nothing_takes_no_good_ones_place() -> None:
    """A good one for the same is no duplicate of it."""
    spoilt = _with_a_spoilt_signature(CSR)
    plan = plan_of(sent=(spoilt, REQUEST))
    assert [(one.csr, one.reason) for one in plan.dropped] == [
        (spoilt.certificate_signing_request, DropReason.UNPROVEN)
    ]


def test_duplicates_are_dropped() -> None:
    """Of two requests for the same, the first stays."""
    again = RequirerCertificateRequest(1, keys.csr_of(), False)
    plan = _requirer_plan.plan(seen_at_rest(sent=(REQUEST, again)))
    ((dropped),) = plan.dropped
    assert dropped.reason is DropReason.DUPLICATE
    assert dropped.csr == again.certificate_signing_request


@pytest.mark.parametrize(
    ("request_is_ca", "key", "revoked", "now", "flaw"),
    [
        pytest.param(False, "a", None, START, None, id="good"),
        pytest.param(False, "a", True, START, Flaw.REVOKED, id="revoked"),
        pytest.param(False, "b", None, START, Flaw.OTHER_KEY, id="other key"),
        pytest.param(True, "a", None, START, Flaw.NOT_A_CA, id="no CA"),
        pytest.param(False, "a", None, START + 91 * DAY, Flaw.EXPIRED, id="expired"),
    ],
)
def test_why_flawed(
    request_is_ca: bool, key: str, revoked: bool | None, now: datetime, flaw: Flaw | None
) -> None:
    """An answer is not used for one of these reasons."""
    asked = RequirerCertificateRequest(1, CSR, request_is_ca)
    given = dataclasses.replace(ANSWER, revoked=revoked)
    assert _requirer_state.why_flawed(asked, given, keys.key(key), now) is flaw


def test_ca_that_was_not_asked_for() -> None:
    """A CA certificate is not used for a leaf's request."""
    given = keys.answer(CSR, is_ca=True)
    now = given.certificate.validity_start_time
    assert _requirer_state.why_flawed(REQUEST, given, keys.key(), now) is Flaw.UNWANTED_CA


def test_at_rest() -> None:
    """A certificate that is held and not due is announced, and nothing else is done."""
    assert plan_of() == _requirer_plan.Plan(available=(ANSWER,))


def test_first_request() -> None:
    """What is wanted and not asked for is asked for, where there is a relation and a key."""
    nothing: dict[str, Any] = {"sent": (), "answers": {}, "stored": {}}
    assert plan_of(**nothing).send == (A(common_name="a"),)
    assert plan_of(**nothing, key=None).send == ()
    assert plan_of(**nothing, connected=False).send == ()


def test_without_a_relation_nothing_is_dropped() -> None:
    """While there is no relation, no request is judged."""
    assert plan_of(connected=False, wanted=()).dropped == ()


def test_new_certificate_is_stored() -> None:
    """An answer is stored with the moment when it is due, and announced."""
    plan = plan_of(stored={}, now=START)
    (store,) = plan.store
    certificate = ANSWER.certificate
    assert store.answer is ANSWER
    assert store.alarm == _renewal.due(
        certificate.validity_start_time, certificate.expiry_time, 0.9, START
    )
    assert plan.available == (ANSWER,)


@pytest.mark.parametrize(
    ("stored", "is_stored"),
    [
        pytest.param(_requirer_state.Stored(None, START), True, id="unreadable"),
        pytest.param(_requirer_state.Stored(ANSWER.ca, START), True, id="another one"),
        pytest.param(_requirer_state.Stored(ANSWER.certificate, None), True, id="no alarm"),
        pytest.param(
            _requirer_state.Stored(ANSWER.certificate, _renewal.FAR_AWAY), True, id="done with"
        ),
        pytest.param(
            _requirer_state.Stored(ANSWER.certificate, START + 50 * DAY), False, id="held"
        ),
    ],
)
def test_secret_is_written_again(stored: _requirer_state.Stored, is_stored: bool) -> None:
    """A secret that does not hold the certificate with an alarm is written again."""
    plan = plan_of(stored={CSR.raw: stored})
    assert bool(plan.store) is is_stored
    assert (plan.alarms, plan.remove) == ({}, ())


def test_secret_of_version_3_makes_room() -> None:
    """A secret that is not taken over goes in two hooks; ours is written when it goes."""
    foreign = _requirer_state.Stored(ANSWER.certificate, START + 50 * DAY, is_foreign=True)
    plan = plan_of(stored={CSR.raw: foreign})
    assert (plan.alarms, plan.remove, plan.store) == ({CSR.raw: _renewal.FAR_AWAY}, (), ())
    gone = foreign._replace(alarm=_renewal.FAR_AWAY, is_removable=True)
    plan = plan_of(stored={CSR.raw: gone})
    assert (plan.alarms, plan.remove, len(plan.store)) == ({}, (CSR.raw,), 1)


def test_revoked_certificate() -> None:
    """A revocation is announced once: the secret says so for as long as the request is there."""
    plan = plan_of(answers=REVOKED)
    (invalidated,) = plan.invalidated
    assert invalidated.certificate == ANSWER.certificate
    assert (invalidated.csr, invalidated.reason.value) == (CSR.raw, "revoked")
    assert plan.alarms == {CSR.raw: _renewal.FAR_AWAY}
    assert (plan.available, plan.dropped) == ((), ())
    assert [flaw for _, flaw in plan.flawed] == [Flaw.REVOKED]
    marked = _requirer_state.Stored(ANSWER.certificate, _renewal.FAR_AWAY)
    plan = plan_of(answers=REVOKED, stored={CSR.raw: marked})
    assert (plan.invalidated, plan.alarms, plan.remove) == ((), {}, ())
    removable = marked._replace(is_removable=True)
    plan = plan_of(answers=REVOKED, stored={CSR.raw: removable})
    assert (plan.invalidated, plan.alarms, plan.remove) == ((), {}, ())


def test_refusal_is_announced() -> None:
    """A refusal is announced while its request has no certificate that can be used."""
    refusal = ProviderCertificateError(1, CSR, CertificateError(code=1, name="n", message="m"))
    refusals = {CSR.raw: refusal}
    assert plan_of(refusals=refusals).denied == ()
    assert plan_of(refusals=refusals, answers={}, stored={}).denied == (refusal,)
    assert plan_of(refusals=refusals, answers=REVOKED).denied == (refusal,)


def test_renewal_goes_on_being_used() -> None:
    """A certificate that is due stays in use while its request is made anew."""
    plan = plan_of(asked=frozenset([CSR.raw]))
    ((dropped),) = plan.dropped
    assert (dropped.csr, dropped.reason) == (CSR, DropReason.RENEWAL_ASKED)
    assert plan.send == (A(common_name="a"),)
    assert plan.outgoing.key == keys.key()
    assert plan.outgoing.entries == (_outgoing.OutgoingEntry(CSR.raw, ANSWER),)
    # Its secret's next alarm is the end of its validity.
    assert plan.alarms == {CSR.raw: _renewal.alarm(ANSWER.certificate.expiry_time)}


def test_revoked_before_we_ever_saw_it() -> None:
    """A certificate that comes revoked is told of, and marked, to be told of once."""
    answer = REVOKED[CSR.raw]
    plan = plan_of(answers=REVOKED, stored={})
    assert plan.store == (_requirer_plan.Store(answer, _renewal.FAR_AWAY),)
    (told,) = plan.invalidated
    assert (told.certificate, told.csr) == (ANSWER.certificate, CSR.raw)
    assert told.reason is CertificateInvalidationReason.REVOKED


def test_revoked_in_a_secret_of_version_3() -> None:
    """A secret that is not taken over is removed, and the mark put in its place."""
    done = _requirer_state.Stored(ANSWER.certificate, _renewal.FAR_AWAY, is_foreign=True)
    plan = plan_of(answers=REVOKED, stored={CSR.raw: done})
    assert (plan.alarms, plan.remove, plan.store) == ({}, (), ())
    removable = done._replace(is_removable=True)
    plan = plan_of(answers=REVOKED, stored={CSR.raw: removable})
    assert plan.remove == (CSR.raw,)
    assert plan.store == (_requirer_plan.Store(REVOKED[CSR.raw], _renewal.FAR_AWAY),)


def test_revoked_certificate_is_the_one_that_was_held() -> None:
    """What we held is what is told of; where that cannot be read, what the provider shows."""
    held = keys.answer(CSR).certificate
    stored = _requirer_state.Stored(held, START + 50 * DAY)
    (told,) = plan_of(answers=REVOKED, stored={CSR.raw: stored}).invalidated
    assert told.certificate == held
    unreadable = _requirer_state.Stored(None, START + 50 * DAY)
    (told,) = plan_of(answers=REVOKED, stored={CSR.raw: unreadable}).invalidated
    assert told.certificate == ANSWER.certificate
