"""What the published authority got wrong, each held by a test; docs/defects.md lists them all."""

from __future__ import annotations

import dataclasses
import datetime
import json
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from ops import testing

from charmlibs.interfaces.tls_certificates import Certificate, CertificateRequestAttributes
from self_signed_provider.ca import Phase
from tests.unit.provider.scene import answers, asking, errors, memory, state
from tests.unit.provider.story import ASKER, CA

if TYPE_CHECKING:
    from charmlibs.interfaces.tls_certificates import PrivateKey
    from tests.unit.provider.story import Story

HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)


def test_defect_25_ca_change_leaves_nobody_without(story: Story) -> None:
    """At no hook of a CA change is a request without a certificate, or is one revoked."""
    story.model.config(CA, ca_common_name="new")
    story.world.settle()
    end = story.world.now + 2 * HOUR
    while (moment := story.world.next_moment()) is not None and moment <= end:
        story.world.move_to(max(moment, story.world.now))
        while story.world.step() is not None:
            assert len(story.answers) == 2
            assert not any(answer.get("revoked") for answer in story.answers)
    assert Phase.OUTGOING in story.phases()


@pytest.mark.parametrize(
    ("limit", "granted"),
    [pytest.param(2, 2, id="two"), pytest.param(0, 0, id="none"), pytest.param(-1, 4, id="any")],
)
def test_defect_26_limit_holds_over_hooks(
    ctx: testing.Context[Any], leaf_key: PrivateKey, limit: int, granted: int
) -> None:
    """However many hooks the requests come in, no more are granted; the others hear why."""
    one = asking(leaf_key, "a", "b", "c")
    event = ctx.on.relation_changed(one, remote_unit=0)
    before = ctx.run(event, state(one, config={"certificate-limit": limit}))
    more = json.loads(one.remote_units_data[0]["certificate_signing_requests"])
    more += json.loads(asking(leaf_key, "d").remote_units_data[0]["certificate_signing_requests"])
    grown = dataclasses.replace(
        before.get_relation(7),
        remote_units_data={0: {"certificate_signing_requests": json.dumps(more)}},
    )
    peers = before.get_relation(1)
    out = ctx.run(
        ctx.on.relation_changed(grown, remote_unit=0),
        dataclasses.replace(before, relations={peers, grown}),
    )
    assert (len(answers(out)), len(errors(out))) == (granted, 4 - granted)


def test_defect_27_empty_option_changes_nothing(ctx: testing.Context[Any]) -> None:
    """An option that is set to empty text is no change of the subject."""
    before = ctx.run(ctx.on.config_changed(), state())
    empty = dataclasses.replace(before, config={**before.config, "ca-organization": ""})
    out = ctx.run(ctx.on.config_changed(), empty)
    assert memory(out).authorities == memory(before).authorities


@pytest.mark.parametrize("validity", ["-5d", "0", "0s"])
def test_defect_28_validity_without_length(ctx: testing.Context[Any], validity: str) -> None:
    """A certificate that would have expired when it is issued is not issued."""
    out = ctx.run(ctx.on.config_changed(), state(config={"certificate-validity": validity}))
    assert isinstance(out.unit_status, testing.BlockedStatus)
    assert "certificate-validity" in out.unit_status.message


def test_defect_29_lost_ca_is_trusted_no_longer(ctx: testing.Context[Any]) -> None:
    """After `rotate-private-key` the bundle has the new CA alone."""
    trust = testing.Relation("send-ca-cert", id=9, remote_app_data={"version": "1"})
    before = ctx.run(ctx.on.config_changed(), state(trust))
    out = ctx.run(ctx.on.action("rotate-private-key"), before)
    told = {
        when: json.loads(then.get_relation(9).local_app_data["certificates"])
        for when, then in (("before", before), ("after", out))
    }
    assert len(told["after"]) == 1
    assert told["after"] != told["before"]


def test_defect_30_nobody_is_a_ca_for_the_asking(
    ctx: testing.Context[Any], leaf_key: PrivateKey
) -> None:
    """A request for a CA certificate is denied, unless the operator allows it: then it can sign
    leaves alone.
    """
    relation = asking(leaf_key, "sub")
    [entry] = json.loads(relation.remote_units_data[0]["certificate_signing_requests"])
    wants_ca = json.dumps([{**entry, "ca": True}])
    relation = dataclasses.replace(
        relation, remote_units_data={0: {"certificate_signing_requests": wants_ca}}
    )
    event = ctx.on.relation_changed(relation, remote_unit=0)
    denied = ctx.run(event, state(relation))
    assert (len(answers(denied)), len(errors(denied))) == (0, 1)
    allowed = ctx.run(event, state(relation, config={"allow-ca-certificates": True}))
    sub = Certificate.from_string(answers(allowed)[0]["certificate"])
    assert sub.is_ca
    leaf = CertificateRequestAttributes(common_name="x").generate_csr(leaf_key)
    assert not leaf.sign(sub, leaf_key, DAY).is_ca


def test_defect_31_no_leaf_outlives_its_ca(story: Story) -> None:
    """With a longer validity a successor is made in time; until then leaves end with the CA."""
    story.model.config(CA, root_ca_validity="1000d", certificate_validity="400d")
    story.model.add_units(ASKER)
    story.world.settle()
    assert all(
        leaf.expiry_time <= Certificate.from_string(answer["ca"]).expiry_time
        for leaf, answer in zip(story.leaves, story.answers, strict=True)
    )
    assert story.phases() == [Phase.ACTIVE, Phase.PUBLISHED]


def test_defect_32_time_is_read_once(ctx: testing.Context[Any]) -> None:
    """Whatever part of a second a hook begins in, the CA is what it was made as, and stays."""
    start = datetime.datetime(2030, 1, 1, 0, 0, 0, 999_000, tzinfo=datetime.timezone.utc)
    with time_machine.travel(start, tick=True):
        now = ctx.run(ctx.on.config_changed(), state())
        made = memory(now).authorities
        for _ in range(3):
            now = ctx.run(ctx.on.update_status(), now)
    assert memory(now).authorities == made


def test_defect_33_nothing_of_a_secret_is_left(story: Story) -> None:
    """A CA's secret has one revision and no expiry, and goes with its CA."""
    story.model.config(CA, ca_common_name="new")
    story.advance(2 * HOUR)
    story.advance(91 * DAY)
    held = [s for s in story.model.state.secrets.values() if (s.label or "").startswith("ca-")]
    assert len(held) == 1
    assert [revision.expires for revision in held[0].revisions.values()] == [None]


def test_defect_34_followers_are_active_and_know(story: Story) -> None:
    """A unit that does not lead is no error, and lists what was issued."""
    assert story.model.unit_status(f"{CA}/1") == ("active", "Standing by; the leader issues")
    task = story.model.run(f"{CA}/1", "get-issued-certificates")
    assert len(json.loads(task.results["certificates"])) == 2


def test_defect_35_results_are_json(story: Story) -> None:
    """What an action returns can be read by a program."""
    [first, second] = json.loads(story.run("get-issued-certificates")["certificates"])
    assert first["revoked"] is False
    assert {first["requirer"], second["requirer"]} == {f"{ASKER}/0", f"{ASKER}/1"}


def test_defect_36_times_have_a_zone(story: Story) -> None:
    """Every time that is kept or shown says which zone it is of."""
    for entry in json.loads(story.run("get-issued-certificates")["certificates"]):
        assert datetime.datetime.fromisoformat(entry["not-after"]).tzinfo is not None
    assert all(authority.since.tzinfo is not None for authority in story.memory.authorities)
