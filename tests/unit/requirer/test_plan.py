"""What is served, out of what is offered and what is held."""

from __future__ import annotations

import dataclasses
import datetime

import pytest

from demo_requirer import plan
from demo_requirer.store import HISTORY_LENGTH, Content
from tests.unit.requirer.authority import NOW, Authority, Leaf, key, key_pem
from tests.unit.requirer.conftest import pair_of

LATER = NOW + datetime.timedelta(days=50)
SLOT = "unit web"
NOTHING = plan.Revoked()


def offer(leaf: Leaf, slot: str = SLOT, private_key: str | None = None) -> plan.Offer:
    return plan.Offer(slot, tuple(leaf.chain), private_key or leaf.key, None)


def serials(serving: plan.Serving) -> list[int]:
    return [pair.serial_number for pair in serving.pairs]


@pytest.fixture(scope="module")
def old(authority: Authority) -> Leaf:
    return authority.issue("web", number=1)


@pytest.fixture(scope="module")
def new(authority: Authority) -> Leaf:
    return authority.issue("web", number=2)


@pytest.fixture(scope="module")
def expired(authority: Authority) -> Leaf:
    return authority.issue("web", number=3, lifetime=datetime.timedelta(minutes=1))


def test_offer_takes_the_place_of_what_is_held(old: Leaf, new: Leaf) -> None:
    """A renewal is served, and what it replaces is not."""
    serving = plan.what_to_serve([offer(new)], [pair_of(old)], [SLOT], NOTHING, NOW)
    assert serials(serving) == [new.serial]


def test_held_stays_without_an_offer(old: Leaf) -> None:
    """A relation that is gone takes nothing away: what is held is served until it expires."""
    serving = plan.what_to_serve([], [pair_of(old)], [SLOT], NOTHING, NOW)
    assert serials(serving) == [old.serial]


def test_held_goes_when_it_expires(old: Leaf) -> None:
    """Nothing is served past its end, even if there is nothing else."""
    late = NOW + datetime.timedelta(days=100)
    assert plan.what_to_serve([], [pair_of(old)], [SLOT], NOTHING, late).pairs == ()


def test_revoked_goes_at_once(old: Leaf) -> None:
    """A revoked certificate is served no more, though its dates are right."""
    pair = pair_of(old)
    revoked = plan.Revoked(certificates=frozenset({pair.fingerprint}))
    assert plan.what_to_serve([], [pair], [SLOT], revoked, NOW).pairs == ()
    serving = plan.what_to_serve([offer(old)], [pair], [SLOT], revoked, NOW)
    assert serving.pairs == ()
    assert "revoked" in serving.refused[0]


def test_held_goes_with_a_later_one_for_its_request(old: Leaf) -> None:
    """What was issued after it, and revoked before it was seen, takes with it what is held."""
    pair = pair_of(old)
    revoked = plan.Revoked(requests=frozenset({(pair.public_key_fingerprint, "web")}))
    assert plan.what_to_serve([], [pair], [SLOT], revoked, NOW).pairs == ()


def test_held_stays_beside_another_of_its_key(old: Leaf) -> None:
    """One of several certificates of a key is revoked: the others are served on."""
    pair = pair_of(old)
    revoked = plan.Revoked(requests=frozenset({(pair.public_key_fingerprint, "web-1")}))
    assert serials(plan.what_to_serve([], [pair], [SLOT], revoked, NOW)) == [old.serial]


def test_offer_of_a_request_that_has_more_certificates(old: Leaf) -> None:
    """What the relation still offers is served, though another certificate of its kind is not."""
    pair = pair_of(old)
    revoked = plan.Revoked(requests=frozenset({(pair.public_key_fingerprint, "web")}))
    serving = plan.what_to_serve([offer(old)], [pair], [SLOT], revoked, NOW)
    assert serials(serving) == [old.serial]


def test_key_that_does_not_fit(old: Leaf, new: Leaf) -> None:
    """It is refused with the reason, and the old pair is served on."""
    wrong = offer(new, private_key=key_pem(key("ecdsa", 9)))
    serving = plan.what_to_serve([wrong], [pair_of(old)], [SLOT], NOTHING, NOW)
    assert serials(serving) == [old.serial]
    assert "does not fit" in serving.refused[0]


def test_expired_offer(old: Leaf, expired: Leaf) -> None:
    """It is refused with the reason, and the old pair is served on."""
    serving = plan.what_to_serve([offer(expired)], [pair_of(old)], [SLOT], NOTHING, NOW)
    assert serials(serving) == [old.serial]
    assert "expired at" in serving.refused[0]


