"""What holds of both plans and of every value, whatever comes in.

*Settled*: applying a plan makes the next one empty. *Isolated*: a bad entry never changes what
happens to its neighbours. *Linear*: a text is parsed once, however often it is there.
"""

import dataclasses
import functools
import ipaddress
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateError,
    CertificateRequestAttributes,
    CertificateSigningRequest,
    PrivateKey,
    ProviderCapabilities,
    ProviderCertificate,
    ProviderCertificateError,
    RequirerCertificateRequest,
    _assignment,
    _issuing,
    _outgoing,
    _provider_plan,
    _renewal,
    _requirer_plan,
    _requirer_state,
    _wire,
)
from tests.unit.lib import keys

A = CertificateRequestAttributes
NOW = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
DAY = timedelta(days=1)
NAMES, KEYS = "abcd", ("one", "two")
WANTED = {name: A(common_name=name) for name in NAMES}
GARBAGE = ["", "text", None, 7, [], {}, {"certificate_signing_request": 3}, {"csr": []}]


@functools.cache
def request(name: str, key: str) -> RequirerCertificateRequest:
    return RequirerCertificateRequest(1, WANTED[name].generate_csr(keys.key(key)), False)


@functools.cache
def certificate(name: str, key: str, start: int, days: int) -> Certificate:
    csr = request(name, key).certificate_signing_request
    now = NOW + start * DAY
    return _issuing.sign(csr, authority(), keys.key("ca"), days * DAY, now)


@functools.cache
def authority() -> Certificate:
    attributes = A(common_name="ca", is_ca=True)
    return _issuing.self_signed_ca(attributes, keys.key("ca"), 4000 * DAY, NOW - 1000 * DAY)


# A certificate's validity, as days from now: young, due, expired.
VALIDITIES = ((-10, 100), (-95, 100), (-200, 100))


def answer(
    place: tuple[str, str], validity: tuple[int, int], *, revoked: bool
) -> ProviderCertificate:
    made = certificate(*place, *validity)
    csr = request(*place).certificate_signing_request
    return ProviderCertificate(1, made, csr, authority(), [made], revoked or None)


