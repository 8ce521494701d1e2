"""The decisions of both sides as tables: what is dropped and why, when it is due, what is set."""

import dataclasses
from datetime import datetime, timedelta
from typing import Any

import pytest

from charmlibs.interfaces.tls_certificates import (
    CertificateError,
    CertificateInvalidationReason,
    CertificateRequestAttributes,
    ProviderCertificate,
    ProviderCertificateError,
    RequirerCertificateRequest,
    _outgoing,
    _provider_plan,
    _renewal,
    _requirer_plan,
    _requirer_state,
    _wire,
)
from charmlibs.interfaces.tls_certificates._requirer_plan import DropReason
from charmlibs.interfaces.tls_certificates._requirer_state import Flaw
from tests.unit.lib import keys

A = CertificateRequestAttributes
DAY = timedelta(days=1)
CSR = keys.csr_of()
REQUEST = RequirerCertificateRequest(1, CSR, False)
ANSWER = keys.answer(CSR)
# By the clock, as the certificate is: it was made just now.
START = ANSWER.certificate.expiry_time - 90 * DAY


def _seen(**changes: Any) -> _requirer_state.Observed:
    """Return a requirer at rest, but for the changes."""
    stored = _requirer_state.Stored(ANSWER.certificate, START + 81 * DAY)
    seen = _requirer_state.Observed(
        now=START + DAY,
        wanted=(A(common_name="a"),),
        key=keys.key(),
        sent=(REQUEST,),
        answers={CSR.raw: ANSWER},
        stored={CSR.raw: stored},
    )
    return dataclasses.replace(seen, **changes)


REVOKED = {CSR.raw: dataclasses.replace(ANSWER, revoked=True)}


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
    assert _requirer_plan.why_drop(REQUEST, _seen(**changes)) is reason


def test_duplicates_are_dropped() -> None:
    """Of two requests for the same, the first stays."""
    again = RequirerCertificateRequest(1, keys.csr_of(), False)
    plan = _requirer_plan.plan(_seen(sent=(REQUEST, again)))
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


ISSUED = _wire.CertificateEntry("csr", "x", "ca", ())
REISSUED = _wire.CertificateEntry("csr", "y", "ca", ())
REVOKED_ENTRY = dataclasses.replace(ISSUED, revoked=True)
REFUSED = _wire.ErrorEntry("csr", CertificateError(code=1, name="n", message="m"))
OTHER = _wire.CertificateEntry("other", "x", "ca", ())


@pytest.mark.parametrize(
    ("before", "given", "after"),
    [
        pytest.param([], [ISSUED], [ISSUED], id="first"),
        pytest.param([ISSUED], [REISSUED], [REISSUED], id="again"),
        pytest.param([ISSUED], [REFUSED], [REFUSED], id="certificate, then error"),
        pytest.param([REFUSED], [ISSUED], [ISSUED], id="error, then certificate"),
        pytest.param([REVOKED_ENTRY], [REFUSED], [REVOKED_ENTRY, REFUSED], id="revoked, error"),
        pytest.param([REVOKED_ENTRY], [REISSUED], [REISSUED], id="revoked, then certificate"),
        pytest.param([], [REFUSED, ISSUED], [ISSUED], id="both at once"),
        pytest.param([], [ISSUED, REISSUED], [REISSUED], id="two at once"),
        pytest.param([OTHER], [ISSUED], [OTHER, ISSUED], id="neighbour"),
    ],
)
def test_with_answers(before: list[Any], given: list[Any], after: list[Any]) -> None:
    """Each request has one answer, the latest; a mark of revocation stays beside an error."""
    found = _provider_plan.with_answers(_split(before), *_lists(given))
    assert found == _split(after)


def _lists(entries: list[Any]) -> tuple[list[Any], list[Any]]:
    certificates = [one for one in entries if isinstance(one, _wire.CertificateEntry)]
    return certificates, [one for one in entries if one not in certificates]


def _split(entries: list[Any]) -> _provider_plan.Answers:
    certificates, errors = _lists(entries)
    return _provider_plan.Answers(tuple(certificates), tuple(errors))


