"""The charm's shell: events, statuses and actions, with the state that Juju would keep."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import ops
import pytest
import time_machine
from ops import testing

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateRequestAttributes,
    CertificateSigningRequest,
    PrivateKey,
)
from demo_requirer import last_good, supervisor
from tests.unit.requirer.scene import (
    ADDRESS,
    DAYS,
    QUICK,
    Place,
    Provider,
    answered,
    requests,
    state,
)

if TYPE_CHECKING:
    import pathlib

    from demo_requirer.charm import DemoRequirerCharm


def certificates(out: testing.State) -> testing.Relation:
    relation = next(one for one in out.relations if one.endpoint == "certificates")
    assert isinstance(relation, testing.Relation)
    return relation


def serial(answer: dict[str, Any]) -> int:
    return Certificate.from_string(answer["certificate"]).serial_number


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


# What comes from the provider


def test_second_hook_changes_nothing(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """A hook without news writes no file and no databag."""
    before = place.make_store().current_set()
    out = ctx.run(ctx.on.update_status(), served)
    assert place.make_store().current_set() == before
    assert requests(out) == requests(served)


def test_renewal(
    ctx: testing.Context[DemoRequirerCharm],
    served: testing.State,
    provider: Provider,
    place: Place,
) -> None:
    """The old certificate is served until the new one comes, and the history has both."""
    before = place.serials
    out = ctx.run(ctx.on.action("renew-certificate"), served)
    assert json.loads((ctx.action_results or {})["renewing"]) == ["web-0"]
    assert place.serials == before, "nothing is taken away before there is another"
    answer = provider.answer(requests(out)[0])
    new, relation = answered(out, answer)
    out = ctx.run(ctx.on.relation_changed(relation), new)
    assert place.serials == [serial(answer)]
    assert [renewal.kind for renewal in place.content.history] == ["first", "renewed"]
    assert place.content.renewals == 1


def test_chain_in_another_order(
    ctx: testing.Context[DemoRequirerCharm],
    asked: testing.State,
    provider: Provider,
    place: Place,
) -> None:
    """Older providers send the root first: the leaf is served first all the same."""
    answer = provider.answer(requests(asked)[0])
    new, relation = answered(asked, {**answer, "chain": answer["chain"][::-1]})
    out = ctx.run(ctx.on.relation_changed(relation), new)
    assert isinstance(out.unit_status, testing.ActiveStatus)
    assert place.content.pairs[0].chain[0] == answer["certificate"].strip()


def test_chain_that_leads_nowhere(
    ctx: testing.Context[DemoRequirerCharm],
    served: testing.State,
    provider: Provider,
    place: Place,
) -> None:
    """A chain that cannot be verified is not served, the status says so, and the old one stays."""
    before = place.serials
    out = ctx.run(ctx.on.action("renew-certificate"), served)
    other = provider.ca.raw
    answer = provider.answer(requests(out)[0])
    key = PrivateKey.generate(key_algorithm="ecdsa", key_size=256)
    attributes = CertificateRequestAttributes(common_name="ca", is_ca=True)
    stranger = Certificate.generate_self_signed_ca(attributes, key, 9 * DAYS).raw
    assert stranger != other
    new, relation = answered(out, {**answer, "ca": stranger, "chain": [answer["certificate"]]})
    out = ctx.run(ctx.on.relation_changed(relation), new)
    assert isinstance(out.unit_status, testing.BlockedStatus)
    assert "not served: unit web-0: " in out.unit_status.message
    assert "; serving web-0 until" in out.unit_status.message
    assert place.serials == before


def of_another_key(provider: Provider, csr: str) -> dict[str, Any]:
    key = PrivateKey.generate(key_algorithm="ecdsa", key_size=256)
    other = CertificateRequestAttributes(common_name="web-0").generate_csr(key)
    return {**provider.answer(other.raw), "certificate_signing_request": csr}


def of_last_week(provider: Provider, csr: str) -> dict[str, Any]:
    attributes = CertificateRequestAttributes(common_name="ca", is_ca=True)
    with time_machine.travel(provider.ca.validity_start_time - 7 * DAYS):
        ca = Certificate.generate_self_signed_ca(attributes, provider.key, 365 * DAYS)
        return Provider(provider.key, ca).answer(csr, validity=DAYS)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        pytest.param(of_another_key, "the certificate is for another key", id="another key"),
        pytest.param(of_last_week, "the certificate expired at 20", id="expired"),
    ],
)
def test_answer_that_cannot_be_used(
    ctx: testing.Context[DemoRequirerCharm],
    served: testing.State,
    provider: Provider,
    place: Place,
    *,
    wrong: Any,
    says: str,
) -> None:
    """It is not served, the status says why, and the old one stays."""
    before = place.serials
    out = ctx.run(ctx.on.action("renew-certificate"), served)
    new, relation = answered(out, wrong(provider, requests(out)[0]))
    out = ctx.run(ctx.on.relation_changed(relation), new)
    assert isinstance(out.unit_status, testing.BlockedStatus)
    assert out.unit_status.message.startswith(f"not served: web-0: {says}")
    assert "; serving web-0 until" in out.unit_status.message
    assert place.serials == before


def test_right_answer_beside_a_wrong_one(
    ctx: testing.Context[DemoRequirerCharm], asked: testing.State, provider: Provider
) -> None:
    """A request that is answered twice, once so that it can be used, is answered."""
    csr = requests(asked)[0]
    new, relation = answered(asked, provider.answer(csr), of_another_key(provider, csr))
    out = ctx.run(ctx.on.relation_changed(relation), new)
    assert isinstance(out.unit_status, testing.ActiveStatus)


def test_store_is_made_anew_from_secrets(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """A new pod has no files: what Juju keeps is enough to serve again."""
    before = place.serials
    place.make_store().remove()
    ctx.run(ctx.on.upgrade_charm(), served)
    assert place.serials == before


def test_store_is_made_anew_without_a_relation(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """What is served until it expires, for its relation is gone, outlives the files as well."""
    before = place.serials
    out = ctx.run(ctx.on.relation_broken(certificates(served)), served)
    place.make_store().remove()
    ctx.run(ctx.on.upgrade_charm(), dataclasses.replace(out, relations=[]))
    assert place.serials == before


def test_damaged_store_is_mended(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """A file that somebody tore is written again in the next hook."""
    store = place.make_store()
    before = place.serials
    (store.set_folder(str(store.current_set())) / "content.json").write_text("{")
    ctx.run(ctx.on.update_status(), served)
    assert place.serials == before


def test_relations_of_nobody_fail_no_hook(
    ctx: testing.Context[DemoRequirerCharm],
    served: testing.State,
    provider: Provider,
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While Juju does not tell who is at the other end, what is served stays, and others count."""
    before = place.serials
    silent = testing.Relation("receive-ca-cert", remote_units_data={})
    given = {"certificates": json.dumps([provider.ca.raw]), "version": "1"}
    trust = testing.Relation("receive-ca-cert", remote_app_data=given)
    relation = dataclasses.replace(certificates(served), remote_units_data={})
    nobodys = {silent.id, relation.id}

    def unknown(_backend: object, relation_id: int, **_: object) -> str | None:
        return None if relation_id in nobodys else "other"

    monkeypatch.setattr("scenario.mocking._MockModelBackend.relation_remote_app_name", unknown)
    ctx.run(
        ctx.on.update_status(), dataclasses.replace(served, relations=[relation, silent, trust])
    )
    assert place.serials == before
    assert place.content.trusted == (provider.ca.raw.strip(),)


