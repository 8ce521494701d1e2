"""What becomes of what is being replaced, and of what waits for its removal, as tables."""

from datetime import datetime
from typing import Any

import pytest

from charmlibs.interfaces.tls_certificates import (
    CertificateInvalidationReason,
    RequirerCertificateRequest,
    _outgoing,
    _renewal,
    _requirer_plan,
    _requirer_state,
)
from tests.unit.lib import keys
from tests.unit.lib.at_rest import ANSWER, CSR, DAY, REVOKED, START, A, plan_of

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
    return plan_of(**{**awaited, **changes})


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
        plan = plan_of(asked=frozenset([CSR.raw]), stored={CSR.raw: marked}, outgoing=held)
        assert plan.outgoing == REPLACED
        assert plan.alarms == {CSR.raw: _renewal.alarm(ANSWER.certificate.expiry_time)}
        assert plan.remove == ()


def test_nothing_is_replaced_without_a_relation() -> None:
    """Without anybody to ask, a set of another key is not taken for replaced."""
    plan = _being_renewed(connected=False, sent=(), key=keys.key("b"))
    assert (plan.alarms, plan.outgoing) == ({}, REPLACED)


def test_what_fits_no_key_hinders_nothing() -> None:
    """A certificate that stands there beside a key that is not its own is no set in use."""
    damaged = _outgoing.OutgoingEntry(NEW.raw, NEW_ANSWER)
    plan = plan_of(
        keeps=True,
        wanted=(A(common_name="a"), A(common_name="b")),
        outgoing=_outgoing.Outgoing(keys.key("b"), (damaged,)),
    )
    assert _outgoing.OutgoingEntry(CSR.raw, ANSWER) in plan.outgoing.entries


def test_room_again() -> None:
    """When what did not fit fits again, all is held in the order of the requests, and stays so."""
    other = keys.csr_of("b")
    second, unwanted = keys.answer(other), keys.answer(keys.csr_of("c"))
    both: dict[str, Any] = {
        "keeps": True,
        "wanted": (A(common_name="a"), A(common_name="b")),
        "sent": (
            RequirerCertificateRequest(1, CSR, False),
            RequirerCertificateRequest(1, other, False),
        ),
        "answers": {CSR.raw: ANSWER, other.raw: second},
    }
    held = (
        _outgoing.OutgoingEntry(other.raw, second),
        _outgoing.OutgoingEntry(unwanted.certificate_signing_request.raw, unwanted),
    )
    first = plan_of(**both, outgoing=_outgoing.Outgoing(keys.key(), held, is_full=True))
    assert [entry.csr for entry in first.outgoing.entries] == [CSR.raw, other.raw]
    assert plan_of(**both, outgoing=first.outgoing).outgoing == first.outgoing
