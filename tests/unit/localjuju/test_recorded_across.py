"""Relations between two models from their making to their end, as a real Juju ran their hooks.

The recorded charms write their unit's and, where they lead, their application's settings when a
relation is created. What is compared is the order of what has to do with each relation and each
of its members: a real Juju interleaves them as they come.
"""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

from localjuju.model import JujuError, Model, Offer, Saas, hooks, offers

from .player import Player, Steps, Tool, as_recorded, facts, new_model, recorded_charm

if TYPE_CHECKING:
    from localjuju.hooktools import HookContext

Rows = list[list[str]]

ACROSS: dict[str, dict[str, Rows]] = facts("hook_orders_across.json")
ALONE: dict[str, dict[str, Rows]] = facts("hook_orders_alone.json")

GONE = {"probe/2", "client/2", "remote-TOKEN/2"}
"""Units that were removed from a relation that stayed. In the recorded build they depart from it,
and from their peers, only when the relation goes; here they depart when they leave."""


def writes_settings(tool: Tool, context: HookContext) -> bool:
    """Do as the recorded charms do when a relation is created."""
    app, relation = context.unit.app, str(context.hook.relation_id if context.hook else "")
    tool("relation-set", "-r", relation, f"from-{app}={context.unit.name}", "const=1")
    if context.is_leader:
        tool("relation-set", "-r", relation, "--app", f"appkey={app}")
    return True


def recording(*models: Model) -> Player:
    """Return a player whose charms do as the recorded ones."""
    player = Player(*models)
    for endpoint in ("db", "peer"):
        player.scripts[f"{endpoint}-relation-created"] = writes_settings
    return player


class _Across:
    """A model that consumes (``x2``) and two that offer (``x1``, ``x5``), as in the record."""

    def __init__(self) -> None:
        models: dict[str, Model] = {}
        self.x2 = new_model(models, "x2")
        self.x1, self.x5 = new_model(models, "x1"), new_model(models, "x5")
        self.player = recording(self.x1, self.x2, self.x5)
        self.player.prefixes = {name: f"{name}-" for name in ("x1", "x2", "x5")}
        self.steps: dict[str, dict[str, Rows]] = {}
        for model, name, leader in (
            (self.x2, "client", 1),
            (self.x1, "probe", 1),
            (self.x5, "probe", 0),
        ):
            model.deploy(recorded_charm(name), name, model.created, units=2)
            model.applications[name].leader = leader
        self.player.settle()
        self.relate(self.x1, "probe")
        self.player.settle()

    def relate(self, offering: Model, name: str) -> None:
        """Consume the offer of ``db`` under a name, and relate to it."""
        offering.offers["probe"] = Offer("probe", "probe", ("db",))
        self.x2.saas[name] = Saas(name, offering.uuid, "probe")
        self.x2.integrate("client:db", name)

    def note(self, step: str) -> None:
        """Settle; keep what was run as part of a step."""
        by_unit = self.steps.setdefault(step, defaultdict(list))
        for unit, hook in self.player.settle():
            row = [re.sub(r"remote-[0-9a-f]{32}", "remote-TOKEN", w) for w in as_recorded(hook)]
            by_unit[unit].append(row)


@pytest.fixture(scope="module")
def across() -> dict[str, dict[str, Rows]]:
    """The steps of the record, done here."""
    story = _Across()
    x1, x2, x5 = story.x1, story.x2, story.x5
    x2.add_units("client", 1, x2.created)
    x1.add_units("probe", 1, x1.created)
    story.note("86-cmr-scale")
    x2.remove_unit(x2.unit("client/2"))
    x1.remove_unit(x1.unit("probe/2"))
    story.note("86-cmr-scale")
    x2.remove_relation("client:db", "probe")
    story.note("87a-cmr-remove-relation")
    x2.integrate("client", "probe")
    story.note("87b-cmr-reintegrate")
    x1.remove_relation_by_id(2)
    story.note("87d-cmr-remove-offering-app")
    x1.remove_application("probe")
    story.note("87d-cmr-remove-offering-app")
    # In the record this was the number of a relation to the application that was gone.
    x2.take_relation_id()
    story.relate(x5, "px")
    story.note("87d-cmr-setup2")
    x5.remove_relation_by_id(1)
    story.note("87e-cmr-remove-from-offering-side")
    x2.integrate("client", "px")
    story.note("87e-cmr-remove-from-offering-side")
    offers.remove_saas(x2, "px")
    story.note("87f-cmr-remove-saas")
    x5.take_relation_id()
    story.relate(x5, "px")
    story.note("87g-cmr-remove-offer")
    offers.remove_offer(x5, "probe")
    story.note("87g-cmr-remove-offer")
    offers.remove_saas(x2, "px")
    story.relate(x5, "again")
    story.note("87h-cmr-remove-app-and-model")
    x5.remove_application("probe")
    story.note("87h-cmr-remove-app-and-model")
    return story.steps