# Modes


def test_app_mode(
    ctx: testing.Context[DemoRequirerCharm], provider: Provider, place: Place
) -> None:
    """The leader asks in the application's name, and serves what it gets."""
    relation = testing.Relation("certificates", remote_app_name="ca")
    out = ctx.run(ctx.on.relation_created(relation), state(relation, config={"mode": "app"}))
    assert requests(out) == []
    (csr,) = requests(out, app=True)
    assert CertificateSigningRequest.from_string(csr).common_name == "web"
    new, relation = answered(out, provider.answer(csr))
    out = ctx.run(ctx.on.relation_changed(relation), new)
    assert isinstance(out.unit_status, testing.ActiveStatus)
    assert out.app_status == testing.ActiveStatus("app mode")
    (pair,) = place.content.pairs
    assert ADDRESS not in str(pair)
    # A follower has the same secrets and the same databag in view.
    place.make_store().remove()
    follower = dataclasses.replace(out, leader=False)
    out = ctx.run(ctx.on.relation_changed(certificates(follower)), follower)
    assert place.serials == [pair.serial_number]
    assert isinstance(out.unit_status, testing.ActiveStatus)


def test_follower_waits_for_the_leader(ctx: testing.Context[DemoRequirerCharm]) -> None:
    """In app mode a follower has nothing to ask; it says whom it waits for."""
    relation = testing.Relation("certificates", remote_app_name="ca")
    out = ctx.run(
        ctx.on.relation_created(relation), state(relation, config={"mode": "app"}, leader=False)
    )
    assert out.unit_status == testing.WaitingStatus("waiting for a certificate from the leader")
    assert requests(out) == []