@pytest.mark.parametrize(
    ("answers", "is_outstanding"),
    [
        pytest.param([], True, id="none"),
        pytest.param([ISSUED], False, id="issued"),
        pytest.param([REVOKED_ENTRY], True, id="revoked"),
        pytest.param([REFUSED], True, id="refused"),
        pytest.param([OTHER], True, id="of another"),
    ],
)
def test_outstanding(answers: list[Any], is_outstanding: bool) -> None:
    """A request is outstanding until a certificate that is not revoked answers it."""
    assert _provider_plan.outstanding(_split(answers), ["csr"]) == ("csr",) * is_outstanding


@pytest.mark.parametrize(
    ("answers", "requested", "flaws", "left", "forged"),
    [
        pytest.param([ISSUED, OTHER], ["csr"], {}, [ISSUED], 0, id="unsolicited"),
        pytest.param([REFUSED], [], {}, [], 0, id="stale error"),
        pytest.param([ISSUED] * 4, [], {}, [], 0, id="a run of equal ones"),
        pytest.param(
            [], ["csr"], {"csr": _provider_plan.Flaw.NOT_A_REQUEST}, [], 0, id="not a request"
        ),
        pytest.param(
            [ISSUED],
            ["csr"],
            {"csr": _provider_plan.Flaw.NO_PROOF_OF_POSSESSION},
            [ISSUED],
            0,
            id="forged, but issued before",
        ),
    ],
)
def test_settle(
    answers: list[Any], requested: list[str], flaws: dict[str, Any], left: list[Any], forged: int
) -> None:
    """What no one waits for goes, and a forged request gets an answer, once."""
    settled = _provider_plan.settle(_split(answers), requested, flaws.get)
    assert settled.answers == _split(left)
    assert len(settled.forged) == forged


@pytest.mark.parametrize(
    ("occasion", "unexplained"),
    [
        pytest.param(_provider_plan.Occasion.TAKING_OVER, {"other", "no"}, id="taking over"),
        pytest.param(_provider_plan.Occasion.AT_WORK, {"no"}, id="at work"),
        pytest.param(_provider_plan.Occasion.ALL_MET, set[str](), id="all met"),
    ],
)
def test_unexplained(occasion: _provider_plan.Occasion, unexplained: set[str]) -> None:
    """Of answers without a request: all when taking over, those remembered at work, or none."""
    refused = dataclasses.replace(REFUSED, csr="no")
    before = {"no", "csr", "gone"}
    answers = _split([ISSUED, OTHER, refused])
    found = _provider_plan.unexplained(answers, ["csr"], before, occasion)
    assert found == unexplained


def test_chain_of_provider_certificate_is_kept_in_its_order() -> None:
    """What others send is kept in their order."""
    given = ProviderCertificate(1, ANSWER.certificate, CSR, ANSWER.ca, ANSWER.chain[::-1])
    entry = _wire.CertificateEntry.from_value(given)
    assert _wire.Reader().certificate_value(entry, 1).chain == ANSWER.chain[::-1]


def test_settle_says_what_it_left_out_and_refused() -> None:
    """What is removed, and what is answered because it is forged, is told by its request."""
    forged = {"forged": _provider_plan.Flaw.NO_PROOF_OF_POSSESSION}
    settled = _provider_plan.settle(_split([ISSUED, OTHER]), ["csr", "forged"], forged.get)
    assert settled.unsolicited == ("other",)
    assert settled.forged == ("forged",)
    assert settled.answers.certificates == (ISSUED,)
    (refused,) = settled.answers.errors
    assert refused.csr == "forged"
    assert refused.error == CertificateError(
        code=999,
        name="other",
        message="The certificate request is not accepted.",
        reason="The signature of the certificate request does not hold.",
    )


def test_settle_keeps_what_may_be_unseen() -> None:
    """An answer stays although its request is not seen, when it is one of those to keep."""
    refused = dataclasses.replace(REFUSED, csr="no")
    settled = _provider_plan.settle(_split([ISSUED, OTHER, refused]), [], {}.get, {"other", "no"})
    assert settled.answers == _split([OTHER, refused])
    assert settled.unsolicited == ("csr",)


