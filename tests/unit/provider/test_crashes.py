"""A leader that is killed at any hook tool, in each step of the authority's life.

Every other time another unit leads from then on. What a hook wrote before it was killed is lost
with it, as Juju has it; from what is left it must come to the same end.
"""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any

from cryptography import x509

from localjuju.inprocess.process import Killed
from self_signed_provider.ca import Phase, in_use
from tests.unit.provider.conftest import make_root, new_key
from tests.unit.provider.scene import revoked_serials
from tests.unit.provider.story import ASKER, CA

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.provider.story import Story

    Step = Callable[[Callable[[], None]], None]

HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)
LEADER, OTHER = f"{CA}/0", f"{CA}/1"


def go(story: Story, by: datetime.timedelta, on_kill: Callable[[], None]) -> None:
    """Let time pass, and do something as soon as a hook was killed."""
    end = story.world.now + by
    while True:
        while ran := story.world.step():
            assert ran.error is None or isinstance(ran.error, Killed), ran
            if ran.error is not None:
                on_kill()
        moment = story.world.next_moment()
        if moment is None or moment > end:
            story.world.move_to(end)
            return
        story.world.move_to(max(moment, story.world.now))


def act(story: Story, on_kill: Callable[[], None], action: str, **parameters: Any) -> None:
    """Run an action as an operator does: again, if its unit was killed."""
    task = story.model.run(LEADER, action, **parameters)
    if task.status != "completed":
        on_kill()
        story.run(action, **parameters)
    go(story, HOUR / 2, on_kill)


def killed_everywhere(story: Story, hook: str, step: Step, check: Callable[[], None]) -> None:
    """Kill the leader at each hook tool of *hook* in turn, and see what comes of it."""
    before, begun = story.world.snapshot(), len(story.world.ran)
    step(lambda: None)
    check()
    settled(story)
    tools = next(
        ran.tools for ran in story.world.ran[begun:] if (ran.unit, ran.name) == (LEADER, hook)
    )
    assert tools > 1
    for tool in range(1, tools + 1):
        story.world.restore(before)
        story.world.crash(LEADER, tool, hook)
        killed: list[int] = []

        def on_kill(tool: int = tool, killed: list[int] = killed) -> None:
            killed.append(tool)
            if tool % 2:
                story.model.lead(OTHER)

        step(on_kill)
        assert killed == [tool]
        check()
        settled(story)


def settled(story: Story) -> None:
    """Nothing is half done: keys, authorities, answers and the ledger fit together."""
    memory = story.memory
    assert set(story.keys) == {f"ca-{authority.id}" for authority in memory.authorities}
    assert {leaf.serial_number for leaf in story.leaves} <= set(memory.ledger.entries)
    assert story.issuers <= {authority.certificate.raw for authority in memory.authorities}
    assert len(valid(story)) == len(story.model.state.applications[ASKER].units)


def valid(story: Story) -> set[int]:
    """Return the serial numbers of the certificates that stand and are not revoked."""
    return {
        leaf.serial_number
        for leaf, answer in zip(story.leaves, story.answers, strict=True)
        if not answer.get("revoked")
    }


def issuing(story: Story) -> str:
    active = in_use(story.memory.authorities)
    assert active is not None
    assert story.issuers == {active.certificate.raw}
    return active.certificate.common_name


def rotated(story: Story) -> None:
    """Bring the authority to where a new CA issues and an old one is trusted still."""
    story.model.config(CA, ca_common_name="new")
    story.world.settle()
    story.advance(2 * HOUR)
    assert story.phases() == [Phase.ACTIVE, Phase.OUTGOING]


def test_publish(story: Story) -> None:
    """One successor is published, and takes over."""

    def step(on_kill: Callable[[], None]) -> None:
        story.model.config(CA, ca_common_name="new")
        go(story, 2 * HOUR, on_kill)

    def check() -> None:
        assert issuing(story) == "new"
        assert story.phases() == [Phase.ACTIVE, Phase.OUTGOING]

    killed_everywhere(story, "config-changed", step, check)


def test_switch(story: Story) -> None:
    """All is issued again under the successor, which takes over once."""
    story.model.config(CA, ca_common_name="new")
    story.world.settle()

    def check() -> None:
        assert issuing(story) == "new"
        assert story.phases() == [Phase.ACTIVE, Phase.OUTGOING]

    killed_everywhere(story, "secret-expired", lambda kill: go(story, 2 * HOUR, kill), check)