ALARMS = (None, NOW - DAY, NOW + DAY, _renewal.FAR_AWAY)
PLACES = [(name, key) for name in NAMES for key in KEYS]


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
        kept[csr] = dataclasses.replace(kept[csr], alarm=alarm, is_removable=False)
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
    found = {
        csr: dataclasses.replace(one, is_removable=one.is_done_with)
        for csr, one in seen.stored.items()
    }
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
    ours = {csr: dataclasses.replace(one, is_foreign=False) for csr, one in seen.stored.items()}
    seen = dataclasses.replace(
        seen,
        keeps=True,
        outgoing=dataclasses.replace(seen.outgoing, is_full=False),
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


# The provider's plan

TEXTS = st.sampled_from([f"csr {number}" for number in range(5)])
CERTIFICATES = st.builds(
    _wire.CertificateEntry,
    TEXTS,
    st.sampled_from(["x", "y"]),
    st.just("ca"),
    st.just(()),
    st.booleans(),
)
ERRORS = st.builds(
    _wire.ErrorEntry, TEXTS, st.just(CertificateError(code=1, name="n", message="m"))
)
ANSWERS = st.builds(
    _provider_plan.Answers,
    st.lists(CERTIFICATES).map(tuple),
    st.lists(ERRORS).map(tuple),
)
FLAWS = st.dictionaries(TEXTS, st.sampled_from(list(_provider_plan.Flaw)))


OCCASIONS = st.sampled_from(list(_provider_plan.Occasion))


@given(ANSWERS, st.sets(TEXTS), FLAWS, st.sets(TEXTS))
def test_provider_settles(
    answers: _provider_plan.Answers,
    requested: set[str],
    flaws: dict[str, _provider_plan.Flaw],
    kept: set[str],
) -> None:
    """After settling, there is nothing left to settle, and every answer has its reason."""
    settled = _provider_plan.settle(answers, requested, flaws.get, kept)
    again = _provider_plan.settle(settled.answers, requested, flaws.get, kept)
    assert _provider_plan.changes(settled.answers, again.answers) == {}
    assert _provider_plan.unsolicited(settled.answers, requested, kept) == ()


@given(ANSWERS, st.sets(TEXTS), st.sets(TEXTS), OCCASIONS)
def test_provider_forgets_what_it_has_seen(
    answers: _provider_plan.Answers,
    requested: set[str],
    before: set[str],
    occasion: _provider_plan.Occasion,
) -> None:
    """What is unexplained is answered and unseen; at work, it never grows."""
    found = _provider_plan.unexplained(answers, requested, before, occasion)
    answered = {one.csr for one in (*answers.certificates, *answers.errors)}
    assert found <= answered - requested
    if occasion is _provider_plan.Occasion.AT_WORK:
        assert found <= before
    settled = _provider_plan.settle(answers, requested, {}.get, found)
    left = {one.csr for one in (*settled.answers.certificates, *settled.answers.errors)}
    assert left == (answered & requested) | found


@given(ANSWERS, st.lists(CERTIFICATES), st.lists(ERRORS))
def test_provider_answers_settle(
    answers: _provider_plan.Answers,
    certificates: list[_wire.CertificateEntry],
    errors: list[_wire.ErrorEntry],
) -> None:
    """Setting the same answers again changes nothing; each request has one answer."""
    after = _provider_plan.with_answers(answers, certificates, errors)
    again = _provider_plan.with_answers(after, certificates, errors)
    assert _provider_plan.changes(after, again) == {}
    touched = {one.csr for one in (*certificates, *errors)}
    for csr in touched:
        found = [one for one in after.certificates if one.csr == csr]
        refused = [one for one in after.errors if one.csr == csr]
        assert len(found) + len(refused) == 1 or (refused and found[0].revoked)


@given(ANSWERS, st.sets(TEXTS), FLAWS)
def test_provider_is_isolated(
    answers: _provider_plan.Answers,
    requested: set[str],
    flaws: dict[str, _provider_plan.Flaw],
) -> None:
    """A flawed request and a stray answer change nothing for the others."""
    stray = _wire.CertificateEntry("stray", "x", "ca", ())
    more = _provider_plan.Answers((stray, *answers.certificates), answers.errors)
    flawed = {**flaws, "flawed": _provider_plan.Flaw.NOT_A_REQUEST}
    plain = _provider_plan.settle(answers, requested, flaws.get)
    mixed = _provider_plan.settle(more, {*requested, "flawed"}, flawed.get)
    assert mixed.answers.certificates == plain.answers.certificates
    assert sorted(one.csr for one in mixed.answers.errors) == sorted(
        one.csr for one in plain.answers.errors
    )


# The wire


@settings(deadline=None)
@given(st.lists(st.sampled_from(PLACES)), st.data())
def test_reading_is_isolated(places: list[tuple[str, str]], data: st.DataObject) -> None:
    """Garbage anywhere in a databag leaves what was there as it was."""
    good = [
        _wire.RequestEntry(request(*place).certificate_signing_request.raw, False).to_json()
        for place in places
    ]
    mixed: list[Any] = list(good)
    for one in data.draw(st.lists(st.sampled_from(GARBAGE))):
        mixed.insert(data.draw(st.integers(0, len(mixed))), one)
    read = _wire.Reader().requests(json.dumps(mixed))
    assert [one.to_json() for one in read.entries] == good
    assert len(read.rejected) == len(mixed) - len(good)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([*PLACES, None]), max_size=30))
def test_reading_is_linear(places: list[tuple[str, str] | None]) -> None:
    """Parses are at most the distinct texts, good or not."""
    parsed: list[bytes] = []
    load = x509.load_pem_x509_csr

    def counting(pem: bytes) -> x509.CertificateSigningRequest:
        parsed.append(pem)
        return load(pem)

    texts = [
        "no PEM" if one is None else request(*one).certificate_signing_request.raw
        for one in places
    ]
    reader = _wire.Reader()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(x509, "load_pem_x509_csr", counting)
        for text in texts:
            try:
                reader.request(text)
            except ValueError:
                assert text == "no PEM"
    assert len(parsed) == len(set(texts))


