"""What holds of both plans and of every value, whatever comes in.

*Settled*: applying a plan makes the next one empty. *Isolated*: a bad entry never changes what
happens to its neighbours. *Linear*: a text is parsed once, however often it is there.
"""

import dataclasses
import functools

from hypothesis import given, settings
from hypothesis import strategies as st

from charmlibs.interfaces.tls_certificates import (
    CertificateError,
    CertificateSigningRequest,
    ProviderCertificate,
    ProviderCertificateError,
    RequirerCertificateRequest,
    _assignment,
    _outgoing,
    _renewal,
    _requirer_plan,
    _requirer_state,
)
from tests.unit.lib import keys
from tests.unit.lib.made_up import (
    DAY,
    KEYS,
    NAMES,
    NOW,
    PLACES,
    VALIDITIES,
    WANTED,
    A,
    answer,
    authority,
    certificate,
    request,
)

ALARMS = (None, NOW - DAY, NOW + DAY, _renewal.FAR_AWAY)


@st.composite
def stored(draw: st.DrawFn, name: str, key: str) -> _requirer_state.Stored:
    alarm = draw(st.sampled_from(ALARMS))
    return _requirer_state.Stored(
        certificate=draw(
            st.sampled_from([None, *(certificate(name, key, *each) for each in VALIDITIES)])
        ),
        alarm=alarm,
        is_removable=draw(st.booleans()) if alarm == _renewal.FAR_AWAY else False,
        is_foreign=draw(st.booleans()),
    )


@st.composite
def observed(draw: st.DrawFn) -> _requirer_state.Observed:
    """Draw what a requirer may find, likely or not."""
    sent = draw(st.lists(st.sampled_from(PLACES), unique=True))
    left = [one for one in PLACES if one not in sent and draw(st.booleans())]
    text = {place: request(*place).certificate_signing_request.raw for place in PLACES}
    validity = st.sampled_from(VALIDITIES)
    answers = {
        text[place]: answer(place, draw(validity), revoked=draw(st.booleans()))
        for place in sent
        if draw(st.booleans())
    }
    entries = tuple(
        _outgoing.OutgoingEntry(
            text[place],
            answer(place, draw(validity), revoked=False) if draw(st.booleans()) else None,
        )
        # What is in the databag is held there, too, where it is to outlive the relation.
        for place in (*left, *(one for one in sent if draw(st.booleans())))
    )

    def is_revoked(entry: _outgoing.OutgoingEntry) -> bool:
        if entry.csr in {text[place] for place in left}:
            return draw(st.booleans())
        found = answers.get(entry.csr)
        assert entry.answer is not None
        is_same = found is not None and found.certificate == entry.answer.certificate
        return found is not None and is_same and bool(found.revoked)

    error = CertificateError(code=999, name="other", message="m")
    return _requirer_state.Observed(
        now=NOW,
        connected=bool(sent) or draw(st.booleans()),
        wanted=tuple(WANTED[one] for one in draw(st.lists(st.sampled_from(NAMES), unique=True))),
        key=draw(st.sampled_from([None, *(keys.key(one) for one in KEYS)])),
        sent=tuple(request(*place) for place in sent),
        answers=answers,
        refusals={
            text[place]: ProviderCertificateError(
                1, request(*place).certificate_signing_request, error
            )
            for place in sent
            if draw(st.booleans())
        },
        stored={
            text[place]: draw(stored(*place)) for place in (*sent, *left) if draw(st.booleans())
        },
        outgoing=_outgoing.Outgoing.of(
            keys.key(draw(st.sampled_from(KEYS))), entries, is_full=draw(st.booleans())
        ),
        withdrawn=frozenset(one.csr for one in entries if one.answer and is_revoked(one)),
        keeps=draw(st.booleans()),
        asked=frozenset(draw(st.lists(st.sampled_from(list(text.values()))))),
        hinted=frozenset(draw(st.lists(st.sampled_from(list(text.values()))))),
    )


def applied(plan: _requirer_plan.Plan, seen: _requirer_state.Observed) -> _requirer_state.Observed:
    """Return how things are after a plan was applied, later in the same hook."""
    dropped = {one.csr.raw for one in plan.dropped}
    sent = [one for one in seen.sent if one.certificate_signing_request.raw not in dropped]
    for attributes in plan.send:
        assert seen.key is not None
        csr = attributes.generate_csr(seen.key)
        sent.append(RequirerCertificateRequest(1, csr, attributes.is_ca))
    kept = {csr: one for csr, one in seen.stored.items() if csr not in plan.remove}
    for csr, alarm in plan.alarms.items():
        kept[csr] = kept[csr]._replace(alarm=alarm, is_removable=False)
    for one in plan.store:
        csr = one.answer.certificate_signing_request.raw
        kept[csr] = _requirer_state.Stored(one.answer.certificate, one.alarm)
    texts = {one.certificate_signing_request.raw for one in sent}
    texts |= {entry.csr for entry in plan.outgoing.entries}
    return dataclasses.replace(
        seen,
        sent=tuple(sent),
        answers={csr: one for csr, one in seen.answers.items() if csr in texts},
        refusals={csr: one for csr, one in seen.refusals.items() if csr in texts},
        stored={csr: one for csr, one in kept.items() if csr in texts},
        outgoing=plan.outgoing,
        asked=frozenset(),
    )


def in_the_next_hook(seen: _requirer_state.Observed) -> _requirer_state.Observed:
    found = {csr: one._replace(is_removable=one.is_done_with) for csr, one in seen.stored.items()}
    return dataclasses.replace(seen, stored=found, hinted=frozenset())