def test_retire(story: Story) -> None:
    """The old CA leaves the bundle, and its key its secret."""
    rotated(story)
    old = next(a for a in story.memory.authorities if a.phase is Phase.OUTGOING)
    assert old.issued_until is not None
    story.advance(old.issued_until - story.world.now - HOUR)

    def check() -> None:
        assert story.phases() == [Phase.ACTIVE]
        assert issuing(story) == "new"

    killed_everywhere(story, "secret-expired", lambda kill: go(story, 2 * HOUR, kill), check)


def test_compromise(story: Story) -> None:
    """After `rotate-private-key`, run again, everybody holds a certificate of one new CA."""
    rotated(story)
    lost = {authority.id for authority in story.memory.authorities}

    def check() -> None:
        memory = story.memory
        [active] = memory.authorities
        assert active.id not in lost
        assert {e.authority for e in memory.ledger if e.revoked_at} == lost
        assert set(memory.last_crls) == lost
        assert not memory.ledger.refused_keys

    killed_everywhere(
        story, "rotate-private-key", lambda kill: act(story, kill, "rotate-private-key"), check
    )


def test_revocation(story: Story) -> None:
    """The revoked one is in the ledger and its request replaced; the other is as it was."""
    victim, other = (leaf.serial_number for leaf in story.leaves)

    def check() -> None:
        assert revoked_serials(story.memory.ledger) == {victim}
        # A new leader may keep the revoked entry until it knows that no one asks for it any more.
        assert (victim in valid(story), other in valid(story)) == (False, True)

    def step(on_kill: Callable[[], None]) -> None:
        act(story, on_kill, "revoke-certificate", serial=f"{victim:x}")

    killed_everywhere(story, "revoke-certificate", step, check)


def test_own_ca_given(story: Story) -> None:
    """The operator's CA is kept under one secret, and takes over."""
    key = new_key()
    mine = make_root(key, "mine")

    def step(on_kill: Callable[[], None]) -> None:
        content = {"certificate": mine.raw, "private-key": key.raw}
        story.bring(content, settle=False)
        go(story, 2 * HOUR, on_kill)

    def check() -> None:
        assert issuing(story) == "mine"

    killed_everywhere(story, "config-changed", step, check)


def test_own_ca_changed(story: Story) -> None:
    """The other CA in the secret takes over from the first, which stays trusted."""
    keys = new_key(), new_key()
    roots = [make_root(key, f"mine {number}") for number, key in enumerate(keys)]
    content = [
        {"certificate": root.raw, "private-key": key.raw}
        for root, key in zip(roots, keys, strict=True)
    ]
    secret_id = story.bring(content[0]).id
    story.advance(2 * HOUR)

    def step(on_kill: Callable[[], None]) -> None:
        secret = story.model.state.secrets[secret_id]
        secret.add_revision(content[1], story.world.now, None)
        go(story, 2 * HOUR, on_kill)

    def check() -> None:
        assert issuing(story) == "mine 1"
        assert len(story.phases()) == 3, "the first CA of all, and both of the operator's"

    killed_everywhere(story, "secret-changed", step, check)


def test_own_ca_taken_away(story: Story) -> None:
    """A CA of the charm's own making takes over, and the operator's stays trusted."""
    key = new_key()
    mine = make_root(key, "mine")
    story.bring({"certificate": mine.raw, "private-key": key.raw})
    story.advance(2 * HOUR)

    def step(on_kill: Callable[[], None]) -> None:
        story.model.config(CA, ca_secret="")
        go(story, 2 * HOUR, on_kill)

    def check() -> None:
        assert issuing(story) == CA
        assert mine in {authority.certificate for authority in story.memory.authorities}

    killed_everywhere(story, "config-changed", step, check)


def test_revocation_between_a_failed_departure_and_its_repetition(story: Story) -> None:
    """What a unit held that left in a failed hook is listed as revoked at once, and then goes."""
    held = {entry.requirer: entry.serial for entry in story.memory.ledger}
    story.world.crash(LEADER, 1, "certificates-relation-departed")
    story.model.kill_unit(f"{ASKER}/1")
    while not any(ran.error for ran in story.world.ran):
        assert story.world.step() is not None
    story.run("revoke-certificate", serial=f"{held[f'{ASKER}/1']:X}")
    [listed] = json.loads(story.run("get-crl")["crls"])
    revoked = x509.load_pem_x509_crl(listed["crl"].encode())
    assert {one.serial_number for one in revoked} == {held[f"{ASKER}/1"]}
    go(story, HOUR, lambda: None)
    assert {leaf.serial_number for leaf in story.leaves} == {held[f"{ASKER}/0"]}
    assert revoked_serials(story.memory.ledger) == {held[f"{ASKER}/1"]}