def test_unsolicited() -> None:
    """Certificates without a request are unsolicited, but for those that may be there unseen."""
    answers = _split([ISSUED, OTHER])
    assert _provider_plan.unsolicited(answers, []) == (ISSUED, OTHER)
    assert _provider_plan.unsolicited(answers, ["csr"]) == (OTHER,)
    assert _provider_plan.unsolicited(answers, ["csr"], ["other"]) == ()


def test_with_revoked() -> None:
    """The chosen certificates are marked; what is marked already, and what is not, stays as is."""
    chosen = {"csr"}
    answers = _split([ISSUED, OTHER, REFUSED])
    after = _provider_plan.with_revoked(answers, lambda one: one.csr in chosen)
    assert after == _split([REVOKED_ENTRY, OTHER, REFUSED])
    again = _provider_plan.with_revoked(after, lambda one: one.csr in chosen)
    assert all(a is b for a, b in zip(again.certificates, after.certificates, strict=True))


@pytest.mark.parametrize(
    ("after", "keys_written"),
    [
        pytest.param([ISSUED, REFUSED], set[str](), id="nothing"),
        pytest.param([REISSUED, REFUSED], {"certificates"}, id="certificate"),
        pytest.param([ISSUED], {"request_errors"}, id="error gone"),
        pytest.param([], {"certificates", "request_errors"}, id="both gone"),
    ],
)
def test_changes(after: list[Any], keys_written: set[str]) -> None:
    """What changed is written, and nothing else; the empty text deletes a key."""
    changed = _provider_plan.changes(_split([ISSUED, REFUSED]), _split(after))
    assert set(changed) == keys_written
    certificates, errors = _lists(after)
    expected = {
        "certificates": _wire.write_entries(certificates),
        "request_errors": _wire.write_entries(errors),
    }
    assert changed == {key: expected[key] for key in keys_written}


def test_same_answer_keeps_what_else_it_holds() -> None:
    """An answer that says the same leaves the entry as it was read, with what else it has."""
    read = dataclasses.replace(ISSUED, fields={"more": 1})
    refused = dataclasses.replace(REFUSED, csr="no", fields={"more": 2})
    before = _split([read, refused])
    found = _provider_plan.with_answers(before, [ISSUED], [dataclasses.replace(REFUSED, csr="no")])
    assert found.certificates[0].fields == {"more": 1}
    assert found.errors[0].fields == {"more": 2}


# The requirer's plan, step by step


def _plan(**changes: Any) -> _requirer_plan.Plan:
    return _requirer_plan.plan(_seen(**changes))


def test_at_rest() -> None:
    """A certificate that is held and not due is announced, and nothing else is done."""
    assert _plan() == _requirer_plan.Plan(available=(ANSWER,))


def test_first_request() -> None:
    """What is wanted and not asked for is asked for, where there is a relation and a key."""
    nothing: dict[str, Any] = {"sent": (), "answers": {}, "stored": {}}
    assert _plan(**nothing).send == (A(common_name="a"),)
    assert _plan(**nothing, key=None).send == ()
    assert _plan(**nothing, connected=False).send == ()


def test_without_a_relation_nothing_is_dropped() -> None:
    """While there is no relation, no request is judged."""
    assert _plan(connected=False, wanted=()).dropped == ()


def test_new_certificate_is_stored() -> None:
    """An answer is stored with the moment when it is due, and announced."""
    plan = _plan(stored={}, now=START)
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
    plan = _plan(stored={CSR.raw: stored})
    assert bool(plan.store) is is_stored
    assert (plan.alarms, plan.remove) == ({}, ())


def test_secret_of_version_3_makes_room() -> None:
    """A secret that is not taken over goes in two hooks; ours is written when it goes."""
    foreign = _requirer_state.Stored(ANSWER.certificate, START + 50 * DAY, is_foreign=True)
    plan = _plan(stored={CSR.raw: foreign})
    assert (plan.alarms, plan.remove, plan.store) == ({CSR.raw: _renewal.FAR_AWAY}, (), ())
    gone = dataclasses.replace(foreign, alarm=_renewal.FAR_AWAY, is_removable=True)
    plan = _plan(stored={CSR.raw: gone})
    assert (plan.alarms, plan.remove, len(plan.store)) == ({}, (CSR.raw,), 1)


