"""The authority's life, told on localjuju's in-process hooks under a clock that is moved."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING

import pytest

from localjuju.model.secrets import Expiry
from self_signed_provider.ca import Phase, bundle, in_use
from tests.unit.provider.scene import revoked_serials
from tests.unit.provider.story import ASKER, CA

if TYPE_CHECKING:
    from tests.unit.provider.story import Story

MINUTE = datetime.timedelta(minutes=1)
HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)


def test_rotation_goes_through_its_phases(story: Story) -> None:
    """Publish, switch after the overlap, retire when nothing of the old CA is valid still."""
    old = in_use(story.memory.authorities)
    assert old is not None
    story.model.config(CA, ca_common_name="new")
    story.world.settle()
    assert story.phases() == [Phase.ACTIVE, Phase.PUBLISHED]
    assert story.issuers == {old.certificate.raw}
    story.advance(HOUR + 6 * MINUTE)
    assert story.phases() == [Phase.ACTIVE, Phase.OUTGOING]
    new = in_use(story.memory.authorities)
    assert new is not None
    assert story.issuers == {new.certificate.raw}
    story.advance(91 * DAY)
    assert story.phases() == [Phase.ACTIVE]
    assert bundle(story.memory.authorities) == (new.certificate,)


def test_keys_go_with_their_authority(story: Story) -> None:
    """When a CA is retired, its key is in no secret any more."""
    story.model.config(CA, ca_common_name="new")
    story.advance(100 * DAY)
    held = [s for s in story.model.state.secrets.values() if (s.label or "").startswith("ca-")]
    assert len(held) == len(story.memory.authorities) == 1


def test_rotates_by_itself_before_its_end(story: Story) -> None:
    """In two years there is no moment without a CA that has a certificate's life left."""
    # The alarms do it, and there are many hooks in two years.
    story.model.state.config["update-status-hook-interval"] = "720h"
    seen: set[str] = set()
    for _ in range(24):
        story.advance(30 * DAY)
        active = in_use(story.memory.authorities)
        assert active is not None
        seen.add(active.id)
        left = active.certificate.expiry_time - story.world.now
        assert left >= 90 * DAY
        assert all(leaf.expiry_time > story.world.now for leaf in story.leaves)
    assert len(seen) > 1


def test_leader_dies_in_every_phase(story: Story) -> None:
    """Whichever unit leads takes the rotation on from where it is."""
    story.model.config(CA, ca_common_name="new")
    story.world.settle()
    story.model.lead(f"{CA}/1")
    story.advance(HOUR + 6 * MINUTE)
    assert story.phases() == [Phase.ACTIVE, Phase.OUTGOING]
    story.model.lead(f"{CA}/0")
    story.advance(91 * DAY)
    assert story.phases() == [Phase.ACTIVE]
    assert len(story.leaves) == 2


@pytest.mark.parametrize("expiry", [Expiry.LOST, Expiry.EARLY])
def test_rotates_whatever_becomes_of_the_alarm(story: Story, expiry: Expiry) -> None:
    """With `update-status` alone, or an alarm that rings early and again, all steps are done."""
    story.model.state.expiry = expiry
    story.model.state.config["update-status-hook-interval"] = "6h"
    story.advance(8 * DAY)
    story.model.config(CA, ca_common_name="new")
    story.world.settle()
    story.advance(10 * HOUR)
    assert story.phases() == [Phase.ACTIVE, Phase.OUTGOING]
    before = len(story.world.ran)
    story.advance(5 * HOUR)
    alarms = [ran for ran in story.world.ran[before:] if ran.name == "secret-expired"]
    assert [ran for ran in alarms if ran.unit.startswith(CA)] == []
    # Now one `update-status` after its end will do: those of three months need not be run.
    story.model.state.config["update-status-hook-interval"] = "168h"
    story.advance(98 * DAY)
    assert story.phases() == [Phase.ACTIVE]


