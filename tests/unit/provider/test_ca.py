"""The phases of a CA's life: keep, create, publish, switch, retire."""

from __future__ import annotations

import dataclasses
import datetime
from typing import TYPE_CHECKING

import pytest

from self_signed_provider import ca, origin
from self_signed_provider.ca import Authority, Phase, Timing
from self_signed_provider.config import ProviderConfig
from self_signed_provider.origin import Brought, Made

if TYPE_CHECKING:
    from charmlibs.interfaces.tls_certificates import Certificate

HOUR = datetime.timedelta(hours=1)
TIMING = Timing(overlap=HOUR, certificate_validity=24 * HOUR)
WANTED = Made(("wanted",), "rsa-2048")
CHANGED = Made(("changed",), "rsa-2048")


@pytest.fixture
def now(root: Certificate) -> datetime.datetime:
    return root.validity_start_time + 10 * HOUR


@pytest.fixture
def active(root: Certificate, now: datetime.datetime) -> Authority:
    return Authority(root, (), WANTED, Phase.ACTIVE, now)


@pytest.fixture
def published(other_root: Certificate, now: datetime.datetime) -> Authority:
    return Authority(other_root, (), CHANGED, Phase.PUBLISHED, now)


def test_first(now: datetime.datetime) -> None:
    """Where there is no CA, one is made that issues at once: nobody trusts another."""
    assert ca.plan([], WANTED, TIMING, now).create is Phase.ACTIVE


def test_kept(active: Authority, now: datetime.datetime) -> None:
    """A CA that is what is wanted, with life enough left, is kept; it is looked at in time."""
    plan = ca.plan([active], WANTED, TIMING, now)
    assert (plan.keep, plan.create, plan.remove, plan.reasons) == ((active,), None, (), ())
    look = ca.next_look(plan.keep, TIMING, now)
    assert look == active.certificate.expiry_time - 25 * HOUR


def test_published_when_something_else_is_wanted(
    active: Authority, now: datetime.datetime
) -> None:
    """A change of the subject publishes a new CA, and the old one goes on issuing."""
    plan = ca.plan([active], CHANGED, TIMING, now)
    assert plan.create is Phase.PUBLISHED
    assert plan.keep == (active,)


def test_published_near_the_end(active: Authority) -> None:
    """A CA that could not cover one more certificate and an overlap gets a successor."""
    end = active.certificate.expiry_time
    assert ca.plan([active], WANTED, TIMING, end - 26 * HOUR).create is None
    assert ca.plan([active], WANTED, TIMING, end - 25 * HOUR).create is Phase.PUBLISHED


def test_given_ca_near_its_end_is_the_operators_to_replace(active: Authority) -> None:
    """A CA that the operator brought is not replaced by one of another making."""
    given = dataclasses.replace(active, origin=Brought("x"))
    now = active.certificate.expiry_time - HOUR
    assert ca.plan([given], Brought("x"), TIMING, now).create is None


def test_not_switched_within_the_overlap(
    active: Authority, published: Authority, now: datetime.datetime
) -> None:
    """Until the overlap has passed the old CA issues, and nothing more is made."""
    plan = ca.plan([active, published], CHANGED, TIMING, now + HOUR / 2)
    assert plan.keep == (active, published)
    assert plan.create is None
    assert ca.next_look(plan.keep, TIMING, now) == published.since + HOUR


def test_switched_after_the_overlap(
    active: Authority, published: Authority, now: datetime.datetime
) -> None:
    """After the overlap the new CA issues, and the old one stays for what it has issued."""
    later = now + HOUR
    expiry = later + 5 * HOUR
    active = dataclasses.replace(active, issued_until=expiry)
    plan = ca.plan([active, published], CHANGED, TIMING, later)
    assert {(a.id, a.phase) for a in plan.keep} == {
        (published.id, Phase.ACTIVE),
        (active.id, Phase.OUTGOING),
    }
    assert ca.next_look(plan.keep, TIMING, later) == expiry + datetime.timedelta(seconds=1)


def test_switched_at_once_when_the_old_one_has_expired(
    active: Authority, published: Authority
) -> None:
    """An expired CA has nothing to overlap with."""
    later = active.certificate.expiry_time
    published = dataclasses.replace(published, since=later)
    plan = ca.plan([active, published], CHANGED, TIMING, later)
    assert ca.in_use(plan.keep) == dataclasses.replace(published, phase=Phase.ACTIVE)