@given(st.text())
def test_no_text_raises(text: str) -> None:
    """Whatever a remote side writes, reading it does not raise."""
    reader = _wire.Reader()
    for read in (reader.requests, reader.certificates, reader.errors):
        assert read(text).entries == ()
    _wire.read_capabilities(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_no_json_raises(value: Any) -> None:
    """Nor does any JSON."""
    reader = _wire.Reader()
    text = json.dumps(value)
    for read in (reader.requests, reader.certificates, reader.errors):
        read(text)
    _wire.read_capabilities(text)
    _outgoing.from_content({"entries": text}, None, reader)


# Round trips of values

LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
DNS = st.lists(LABEL, min_size=2, max_size=4).map(".".join)
IP = st.ip_addresses()
# Names in every script; control characters are no part of a name.
SCRIPT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), min_size=1, max_size=64
)


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=70))
def test_common_name_is_asked_for_or_a_problem(common_name: str) -> None:
    """Whatever an operator types as a common name, it makes a request, or the problem is said."""
    attributes = A(common_name=common_name)
    if attributes.is_valid():
        assert attributes.generate_csr(keys.key()).common_name == common_name


def spellings(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> list[str]:
    return [str(address), address.exploded, address.exploded.upper()]


@settings(max_examples=60, deadline=None)
@given(
    common_name=SCRIPT.filter(lambda text: len(text.encode()) <= 64),
    organization=SCRIPT,
    locality_name=SCRIPT,
    sans_dns=st.lists(DNS, max_size=4),
    addresses=st.lists(IP, max_size=4),
    is_ca=st.booleans(),
    spelling=st.integers(0, 2),
)
def test_attributes_round_trip(
    addresses: list[ipaddress.IPv4Address], spelling: int, is_ca: bool, **texts: Any
) -> None:
    """What a request says is what was asked for, in every script and every spelling."""
    attributes = A(sans_ip=[spellings(one)[spelling] for one in addresses], is_ca=is_ca, **texts)
    assert attributes.problems == ()
    csr = attributes.generate_csr(keys.key())
    assert A.from_csr(csr, is_ca) == attributes
    assert CertificateSigningRequest.from_string(csr.raw) == csr
    same = A(sans_ip=[str(one) for one in reversed(addresses)], is_ca=is_ca, **texts)
    assert same == attributes


def test_a_thousand_names() -> None:
    """A request may have a thousand alternative names, and so may its certificate."""
    names = {f"host-{number}.example.com" for number in range(1000)}
    csr = A(sans_dns=names).generate_csr(keys.key())
    made = _issuing.sign(csr, authority(), keys.key("ca"), DAY, NOW)
    assert made.sans_dns == names
    assert Certificate.from_string(made.raw).sans_dns == names


@pytest.mark.parametrize("key", [keys.key(), keys.rsa_key()])
def test_key_round_trip(key: PrivateKey) -> None:
    """A key is the same through its PEM."""
    assert PrivateKey.from_string(key.raw) == key
    assert PrivateKey.from_string(key.raw).raw == key.raw


@given(
    st.builds(
        ProviderCapabilities,
        supports_ip_sans=st.none() | st.booleans(),
        allowed_domains=st.none() | st.lists(st.text(st.characters(codec="utf-8"))),
    )
)
def test_capabilities_round_trip(capabilities: ProviderCapabilities) -> None:
    """What is published is what is read."""
    text = _wire.write_capabilities(capabilities)
    assert _wire.read_capabilities(text)[0] == capabilities


def test_outgoing_round_trip() -> None:
    """What is being replaced is the same through its secret, with its key or without."""
    made = answer(("a", "one"), VALIDITIES[0], revoked=False)
    csr = made.certificate_signing_request.raw
    entries = (_outgoing.OutgoingEntry(csr, made), _outgoing.OutgoingEntry("spent"))
    outgoing = _outgoing.Outgoing(keys.key("one"), entries)
    stored_key = outgoing.to_content(keep_key=True)
    assert _outgoing.from_content(stored_key, None, _wire.Reader()) == outgoing
    passed = outgoing.to_content(keep_key=False)
    assert set(passed) == {"entries"}
    assert _outgoing.from_content(passed, keys.key("one"), _wire.Reader()) == outgoing
