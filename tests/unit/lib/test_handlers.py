"""What a charm does with the library inside its handlers, and what it must not do with it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import ops
import pytest
import time_machine
from ops import testing

from charmlibs.interfaces.tls_certificates import (
    Mode,
    TLSCertificatesError,
    TLSCertificatesProvidesV4,
    TLSCertificatesRequiresV4,
)
from tests.unit.lib import keys
from tests.unit.lib.requirers import A, Requirer, certificate_entry, served

AB: dict[str, Any] = {"certificate_requests": [A(common_name="a"), A(common_name="b")]}


def _revoke_a(requirer: Requirer, handler: Callable[[TLSCertificatesRequiresV4], Any]) -> None:
    """Let the certificate for 'a' be revoked, and the charm do something as soon as it is told."""
    requirer.handlers["certificate_invalidated"] = lambda tls, _: handler(tls)
    requirer.receive(
        certificates=[
            certificate_entry(one, revoked=one.certificate.common_name == "a")
            for one in requirer.assigned()[0]
        ]
    )


def test_handlers_may_call_back() -> None:
    """A reconcile asked for within a handler is taken up afterwards, once."""
    requirer = served()
    requirer.handlers["certificate_available"] = lambda tls, _: tls.sync()
    requirer.update_status()
    assert requirer.names_told() == ["certificate_available", "certificate_available"]


def test_handler_may_rotate() -> None:
    """A key changed within a handler is requested with in the same hook."""
    requirer = served()
    old = requirer.request
    requirer.handlers["certificate_available"] = lambda tls, _: tls.regenerate_private_key()
    requirer.update_status()
    assert requirer.request != old


@pytest.mark.parametrize("keep", [False, True])
def test_new_key_when_revoked(keep: bool) -> None:
    """A new key, made in the handler: requests go out anew, and what is good stays meanwhile."""
    requirer = served(**AB, keep_until_replaced=keep)
    before, old_key = requirer.assigned()
    _revoke_a(requirer, lambda tls: tls.regenerate_private_key())
    assert requirer.names_told().count("certificate_invalidated") == 1
    assigned, key = requirer.assigned()
    assert assigned == [one for one in before if one.certificate.common_name == "b"]
    assert key == old_key
    assert len(requirer.requests()) == 2
    assert not any(one.matches_private_key(old_key) for one in requirer.requests())
    requirer.answer_all()
    assert len(requirer.assigned()[0]) == 2
    assert requirer.names_told() == ["certificate_available"] * 2


def test_new_application_key_when_revoked() -> None:
    """Of two owners, the one whose key is changed in the handler alone asks anew."""
    requirer = served(
        leader=True,
        certificate_requests=None,
        mode=Mode.APP_AND_UNIT,
        certificate_requests_by_mode={
            Mode.APP: [A(common_name="a")],
            Mode.UNIT: [A(common_name="u")],
        },
    )
    of_unit, of_app = requirer.requests("unit"), requirer.requests("app")
    revoked, _ = requirer.assigned(Mode.APP)
    good, _ = requirer.assigned(Mode.UNIT)
    requirer.handlers["certificate_invalidated"] = lambda tls, _: tls.regenerate_private_key(
        Mode.APP
    )
    requirer.receive(
        certificates=[certificate_entry(revoked[0], revoked=True), certificate_entry(good[0])]
    )
    assert requirer.requests("unit") == of_unit
    assert requirer.requests("app") != of_app
    assert requirer.assigned(Mode.UNIT)[0] == good


def test_sync_when_revoked() -> None:
    """To sync in the handler tells of what is good once more, and of the revocation no more."""
    requirer = served(**AB)
    _revoke_a(requirer, lambda tls: tls.sync())
    assert requirer.names_told() == [
        "certificate_invalidated",
        "certificate_available",
        "certificate_available",
    ]


def test_look_when_revoked() -> None:
    """What the handler finds assigned is what is good, and no longer what it is told of."""
    requirer = served(**AB)
    found: list[str] = []
    _revoke_a(
        requirer,
        lambda tls: found.extend(
            one.certificate.common_name for one in tls.get_assigned_certificates()[0]
        ),
    )
    assert found == ["b"]


def test_renewal_asked_when_revoked() -> None:
    """The charm can have another certificate renewed in the handler: that one stays meanwhile."""
    requirer = served(**AB)
    before = requirer.requests()
    _revoke_a(requirer, lambda tls: tls.renew_certificate(tls.get_assigned_certificates()[0][0]))
    assert [one.certificate.common_name for one in requirer.assigned()[0]] == ["b"]
    assert len(set(requirer.requests()) & set(before)) == 1


@pytest.mark.parametrize("method", ["sync", "regenerate_private_key"])
def test_expiry_is_told_once(method: str) -> None:
    """What a handler does about an expiry neither repeats it nor leaves anything behind."""
    with time_machine.travel(keys.answer(keys.csr_of()).certificate.validity_start_time) as clock:
        keys.forget_authorities()
        requirer = served(keep_until_replaced=True)
        clock.shift(timedelta(days=91))
        requirer.handlers["certificate_invalidated"] = lambda tls, _: getattr(tls, method)()
        requirer.update_status()
        assert requirer.names_told() == ["certificate_invalidated"]
        assert len(requirer.requests()) == 1
        for _ in range(3):
            requirer.update_status()
            assert requirer.names_told() == []
        assert {one.partition("-")[0] for one in requirer.labels()} == {"private"}
    keys.forget_authorities()


def _requires(charm: ops.CharmBase) -> TLSCertificatesRequiresV4:
    return TLSCertificatesRequiresV4(charm, "x", [A(common_name="a")])


def _provides(charm: ops.CharmBase) -> TLSCertificatesProvidesV4:
    return TLSCertificatesProvidesV4(charm, "x")


@pytest.mark.parametrize(("side", "make"), [("requires", _requires), ("provides", _provides)])
def test_two_objects_for_one_endpoint(side: str, make: Callable[[ops.CharmBase], Any]) -> None:
    """A second object for an endpoint is refused, by the argument's name; the first one works."""
    refused: list[str] = []

    class Charm(ops.CharmBase):
        def __init__(self, framework: ops.Framework) -> None:
            super().__init__(framework)
            self.tls = make(self)
            with pytest.raises(TLSCertificatesError) as error:
                make(self)
            refused.append(str(error.value))

    endpoint = {"x": {"interface": "tls-certificates"}}
    context = testing.Context(Charm, {"name": "both", side: endpoint})
    relation = testing.Relation("x")
    state = context.run(
        context.on.relation_created(relation), testing.State(relations={relation}, leader=True)
    )
    (message,) = refused
    assert message.startswith("relationship_name: there is an object for 'x' already")
    asked = state.get_relation(relation.id).local_unit_data.get("certificate_signing_requests")
    assert (asked is not None) == (side == "requires")


def test_objects_for_two_endpoints() -> None:
    """Two objects for two endpoints share nothing: neither takes the other's key or requests."""

    class Charm(ops.CharmBase):
        def __init__(self, framework: ops.Framework) -> None:
            super().__init__(framework)
            for name in ("one", "two"):
                tls = TLSCertificatesRequiresV4(
                    self, name, [A(common_name=name)], key_algorithm="ecdsa"
                )
                setattr(self, name, tls)

    endpoint = {"interface": "tls-certificates"}
    context = testing.Context(
        Charm, {"name": "both", "requires": dict.fromkeys(("one", "two"), endpoint)}
    )
    first, second = testing.Relation("one"), testing.Relation("two")
    state = testing.State(relations={first, second})
    for relation in (first, second):
        state = context.run(context.on.relation_created(state.get_relation(relation.id)), state)
    state = context.run(context.on.relation_broken(state.get_relation(first.id)), state)
    assert "certificate_signing_requests" in state.get_relation(second.id).local_unit_data
    assert [str(one.label).rpartition("-")[2] for one in state.secrets] == ["two"]