def test_revoked_certificate() -> None:
    """A revocation is announced once: the secret says so for as long as the request is there."""
    plan = _plan(answers=REVOKED)
    (invalidated,) = plan.invalidated
    assert invalidated.certificate == ANSWER.certificate
    assert (invalidated.csr, invalidated.reason.value) == (CSR.raw, "revoked")
    assert plan.alarms == {CSR.raw: _renewal.FAR_AWAY}
    assert (plan.available, plan.dropped) == ((), ())
    assert [flaw for _, flaw in plan.flawed] == [Flaw.REVOKED]
    marked = _requirer_state.Stored(ANSWER.certificate, _renewal.FAR_AWAY)
    plan = _plan(answers=REVOKED, stored={CSR.raw: marked})
    assert (plan.invalidated, plan.alarms, plan.remove) == ((), {}, ())
    removable = dataclasses.replace(marked, is_removable=True)
    plan = _plan(answers=REVOKED, stored={CSR.raw: removable})
    assert (plan.invalidated, plan.alarms, plan.remove) == ((), {}, ())


def test_refusal_is_announced() -> None:
    """A refusal is announced while its request has no certificate that can be used."""
    refusal = ProviderCertificateError(1, CSR, CertificateError(code=1, name="n", message="m"))
    refusals = {CSR.raw: refusal}
    assert _plan(refusals=refusals).denied == ()
    assert _plan(refusals=refusals, answers={}, stored={}).denied == (refusal,)
    assert _plan(refusals=refusals, answers=REVOKED).denied == (refusal,)


def test_renewal_goes_on_being_used() -> None:
    """A certificate that is due stays in use while its request is made anew."""
    plan = _plan(asked=frozenset([CSR.raw]))
    ((dropped),) = plan.dropped
    assert (dropped.csr, dropped.reason) == (CSR, DropReason.RENEWAL_ASKED)
    assert plan.send == (A(common_name="a"),)
    assert plan.outgoing.key == keys.key()
    assert plan.outgoing.entries == (_outgoing.OutgoingEntry(CSR.raw, ANSWER),)
    # Its secret's next alarm is the end of its validity.
    assert plan.alarms == {CSR.raw: _renewal.alarm(ANSWER.certificate.expiry_time)}


NEW = keys.csr_of()
NEW_ANSWER = keys.answer(NEW)
REPLACED = _outgoing.Outgoing(keys.key(), (_outgoing.OutgoingEntry(CSR.raw, ANSWER),))


def _being_renewed(**changes: Any) -> _requirer_plan.Plan:
    """Plan for a requirer whose new request is sent, and whose old certificate is in use."""
    at_end = _requirer_state.Stored(
        ANSWER.certificate, _renewal.alarm(ANSWER.certificate.expiry_time)
    )
    awaited: dict[str, Any] = {
        "sent": (RequirerCertificateRequest(1, NEW, False),),
        "answers": {},
        "stored": {CSR.raw: at_end},
        "outgoing": REPLACED,
    }
    return _plan(**{**awaited, **changes})


def test_successor_is_awaited() -> None:
    """While the successor is awaited, nothing is done."""
    assert _being_renewed() == _requirer_plan.Plan(outgoing=REPLACED)


def test_successor_arrives() -> None:
    """When the successor is there, what it replaces is done with, and goes in a later hook."""
    plan = _being_renewed(answers={NEW.raw: NEW_ANSWER})
    assert plan.available == (NEW_ANSWER,)
    assert [one.answer for one in plan.store] == [NEW_ANSWER]
    assert plan.alarms == {CSR.raw: _renewal.FAR_AWAY}
    assert plan.outgoing == REPLACED
    removable = _requirer_state.Stored(ANSWER.certificate, _renewal.FAR_AWAY, is_removable=True)
    plan = _being_renewed(answers={NEW.raw: NEW_ANSWER}, stored={CSR.raw: removable})
    assert plan.remove == (CSR.raw,)
    assert plan.outgoing.entries == ()


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"wanted": ()}, id="not requested any more"),
        pytest.param({"now": START + 91 * DAY}, id="expired"),
    ],
)
def test_what_is_replaced_ends(changes: dict[str, Any]) -> None:
    """What is being replaced ends when it is not wanted, or has expired, which is told."""
    plan = _being_renewed(**changes)
    assert plan.alarms == {CSR.raw: _renewal.FAR_AWAY}
    told = [one.reason.value for one in plan.invalidated]
    assert told == (["expired"] if "now" in changes else [])