def test_key_lost(story: Story) -> None:
    """A CA whose key is gone is replaced; what it issued stays trusted and is issued again."""
    active = in_use(story.memory.authorities)
    assert active is not None
    story.lose(f"ca-{active.id}")
    story.advance(8 * DAY)
    assert story.phases() == [Phase.ACTIVE, Phase.OUTGOING]
    assert active.certificate.raw not in story.issuers
    assert len(story.answers) == 2


def test_list_of_a_ca_whose_key_is_lost(story: Story) -> None:
    """`get-crl` names a CA that can sign no list any more, with what lives under it."""
    lost = in_use(story.memory.authorities)
    assert lost is not None
    serials = {entry.serial_hex for entry in story.memory.ledger}
    story.lose(f"ca-{lost.id}")
    story.advance(8 * DAY)
    results = story.run("get-crl")
    [named] = json.loads(results["unlisted"])
    assert (named["authority"], "lost" in named["why"]) == (lost.id, True)
    assert {one["serial"] for one in named["certificates"]} == serials
    assert lost.id not in {one["authority"] for one in json.loads(results["crls"])}


def test_list_of_a_ca_that_was_just_lost(story: Story) -> None:
    """A CA that issues, and whose key no hook has missed yet, is named as well."""
    lost = in_use(story.memory.authorities)
    assert lost is not None
    story.lose(f"ca-{lost.id}")
    results = story.run("get-crl")
    assert [one["authority"] for one in json.loads(results["unlisted"])] == [lost.id]


def test_every_ca_has_a_list(story: Story) -> None:
    """Where all have their keys, `get-crl` names none that lacks a list."""
    assert "unlisted" not in story.run("get-crl")


def test_key_lost_before_it_was_used(story: Story) -> None:
    """A successor whose key is gone never takes over: another is published in its place."""
    story.model.config(CA, ca_common_name="new")
    story.world.settle()
    waiting = next(a for a in story.memory.authorities if a.phase is Phase.PUBLISHED)
    story.lose(f"ca-{waiting.id}")
    story.advance(9 * DAY)
    active = in_use(story.memory.authorities)
    assert active is not None
    assert (active.id == waiting.id, active.certificate.common_name) == (False, "new")
    assert story.issuers == {active.certificate.raw}


def test_ledger_lost_after_a_switch(story: Story) -> None:
    """A CA is trusted for as long as what it issued, also if the list of that is damaged."""
    story.model.config(CA, ca_common_name="new")
    story.world.settle()
    story.advance(2 * HOUR)
    assert story.phases() == [Phase.ACTIVE, Phase.OUTGOING]
    for relation in story.model.state.relations_of(CA):
        side = relation.side_of(story.model.state.uuid, CA)
        if side.endpoint.name == "ledger":
            side.settings.settings["issued"] = '[{"serial": '
    story.advance(8 * DAY)
    assert story.phases() == [Phase.ACTIVE, Phase.OUTGOING]
    assert {entry.serial for entry in story.memory.ledger} >= {
        leaf.serial_number for leaf in story.leaves
    }


def test_rotation_over_a_revocation(story: Story) -> None:
    """A revoked certificate stays the answer through a switch and a compromise."""
    story.model.state.unit(f"{ASKER}/0").paused = True
    victim = next(leaf for leaf in story.leaves if leaf.common_name == f"{ASKER}-0")
    story.run("revoke-certificate", serial=f"{victim.serial_number:x}")
    story.model.config(CA, ca_common_name="new")
    story.world.settle()
    story.advance(2 * HOUR)
    story.run("rotate-private-key")
    marked = [answer["certificate"] for answer in story.answers if answer.get("revoked")]
    assert marked == [victim.raw]
    assert len(story.issuers) == 2


def test_relation_made_again(story: Story) -> None:
    """A relation that goes takes its certificates into the ledger; a new one is served anew."""
    before = {leaf.serial_number for leaf in story.leaves}
    story.model.remove_relation(f"{CA}:certificates", f"{ASKER}:certificates")
    story.world.settle()
    story.model.integrate(f"{CA}:certificates", ASKER)
    story.world.settle()
    assert len(story.leaves) == 2
    assert {e.serial for e in story.memory.ledger if e.revoked_at} == before