def test_mode_changes_without_a_gap(
    ctx: testing.Context[DemoRequirerCharm],
    served: testing.State,
    provider: Provider,
    place: Place,
) -> None:
    """The unit's certificate is served until the application's is there."""
    before = place.serials
    changed = dataclasses.replace(served, config=QUICK | {"mode": "app"})
    out = ctx.run(ctx.on.config_changed(), changed)
    assert requests(out) == []
    assert place.serials == before
    answer = provider.answer(requests(out, app=True)[0])
    new, relation = answered(out, answer)
    ctx.run(ctx.on.relation_changed(relation), new)
    assert place.serials == [serial(answer)]


def test_several(
    ctx: testing.Context[DemoRequirerCharm], provider: Provider, place: Place
) -> None:
    """Each of several certificates is served; the first is the default one."""
    relation = testing.Relation("certificates", remote_app_name="ca")
    config = {"num-certificates": 3}
    out = ctx.run(ctx.on.relation_created(relation), state(relation, config=config))
    first, *rest = sorted(
        requests(out), key=lambda csr: CertificateSigningRequest.from_string(csr).common_name
    )
    new, relation = answered(out, *(provider.answer(csr) for csr in (*rest, first)))
    out = ctx.run(ctx.on.relation_changed(relation), new)
    assert [pair.common_name for pair in place.content.pairs] == ["web-0-1", "web-0-2", "web-0-3"]
    assert "3 certificates until" in out.unit_status.message


# The server


