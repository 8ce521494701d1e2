"""What goes on being assigned while the requirer moves: `keep_until_replaced`, and two relations.

A provider that hears of the end of the relation first takes its answers along before the requirer
knows. What is to outlive them is held in a secret from the moment when it is accepted.
"""

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from ops import testing

from charmlibs.interfaces.tls_certificates import Mode
from tests.unit.lib import keys
from tests.unit.lib.requirers import (
    A,
    Requirer,
    certificate_entry,
    certificates,
    error_entry,
    served,
)
from tests.unit.lib.test_rough_edges import limit_secrets

AB: dict[str, Any] = {"certificate_requests": [A(common_name="a"), A(common_name="b")]}
OUTGOING = "outgoing-0-certificates"


def _keeping(**options: Any) -> Requirer:
    return served(keep_until_replaced=True, **options)


def _take_unseen(requirer: Requirer) -> None:
    """Let the provider take its answers away, without a hook for it."""
    empty = dataclasses.replace(requirer.relation, remote_app_data={})
    rest = {one for one in requirer.state.relations if one.id != empty.id}
    requirer.state = dataclasses.replace(requirer.state, relations={*rest, empty})


def test_provider_leaves_first() -> None:
    """What was assigned stays so where the answers are gone when the relation breaks."""
    requirer = _keeping()
    before = requirer.assigned()
    _take_unseen(requirer)
    requirer.leave()
    assert requirer.assigned() == before
    assert len(before[0]) == 1


def test_provider_leaves_first_and_is_seen_to() -> None:
    """A hook that runs between the two takes nothing away either."""
    requirer = _keeping()
    before = requirer.assigned()
    requirer.receive()
    assert requirer.names_told() == []
    assert requirer.assigned() == before
    requirer.leave()
    assert requirer.assigned() == before


def test_nothing_is_kept_unasked() -> None:
    """Without `keep_until_replaced`, what the provider takes away is not assigned any more."""
    requirer = served(keep_until_replaced=False)
    assert OUTGOING not in requirer.labels()
    requirer.receive()
    assert requirer.assigned()[0] == []


def test_next_provider_replaces_it() -> None:
    """After a move the new provider's certificate is held, with its key, and nothing else."""
    requirer = _keeping()
    _take_unseen(requirer)
    requirer.leave()
    requirer.relate()
    requirer.answer_all()
    after = requirer.assigned()
    assert after[0][0].certificate_signing_request == requirer.request
    for _ in range(3):
        requirer.update_status()
    assert len(requirer.labels()) == 3
    requirer.receive()
    assert requirer.assigned() == after


def test_followers_keep_it() -> None:
    """A follower has the application's certificate also when the provider's answers are gone."""
    leader = _keeping(mode=Mode.APP, leader=True)
    follower = Requirer(leader=False, unit_id=1, **leader.options)
    follower.relate()
    shared = {
        testing.Secret(dict(one.latest_content), id=one.id, label=one.label, owner="app")
        for one in leader.state.secrets
    }
    follower.state = dataclasses.replace(follower.state, secrets=shared)
    assert follower.call(lambda tls: tls.get_application_certificates()) == leader.assigned()