def test_new_unit_that_leads_before_it_met_anybody(story: Story) -> None:
    """A leader that has just come revokes nobody for not having seen them yet."""
    [name] = story.model.add_units(CA)
    story.model.lead(name)
    story.world.settle()
    assert len(story.answers) == 2
    assert not any(entry.revoked_at for entry in story.memory.ledger)


def test_revoked_key_is_refused_and_a_new_one_served(story: Story) -> None:
    """The revoked entry stands; the requirer, told of it, asks with a new key and is answered."""
    victim, other = story.leaves
    story.run("revoke-certificate", serial=f"{victim.serial_number:x}")
    story.world.settle()
    serials = {leaf.serial_number for leaf in story.leaves}
    assert other.serial_number in serials
    assert victim.serial_number not in serials, "its request has gone, and so has the entry"
    assert len(serials) == 2
    assert revoked_serials(story.memory.ledger) == {victim.serial_number}


def test_compromise_reaches_everyone_in_one_hook(story: Story) -> None:
    """After `rotate-private-key` all is under the new CA; the old one is not trusted."""
    before = story.memory
    story.run("rotate-private-key")
    [active] = story.memory.authorities
    assert active.id != before.authorities[0].id
    assert story.issuers == {active.certificate.raw}
    assert all(not answer.get("revoked") for answer in story.answers)
    assert all(story.memory.ledger.entries[serial].revoked_at for serial in before.ledger.entries)


def test_leading_unit_removed_revokes_nobody(story: Story) -> None:
    """To a unit that is being removed the requirers seem to leave: what they hold stays."""
    before = story.answers
    story.model.remove_unit(f"{CA}/0")
    story.world.settle()
    story.advance(10 * MINUTE)
    assert story.answers == before
    assert not any(entry.revoked_at for entry in story.memory.ledger)


def test_departed_unit_is_revoked_and_its_certificate_gone(story: Story) -> None:
    """A unit that leaves takes its certificate out of the relation and into the ledger's list."""
    story.model.remove_unit(f"{ASKER}/1")
    story.world.settle()
    assert len(story.leaves) == 1
    revoked = [e.requirer for e in story.memory.ledger if e.revoked_at]
    assert revoked == [f"{ASKER}/1"]


def test_quiet_when_nothing_happens(story: Story) -> None:
    """Over fifteen quiet days nothing is written: no databag changes, no secret is revised."""
    before = (dict(story.model.databag(CA, "ledger")), story.answers)
    revisions = {u: len(s.revisions) for u, s in story.model.state.secrets.items()}
    ran = story.world.advance(15 * DAY)
    assert {one.name for one in ran} == {"update-status"}
    assert (dict(story.model.databag(CA, "ledger")), story.answers) == before
    assert {u: len(s.revisions) for u, s in story.model.state.secrets.items()} == revisions


def test_year_of_alarms(story: Story) -> None:
    """As Juju 4.0 tells of expiries, each step of a year rings once, or twice if early, and what
    is retired or replaced rings never: no revision is left behind, and none goes with its expiry
    pending.
    """
    story.model.state.expiry = Expiry.EARLY
    story.model.config(CA, ca_common_name="new")
    story.advance(100 * DAY)  # Switched after an hour, retired after 90 days.
    story.run("rotate-private-key")
    story.advance(300 * DAY)  # Begins by itself 90 days before its end, and switches.
    rung = [
        ran for ran in story.world.ran if ran.name == "secret-expired" and ran.unit.startswith(CA)
    ]
    assert 4 <= len(rung) <= 2 * 4
    mine = [s for s in story.model.state.secrets.values() if s.owner.name.startswith(CA)]
    assert {secret.label: list(secret.revisions) for secret in mine} == {
        **{f"ca-{authority.id}": [1] for authority in story.memory.authorities},
        "next-look": [1],
    }
    assert [ghost for ghost in story.model.state.ghosts if ghost.app == CA] == []
