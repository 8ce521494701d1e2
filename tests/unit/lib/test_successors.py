"""From one certificate to the next, without a gap: renewal, rotation of the key, revocation."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from charmlibs.interfaces.tls_certificates import (
    CertificateInvalidationReason,
)
from tests.unit.lib import keys
from tests.unit.lib.requirers import (
    NOW,
    A,
    Requirer,
    certificate_entry,
    certificates,
    related,
    served,
)

FAR = 2999


@pytest.mark.usefixtures("clock")
def test_due_as_share_of_lifetime() -> None:
    """The secret of a certificate expires when it is due for renewal."""
    requirer = served(timedelta(days=100))
    expiry = requirer.secret("certificate").expire
    assert expiry is not None
    assert abs(expiry - (NOW + timedelta(days=90))) < timedelta(minutes=5)


def test_renewal_has_no_gap(clock: Any) -> None:
    """What is being renewed stays assigned, with its key, until its successor is there."""
    requirer = served()
    (before,), key = requirer.assigned()
    old = requirer.request
    clock.shift(timedelta(days=82))
    requirer.update_status()
    assert requirer.request != old
    assert requirer.assigned() == ([before], key)
    requirer.answer_all()
    (after,), new_key = requirer.assigned()
    assert after.certificate_signing_request == requirer.request
    assert new_key == key


def test_one_renewal_at_a_time(clock: Any) -> None:
    """While a renewal waits for its answer, no hook makes another request."""
    requirer = served()
    clock.shift(timedelta(days=82))
    requirer.update_status()
    asked = requirer.request
    requirer.update_status()
    assert requirer.request == asked


def test_renewal_leaves_nothing(clock: Any) -> None:
    """Two hooks after a renewal, there is one secret of a certificate, and nothing outgoing."""
    requirer = served()
    clock.shift(timedelta(days=82))
    requirer.update_status()
    requirer.answer_all()
    requirer.update_status()
    digest = requirer.request.get_sha256_hex()
    assert requirer.labels() == {
        "private-key-0-certificates",
        f"certificate-0-certificates-{digest}",
    }


def test_expired_certificate_is_renewed_and_told(clock: Any) -> None:
    """A certificate that expired unseen is renewed, announced once, and not assigned."""
    requirer = served()
    old = requirer.request
    clock.shift(timedelta(days=100))
    requirer.update_status()
    assert requirer.request != old
    ((name, event),) = requirer.told
    assert name == "certificate_invalidated"
    assert event.reason is CertificateInvalidationReason.EXPIRED
    assert requirer.assigned()[0] == []
    requirer.update_status()
    assert requirer.told == []


def test_answer_that_expired_unseen_is_asked_for_again(clock: Any) -> None:
    """A unit that was away while its first answer came and expired asks anew, now and then."""
    requirer = Requirer()
    requirer.relate()
    missed = requirer.request
    answer = keys.answer(missed)
    clock.shift(timedelta(days=100))
    requirer.receive(certificates=certificates([answer]))
    assert requirer.request == missed, "a provider whose clock is behind is not asked in each hook"
    requirer.update_status()
    again = requirer.request
    assert again != missed
    requirer.update_status()
    assert requirer.request == again
    requirer.receive(certificates=certificates([keys.answer(again)]))
    assert requirer.names_told() == ["certificate_available"]


def test_outgoing_expires(clock: Any) -> None:
    """What waits for a successor is announced when it expires, and is not assigned any more."""
    requirer = served()
    clock.shift(timedelta(days=82))
    requirer.update_status()
    clock.shift(timedelta(days=10))
    requirer.expire(requirer.secret("certificate"))
    assert requirer.names_told() == ["certificate_invalidated"]
    assert requirer.assigned()[0] == []
    requirer.update_status()
    assert requirer.labels() == {"private-key-0-certificates"}


def test_early_expiry_event_renews(clock: Any) -> None:
    """Juju may tell of an expiry up to a minute early: the certificate is renewed then."""
    requirer = served(timedelta(days=100))
    old = requirer.request
    secret = requirer.secret("certificate")
    assert secret.expire is not None
    clock.move_to(secret.expire - timedelta(seconds=50))
    requirer.expire(secret)
    assert requirer.request != old


def test_much_too_early_expiry_event_does_not_renew(clock: Any) -> None:
    """An expiry event is a hint: what has more than a minute left is not renewed."""
    requirer = served(timedelta(days=100))
    old = requirer.request
    secret = requirer.secret("certificate")
    assert secret.expire is not None
    clock.move_to(secret.expire - timedelta(seconds=70))
    requirer.expire(secret)
    assert requirer.request == old


@pytest.mark.usefixtures("clock")
def test_backdating_provider_does_not_cause_renewals() -> None:
    """A certificate of 30 s, backdated by 5 minutes, is renewed at half of what was left."""
    requirer = related()
    with time_machine.travel(NOW - timedelta(minutes=5), tick=False):
        answer = keys.answer(requirer.request, timedelta(minutes=5, seconds=30))
    requirer.receive(certificates=certificates([answer]))
    asked = requirer.request
    for _ in range(3):
        requirer.update_status()
    assert requirer.request == asked
    assert requirer.secret("certificate").expire == NOW + timedelta(seconds=15)


def test_renewal_asked_for() -> None:
    """The charm can have a certificate renewed, and keeps it meanwhile."""
    requirer = served()
    old = requirer.request
    (before,), _ = requirer.assigned()
    requirer.call(lambda tls: tls.renew_certificate(before))
    assert requirer.request != old
    assert requirer.assigned()[0] == [before]


def test_renewal_of_one_leaves_the_others() -> None:
    """While one of two certificates is renewed, both are assigned, by the same key."""
    requirer = served(certificate_requests=[A(common_name="a"), A(common_name="b")])
    before = requirer.assigned()
    requirer.call(lambda tls: tls.renew_certificate(before[0][0]))
    assert requirer.assigned() == before


@pytest.mark.usefixtures("clock")
def test_renewal_time_is_told() -> None:
    """The charm can show when a certificate will be renewed, and None while it is replaced."""
    requirer = served()
    (assigned,), _ = requirer.assigned()
    due = requirer.secret("certificate").expire
    assert requirer.call(lambda tls: tls.get_renewal_time(assigned)) == due
    requirer.call(lambda tls: tls.renew_certificate(assigned))
    assert requirer.call(lambda tls: tls.get_renewal_time(assigned)) is None


def test_rotation_has_no_gap() -> None:
    """After a change of the key, the old set stays assigned until every new one is there."""
    requirer = served(certificate_requests=[A(common_name="a"), A(common_name="b")])
    before, old_key = requirer.assigned()
    requirer.call(lambda tls: tls.regenerate_private_key())
    first, second = requirer.requests()
    assert requirer.assigned() == (before, old_key)
    requirer.receive(certificates=certificates([keys.answer(first)]))
    assert requirer.assigned() == (before, old_key)
    requirer.receive(certificates=certificates([keys.answer(first), keys.answer(second)]))
    after, new_key = requirer.assigned()
    assert [one.certificate_signing_request for one in after] == [first, second]
    assert new_key != old_key


def test_rotation_gives_each_certificate_its_key() -> None:
    """A new certificate is given with the new key though the set is not complete yet."""
    requests = [A(common_name="a"), A(common_name="b")]
    requirer = served(certificate_requests=requests)
    _, old_key = requirer.assigned()
    requirer.call(lambda tls: tls.regenerate_private_key())
    first, _ = requirer.requests()
    requirer.receive(certificates=certificates([keys.answer(first)]))
    for request in requests:
        assigned, key = requirer.call(lambda tls, one=request: tls.get_assigned_certificate(one))
        assert assigned.certificate.matches_private_key(key)
        assert (key == old_key) is (request == requests[1])


def test_rotation_forgets_the_old_key() -> None:
    """When the new certificates are there, the old key is in no secret any more."""
    requirer = served()
    _, old_key = requirer.assigned()
    requirer.call(lambda tls: tls.regenerate_private_key())
    requirer.answer_all()
    requirer.update_status()
    assert "outgoing-0-certificates" not in requirer.labels()
    assert all(old_key.raw not in one.latest_content.values() for one in requirer.state.secrets)


def test_secret_needed_again_in_the_hook_that_lets_it_go() -> None:
    """It stays the same secret: Juju makes new ones before it removes old ones, and minds labels.

    So ended a revocation that was heard of in the hook after a renewal, in an error for good.
    """
    requirer = served()
    (first,), _ = requirer.assigned()
    requirer.call(lambda tls: tls.renew_certificate(first))
    requirer.answer_all()
    before = requirer.secret("outgoing").id
    requirer.call(lambda tls: (tls.sync(), tls.regenerate_private_key()))
    assert requirer.secret("outgoing").id == before


def test_revoked_in_the_hook_after_a_renewal() -> None:
    """A new key, made as soon as the revocation is told, finds what is being replaced in place."""
    requirer = served()
    (first,), _ = requirer.assigned()
    requirer.call(lambda tls: tls.renew_certificate(first))
    requirer.answer_all()
    before, renewed = requirer.secret("outgoing").id, requirer.request
    requirer.handlers["certificate_invalidated"] = lambda tls, _: tls.regenerate_private_key()
    answer = requirer.assigned()[0][0]
    requirer.receive(certificates=[certificate_entry(answer, revoked=True)])
    assert requirer.request != renewed
    assert requirer.secret("outgoing").id == before


def test_revoked_while_it_is_being_replaced() -> None:
    """What waits for its successor goes out of use when the provider shows it as revoked."""
    requirer = served()
    (before,), _ = requirer.assigned()
    requirer.call(lambda tls: tls.renew_certificate(before))
    assert requirer.assigned()[0] == [before]
    # The provider has not run since: the answer to the request that has left stands there still.
    requirer.receive(certificates=[certificate_entry(before, revoked=True)])
    ((name, event),) = requirer.told
    assert (name, event.reason) == (
        "certificate_invalidated",
        CertificateInvalidationReason.REVOKED,
    )
    assert requirer.assigned()[0] == []
    requirer.receive(certificates=[])
    assert requirer.told == []
    assert requirer.assigned()[0] == []


def test_private_key_is_the_new_one_during_a_rotation() -> None:
    """`private_key` is the key that requests are made with."""
    requirer = served()
    _, old_key = requirer.assigned()
    key = requirer.call(lambda tls: (tls.regenerate_private_key(), tls.private_key)[1])
    assert key != old_key
    assert requirer.request.matches_private_key(key)


def test_revoked_is_told_once_and_not_assigned() -> None:
    """A revoked certificate is announced once; the rest is the charm's decision."""
    requirer = served()
    (before,), _ = requirer.assigned()
    requirer.receive(certificates=[certificate_entry(before, revoked=True)])
    ((name, event),) = requirer.told
    assert (name, event.reason) == (
        "certificate_invalidated",
        CertificateInvalidationReason.REVOKED,
    )
    assert event.certificate == before.certificate
    assert requirer.assigned()[0] == []
    old = requirer.request
    requirer.update_status()
    assert requirer.told == []
    assert requirer.request == old