def test_port_in_use(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """Blocked, and said which; what ran keeps running."""
    place.taken_port = 9443
    changed = dataclasses.replace(served, config=QUICK | {"port": 9443})
    out = ctx.run(ctx.on.config_changed(), changed)
    assert isinstance(out.unit_status, testing.BlockedStatus)
    assert f"port 9443 of {ADDRESS} is in use" in out.unit_status.message
    assert place.listens[-1].port == 8443
    assert out.opened_ports == {testing.TCPPort(8443)}


def test_port_that_another_unit_has_open(
    ctx: testing.Context[DemoRequirerCharm],
    served: testing.State,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What Juju has against opening a port is in the status, and fails no hook."""

    def refuse(*_: object) -> None:
        text = 'ERROR cannot open 9443/tcp (unit "web/0"): port range conflicts with 9443/tcp'
        raise ops.ModelError(text + ' (unit "other/0")\n')

    monkeypatch.setattr("scenario.mocking._MockModelBackend.open_port", refuse)
    changed = dataclasses.replace(served, config=QUICK | {"port": 9443})
    out = ctx.run(ctx.on.config_changed(), changed)
    assert isinstance(out.unit_status, testing.BlockedStatus)
    assert "Juju does not open port 9443: cannot open" in out.unit_status.message


def test_new_port(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """The server moves, and Juju opens the new port and closes the old."""
    changed = dataclasses.replace(served, config=QUICK | {"port": 9443})
    out = ctx.run(ctx.on.config_changed(), changed)
    assert place.listens[-1].port == 9443
    assert out.opened_ports == {testing.TCPPort(9443)}


def test_folder_that_cannot_be_written(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """Blocked with the path, and what is served stays."""
    place.make_store().remove()
    (place.folder / "store").write_text("in the way")
    out = ctx.run(ctx.on.update_status(), served)
    assert isinstance(out.unit_status, testing.BlockedStatus)
    assert str(place.folder / "store") in out.unit_status.message


def test_refresh_renews_the_server(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """After a refresh, and only then, a new process takes over."""
    assert place.renewed == 0
    ctx.run(ctx.on.upgrade_charm(), served)
    assert place.renewed == 1


def test_refresh_whose_hook_was_skipped(
    ctx: testing.Context[DemoRequirerCharm],
    served: testing.State,
    place: Place,
    tmp_path: pathlib.Path,
) -> None:
    """Where upgrade-charm failed and was not run again, the next hook renews the server, once."""
    out = ctx.run(ctx.on.update_status(), served)
    (tmp_path / "charm" / "dispatch").touch()
    for _ in range(2):
        out = ctx.run(ctx.on.config_changed(), out)
    assert place.renewed == 1


def test_removed(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """Nothing of the unit is left, and nothing is started again."""
    ctx.run(ctx.on.remove(), dataclasses.replace(served, relations=[]))
    assert place.removed
    assert not (place.folder / "store").exists()


# CAs to trust


@pytest.mark.parametrize("is_own", [True, False])
def test_trusted_cas(
    ctx: testing.Context[DemoRequirerCharm],
    served: testing.State,
    provider: Provider,
    place: Place,
    *,
    is_own: bool,
) -> None:
    """Given CAs are offered; a chain that leads to none of them is served, and said."""
    attributes = CertificateRequestAttributes(common_name="other", is_ca=True)
    other = Certificate.generate_self_signed_ca(attributes, provider.key, 9 * DAYS)
    given = provider.ca.raw if is_own else other.raw
    trust = testing.Relation(
        "receive-ca-cert",
        remote_app_data={"certificates": json.dumps(["nonsense", given]), "version": "1"},
    )
    new = dataclasses.replace(served, relations=[*served.relations, trust])
    out = ctx.run(ctx.on.relation_changed(trust), new)
    assert isinstance(out.unit_status, testing.ActiveStatus)
    assert ("leads to no CA" in out.unit_status.message) is not is_own
    assert place.content.trusted == (given.strip(),)


# Actions


def test_get_certificate(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """Certificate, chain, CA and request, and never the key."""
    ctx.run(ctx.on.action("get-certificate"), served)
    results = ctx.action_results or {}
    assert set(results) == {"certificate", "chain", "ca", "csr", "certificates"}
    assert results["certificate"].strip() == place.content.pairs[0].chain[0]
    assert "PRIVATE KEY" not in json.dumps(results)


@pytest.mark.parametrize("action", ["get-certificate", "renew-certificate"])
def test_action_without_a_certificate(
    action: str, ctx: testing.Context[DemoRequirerCharm], asked: testing.State
) -> None:
    """An action that has nothing to work on fails with words."""
    with pytest.raises(testing.ActionFailed, match=r"[Nn]o certificate"):
        ctx.run(ctx.on.action(action), asked)


def test_renew_an_unknown_one(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State
) -> None:
    """A name that this unit has no certificate for is refused, with those that it has."""
    with pytest.raises(testing.ActionFailed, match="'nobody'; it has: web-0"):
        ctx.run(ctx.on.action("renew-certificate", params={"common-name": "nobody"}), served)


def test_regenerate_private_key(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """A new key is asked for at once, and the old pair is served meanwhile."""
    before = place.serials
    old = CertificateSigningRequest.from_string(requests(served)[0])
    out = ctx.run(ctx.on.action("regenerate-private-key"), served)
    new = CertificateSigningRequest.from_string(requests(out)[0])
    assert new.public_key_sha256 != old.public_key_sha256
    assert place.serials == before


def test_import_private_key(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State
) -> None:
    """A key out of a user secret is used, and said to be forgotten with the relation."""
    key = PrivateKey.generate(key_algorithm="ecdsa", key_size=384)
    secret = testing.Secret({"private-key": key.raw})
    new = dataclasses.replace(served, secrets=[*served.secrets, secret])
    out = ctx.run(ctx.on.action("import-private-key", params={"secret-id": secret.id}), new)
    assert "forgotten with the relation" in (ctx.action_results or {})["result"]
    assert CertificateSigningRequest.from_string(requests(out)[0]).matches_private_key(key)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param({"key": "x"}, "has no field `private-key`", id="no field"),
        pytest.param({"private-key": "hush"}, "is no PEM private key", id="no key"),
        pytest.param(None, "cannot be read", id="no secret"),
    ],
)
def test_import_of_what_is_no_key(
    content: dict[str, str] | None,
    says: str,
    ctx: testing.Context[DemoRequirerCharm],
    served: testing.State,
) -> None:
    """It is refused with the reason, and never quoted."""
    secret = testing.Secret(content or {"private-key": "hush"})
    secrets = [*served.secrets, secret] if content else served.secrets
    new = dataclasses.replace(served, secrets=secrets)
    with pytest.raises(testing.ActionFailed, match=says) as caught:
        ctx.run(ctx.on.action("import-private-key", params={"secret-id": secret.id}), new)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("action", ["regenerate-private-key"])
def test_application_key_on_a_follower(
    action: str, ctx: testing.Context[DemoRequirerCharm], asked: testing.State
) -> None:
    """A follower has no say in the application's key, and says who has."""
    follower = dataclasses.replace(asked, leader=False, config=QUICK | {"mode": "app"})
    with pytest.raises(testing.ActionFailed, match="run this on its leader"):
        ctx.run(ctx.on.action(action), follower)


def test_key_of_another_mode(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State
) -> None:
    """A key that there is none of in this mode is refused."""
    with pytest.raises(testing.ActionFailed, match="In unit mode there is no key of the app"):
        ctx.run(ctx.on.action("regenerate-private-key", params={"mode": "app"}), served)


def test_get_status(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """Everything that the status has no room for, as JSON."""
    ctx.run(ctx.on.action("get-status"), served)
    report = json.loads((ctx.action_results or {})["status"])
    assert report["mode"] == "unit"
    assert [int(one["serial-number"], 16) for one in report["serving"]] == place.serials
    assert report["waiting-for"] == report["denied"] == report["problems"] == []


# What is never told


def test_key_is_in_secrets_and_key_files_alone(
    ctx: testing.Context[DemoRequirerCharm], served: testing.State, place: Place
) -> None:
    """No databag, log, status or stored state has a line of the private key."""
    lines = place.content.pairs[0].private_key.splitlines()[1:-1]
    told = json.dumps(
        [
            [relation.local_unit_data for relation in served.relations],
            [dict(one.content) for one in served.stored_states],
            [entry.message for entry in ctx.juju_log],
            served.unit_status.message,
        ]
    )
    assert not any(line in told for line in lines)
