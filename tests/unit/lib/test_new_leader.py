"""A provider's unit that leads before it has met every requirer: what it finds, it keeps."""

import dataclasses
import json

import pytest

from charmlibs.interfaces.tls_certificates import CertificateSigningRequest
from tests.unit.lib import keys
from tests.unit.lib.providers import Provider, requests
from tests.unit.lib.requirers import certificates, error_entry

MET, UNMET = "met", "unmet"


def _found(
    *csrs: CertificateSigningRequest, seen: tuple[CertificateSigningRequest, ...] = ()
) -> Provider:
    """Return a follower; answers to *csrs* are there, and of the requests only those *seen*."""
    provider = Provider(leader=False)
    answers = certificates(keys.answer(csr) for csr in csrs)
    provider.relate(local_app_data={"certificates": json.dumps(answers)})
    provider.receive(requests(seen))
    provider.state = dataclasses.replace(provider.state, leader=True)
    return provider


def _elected(provider: Provider) -> Provider:
    provider.run(provider.context.on.leader_elected())
    return provider


def _answered(provider: Provider, relation_id: int = 1) -> list[str]:
    entries = provider.databag(relation_id).get("certificates", [])
    return [entry["certificate_signing_request"] for entry in entries]


def test_new_leader_keeps_what_it_finds() -> None:
    """An answer whose request the new leader has not seen stays, and so does a refusal."""
    one, two = keys.csr_of(MET), keys.csr_of(UNMET)
    refused = keys.csr_of("refused")
    provider = _found(one, two, seen=(one,))
    data = {
        **provider.relation().local_app_data,
        "request_errors": json.dumps([error_entry(refused)]),
    }
    provider.relate(local_app_data=data, remote_units_data=provider.relation().remote_units_data)
    _elected(provider)
    assert _answered(provider) == [one.raw, two.raw]
    assert len(provider.databag()["request_errors"]) == 1
    assert provider.writes == []
    assert provider.get("get_unsolicited_certificates") == []


def test_leads_before_it_is_told() -> None:
    """A unit leads in a hook that comes before `leader-elected`: it keeps what it finds there."""
    csr = keys.csr_of()
    provider = _found(csr)
    provider.receive()
    assert _answered(provider) == [csr.raw]
    provider.run(provider.context.on.leader_elected())
    provider.receive(requests([keys.csr_of("other")]))
    assert _answered(provider) == [csr.raw]


def test_what_has_been_seen_can_go() -> None:
    """Once a request was seen, its going is seen too: its certificate goes in the same write."""
    csr, renewed = keys.csr_of(), keys.csr_of()
    provider = _elected(_found(csr))
    provider.receive(requests([csr]))
    provider.receive(requests([renewed]))
    assert _answered(provider) == []
    assert provider.writes == [(1, frozenset({"certificates"}))]


def test_what_it_answered_itself_can_go() -> None:
    """Of its own answers, a new leader knows who asked."""
    found, csr = keys.csr_of(UNMET), keys.csr_of()
    provider = _elected(_found(found))
    provider.receive(requests([csr]))
    provider.set(keys.answer(csr))
    provider.receive([])
    assert _answered(provider) == [found.raw]


def test_who_was_seen_departs() -> None:
    """With a unit that was met, what it held goes; what nobody has been seen to hold stays."""
    one, two = keys.csr_of(MET), keys.csr_of(UNMET)
    provider = _elected(_found(one, two, seen=(one,)))
    relation = dataclasses.replace(provider.relation(), remote_units_data={})
    provider.state = dataclasses.replace(provider.state, relations={relation})
    event = provider.context.on.relation_departed(relation, remote_unit=0, departing_unit=0)
    provider.run(event)
    assert _answered(provider) == [two.raw]


def test_at_rest_everybody_is_met() -> None:
    """With `update-status`, what is asked for by no one goes."""
    csr = keys.csr_of()
    provider = _elected(_found(csr))
    provider.update_status()
    assert provider.databag() == {}


def _is_never_readable(*_: object) -> bool:
    return False


def test_at_rest_without_sight_nothing_goes() -> None:
    """While not all can be read, `update-status` does not say that everybody is met."""
    csr = keys.csr_of()
    provider = _elected(_found(csr))
    is_readable = "charmlibs.interfaces.tls_certificates._relations.is_readable"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(is_readable, _is_never_readable)
        provider.update_status()
    provider.receive([])
    assert _answered(provider) == [csr.raw]


def test_long_standing_leader_withholds_nothing() -> None:
    """Who has led since everybody was met removes a certificate when its request goes."""
    one, two = keys.csr_of("a"), keys.csr_of("b")
    provider = _elected(_found(one, two, seen=(one, two)))
    provider.update_status()
    provider.receive(requests([two]))
    assert _answered(provider) == [two.raw]


def test_elected_again() -> None:
    """Who loses the lead and gets it back finds what was answered meanwhile, and keeps it."""
    csr = keys.csr_of()
    provider = _elected(_found(seen=()))
    provider.update_status()
    answers = json.dumps(certificates([keys.answer(csr)]))
    provider.relate(local_app_data={"certificates": answers})
    provider.run(provider.context.on.leader_elected())
    provider.receive([])
    assert _answered(provider) == [csr.raw]


def _answered_before(provider: Provider, relation_id: int) -> CertificateSigningRequest:
    """Add a relation in which a unit that is gone has answered; return the request."""
    csr = keys.csr_of(str(relation_id))
    answers = json.dumps(certificates([keys.answer(csr)]))
    provider.relate(relation_id, local_app_data={"certificates": answers})
    return csr


def test_new_unit_leads_at_once() -> None:
    """A unit that leads from its first hook keeps what a removed one answered, everywhere."""
    provider = Provider()
    provider.run(provider.context.on.install())
    csrs = [_answered_before(provider, number) for number in (1, 2)]
    provider.run(provider.context.on.relation_created(provider.relation(1)))
    assert [_answered(provider, number) for number in (1, 2)] == [[csr.raw] for csr in csrs]


def test_new_unit_joins_after_it_was_elected() -> None:
    """So it does in a relation that it comes to see only after `leader-elected`."""
    provider = _elected(Provider())
    csr = _answered_before(provider, 1)
    provider.run(provider.context.on.relation_created(provider.relation(1)))
    provider.receive([])
    assert _answered(provider) == [csr.raw]


def test_relations_are_apart() -> None:
    """That a request was seen in one relation says nothing of the same one in another."""
    csr = keys.csr_of()
    provider = _found(csr)
    answers = json.dumps(certificates([keys.answer(csr)]))
    provider.relate(2, local_app_data={"certificates": answers})
    _elected(provider)
    provider.receive(requests([csr]), relation_id=2)
    provider.receive([], relation_id=2)
    assert (_answered(provider, 1), _answered(provider, 2)) == ([csr.raw], [])


def test_leaving_unit_does_nothing_more() -> None:
    """To a unit that goes, its hooks after the first departure tell nothing of who is left."""
    csr = keys.csr_of()
    provider = Provider()
    provider.receive(requests([csr]))
    provider.set(keys.answer(csr))
    relation = provider.relation()
    # `ops.testing` names the unit that goes after the remote application: here, like this one.
    relation = dataclasses.replace(relation, remote_units_data={}, remote_app_name="ca")
    provider.state = dataclasses.replace(provider.state, relations={relation})
    provider.run(provider.context.on.relation_departed(relation, remote_unit=0))
    provider.run(provider.context.on.config_changed())
    provider.update_status()
    assert _answered(provider) == [csr.raw]
