"""Requirers and operators that do what they should not: others are served, and they are told."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
from ops import testing

from charmlibs.interfaces.tls_certificates import Certificate
from tests.unit.provider.scene import answers, asking, errors, memory, state

if TYPE_CHECKING:
    from charmlibs.interfaces.tls_certificates import PrivateKey


def saying(relation: testing.Relation, text: str) -> testing.Relation:
    data = {"certificate_signing_requests": text}
    return dataclasses.replace(relation, remote_units_data={0: data})


def said(relation: testing.Relation) -> list[dict[str, Any]]:
    return json.loads(relation.remote_units_data[0]["certificate_signing_requests"])


GARBAGE = {"certificate_signing_request": "-----BEGIN CERTIFICATE REQUEST-----\nno\n"}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("{", id="no JSON"),
        pytest.param("7", id="no list"),
        pytest.param(json.dumps([7, None, GARBAGE]), id="no requests"),
        pytest.param(json.dumps([GARBAGE] * 1000), id="a thousand"),
    ],
)
def test_garbage_harms_nobody(ctx: testing.Context[Any], leaf_key: PrivateKey, text: str) -> None:
    """Who writes garbage is not answered; others are, in the same hook and the next."""
    good = asking(leaf_key, "web-0")
    bad = saying(asking(leaf_key, relation_id=8), text)
    out = ctx.run(ctx.on.relation_changed(bad, remote_unit=0), state(good, bad))
    assert (len(answers(out)), answers(out, 8)) == (1, [])
    again = ctx.run(ctx.on.update_status(), out)
    assert again.relations == out.relations


def test_garbage_beside_a_request(ctx: testing.Context[Any], leaf_key: PrivateKey) -> None:
    """A good request among bad ones is answered."""
    relation = asking(leaf_key, "web-0")
    relation = saying(relation, json.dumps([GARBAGE, *said(relation), "x"]))
    out = ctx.run(ctx.on.relation_changed(relation, remote_unit=0), state(relation))
    assert len(answers(out)) == 1


def test_more_than_the_limit(ctx: testing.Context[Any], leaf_key: PrivateKey) -> None:
    """Who asks for more than one may hold gets that many, and a reason for each of the rest; it
    takes nothing from others.
    """
    greedy = asking(leaf_key, *(f"web-{n}" for n in range(12)))
    modest = asking(leaf_key, "db-0", relation_id=8)
    config = {"certificate-limit": 10}
    out = ctx.run(
        ctx.on.relation_changed(greedy, remote_unit=0), state(greedy, modest, config=config)
    )
    assert (len(answers(out)), len(answers(out, 8))) == (10, 1)
    assert ["limit of 10" in error["reason"] for error in errors(out)] == [True, True]


def test_someone_elses_request(ctx: testing.Context[Any], leaf_key: PrivateKey) -> None:
    """A copied request is answered to its copier, who has no key for it; its owner keeps what is
    theirs when the copier goes.
    """
    owner = asking(leaf_key, "web-0")
    copier = saying(asking(leaf_key, relation_id=8), json.dumps(said(owner)))
    out = ctx.run(ctx.on.relation_changed(copier, remote_unit=0), state(owner, copier))
    assert len(answers(out, 8)) == 1
    left = dataclasses.replace(out, relations={r for r in out.relations if r.id != 8})
    gone = ctx.run(ctx.on.relation_broken(out.get_relation(8)), out)
    assert answers(gone) == answers(left)
    assert not memory(gone).ledger.refused_keys


def test_key_that_was_revoked(ctx: testing.Context[Any], leaf_key: PrivateKey) -> None:
    """A key that was revoked gets no other certificate, in whichever relation it asks."""
    first = asking(leaf_key, "web-0")
    issued = ctx.run(ctx.on.relation_changed(first, remote_unit=0), state(first))
    revoked = ctx.run(ctx.on.action("revoke-certificate", params={"relation": 7}), issued)
    again = asking(leaf_key, "web-0", relation_id=8)
    out = ctx.run(
        ctx.on.relation_changed(again, remote_unit=0),
        dataclasses.replace(revoked, relations={*revoked.relations, again}),
    )
    assert (answers(out, 8), "new key" in errors(out, 8)[0]["reason"]) == ([], True)


@pytest.mark.parametrize(
    ("parameters", "accepted"),
    [
        pytest.param({"serial": "xyz"}, "hexadecimal", id="no number"),
        pytest.param({"serial": ""}, "hexadecimal", id="empty"),
        pytest.param({"serial": "-5"}, "No certificate", id="negative"),
        pytest.param({"relation": 99}, "No certificate", id="no such relation"),
        pytest.param({"serial": "ab", "relation": 7}, "either serial or relation", id="both"),
    ],
)
def test_wrong_parameters(
    ctx: testing.Context[Any], leaf_key: PrivateKey, parameters: dict[str, Any], accepted: str
) -> None:
    """The action fails with what it accepts, and nothing is revoked."""
    relation = asking(leaf_key, "web-0")
    issued = ctx.run(ctx.on.relation_changed(relation, remote_unit=0), state(relation))
    with pytest.raises(testing.ActionFailed, match=accepted) as failed:
        ctx.run(ctx.on.action("revoke-certificate", params=parameters), issued)
    assert isinstance(failed.value.state, testing.State)
    assert not any(entry.revoked_at for entry in memory(failed.value.state).ledger)


def test_serial_as_tools_print_it(ctx: testing.Context[Any], leaf_key: PrivateKey) -> None:
    """A serial number is taken in capitals, with colons and with 0x."""
    relation = asking(leaf_key, "web-0", "web-1", "web-2")
    now = ctx.run(ctx.on.relation_changed(relation, remote_unit=0), state(relation))
    for number, answer in enumerate(answers(now)):
        serial = f"{Certificate.from_string(answer['certificate']).serial_number:040X}"
        colons = ":".join(serial[n : n + 2] for n in range(0, 40, 2))
        text = [serial, colons, f"0x{serial.lower()}"][number]
        now = ctx.run(ctx.on.action("revoke-certificate", params={"serial": text}), now)
    assert all(answer["revoked"] for answer in answers(now))