def test_revoked_before_it_was_seen() -> None:
    """A certificate that comes revoked is announced too, and once: its request waits for a key."""
    requirer = related()
    entry = certificate_entry(keys.answer(requirer.request), revoked=True)
    requirer.receive(certificates=[entry])
    assert [(name, event.reason) for name, event in requirer.told] == [
        ("certificate_invalidated", CertificateInvalidationReason.REVOKED)
    ]
    for _ in range(3):
        requirer.update_status()
        assert requirer.told == []


def test_issued_again_and_revoked_unseen() -> None:
    """A revoked answer ends the certificate that the charm has of the same request."""
    requirer = served()
    (before,), _ = requirer.assigned()
    again = keys.answer(requirer.request)
    requirer.receive(certificates=[certificate_entry(again, revoked=True)])
    ((name, event),) = requirer.told
    assert (name, event.certificate) == ("certificate_invalidated", before.certificate)
    assert event.reason == CertificateInvalidationReason.REVOKED
    assert requirer.assigned()[0] == []
    requirer.update_status()
    assert requirer.told == []


def test_what_says_that_a_revocation_was_told_goes_with_its_request() -> None:
    """After a new key and the hooks that a removal takes, the old request has no secret left."""
    requirer = related()
    entry = certificate_entry(keys.answer(requirer.request), revoked=True)
    requirer.receive(certificates=[entry])
    requirer.call(lambda tls: tls.regenerate_private_key())
    requirer.answer_all()
    requirer.update_status()
    requirer.update_status()
    assert len(requirer.labels()) == 2


def test_revoked_and_rotated_is_requested_again() -> None:
    """After a revocation, a new key makes a new request, and nothing old is assigned."""
    requirer = served()
    (before,), _ = requirer.assigned()
    old = requirer.request
    requirer.receive(certificates=[certificate_entry(before, revoked=True)])
    requirer.call(lambda tls: tls.regenerate_private_key())
    assert requirer.request != old
    assert requirer.assigned()[0] == []
    requirer.answer_all()
    requirer.update_status()
    assert len(requirer.assigned()[0]) == 1
    assert len(requirer.labels()) == 2
