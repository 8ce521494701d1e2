"""The charm's shell: events, statuses and actions, with the state that Juju would keep."""

from __future__ import annotations

import dataclasses
import datetime
import json
from typing import Any

import ops
import pytest
from ops import testing

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    PrivateKey,
)
from self_signed_provider import records
from tests.unit.provider.scene import (
    answers,
    asking,
    errors,
    memory,
    run_action,
    state,
)

DAY = datetime.timedelta(days=1)


def test_issues(ctx: testing.Context[Any], leaf_key: PrivateKey) -> None:
    """A request is answered with a certificate of the CA, chain and all, in the same hook."""
    relation = asking(leaf_key, "web-0")
    out = ctx.run(ctx.on.relation_changed(relation, remote_unit=0), state(relation))
    [answer] = answers(out)
    leaf, root = (Certificate.from_string(pem) for pem in answer["chain"])
    assert leaf.is_signed_by(root)
    assert leaf.matches_private_key(leaf_key)
    assert root.common_name == "my-ca"
    assert out.unit_status == testing.ActiveStatus(
        f"1 certificate, CA until {root.expiry_time:%F}"
    )
    assert out.app_status == out.unit_status


def test_second_hook_changes_nothing(ctx: testing.Context[Any], leaf_key: PrivateKey) -> None:
    """What has been answered stays as it is: databags, secrets and memory."""
    relation = asking(leaf_key, "web-0")
    event = ctx.on.relation_changed(relation, remote_unit=0)
    first = ctx.run(event, state(relation))
    again = ctx.run(ctx.on.update_status(), first)
    assert again.relations == first.relations
    assert again.secrets == first.secrets


def test_key_is_nowhere_but_in_a_secret(
    ctx: testing.Context[Any], leaf_key: PrivateKey, caplog: pytest.LogCaptureFixture
) -> None:
    """The CA's key stands in a secret of the application, and in no databag, log or status."""
    relation = asking(leaf_key, "web-0")
    out = ctx.run(ctx.on.relation_changed(relation, remote_unit=0), state(relation))
    [ca] = [s for s in out.secrets if "private-key" in s.tracked_content]
    assert ca.owner == "app"
    seen = [str(r) for r in out.relations] + [str(out.unit_status), caplog.text, str(ctx.juju_log)]
    assert not any("PRIVATE KEY" in text for text in seen)


def test_names_requirer_in_ledger(ctx: testing.Context[Any], leaf_key: PrivateKey) -> None:
    """The ledger has the certificate under the unit that asked for it."""
    relation = asking(leaf_key, "web-0")
    out = ctx.run(ctx.on.relation_changed(relation, remote_unit=0), state(relation))
    [entry] = memory(out).ledger
    assert (entry.requirer, entry.relation_id, entry.names) == ("web/0", 7, ("web-0",))


def test_copied_request_takes_nothing_from_its_owner(
    ctx: testing.Context[Any], leaf_key: PrivateKey
) -> None:
    """Who copies another's request gets a certificate for a key that is not theirs; the owner's
    stays, also when the other one goes.
    """
    owner = asking(leaf_key, "web-0")
    copy = dataclasses.replace(owner, id=8, remote_app_name="copier")
    out = ctx.run(ctx.on.relation_changed(owner, remote_unit=0), state(owner))
    [before] = answers(out)
    copied = dataclasses.replace(out, relations={*out.relations, copy})
    out = ctx.run(ctx.on.relation_changed(copy, remote_unit=0), copied)
    [other] = answers(out, 8)
    assert Certificate.from_string(other["certificate"]).matches_private_key(leaf_key)
    out = ctx.run(ctx.on.relation_broken(out.get_relation(8)), out)
    assert answers(out) == [before]
    revoked = {entry.serial for entry in memory(out).ledger if entry.revoked_at}
    assert revoked == {Certificate.from_string(other["certificate"]).serial_number}
    assert not memory(out).ledger.refused_keys


