"""Units that do not lead: what they find of their application's certificates."""

import dataclasses
import json
from datetime import timedelta
from typing import Any

from ops import testing

from charmlibs.interfaces.tls_certificates import Mode, _assignment, _outgoing
from tests.unit.lib import keys
from tests.unit.lib.requirers import BOTH, A, Requirer, certificate_entry, certificates, related


def _follower(leader: Requirer) -> Requirer:
    """Return another unit of an application: it sees what Juju lets it see."""
    follower = Requirer(leader=False, unit_id=1, **leader.options)
    follower.relate(remote_app_data=leader.relation.remote_app_data)
    return _shared(follower, leader)


def _shared(follower: Requirer, leader: Requirer) -> Requirer:
    """Let a follower read the secrets that the application owns, and no more."""
    own = {one for one in follower.state.secrets if one.owner == "unit"}
    shared = {
        testing.Secret(dict(one.latest_content), id=one.id, label=one.label, owner="app")
        for one in leader.state.secrets
        if one.owner != "unit"
    }
    follower.state = dataclasses.replace(follower.state, secrets={*own, *shared})
    return follower


def test_follower_reads_the_applications_certificates() -> None:
    """A follower finds the application's certificates by the application's key."""
    leader = related(leader=True, **BOTH)
    leader.answer_all()
    follower = _follower(leader)
    found, key = follower.call(lambda tls: tls.get_application_certificates())
    assert (found, key) == leader.assigned(Mode.APP)
    assert follower.call(lambda tls: tls.get_private_key(Mode.APP)) is None


def test_follower_is_told() -> None:
    """The relation and the shared secrets are a follower's alarms."""
    leader = related(mode=Mode.APP, leader=True)
    leader.answer_all()
    follower = _follower(leader)
    follower.receive(**dict(leader.relation.remote_app_data))
    assert follower.names_told() == ["application_certificates_changed"]
    key = next(one for one in follower.state.secrets if one.owner != "unit")
    changed = testing.Secret(dict(key.latest_content), label=key.label, id=key.id)
    follower.state = dataclasses.replace(follower.state, secrets={changed})
    follower.run(follower.context.on.secret_changed(changed))
    assert follower.names_told() == ["application_certificates_changed"]


def test_follower_has_no_gap() -> None:
    """While the application's key changes, a follower goes on with what is being replaced."""
    leader = related(mode=Mode.APP, leader=True)
    leader.answer_all()
    before = leader.assigned()
    leader.call(lambda tls: tls.regenerate_private_key())
    leader.receive(certificates=[])
    follower = _follower(leader)
    assert follower.call(lambda tls: tls.get_application_certificates()) == before
    leader.answer_all()
    follower.receive(**dict(leader.relation.remote_app_data))
    _shared(follower, leader)
    assert follower.call(lambda tls: tls.get_application_certificates()) == leader.assigned()


TWO: dict[str, Any] = {"certificate_requests": [A(common_name="a"), A(common_name="b")]}


def test_follower_has_all_while_one_is_renewed() -> None:
    """While one of two is being renewed, a follower finds both, as the leader does."""
    leader = related(mode=Mode.APP, leader=True, **TWO)
    leader.answer_all()
    (one, other), _ = leader.assigned()
    leader.call(lambda tls: tls.renew_certificate(one))
    leader.receive(certificates=certificates([other]))
    follower = _follower(leader)
    found, key = follower.call(lambda tls: tls.get_application_certificates())
    assert (set(found), key) == ({one, other}, leader.assigned()[1])


def test_follower_has_one_keys_set_while_the_key_changes() -> None:
    """While not every new certificate is there, a follower goes on with the whole set before."""
    leader = related(mode=Mode.APP, leader=True, **TWO)
    leader.answer_all()
    leader.call(lambda tls: tls.regenerate_private_key())
    leader.receive(certificates=certificates([keys.answer(leader.requests("app")[0])]))
    follower = _follower(leader)
    found = follower.call(lambda tls: tls.get_application_certificates())
    assert found == leader.assigned()
    assert len(found[0]) == 2


def test_follower_passes_over_what_is_not_requested_any_more() -> None:
    """What is being replaced, and then is not requested any more, is not left for followers."""
    leader = related(mode=Mode.APP, leader=True, **TWO)
    leader.answer_all()
    leader.call(lambda tls: tls.regenerate_private_key())
    leader.options["certificate_requests"] = [A(common_name="a")]
    leader.receive(certificates=[])
    follower = _follower(leader)
    found, _ = follower.call(lambda tls: tls.get_application_certificates())
    assert [one.certificate.common_name for one in found] == ["a"]


def test_follower_passes_over_what_is_of_the_other_kind() -> None:
    """A CA that comes where a leaf was asked for is not used by a follower, as by the leader."""
    leader = related(mode=Mode.APP, leader=True)
    [csr] = leader.requests("app")
    leader.receive(certificates=certificates([keys.answer(csr, is_ca=True)]))
    follower = _follower(leader)
    follower.receive(**dict(leader.relation.remote_app_data))
    found, _ = follower.call(lambda tls: tls.get_application_certificates())
    assert (found, leader.assigned()[0]) == ([], [])


def test_follower_heeds_a_revocation_of_what_is_of_the_other_kind_by_now() -> None:
    """It may hear before its leader that a CA is wanted; what was revoked since is not used."""
    leaf = keys.answer(keys.csr_of())
    outgoing = _outgoing.Outgoing.of(
        keys.key(), [_outgoing.OutgoingEntry(leaf.certificate_signing_request.raw, leaf)]
    )
    wanted = [A(common_name="a", is_ca=True)]
    now = leaf.certificate.expiry_time - timedelta(days=1)
    revoked = dataclasses.replace(leaf, revoked=True)
    before = _assignment.of_application([leaf], keys.key(), outgoing, wanted, now)
    after = _assignment.of_application([revoked], keys.key(), outgoing, wanted, now)
    assert (before.certificates, after.certificates) == ((leaf,), ())


def test_key_passed_to_a_follower() -> None:
    """With a key that the charm passes, followers need no secret."""
    leader = related(mode=Mode.APP, leader=True, private_key=keys.key("passed"))
    leader.answer_all()
    follower = _follower(leader)
    assert follower.call(lambda tls: tls.get_application_certificates()) == leader.assigned()
    assert follower.call(lambda tls: tls.private_key) == keys.key("passed")


def test_follower_passes_over_revoked() -> None:
    """A follower does not use a certificate of the application that was revoked."""
    leader = related(mode=Mode.APP, leader=True)
    leader.answer_all()
    follower = _follower(leader)
    (entry,) = json.loads(leader.relation.remote_app_data["certificates"])
    follower.receive(certificates=[{**entry, "revoked": True}])
    assert follower.call(lambda tls: tls.get_application_certificates())[0] == []


def test_follower_passes_over_what_was_revoked_while_being_replaced() -> None:
    """A follower finds it neither beside the revoked mark, nor later in the leader's secret."""
    leader = related(mode=Mode.APP, leader=True)
    leader.answer_all()
    (before,), _ = leader.assigned()
    leader.call(lambda tls: tls.renew_certificate(before))
    revoked = [certificate_entry(before, revoked=True)]
    follower = _follower(leader)
    follower.receive(certificates=revoked)
    assert follower.call(lambda tls: tls.get_application_certificates())[0] == []
    leader.receive(certificates=revoked)
    _shared(follower, leader)
    follower.receive(certificates=[])
    assert follower.call(lambda tls: tls.get_application_certificates())[0] == []
