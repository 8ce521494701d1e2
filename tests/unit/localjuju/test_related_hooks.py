"""Applications that are deployed and related at once, within a model and across two.

A real Juju interleaves the hooks of several relations as they come; so what is compared is the
order of what has to do with no relation, and of what has to do with each one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

import pytest

from localjuju.model import Hook, Model, Saas
from localjuju.model.records import Offer

from .player import Player, as_recorded, facts, new_model, recorded_charm

RECORDED = facts("hook_orders_related.json")

LEFT = {"probe/1", "remote-TOKEN/1"}
"""The units that are removed from a cross-model relation. In the recorded build they stay in it
until the relation goes, and depart then; here they depart when they leave, as documented."""

Rows = list[list[str]]


def _split(rows: Rows) -> dict[str, Rows]:
    """By relation, or none, what was run in order."""
    parts: dict[str, Rows] = defaultdict(list)
    for row in rows:
        parts[row[1] if len(row) > 1 else ""].append(row)
    return dict(parts)


def _members(rows: Rows) -> dict[str, Rows]:
    """By remote unit, what was run in order: several units' hooks come interleaved."""
    parts: dict[str, Rows] = defaultdict(list)
    for row in rows:
        parts[row[2] if len(row) > 1 else ""].append(row)
    return dict(parts)


class _Steps:
    """Plays the steps, and keeps what each unit ran in each."""

    def __init__(self, *models: Model) -> None:
        self.player = Player(*models)
        self.steps: dict[str, dict[str, Rows]] = {}

    def note(self, step: str) -> None:
        """Settle; keep what was run as a step."""
        by_unit = self.steps.setdefault(step, {})
        for unit, hook in self.player.settle():
            by_unit.setdefault(unit, []).append(_row(hook))


def _row(hook: Hook) -> list[str]:
    return [re.sub(r"remote-[0-9a-f]{32}", "remote-TOKEN", word) for word in as_recorded(hook)]


@pytest.fixture(scope="module")
def played() -> dict[str, dict[str, Rows]]:
    """The steps of the record, done here."""
    model = new_model()
    # Three relations were made before these in the recorded model.
    for _ in range(3):
        model.take_relation_id()
    steps = _Steps(model)
    model.deploy(recorded_charm("client"), "c2", model.created, units=2)
    model.deploy(recorded_charm("probe"), "p2", model.created)
    model.applications["c2"].leader = 1
    model.integrate("c2:db", "p2:db")
    steps.note("68-deploy-together")

    models: dict[str, Model] = {}
    here, there = new_model(models, "x7"), new_model(models, "x6")
    across = _Steps(here, there)
    across.player.prefixes = {"x6": "x6-", "x7": "x7-"}
    there.deploy(recorded_charm("probe"), "probe", there.created, units=2)
    here.deploy(recorded_charm("client"), "client", here.created, units=2)
    there.applications["probe"].leader = here.applications["client"].leader = 1
    there.offers["probe"] = Offer("probe", "probe", ("db",))
    here.saas["probe"] = Saas("probe", there.uuid, "probe")
    here.integrate("client:db", "probe")
    across.note("98-cmr-bare")
    here.remove_unit(here.unit("client/1"))
    across.note("98b-cmr-bare-scale")
    there.remove_unit(there.unit("probe/1"))
    across.note("98b-cmr-bare-scale")
    here.remove_relation("client:db", "probe:db")
    across.note("98d-cmr-bare-remove-relation")
    return {**steps.steps, **across.steps}


@pytest.mark.parametrize(
    ("step", "unit"), [(step, unit) for step, units in RECORDED.items() for unit in units]
)
def test_as_recorded(step: str, unit: str, played: dict[str, dict[str, Rows]]) -> None:
    """A unit runs what it ran on a real Juju, in that order for each relation and its members."""
    ours = _order(step, unit, played[step][unit])
    assert ours == _order(step, unit, RECORDED[step][unit])


def _order(step: str, unit: str, rows: Rows) -> Any:
    rows = [row for row in rows if not _is_listed(step, unit, row)]
    return {name: _members(part) for name, part in _split(rows).items()}


def _is_listed(step: str, unit: str, row: list[str]) -> bool:
    if row[0] == "peer-relation-departed" and unit == "x6-probe/0":
        # The recorded build told the peer of one application that left, and not that of another.
        return True
    return step.startswith(("98b", "98d")) and row[0].endswith("departed") and row[2] in LEFT
