"""What an operator asks of the authority: each action, its results and its refusals."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from ops import testing

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    PrivateKey,
)
from tests.unit.provider.scene import (
    answers,
    asking,
    memory,
    revoked_serials,
    run_action,
    state,
)


def test_action_gives_the_ca(ctx: testing.Context[Any]) -> None:
    """`get-ca-certificate` gives the CA in use."""
    run_action(ctx, "get-ca-certificate", ctx.run(ctx.on.config_changed(), state()))
    assert ctx.action_results is not None
    assert Certificate.from_string(ctx.action_results["ca-certificate"]).common_name == "my-ca"


def test_action_before_there_is_a_ca(ctx: testing.Context[Any]) -> None:
    """Without a CA the action fails, and says so."""
    with pytest.raises(testing.ActionFailed, match="no CA yet"):
        run_action(ctx, "get-ca-certificate", state(leader=False))


@pytest.mark.parametrize("action", ["get-ca-certificate", "get-issued-certificates"])
def test_action_on_a_unit_that_is_removed(ctx: testing.Context[Any], action: str) -> None:
    """A leader that has left the ledger already says why it cannot tell, and whom to ask."""
    issued = ctx.run(ctx.on.config_changed(), state())
    others = [one for one in issued.relations if one.endpoint != "ledger"]
    with pytest.raises(testing.ActionFailed, match="being removed: ask another unit"):
        run_action(ctx, action, dataclasses.replace(issued, relations=others))


def test_action_lists_what_was_issued(ctx: testing.Context[Any], leaf_key: PrivateKey) -> None:
    """`get-issued-certificates` gives JSON, on any unit."""
    relation = asking(leaf_key, "web-0")
    issued = ctx.run(ctx.on.relation_changed(relation, remote_unit=0), state(relation))
    run_action(ctx, "get-issued-certificates", dataclasses.replace(issued, leader=False))
    assert ctx.action_results is not None
    [entry] = json.loads(ctx.action_results["certificates"])
    assert (entry["requirer"], entry["names"], entry["revoked"]) == ("web/0", ["web-0"], False)


def test_revoked_by_serial(ctx: testing.Context[Any], leaf_key: PrivateKey) -> None:
    """A revoked certificate stays as the answer, marked, in place of any other."""
    relation = asking(leaf_key, "web-0", "web-1")
    issued = ctx.run(ctx.on.relation_changed(relation, remote_unit=0), state(relation))
    one, other = (Certificate.from_string(a["certificate"]) for a in answers(issued))
    out = run_action(ctx, "revoke-certificate", issued, serial=f"{one.serial_number:x}")
    assert [a.get("revoked") for a in answers(out)] == [True, None]
    assert revoked_serials(memory(out).ledger) == {one.serial_number}
    later = ctx.run(ctx.on.update_status(), out)
    assert answers(later) == answers(out)
    assert other.serial_number not in revoked_serials(memory(later).ledger)


@pytest.mark.parametrize("action", ["revoke-certificate", "rotate-private-key"])
def test_options_an_action_answered_under(
    ctx: testing.Context[Any], leaf_key: PrivateKey, action: str
) -> None:
    """An action that comes before `config-changed` keeps the options that it issued under."""
    relation = asking(leaf_key, "web-0")
    issued = ctx.run(ctx.on.relation_changed(relation, remote_unit=0), state(relation))
    set_since = dataclasses.replace(issued, config={**issued.config, "allow-ip-sans": False})
    [answer] = answers(issued)
    serial = f"{Certificate.from_string(answer['certificate']).serial_number:x}"
    params = {"serial": serial} if action == "revoke-certificate" else {}
    config = memory(run_action(ctx, action, set_since, **params)).config
    assert config is not None
    assert not config.allow_ip_sans


def test_revoking_what_is_not_there(ctx: testing.Context[Any]) -> None:
    """A serial number that was never issued is refused, and nothing changes."""
    before = ctx.run(ctx.on.config_changed(), state())
    with pytest.raises(testing.ActionFailed, match="No certificate"):
        run_action(ctx, "revoke-certificate", before, serial="ab:cd")


def test_revoking_takes_one_parameter(ctx: testing.Context[Any]) -> None:
    """Neither both parameters nor none of them are accepted."""
    before = ctx.run(ctx.on.config_changed(), state())
    with pytest.raises(testing.ActionFailed, match="either serial or relation"):
        run_action(ctx, "revoke-certificate", before)


def test_compromised_key_is_replaced_at_once(
    ctx: testing.Context[Any], leaf_key: PrivateKey
) -> None:
    """After `rotate-private-key` every request holds a certificate of a new CA, not revoked."""
    relation = asking(leaf_key, "web-0")
    issued = ctx.run(ctx.on.relation_changed(relation, remote_unit=0), state(relation))
    out = run_action(ctx, "rotate-private-key", issued)
    [old], [new] = answers(issued), answers(out)
    assert new["ca"] != old["ca"]
    assert "revoked" not in new
    keys = [s for s in out.secrets if "private-key" in s.tracked_content]
    assert [s.tracked_content["certificate"] for s in keys] == [new["ca"]]
    run_action(ctx, "get-crl", out)
    assert ctx.action_results is not None
    lists = json.loads(ctx.action_results["crls"])
    assert len(lists) == 2, "the last list of the old CA, and one of the new"


def test_crl_numbers_grow(ctx: testing.Context[Any], leaf_key: PrivateKey) -> None:
    """Each call makes a list with a higher number."""
    relation = asking(leaf_key, "web-0")
    now = ctx.run(ctx.on.relation_changed(relation, remote_unit=0), state(relation))
    numbers: list[int] = []
    for _ in range(2):
        now = run_action(ctx, "get-crl", now)
        assert ctx.action_results is not None
        numbers += [entry["number"] for entry in json.loads(ctx.action_results["crls"])]
    assert numbers[0] < numbers[1]


def test_follower_does_not_rotate(ctx: testing.Context[Any]) -> None:
    """What only the leader can do fails elsewhere, with the unit to run it on."""
    before = dataclasses.replace(ctx.run(ctx.on.config_changed(), state()), leader=False)
    with pytest.raises(testing.ActionFailed, match="my-ca/leader"):
        run_action(ctx, "rotate-private-key", before)