def test_one_of_two_new_certificates() -> None:
    """After a change of the key, the whole set stays until every new one is there."""
    wanted = (A(common_name="a"), A(common_name="b"))
    new = keys.csr_of("a", "b"), keys.csr_of("b", "b")
    answers = {csr.raw: keys.answer(csr) for csr in new}
    changes: dict[str, Any] = {
        "wanted": wanted,
        "key": keys.key("b"),
        "sent": tuple(RequirerCertificateRequest(1, csr, False) for csr in new),
    }
    plan = _being_renewed(**changes, answers={new[0].raw: answers[new[0].raw]})
    assert plan.alarms == {}
    assert plan.outgoing == REPLACED
    plan = _being_renewed(**changes, answers=answers)
    assert plan.alarms == {CSR.raw: _renewal.FAR_AWAY}


def test_revoked_before_we_ever_saw_it() -> None:
    """A certificate that comes revoked is told of, and marked, to be told of once."""
    answer = REVOKED[CSR.raw]
    plan = _plan(answers=REVOKED, stored={})
    assert plan.store == (_requirer_plan.Store(answer, _renewal.FAR_AWAY),)
    (told,) = plan.invalidated
    assert (told.certificate, told.csr) == (ANSWER.certificate, CSR.raw)
    assert told.reason is CertificateInvalidationReason.REVOKED


def test_revoked_in_a_secret_of_version_3() -> None:
    """A secret that is not taken over is removed, and the mark put in its place."""
    done = _requirer_state.Stored(ANSWER.certificate, _renewal.FAR_AWAY, is_foreign=True)
    plan = _plan(answers=REVOKED, stored={CSR.raw: done})
    assert (plan.alarms, plan.remove, plan.store) == ({}, (), ())
    removable = dataclasses.replace(done, is_removable=True)
    plan = _plan(answers=REVOKED, stored={CSR.raw: removable})
    assert plan.remove == (CSR.raw,)
    assert plan.store == (_requirer_plan.Store(REVOKED[CSR.raw], _renewal.FAR_AWAY),)


def test_revoked_certificate_is_the_one_that_was_held() -> None:
    """What we held is what is told of; where that cannot be read, what the provider shows."""
    held = keys.answer(CSR).certificate
    stored = _requirer_state.Stored(held, START + 50 * DAY)
    (told,) = _plan(answers=REVOKED, stored={CSR.raw: stored}).invalidated
    assert told.certificate == held
    unreadable = _requirer_state.Stored(None, START + 50 * DAY)
    (told,) = _plan(answers=REVOKED, stored={CSR.raw: unreadable}).invalidated
    assert told.certificate == ANSWER.certificate


def test_expired_while_being_replaced_is_told_with_its_request() -> None:
    """What expires before its successor is there is told of, unless its secret holds nothing."""
    (told,) = _being_renewed(now=START + 91 * DAY).invalidated
    assert (told.certificate, told.csr) == (ANSWER.certificate, CSR.raw)
    for stored in ({}, {CSR.raw: _requirer_state.Stored(None, START)}):
        assert _being_renewed(now=START + 91 * DAY, stored=stored).invalidated == ()


UNUSED = _outgoing.Outgoing(None, (_outgoing.OutgoingEntry(CSR.raw),))
"""What waits for nothing but the removal of its secret."""
FAR = _renewal.FAR_AWAY