def test_stays_in_use_though_it_has_expired_while_no_other_can_be_had(active: Authority) -> None:
    """There is a CA to deny with, and to name, until its operator brings another."""
    plan = ca.plan([active], None, TIMING, active.certificate.expiry_time + HOUR)
    assert (plan.keep, plan.create) == ((active,), None)


def test_change_taken_back(
    active: Authority, published: Authority, now: datetime.datetime
) -> None:
    """A published CA that is not wanted any more goes: it has issued nothing."""
    plan = ca.plan([active, published], WANTED, TIMING, now)
    assert plan.keep == (active,)
    assert plan.remove == (published,)


def test_retired_when_nothing_of_it_lives(
    active: Authority, published: Authority, now: datetime.datetime
) -> None:
    """An outgoing CA is retired when the last certificate that it issued has expired."""
    old = dataclasses.replace(published, phase=Phase.OUTGOING, issued_until=now)
    later = now + datetime.timedelta(seconds=1)
    assert ca.plan([active, old], WANTED, TIMING, now).remove == ()
    assert ca.plan([active, old], WANTED, TIMING, later).remove == (old,)


def test_goes_on_when_what_is_wanted_cannot_be_had(
    active: Authority, published: Authority, now: datetime.datetime
) -> None:
    """While the operator's own CA cannot be read, nothing begins and nothing is thrown away."""
    plan = ca.plan([active, published], None, TIMING, now)
    assert (plan.keep, plan.create, plan.remove) == ((active, published), None, ())


def test_plan_is_settled(active: Authority, published: Authority, now: datetime.datetime) -> None:
    """What a plan leaves behind needs no further step at the same moment."""
    later = now + HOUR
    active = dataclasses.replace(active, issued_until=later + HOUR)
    first = ca.plan([active, published], CHANGED, TIMING, later)
    again = ca.plan(first.keep, CHANGED, TIMING, later)
    assert (again.keep, again.create, again.remove) == (first.keep, None, ())


def test_brought_again_is_the_same_authority(
    active: Authority, published: Authority, now: datetime.datetime
) -> None:
    """A CA that the operator takes away and brings again is not made a second time: it takes over
    from whatever issues, for it is trusted still.
    """
    mine = dataclasses.replace(
        published, origin=Brought("x"), phase=Phase.OUTGOING, issued_until=now + HOUR
    )
    active = dataclasses.replace(active, issued_until=now + HOUR)
    plan = ca.plan([active, mine], Brought("x"), TIMING, now)
    assert plan.create is None
    assert {(a.id, a.phase) for a in plan.keep} == {
        (mine.id, Phase.ACTIVE),
        (active.id, Phase.OUTGOING),
    }


def test_looked_at_when_a_brought_one_expires(active: Authority, now: datetime.datetime) -> None:
    """Nothing rotates a CA that the operator brought, but its end is not slept through."""
    mine = dataclasses.replace(active, origin=Brought("x"))
    assert ca.next_look([mine], TIMING, now) == mine.certificate.expiry_time


def test_key_in_use(active: Authority, published: Authority) -> None:
    """A CA with the key of one that has issued is no way out when that key is lost."""
    assert ca.is_key_in_use([active, published], active.certificate)
    assert not ca.is_key_in_use([active, published], published.certificate)
    assert not ca.is_key_in_use([active], None)


def test_bundle_has_the_ca_in_use_first(active: Authority, published: Authority) -> None:
    """Whoever can hold one CA alone takes the first."""
    assert ca.bundle([published, active]) == (active.certificate, published.certificate)


@pytest.mark.parametrize(
    "option", ["ca_common_name", "ca_organization", "ca_locality_name", "ca_email_address"]
)
def test_subject_decides_what_is_wanted(option: str) -> None:
    """Each part of the subject makes another CA."""
    changed = ProviderConfig.model_validate({option: "a@b"})
    assert origin.origin_of_own(changed, "app") != origin.origin_of_own(ProviderConfig(), "app")


def test_same_subject_wants_the_same_ca() -> None:
    """What says the same in other words wants no other CA: empty text is no text."""
    same = ProviderConfig.model_validate({"ca_organization": "", "certificate_limit": 5})
    assert origin.origin_of_own(same, "app") == origin.origin_of_own(ProviderConfig(), "app")


def test_subjects_are_told_apart_field_by_field() -> None:
    """No text in one field can make two subjects look alike."""
    one = ProviderConfig.model_validate({"ca_organization": "a|b", "ca_organizational_unit": "c"})
    other = ProviderConfig.model_validate(
        {"ca_organization": "a", "ca_organizational_unit": "b|c"}
    )
    assert origin.origin_of_own(one, "app") != origin.origin_of_own(other, "app")