def changes_nothing(plan: _requirer_plan.Plan, seen: _requirer_state.Observed) -> bool:
    """Tell whether nothing is to be written."""
    written = (plan.dropped, plan.send, plan.store, plan.alarms, plan.remove)
    return not any(written) and plan.outgoing == seen.outgoing


@settings(max_examples=200, deadline=None)
@given(observed())
def test_requirer_settles(seen: _requirer_state.Observed) -> None:
    """A plan that was applied leaves nothing to do in that hook, and soon nothing at all."""
    for _ in range(4):
        plan = _requirer_plan.plan(seen)
        seen = applied(plan, seen)
        again = _requirer_plan.plan(seen)
        assert changes_nothing(again, seen)
        assert again.invalidated == ()
        seen = in_the_next_hook(seen)
    assert changes_nothing(_requirer_plan.plan(seen), seen)


@settings(max_examples=200, deadline=None)
@given(observed())
def test_no_secret_is_removed_with_its_expiry_pending(seen: _requirer_state.Observed) -> None:
    """What is removed was far away when the hook began."""
    for csr in _requirer_plan.plan(seen).remove:
        assert seen.stored[csr].is_removable


@settings(max_examples=200, deadline=None)
@given(observed())
def test_no_secret_is_forgotten(seen: _requirer_state.Observed) -> None:
    """Every secret that stays is found again: by a request, or by what is outgoing."""
    plan = _requirer_plan.plan(seen)
    after = applied(plan, seen)
    remembered = set(after.stored) | set(plan.remove)
    if seen.connected:
        assert set(seen.stored) <= remembered


@settings(max_examples=200, deadline=None)
@given(observed())
def test_no_gap(seen: _requirer_state.Observed) -> None:
    """What was assigned and is still wanted is assigned after any plan."""
    plan = _requirer_plan.plan(seen)
    after = applied(plan, seen)
    wanted = {
        attributes
        for one in _assignment.assigned(seen).certificates
        if (attributes := _requirer_state.attributes_of_answer(one)) is not None
        and attributes in seen.wanted
    }
    keyed = {
        one.certificate_signing_request.raw
        for one in seen.sent
        if seen.key is not None and one.certificate_signing_request.matches_private_key(seen.key)
    }
    in_use = _assignment.being_replaced(seen)
    for attributes in wanted:
        found, key = _assignment.assigned_to(attributes, after)
        # Certificates of a third key cannot be kept beside those of two others.
        if found is None:
            assert in_use or not keyed
        else:
            assert key is not None
            assert found.certificate.matches_private_key(key)


@settings(max_examples=200, deadline=None)
@given(observed())
def test_what_is_kept_outlives_its_answers(seen: _requirer_state.Observed) -> None:
    """Where it is kept, what is assigned stays so when the provider has taken all away."""
    # The far alarm of what version 3 left says nothing of the certificate: it lasts for two hooks.
    ours = {csr: one._replace(is_foreign=False) for csr, one in seen.stored.items()}
    seen = dataclasses.replace(
        seen,
        keeps=True,
        outgoing=seen.outgoing._replace(is_full=False),
        stored=ours,
    )
    after = applied(_requirer_plan.plan(seen), seen)
    assigned = _assignment.assigned(after)
    bereft = dataclasses.replace(after, answers={}, refusals={})
    left = dataclasses.replace(
        bereft, connected=False, sent=(), outgoing=_assignment.retained(bereft), key=None
    )
    for moment in (bereft, left, applied(_requirer_plan.plan(left), left)):
        still = _assignment.assigned(moment)
        in_use = {_requirer_state.attributes_of_answer(one) for one in still.certificates}
        for one in assigned.certificates:
            wanted = _requirer_state.attributes_of_answer(one)
            assert wanted not in seen.wanted or wanted in in_use
        if assigned.certificates:
            assert still.private_key == assigned.private_key


@settings(max_examples=200, deadline=None)
@given(observed())
def test_nothing_bad_is_assigned(seen: _requirer_state.Observed) -> None:
    """What is assigned is valid, not revoked, and has the key it is given with."""
    for moment in (seen, applied(_requirer_plan.plan(seen), seen)):
        assigned = _assignment.assigned(moment)
        for one in assigned.certificates:
            assert one.certificate.is_valid_at(NOW)
            assert not one.revoked
            assert assigned.private_key is not None
            assert one.certificate.matches_private_key(assigned.private_key)


@settings(max_examples=100, deadline=None)
@given(observed(), st.booleans())
def test_requirer_is_isolated(seen: _requirer_state.Observed, revoked: bool) -> None:
    """A request that no one wants, however it is answered, changes nothing for the others."""
    seen = dataclasses.replace(seen, connected=True)
    stranger = RequirerCertificateRequest(1, _stranger(), False)
    csr = stranger.certificate_signing_request.raw
    other = certificate("a", "one", *VALIDITIES[0])
    wrong = ProviderCertificate(1, other, _stranger(), authority(), [], revoked)
    more = dataclasses.replace(
        seen,
        sent=(*seen.sent, stranger),
        answers={**seen.answers, csr: wrong},
        stored={**seen.stored, csr: _requirer_state.Stored(None, None)},
    )
    plan, with_stranger = _requirer_plan.plan(seen), _requirer_plan.plan(more)
    assert [one for one in with_stranger.dropped if one.csr.raw != csr] == list(plan.dropped)
    assert with_stranger.send == plan.send
    assert with_stranger.store == plan.store
    assert with_stranger.available == plan.available
    assert with_stranger.denied == plan.denied
    assert with_stranger.invalidated == plan.invalidated
    assert [one for one in with_stranger.outgoing.entries if one.csr != csr] == list(
        plan.outgoing.entries
    )


@functools.cache
def _stranger() -> CertificateSigningRequest:
    return A(common_name="stranger").generate_csr(keys.key("stranger"))