def test_quiet_hooks_write_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held is written once: no hook after that writes a secret or a databag."""
    requirer = _keeping(**AB)
    before = requirer.state
    for method in ("set_info", "set_content", "remove_all_revisions"):
        monkeypatch.setattr(f"ops.Secret.{method}", _unexpected)
    monkeypatch.setattr("ops.Unit.add_secret", _unexpected)
    for _ in range(3):
        requirer.update_status()
    assert requirer.state.secrets == before.secrets
    assert requirer.relation == before.get_relation(1)


def _unexpected(*_: Any, **__: Any) -> Any:
    raise AssertionError("a secret is written")


def test_renewals_do_not_pile_up(clock: Any) -> None:
    """After any number of renewals, what is in force is held, and no more."""
    requirer = _keeping(**AB)
    sizes: set[int] = set()
    for _ in range(4):
        clock.shift(timedelta(days=85))
        requirer.update_status()
        assert len(requirer.assigned()[0]) == 2
        requirer.answer_all()
        requirer.update_status()
        requirer.update_status()
        sizes.add(len(requirer.labels()))
        held = requirer.secret("outgoing").latest_content
        sizes.add(held["entries"].count('"csr"') + 2)
    assert sizes == {4}


def test_revoked_is_not_kept() -> None:
    """What the provider revokes is not assigned, before the relation breaks or after."""
    requirer = _keeping()
    (before,), _ = requirer.assigned()
    requirer.receive(certificates=[certificate_entry(before, revoked=True)])
    assert requirer.names_told() == ["certificate_invalidated"]
    assert requirer.assigned()[0] == []
    requirer.leave()
    assert requirer.assigned()[0] == []


def test_revoked_unseen_is_not_kept() -> None:
    """A revoked answer ends also the one before it, of which it was made anew."""
    requirer = _keeping()
    newer = keys.answer(requirer.request)
    requirer.receive(certificates=[certificate_entry(newer, revoked=True)])
    assert requirer.assigned()[0] == []


def test_unwanted_is_not_kept() -> None:
    """What the charm no longer requests is not assigned."""
    requirer = _keeping(**AB)
    requirer.options["certificate_requests"] = [A(common_name="a")]
    requirer.update_status()
    requirer.receive()
    assert [one.certificate.common_name for one in requirer.assigned()[0]] == ["a"]


def test_kept_until_it_expires(clock: Any) -> None:
    """What was taken away without a word is renewed when due, and never assigned when expired."""
    requirer = _keeping()
    before, first = requirer.assigned()[0], requirer.request
    requirer.receive()
    clock.shift(timedelta(days=85))
    requirer.update_status()
    assert requirer.request != first
    assert requirer.assigned()[0] == before
    clock.shift(timedelta(days=6))
    requirer.update_status()
    assert requirer.assigned()[0] == []


def test_refusal_leaves_what_is_valid() -> None:
    """A request that is refused after it was granted keeps its certificate; the charm is told."""
    requirer = _keeping()
    before = requirer.assigned()
    requirer.receive(request_errors=[error_entry(requirer.request)])
    assert requirer.names_told() == ["certificate_denied"]
    assert requirer.assigned() == before


def test_wrong_answer_leaves_what_is_valid() -> None:
    """An answer of no use does not displace the good one that it takes the place of."""
    requirer = _keeping()
    before = requirer.assigned()
    wrong = keys.answer(keys.csr_of(key_name="other"))
    entry = certificate_entry(wrong, certificate_signing_request=requirer.request.raw)
    requirer.receive(certificates=[entry])
    assert requirer.assigned() == before


def test_another_answer_is_held() -> None:
    """A request that is answered anew (the CA changed) has its new certificate held."""
    requirer = _keeping()
    newer = keys.answer(requirer.request, timedelta(days=30))
    requirer.receive(certificates=certificates([newer]))
    requirer.receive()
    assert requirer.assigned()[0] == [newer]


def test_provider_leaves_while_the_key_changes() -> None:
    """Where not all is answered with the new key, the whole set of the old one stays."""
    requirer = _keeping(**AB)
    before = requirer.assigned()
    requirer.call(lambda tls: tls.regenerate_private_key())
    requirer.receive(certificates=certificates([keys.answer(requirer.requests()[0])]))
    _take_unseen(requirer)
    requirer.leave()
    assert requirer.assigned() == before


def test_provider_leaves_after_the_key_changed() -> None:
    """Once all is answered with the new key, that set stays, with that key."""
    requirer = _keeping(**AB)
    requirer.call(lambda tls: tls.regenerate_private_key())
    requirer.answer_all()
    after = requirer.assigned()
    _take_unseen(requirer)
    requirer.leave()
    assert requirer.assigned() == after


def test_provider_leaves_during_a_renewal() -> None:
    """The certificate that is being renewed stays in force, beside those that are not."""
    requirer = _keeping(**AB)
    before = requirer.assigned()
    requirer.call(lambda tls: tls.renew_certificate(before[0][0]))
    _take_unseen(requirer)
    requirer.leave()
    assert requirer.assigned() == before


def test_same_key_again() -> None:
    """To import the key in force changes nothing."""
    requirer = _keeping()
    before, alarm = requirer.assigned(), requirer.secret("certificate").expire
    key = before[1]
    requirer.call(lambda tls: tls.import_private_key(key))
    assert requirer.secret("certificate").expire == alarm
    assert requirer.assigned() == before


def test_passed_key_is_held_nowhere() -> None:
    """A key that the charm passes is in no secret, and what is held fits it all the same."""
    requirer = _keeping(private_key=keys.key("passed"))
    before = requirer.assigned()
    assert "private-key" not in requirer.secret("outgoing").latest_content
    _take_unseen(requirer)
    requirer.leave()
    assert requirer.assigned() == before


def test_charm_keeps_no_longer() -> None:
    """A charm that stops asking for it has nothing held any more, and loses nothing."""
    requirer = _keeping()
    before = requirer.assigned()
    requirer.options["keep_until_replaced"] = False
    requirer.update_status()
    assert OUTGOING not in requirer.labels()
    assert requirer.assigned() == before


def test_second_relation_takes_over() -> None:
    """Where a second relation is there to take over, the first one's answers are held, too."""
    requirer = served(keep_until_replaced=False)
    before = requirer.assigned()
    second = testing.Relation("certificates", id=2)
    requirer.state = dataclasses.replace(
        requirer.state, relations={*requirer.state.relations, second}
    )
    requirer.run(requirer.context.on.relation_created(second))
    _take_unseen(requirer)
    requirer.leave()
    assert requirer.assigned() == before
    requirer.answer_all()
    requirer.update_status()
    assert OUTGOING not in requirer.labels()
    assert requirer.assigned()[0][0].certificate_signing_request == requirer.request