@pytest.mark.parametrize(
    ("step", "unit"), [(step, unit) for step, units in ACROSS.items() for unit in units]
)
def test_across(step: str, unit: str, across: dict[str, dict[str, Rows]]) -> None:
    """A unit runs what it ran on a real Juju, in that order for each relation and its members."""
    assert _order(step, unit, across[step][unit]) == _order(step, unit, ACROSS[step][unit])


def _order(step: str, unit: str, rows: Rows) -> dict[tuple[str, ...], Rows]:
    parts: dict[tuple[str, ...], Rows] = defaultdict(list)
    for row in rows:
        if not _is_listed(step, unit, row):
            parts[tuple(row[1:3])].append(row)
    return dict(parts)


def _is_listed(step: str, unit: str, row: list[str]) -> bool:
    """Whether a hook is one that only one of the two runs, and is said to in the README."""
    if row[0].endswith("relation-departed") and row[2] in GONE:
        return True
    if step == "87g-cmr-remove-offer" and unit.startswith("x5-"):
        # In the recorded build the side that offered is not told.
        return row[0].endswith(("departed", "broken"))
    # The record ends when its model was destroyed by force, before these.
    return step == "87h-cmr-remove-app-and-model" and row[0] in {"stop", "remove"}


def test_offered_endpoint_stays() -> None:
    """A charm that lacks an endpoint which is offered is refused, and nothing is changed."""
    model = new_model()
    before = recorded_charm("probe")
    model.deploy(before, "probe", model.created)
    model.offers["probe"] = Offer("probe", "probe", ("db",))
    kept = {name: end for name, end in before.endpoints.items() if name != "db"}
    with pytest.raises(JujuError, match='"db" is offered as "probe"'):
        model.refresh("probe", dataclasses.replace(before, endpoints=kept), 1)
    assert model.applications["probe"].charm is before


@pytest.fixture(scope="module")
def alone() -> dict[str, dict[str, Rows]]:
    """The steps of the record within one model, done here."""
    model = new_model()
    player = recording(model)
    steps = Steps(player)

    model.deploy(recorded_charm("probe"), "probe", model.created, units=3)
    model.deploy(recorded_charm("client"), "client", model.created, units=2)
    model.applications["client"].leader = 1
    model.integrate("probe:db", "client:db")
    player.settle()
    # What ``juju local`` does with a machine that is switched off and on, and with an agent.
    hooks.reboot(model.unit("probe/1"))
    steps.note("47-reboot")
    model.unit("probe/1").paused = True
    steps.note("48-agent-kill")
    model.unit("probe/1").paused = False
    steps.note("48-agent-kill")
    model.remove_relation("probe:db", "client:db")
    steps.note("50-remove-relation")
    model.integrate("probe:db", "client:db")
    steps.note("50-remove-relation")
    return steps.ran


NOTHING_RAN = ["48-agent-kill"]


@pytest.mark.parametrize("step", [*ALONE, *NOTHING_RAN])
def test_alone(step: str, alone: dict[str, dict[str, Rows]]) -> None:
    """A reboot runs ``start``, an agent that died runs nothing; a relation begins anew."""
    assert _by_member(alone[step]) == _by_member(ALONE.get(step, {}))


def _by_member(by_unit: dict[str, Rows]) -> dict[str, dict[tuple[str, ...], Rows]]:
    kept: dict[str, dict[tuple[str, ...], Rows]] = {}
    for unit, rows in by_unit.items():
        parts = kept.setdefault(unit, defaultdict(list))
        for row in rows:
            # Units that come late to relation-broken find the relation gone, and hear no name.
            shown = row[:3] if row[0].endswith("relation-broken") else row
            parts[tuple(row[1:3])].append(shown)
    return kept
