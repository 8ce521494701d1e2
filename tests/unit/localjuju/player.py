"""Runs the hooks of a model without charms: each hook is what a test writes with hook tools."""

from __future__ import annotations

import datetime
import itertools
import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from localjuju import hooktools, lifecycle
from localjuju.model import Charm, Hook, Model, Unit, hooks, parse_charm

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
FACTS = Path(__file__).parent / "facts"

Tool = Callable[..., hooktools.Answer]
Script = Callable[[Tool, hooktools.HookContext], bool | None]


def facts(name: str) -> Any:
    """Return a file of recorded facts."""
    return json.loads((FACTS / name).read_text())


def recorded_charm(name: str) -> Charm:
    """Return the metadata of one of the charms that were deployed on a real Juju."""
    documents = {
        part: yaml.safe_load((FACTS / "charms" / name / f"{part}.yaml").read_text())
        for part in ("metadata", "config", "actions", "manifest")
    }
    return parse_charm(*documents.values())


def charm(name: str, **sections: Mapping[str, str]) -> Charm:
    """Return a charm with endpoints given as ``requires={"db": "mysql"}``."""
    parts = {
        section: {end: {"interface": interface} for end, interface in ends.items()}
        for section, ends in sections.items()
    }
    return parse_charm({"name": name, **parts})


def new_model(models: dict[str, Model] | None = None, name: str = "m") -> Model:
    """Return an empty model; in *models*, with others of the same controller."""
    known = {} if models is None else models
    return Model(
        name,
        f"00000000-0000-4000-8000-{len(known):012d}",
        START,
        rng=random.Random(len(known)),
        addresses=(f"127.99.{len(known)}.{i}" for i in itertools.count(2)),
        models=known,
    )


class Player:
    """Plays the hooks of models, in turn, on a clock of its own."""

    def __init__(self, *models: Model) -> None:
        self.models = models
        self.now = START
        self.ran: list[tuple[str, Hook]] = []
        self.scripts: dict[str, Script] = {}
        """What a hook does, by ``unit hook`` or by ``hook``; a false answer makes it fail."""
        self.prefixes: dict[str, str] = {}
        """What stands before the names of units in ``ran``, by the name of their model."""

    def settle(self) -> list[tuple[str, Hook]]:
        """Run what is due until nothing is; return it."""
        before = len(self.ran)
        while any(self._step(model, unit) for model in self.models for unit in model.units()):
            pass
        return self.ran[before:]

    def after(self, **time: float) -> list[tuple[str, Hook]]:
        """Let time pass, then settle."""
        self.now += datetime.timedelta(**time)
        return self.settle()

    def in_hook(self, model: Model, unit: str, script: Script, hook: Hook | None = None) -> bool:
        """Run *script* as a hook of a unit, now; return whether it was committed."""
        context = hooktools.HookContext(
            model, model.unit(unit), lambda: self.now, hook=hook or Hook("update-status")
        )

        def tool(*words: str, stdin: str = "") -> hooktools.Answer:
            return hooktools.run(
                context, words, stdin=stdin, read_file=lambda name: Path(name).read_text()
            )

        if script(tool, context) is False:
            return False
        context.commit()
        return True

    def _step(self, model: Model, unit: Unit) -> bool:
        if hooks.is_gone(unit):
            model.forget_unit(unit)
            return True
        if unit.paused or (hook := hooks.next_hook(model, unit, self.now)) is None:
            return False
        hooks.begin(model, unit, hook, self.now)
        context = hooktools.HookContext(model, unit, lambda: self.now, hook=hook)

        def tool(*words: str, stdin: str = "") -> hooktools.Answer:
            return hooktools.run(context, words, stdin=stdin, read_file=str)

        script = self.scripts.get(f"{unit.name} {hook.name}", self.scripts.get(hook.name))
        fails = script is not None and script(tool, context) is False
        lifecycle.hook_ended(context, hook, "exit status 1" if fails else None, self.now)
        self.ran.append((self.prefixes.get(model.name, "") + unit.name, hook))
        return True


class Steps:
    """What ran in the steps of a record, as it is recorded: by step and unit, the hooks."""

    def __init__(self, player: Player) -> None:
        self.ran: dict[str, dict[str, list[list[str]]]] = {}
        self._player = player

    def note(self, step: str) -> None:
        """Settle; keep what was run as part of a step."""
        by_unit = self.ran.setdefault(step, {})
        for unit, hook in self._player.settle():
            by_unit.setdefault(unit, []).append(as_recorded(hook))


def names(ran: list[tuple[str, Hook]], unit: str) -> list[str]:
    """Return the names of the hooks that a unit ran."""
    return [hook.name for who, hook in ran if who == unit]


def as_recorded(hook: Hook) -> list[str]:
    """Return a hook as hook_orders.json has it."""
    row = [hook.name]
    if hook.relation_id is not None:
        row += [f"{hook.endpoint}:{hook.relation_id}", hook.remote_unit, hook.remote_app]
    return [*row, hook.departing_unit] if hook.departing_unit else row