def test_offer_with_a_problem(old: Leaf) -> None:
    """A chain that leads nowhere is refused in the library's words."""
    broken = plan.Offer(SLOT, (), "", None, problem="its issuer is missing")
    serving = plan.what_to_serve([broken], [pair_of(old)], [SLOT], NOTHING, NOW)
    assert serials(serving) == [old.serial]
    assert serving.refused == (f"{SLOT}: its issuer is missing",)


def test_slots_in_the_order_wanted(old: Leaf, new: Leaf) -> None:
    """The first slot is the default one, whichever answer came first."""
    offers = [offer(new, "unit b"), offer(old, "unit a")]
    serving = plan.what_to_serve(offers, [], ["unit a", "unit b"], NOTHING, NOW)
    assert serials(serving) == [old.serial, new.serial]


def test_old_name_is_served_until_the_new_one_comes(old: Leaf, new: Leaf) -> None:
    """A changed option leaves no gap: the old slot goes when a wanted one is filled."""
    held = [pair_of(old, "unit old")]
    assert serials(plan.what_to_serve([], held, ["unit new"], NOTHING, NOW)) == [old.serial]
    serving = plan.what_to_serve([offer(new, "unit new")], held, ["unit new"], NOTHING, NOW)
    assert serials(serving) == [new.serial]


def test_bad_offer_leaves_its_neighbours_alone(old: Leaf, new: Leaf) -> None:
    """One answer that is not fit does not keep others from being served."""
    broken = plan.Offer("unit a", ("no PEM",), old.key, None)
    serving = plan.what_to_serve(
        [broken, offer(new, "unit b")], [], ["unit a", "unit b"], NOTHING, NOW
    )
    assert serials(serving) == [new.serial]
    assert len(serving.refused) == 1


def test_renewal_time_is_taken_over(old: Leaf) -> None:
    """The renewal point of a certificate that is held already may still move."""
    moved = dataclasses.replace(offer(old), renewal_time=LATER)
    serving = plan.what_to_serve([moved], [pair_of(old)], [SLOT], NOTHING, NOW)
    assert serving.pairs[0].renewal_time == LATER


def after(before: Content | None, *leaves: Leaf) -> Content:
    pairs = tuple(pair_of(leaf) for leaf in leaves)
    return plan.next_content(before, pairs, NOW, title="web/0", trusted=())


def test_history(authority: Authority, old: Leaf) -> None:
    """Each change is written down with what kind of change it was; the first is no renewal."""
    content = after(None, old)
    for leaf in (
        old,
        authority.issue("web", number=1),
        authority.issue("web", number=2),
        Authority.root("Other", number=1).issue("web", number=2),
        Authority.root("Other", number=1).issue("web", "more", number=2),
    ):
        content = after(content, leaf)
    kinds = [renewal.kind for renewal in content.history]
    assert kinds == ["first", "renewed", "new key", "new authority", "new names"]
    assert content.renewals == 4


def test_history_over_a_gap(old: Leaf, new: Leaf) -> None:
    """A certificate that comes after its predecessor was gone is a renewal all the same."""
    content = after(after(after(None, old)), new)
    assert [renewal.kind for renewal in content.history] == ["first", "renewed after a gap"]
    assert content.renewals == 1


def test_history_is_bounded(authority: Authority) -> None:
    """The store does not grow for ever; the count does."""
    leaves = [authority.issue("web", number=1) for _ in range(HISTORY_LENGTH + 10)]
    content: Content | None = None
    for leaf in leaves:
        content = after(content, leaf)
    assert content is not None
    assert len(content.history) == HISTORY_LENGTH
    assert content.history[-1].serial_number == leaves[-1].serial
    assert content.renewals == len(leaves) - 1


def test_why_empty(old: Leaf) -> None:
    """An empty slot that was filled once says what became of its certificate."""
    served = after(None, old)
    gone = after(served)
    revoked = plan.Revoked(certificates=frozenset({served.pairs[0].fingerprint}))
    late = NOW + datetime.timedelta(days=100)
    assert plan.why_empty(served, [SLOT], NOTHING, NOW) is None
    assert plan.why_empty(gone, [SLOT], revoked, NOW) is plan.Gap.REVOKED
    assert plan.why_empty(gone, [SLOT], NOTHING, late) is plan.Gap.EXPIRED
    assert plan.why_empty(gone, ["unit other"], revoked, late) is None