def test_follower_writes_nothing(ctx: testing.Context[Any], leaf_key: PrivateKey) -> None:
    """A unit that does not lead answers nobody, and says that it stands by."""
    relation = asking(leaf_key, "web-0")
    led = ctx.run(ctx.on.config_changed(), state())
    follower = dataclasses.replace(
        led, leader=False, relations={*led.relations, relation}, secrets=frozenset()
    )
    out = ctx.run(ctx.on.relation_changed(relation, remote_unit=0), follower)
    assert out.get_relation(7) == relation
    assert out.unit_status == testing.ActiveStatus("Standing by; the leader issues")


def test_wrong_option_named_and_last_good_in_force(
    ctx: testing.Context[Any], leaf_key: PrivateKey
) -> None:
    """With a wrong option the unit is Blocked, and requests are answered as before it."""
    good = ctx.run(ctx.on.config_changed(), state(config={"certificate-validity": "2d"}))
    relation = asking(leaf_key, "web-0")
    wrong = dataclasses.replace(
        good,
        config={**good.config, "certificate-validity": "-5d"},
        relations={*good.relations, relation},
    )
    out = ctx.run(ctx.on.relation_changed(relation, remote_unit=0), wrong)
    assert isinstance(out.unit_status, testing.BlockedStatus)
    assert "certificate-validity" in out.unit_status.message
    [answer] = answers(out)
    leaf = Certificate.from_string(answer["certificate"])
    assert DAY < leaf.expiry_time - leaf.validity_start_time < 3 * DAY


def test_application_without_peers(ctx: testing.Context[Any]) -> None:
    """Refreshed from a charm that had none, it is Blocked and says what is missing and to do."""
    out = ctx.run(ctx.on.upgrade_charm(), testing.State(leader=True))
    out = ctx.run(ctx.on.config_changed(), out)
    assert isinstance(out.unit_status, testing.BlockedStatus)
    assert "no `ledger` relation" in out.unit_status.message
    assert "deploy this charm anew" in out.unit_status.message
    assert out.app_status == out.unit_status
    with pytest.raises(testing.ActionFailed, match="no `ledger` relation"):
        run_action(ctx, "get-ca-certificate", out)


def test_peers_that_come_late(ctx: testing.Context[Any]) -> None:
    """Where Juju makes the relation after the refresh, the authority begins its work."""
    lacking = ctx.run(ctx.on.config_changed(), testing.State(leader=True))
    peers = testing.PeerRelation("ledger", id=1)
    given = dataclasses.replace(lacking, relations={peers}, config={"key-algorithm": "ecdsa-p256"})
    out = ctx.run(ctx.on.relation_created(peers), given)
    assert isinstance(out.unit_status, testing.ActiveStatus)


def test_before_peers_and_after(ctx: testing.Context[Any]) -> None:
    """A unit that is being installed, or that has left its peers already, misses no relation."""
    first = ctx.run(ctx.on.install(), testing.State(leader=True))
    led = ctx.run(ctx.on.config_changed(), state())
    last = ctx.run(ctx.on.stop(), dataclasses.replace(led, relations=frozenset()))
    for out in (first, last):
        assert isinstance(out.unit_status, testing.WaitingStatus)


def test_wrong_from_the_start(ctx: testing.Context[Any]) -> None:
    """Without any good configuration there is no CA, and the unit says what is wrong."""
    out = ctx.run(ctx.on.config_changed(), state(config={"ca-country-name": "DEU"}))
    assert isinstance(out.unit_status, testing.BlockedStatus)
    assert memory(out) == records.Memory()


def test_denial_is_answered_once(ctx: testing.Context[Any], leaf_key: PrivateKey) -> None:
    """A denied request gets its code and reason, counted in the status, and no second write."""
    relation = asking(leaf_key, "a.test", "b.example.com")
    event = ctx.on.relation_changed(relation, remote_unit=0)
    out = ctx.run(event, state(relation, config={"allowed-domains": "example.com"}))
    [error] = errors(out)
    assert (error["code"], error["name"]) == (102, "domain_not_allowed")
    assert "1 certificate, 1 denied" in out.unit_status.message
    assert ctx.run(ctx.on.update_status(), out).relations == out.relations