def test_too_many_to_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more than a secret takes, as many as fit are held; what does not is not tried again."""
    limit_secrets(monkeypatch, 8 * 1024)
    requirer = _keeping(certificate_requests=[A(common_name=name) for name in "abcd"])
    assert any("of 4 certificates, 2 go on" in line for line in requirer.warnings())
    requirer.update_status()
    assert requirer.warnings() == []
    _take_unseen(requirer)
    assert len(requirer.assigned()[0]) == 2


def test_renewal_of_what_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate that is being renewed goes before those that are merely held."""
    limit_secrets(monkeypatch, 8 * 1024)
    requirer = _keeping(certificate_requests=[A(common_name=name) for name in "abcd"])
    before, _ = requirer.assigned()
    requirer.call(lambda tls: tls.renew_certificate(before[3]))
    assert set(requirer.assigned()[0]) == set(before)
    assert requirer.warnings() == []


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("is_taken", [False, True], ids=["answers there", "answers gone"])
def test_made_again_before_it_breaks(keep: bool, is_taken: bool) -> None:
    """A relation that is removed and made again at once: the new one is heard of first, maybe."""
    requirer = served(keep_until_replaced=keep)
    before, key = requirer.assigned()
    again = testing.Relation("certificates", id=2)
    requirer.state = dataclasses.replace(
        requirer.state, relations={*requirer.state.relations, again}
    )
    requirer.run(requirer.context.on.relation_created(again))
    if is_taken:
        _take_unseen(requirer)
    requirer.leave()
    assert requirer.assigned() == (before, key)
    assert requirer.request.matches_private_key(key)
    requirer.answer_all()
    assert requirer.names_told() == ["certificate_available"]
    for _ in range(2):
        requirer.update_status()
    held = {OUTGOING} if keep else set[str]()
    digest = requirer.request.get_sha256_hex()
    assert requirer.labels() == {
        "private-key-0-certificates",
        f"certificate-0-certificates-{digest}",
        *held,
    }
