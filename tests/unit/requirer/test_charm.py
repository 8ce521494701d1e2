"""The charm's shell: statuses, options and names, with the state that Juju would keep."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import pytest
from ops import testing

from charmlibs.interfaces.tls_certificates import (
    CertificateSigningRequest,
)
from demo_requirer import last_good, supervisor
from tests.unit.requirer.scene import (
    ADDRESS,
    QUICK,
    Place,
    Provider,
    answered,
    certificates,
    requests,
    serial,
    state,
)

if TYPE_CHECKING:
    from demo_requirer.charm import DemoRequirerCharm


# Statuses


def test_unrelated(ctx: testing.Context[DemoRequirerCharm], place: Place) -> None:
    """Alone it is blocked and says what to do; the server listens already."""
    out = ctx.run(ctx.on.config_changed(), state())
    assert isinstance(out.unit_status, testing.BlockedStatus)
    assert "integrate" in out.unit_status.message
    assert isinstance(out.app_status, testing.BlockedStatus)
    assert place.listens[-1] == supervisor.Listen(ADDRESS, 8443)
    assert out.opened_ports == {testing.TCPPort(8443)}


def test_port_of_a_hook_that_failed_in_the_end(
    ctx: testing.Context[DemoRequirerCharm], place: Place
) -> None:
    """What a hook opened that Juju could not commit is opened by the next one."""
    out = ctx.run(ctx.on.config_changed(), state())
    out = ctx.run(ctx.on.update_status(), dataclasses.replace(out, opened_ports=frozenset()))
    assert out.opened_ports == {testing.TCPPort(8443)}
    assert place.listens


def test_waiting(asked: testing.State) -> None:
    """Related and without an answer it waits, and says for whom."""
    assert asked.unit_status == testing.WaitingStatus("waiting for a certificate from ca")
    assert len(requests(asked)) == 1


def test_active(served: testing.State, place: Place) -> None:
    """With a certificate it is active, and serves that one with its key and its renewal."""
    assert isinstance(served.unit_status, testing.ActiveStatus)
    assert "web-0 until" in served.unit_status.message
    (pair,) = place.content.pairs
    assert ADDRESS not in pair.dns_names
    assert pair.renewal_time is not None
    assert pair.renewal_time < pair.not_after
    assert place.content.title == "web/0"


def test_hook_that_looks_at_nothing(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State
) -> None:
    """A hook in which nothing is looked at leaves the status as it is."""
    trust = testing.Relation("receive-ca-cert")
    before = dataclasses.replace(served, relations={*served.relations, trust})
    out = ctx.run(ctx.on.relation_joined(trust, remote_unit=0), before)
    assert out.unit_status == served.unit_status


@pytest.mark.parametrize("event", ["leader_elected", "config_changed", "start", "upgrade_charm"])
def test_status_of_somebody_else(
    event: str, ctx: testing.Context[DemoRequirerCharm], served: testing.State
) -> None:
    """Where Juju, or another leader, may have set a status since, it is said in any case."""
    before = dataclasses.replace(
        served,
        unit_status=testing.MaintenanceStatus("installing charm software"),
        app_status=testing.WaitingStatus("of another leader"),
    )
    out = ctx.run(getattr(ctx.on, event)(), before)
    assert (out.unit_status, out.app_status) == (served.unit_status, served.app_status)


def test_defect_39_denied_is_shown(
    ctx: testing.Context[DemoRequirerCharm], asked: testing.State
) -> None:
    """The provider's reason is in the status."""
    (csr,) = requests(asked)
    error = {
        "csr": csr,
        "error": {"code": 102, "name": "domain_not_allowed", "message": "No", "reason": "web-0"},
    }
    new, relation = answered(asked, errors=[error])
    out = ctx.run(ctx.on.relation_changed(relation), new)
    assert out.unit_status == testing.BlockedStatus("denied: web-0 (domain_not_allowed, 102)")