def test_denial_is_looked_at_again(ctx: testing.Context[Any], leaf_key: PrivateKey) -> None:
    """When the policy changes, what it denied is issued, and the error goes."""
    relation = asking(leaf_key, "a.test")
    event = ctx.on.relation_changed(relation, remote_unit=0)
    denied = ctx.run(event, state(relation, config={"allowed-domains": "example.com"}))
    changed = dataclasses.replace(denied, config={**denied.config, "allowed-domains": "test"})
    out = ctx.run(ctx.on.config_changed(), changed)
    assert (len(answers(out)), errors(out)) == (1, [])


def test_unit_that_is_removed_writes_nothing(
    ctx: testing.Context[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Juju takes no relation data of a unit that is going: that fails none of its hooks."""
    stale = testing.Relation("send-ca-cert", id=9, local_unit_data={"ca": '"old"'})
    led = ctx.run(ctx.on.config_changed(), state())
    leaving = testing.StoredState(owner_path="SelfSignedProviderCharm", content={"leaving": True})
    before = dataclasses.replace(
        led, leader=False, relations={*led.relations, stale}, stored_states={leaving}
    )

    def refuse(*_: object, **__: object) -> None:
        raise ops.ModelError("ERROR cannot read relation settings: relation unit not found")

    monkeypatch.setattr("scenario.mocking._MockModelBackend.relation_set", refuse)
    out = ctx.run(ctx.on.update_status(), before)
    assert out.get_relation(9).local_unit_data == stale.local_unit_data


def test_relation_of_nobody_fails_no_hook(
    ctx: testing.Context[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While Juju does not tell who is at the other end, as where that is ending, others go on."""
    nobodys = [
        testing.Relation("send-ca-cert", id=9, remote_units_data={}),
        testing.Relation("certificates", id=8, remote_units_data={}),
    ]
    trust = testing.Relation("send-ca-cert", id=10, remote_app_data={"version": "1"})

    def unknown(_backend: object, relation_id: int, **_: object) -> str | None:
        return None if relation_id in {8, 9} else "client"

    monkeypatch.setattr("scenario.mocking._MockModelBackend.relation_remote_app_name", unknown)
    out = ctx.run(ctx.on.update_status(), state(*nobodys, trust))
    assert "certificates" in out.get_relation(10).local_app_data


def test_departed_unit_is_revoked(ctx: testing.Context[Any], leaf_key: PrivateKey) -> None:
    """When a unit leaves, its certificate is revoked, and its key is not to blame."""
    relation = asking(leaf_key, "web-0")
    issued = ctx.run(ctx.on.relation_changed(relation, remote_unit=0), state(relation))
    gone = dataclasses.replace(issued.get_relation(7), remote_units_data={})
    left = dataclasses.replace(issued, relations={issued.get_relation(1), gone})
    out = ctx.run(ctx.on.relation_departed(gone, remote_unit=0, departing_unit=0), left)
    [entry] = memory(out).ledger
    assert entry.revoked_at is not None
    assert not memory(out).ledger.refused_keys


# The library for the interface that ops carries along was written for an older pydantic.
@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")
def test_traces_go_where_the_relation_says(
    ctx: testing.Context[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tracing endpoint is asked for OTLP over HTTP, and its address is used."""
    told: list[dict[str, str | None]] = []

    def remember(**where: str | None) -> None:
        told.append(where)

    monkeypatch.setattr(ops.tracing, "set_destination", remember)
    receiver = {"protocol": {"name": "otlp_http", "type": "http"}, "url": "http://tempo:4318"}
    relation = testing.Relation(
        "charm-tracing",
        id=9,
        remote_app_data={"receivers": json.dumps([receiver])},
        remote_units_data={0: {}},
    )
    asked = ctx.run(ctx.on.relation_created(relation), state(relation)).get_relation(relation.id)
    assert json.loads(asked.local_app_data["receivers"]) == ["otlp_http"]
    ctx.run(ctx.on.relation_changed(asked, remote_unit=0), state(asked))
    assert told[-1] == {"url": "http://tempo:4318/v1/traces", "ca": None}
