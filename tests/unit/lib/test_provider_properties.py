"""What a provider's databag says next, over many made-up ones."""

from hypothesis import given
from hypothesis import strategies as st

from charmlibs.interfaces.tls_certificates import (
    CertificateError,
    _provider_plan,
    _wire,
)

TEXTS = st.sampled_from([f"csr {number}" for number in range(5)])
CERTIFICATES = st.builds(
    _wire.CertificateEntry,
    TEXTS,
    st.sampled_from(["x", "y"]),
    st.just("ca"),
    st.just(()),
    st.booleans(),
    st.just(_wire.NOTHING),
)
ERRORS = st.builds(
    _wire.ErrorEntry,
    TEXTS,
    st.just(CertificateError(code=1, name="n", message="m")),
    st.just(_wire.NOTHING),
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