def test_defect_39_unrelated_is_not_active(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """A relation that is gone is said, with what is served until it expires."""
    before = place.serials
    relation = certificates(served)
    out = ctx.run(ctx.on.relation_broken(relation), served)
    assert isinstance(out.unit_status, testing.BlockedStatus)
    assert "; serving web-0 until" in out.unit_status.message
    assert place.serials == before
    assert "No provider" in place.content.notice


def test_defect_39_revoked_is_shown(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """A revoked certificate is offered no more, and asked for anew with another key."""
    relation = certificates(served)
    (entry,) = json.loads(relation.remote_app_data["certificates"])
    (old,) = requests(served)
    key = place.content.pairs[0].public_key_fingerprint
    new, relation = answered(served, {**entry, "revoked": True})
    out = ctx.run(ctx.on.relation_changed(relation), new)
    assert isinstance(out.unit_status, testing.WaitingStatus)
    assert out.unit_status.message.startswith("revoked; waiting")
    assert place.content.notice == "The certificate is revoked: another is asked for."
    assert place.content.pairs == ()
    (fresh,) = requests(out)
    assert fresh != old
    assert CertificateSigningRequest.from_string(fresh).public_key_sha256 != key


def test_defect_37_option_on_a_follower(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State
) -> None:
    """An option set on a unit that does not lead is taken, in every hook, without an error."""
    changed = dataclasses.replace(
        served, leader=False, config=QUICK | {"common-name": "new.example"}
    )
    out = ctx.run(ctx.on.config_changed(), changed)
    out = ctx.run(ctx.on.update_status(), out)
    (csr,) = requests(out)
    assert CertificateSigningRequest.from_string(csr).common_name == "new.example"


def test_defect_38_certificates_of_one_name(
    ctx: testing.Context[DemoRequirerCharm], provider: Provider, place: Place
) -> None:
    """Certificates of equal common name are served side by side, each with its chain."""
    relation = testing.Relation("certificates", remote_app_name="ca")
    # In app-and-unit mode, an application's certificate may have the name of a unit's.
    config = {"mode": "app-and-unit", "common-name": "web-0"}
    out = ctx.run(ctx.on.relation_created(relation), state(relation, config=config))
    csrs = [*requests(out), *requests(out, app=True)]
    assert len(csrs) == 2
    new, relation = answered(out, *(provider.answer(csr) for csr in csrs))
    out = ctx.run(ctx.on.relation_changed(relation), new)
    assert isinstance(out.unit_status, testing.ActiveStatus)
    assert [pair.slot for pair in place.content.pairs] == ["unit web-0", "app web-0"]
    assert len(set(place.serials)) == 2
    assert {len(pair.chain) for pair in place.content.pairs} == {2}


# A wrong option


def test_wrong_option_keeps_the_last_good_ones(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """Blocked with its name, the request stays, and the server stays where it is."""
    before = requests(served)
    wrong = dataclasses.replace(served, config=QUICK | {"port": 0, "common-name": "x"})
    out = ctx.run(ctx.on.config_changed(), wrong)
    assert isinstance(out.unit_status, testing.BlockedStatus)
    assert out.unit_status.message.startswith("port must be from 1 to 65535; serving web-0 until")
    assert requests(out) == before
    assert place.listens[-1].port == 8443


def test_renews_while_blocked(
    ctx: testing.Context[DemoRequirerCharm],
    served: testing.State,
    provider: Provider,
    place: Place,
) -> None:
    """Under the last good options a certificate is renewed, asked for and taken up."""
    wrong = dataclasses.replace(served, config=QUICK | {"port": 0})
    out = ctx.run(ctx.on.action("renew-certificate"), wrong)
    (csr,) = requests(out)
    answer = provider.answer(csr)
    new, relation = answered(out, answer)
    out = ctx.run(ctx.on.relation_changed(relation), new)
    assert isinstance(out.unit_status, testing.BlockedStatus)
    assert place.serials == [serial(answer)]


def test_options_that_clash_keep_the_last_good_ones(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """Options that are right one by one and wrong together are as wrong as any."""
    before = place.serials
    clash = {"common-name": "a" * 62, "num-certificates": 100}
    out = ctx.run(ctx.on.config_changed(), dataclasses.replace(served, config=QUICK | clash))
    assert isinstance(out.unit_status, testing.BlockedStatus)
    assert "set common-name to another" in out.unit_status.message
    assert requests(out) == requests(served)
    assert place.serials == before


def test_new_pod_while_blocked(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """The last good options, and what is served under them, outlive every file of the unit."""
    before = place.serials
    wrong = dataclasses.replace(served, config=QUICK | {"port": 0})
    out = ctx.run(ctx.on.config_changed(), wrong)
    place.make_store().remove()
    place.listens.clear()
    out = ctx.run(ctx.on.start(), dataclasses.replace(out, stored_states=[]))
    assert isinstance(out.unit_status, testing.BlockedStatus)
    assert requests(out) == requests(served)
    assert place.serials == before
    assert place.listens[-1].port == 8443


def test_nothing_stands_in_for_right_options(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State
) -> None:
    """The secret that keeps the last good options is there only while an option is wrong."""
    for _ in range(2):
        wrong = dataclasses.replace(served, config=QUICK | {"port": 0})
        out = ctx.run(ctx.on.config_changed(), wrong)
        assert [one.label for one in out.secrets if one.label == last_good.LABEL]
        out = ctx.run(ctx.on.config_changed(), dataclasses.replace(out, config=QUICK))
        assert not [one for one in out.secrets if one.label == last_good.LABEL]


def test_wrong_from_the_start(ctx: testing.Context[DemoRequirerCharm], place: Place) -> None:
    """Before any good options there is nothing to go on with: nothing is asked for."""
    relation = testing.Relation("certificates")
    out = ctx.run(
        ctx.on.relation_created(relation), state(relation, config={"mode": "everything"})
    )
    assert isinstance(out.unit_status, testing.BlockedStatus)
    assert "mode must be one of" in out.unit_status.message
    assert requests(out) == []
    assert not place.listens


# Names

ELSEWHERE = testing.Network(
    "certificates", bind_addresses=[testing.BindAddress([testing.Address("127.0.0.9")])]
)


def test_new_address(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """Juju tells of a new address by config-changed: it is listened at and asked for."""
    moved = dataclasses.replace(served, networks={ELSEWHERE})
    out = ctx.run(ctx.on.config_changed(), moved)
    (csr,) = requests(out)
    assert CertificateSigningRequest.from_string(csr).sans_ip == {"127.0.0.9"}
    assert place.listens[-1].address == "127.0.0.9"


def test_revoked_before_it_was_seen(
    ctx: testing.Context[DemoRequirerCharm],
    served: testing.State,
    place: Place,
    provider: Provider,
) -> None:
    """A request that was answered anew, and that answer revoked: what is served goes as well."""
    (csr,) = requests(served)
    new, relation = answered(served, provider.answer(csr, revoked=True))
    out = ctx.run(ctx.on.relation_changed(relation), new)
    assert place.content.pairs == ()
    assert out.unit_status.message.startswith("revoked; waiting")