@pytest.mark.parametrize(
    ("stored", "alarms", "remove", "left"),
    [
        pytest.param(None, {}, (), (), id="no secret"),
        pytest.param((START + 50 * DAY, False), {CSR.raw: FAR}, (), UNUSED.entries, id="alarm"),
        pytest.param((FAR, False), {}, (), UNUSED.entries, id="done with in this hook"),
        pytest.param((FAR, True), {}, (CSR.raw,), (), id="done with before"),
    ],
)
@pytest.mark.parametrize("keeps", [False, True])
def test_secret_of_what_is_not_used_goes(
    keeps: bool,
    stored: tuple[datetime, bool] | None,
    alarms: dict[str, datetime],
    remove: tuple[str, ...],
    left: tuple[_outgoing.OutgoingEntry, ...],
) -> None:
    """Its alarm is moved far away, and a later hook removes it; nothing is told of it."""
    held: dict[str, _requirer_state.Stored] = {}
    if stored is not None:
        alarm, is_removable = stored
        held[CSR.raw] = _requirer_state.Stored(ANSWER.certificate, alarm, is_removable)
    plan = _being_renewed(outgoing=UNUSED, stored=held, keeps=keeps)
    assert (plan.alarms, plan.remove, plan.outgoing.entries) == (alarms, remove, left)
    assert (plan.invalidated, plan.store) == ((), ())


def test_expired_without_its_answer_is_told() -> None:
    """What its secret holds is told of when it expires, though it waits for its removal only."""
    held = _requirer_state.Stored(ANSWER.certificate, START + 50 * DAY)
    plan = _being_renewed(outgoing=UNUSED, stored={CSR.raw: held}, now=START + 91 * DAY)
    (told,) = plan.invalidated
    assert (told.certificate, told.reason) == (
        ANSWER.certificate,
        CertificateInvalidationReason.EXPIRED,
    )
    unreadable = _requirer_state.Stored(None, START + 50 * DAY)
    plan = _being_renewed(outgoing=UNUSED, stored={CSR.raw: unreadable}, now=START + 91 * DAY)
    assert (plan.invalidated, plan.alarms) == ((), {CSR.raw: FAR})


@pytest.mark.parametrize("seen", [{"withdrawn": frozenset([CSR.raw])}, {"answers": REVOKED}])
def test_revoked_while_being_replaced(seen: dict[str, Any]) -> None:
    """It is told of, and its certificate is found there no more."""
    plan = _being_renewed(**seen)
    (told,) = plan.invalidated
    assert (told.csr, told.reason) == (CSR.raw, CertificateInvalidationReason.REVOKED)
    assert plan.alarms == {CSR.raw: FAR}
    assert plan.outgoing == UNUSED


def test_not_requested_while_being_replaced() -> None:
    """What is not wanted any more is found there no more, though it is valid."""
    assert _being_renewed(wanted=()).outgoing == UNUSED


def test_replaced_is_held_no_more() -> None:
    """Where what is in force is held, its successor takes the place of what it replaces."""
    plan = _being_renewed(answers={NEW.raw: NEW_ANSWER}, keeps=True)
    assert plan.outgoing.entries == (
        *UNUSED.entries,
        _outgoing.OutgoingEntry(NEW.raw, NEW_ANSWER),
    )
    done = _requirer_state.Stored(ANSWER.certificate, FAR)
    plan = _being_renewed(answers={NEW.raw: NEW_ANSWER}, stored={CSR.raw: done}, keeps=True)
    assert plan.outgoing.entries[0] == UNUSED.entries[0]
    assert (plan.alarms, plan.remove) == ({}, ())


def test_came_to_life_again_and_leaves() -> None:
    """A revocation that was taken back left the mark of what is done with: it is in use still."""
    marked = _requirer_state.Stored(ANSWER.certificate, FAR, is_removable=True)
    # It may have been held there before.
    for held in (_outgoing.Outgoing(), REPLACED):
        plan = _plan(asked=frozenset([CSR.raw]), stored={CSR.raw: marked}, outgoing=held)
        assert plan.outgoing == REPLACED
        assert plan.alarms == {CSR.raw: _renewal.alarm(ANSWER.certificate.expiry_time)}
        assert plan.remove == ()


def test_nothing_is_replaced_without_a_relation() -> None:
    """Without anybody to ask, a set of another key is not taken for replaced."""
    plan = _being_renewed(connected=False, sent=(), key=keys.key("b"))
    assert (plan.alarms, plan.outgoing) == ({}, REPLACED)
