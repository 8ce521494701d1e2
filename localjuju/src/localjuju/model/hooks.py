"""Which hook a unit is due, and what is on record when it begins and when it is done.

Like Juju's unit agent, this compares what the unit has been told with how things are now; there is
no queue of events. So several changes of a databag make one hook when they come close together,
and nothing is ever told about a state that has passed.
"""

from __future__ import annotations

import dataclasses
import datetime
from typing import TYPE_CHECKING

from . import secret_hooks
from .applications import Application, Failure, Hook, RelationView, Status, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .model import Model
    from .relations import Databag, Relation, Side

RETRY_SECONDS = (5, 10, 20, 40, 80, 160, 300)
"""How long after each failure in turn a hook is run again; then always the last."""


def next_hook(model: Model, unit: Unit, now: datetime.datetime) -> Hook | None:
    """Return the hook that *unit* is to run now, or None if there is nothing to tell it."""
    if unit.failure is not None:
        due = unit.failure.retry_at is not None and now >= unit.failure.retry_at
        return unit.failure.hook if due or unit.resolve == "retry" else None
    if unit.dying:
        return _last_hook(model, unit)
    return next(_due(model, unit, now), None)


def _due(model: Model, unit: Unit, now: datetime.datetime) -> Iterator[Hook]:
    """What a unit that lives is due, the most urgent first."""
    app = model.applications[unit.app]
    if not unit.installed:
        yield Hook("install")
    if unit.charm_told != app.charm_revision:
        yield Hook("upgrade-charm")
    yield from _created(model, unit)
    if app.leader == unit.number and not unit.leader_told:
        yield Hook("leader-elected")
    if unit.config_told != app.config_version:
        yield Hook("config-changed")
    if not unit.started:
        yield Hook("start")
    yield from secret_hooks.due(model, unit, now)
    yield from _relation_hooks(model, unit)
    if unit.next_update_status is not None and now >= unit.next_update_status:
        yield Hook("update-status")


def next_moment(model: Model, unit: Unit) -> datetime.datetime | None:
    """Return when ``next_hook`` may have something although nothing changed, or None."""
    if unit.failure is not None:
        return unit.failure.retry_at
    moments = [unit.next_update_status] if unit.next_update_status else []
    moments += secret_hooks.moments(model, unit)
    return min(moments, default=None)


def is_gone(unit: Unit) -> bool:
    """Whether nothing is left to run before *unit* is taken away."""
    return unit.dying and unit.failure is None and (unit.removed or not unit.installed)


def begin(model: Model, unit: Unit, hook: Hook, now: datetime.datetime) -> None:
    """Note that *unit* starts to run *hook*: what it is now told of will not be told again.

    May be called again for the same hook when it is retried.
    """
    app = model.applications[unit.app]
    doing = {
        "install": "installing charm software",
        "stop": "stopping charm software",
        "remove": "cleaning up prior to charm deletion",
    }.get(hook.kind)
    if doing:
        unit.workload = Status("maintenance", doing, now)
    if hook.kind == "install":
        unit.charm_told = app.charm_revision
    elif hook.kind == "config-changed":
        unit.config_told = app.config_version
    elif hook.kind == "upgrade-charm":
        unit.charm_told = app.charm_revision
        unit.config_told = -1
    elif hook.kind == "leader-elected":
        unit.leader_told = True
    elif hook.relation_id is not None:
        _begin_relation_hook(model, unit, hook)
    unit.agent = Status("executing", f"running {hook.name} hook", now)


def done(model: Model, unit: Unit, hook: Hook, now: datetime.datetime) -> None:
    """Note that *hook* ended well (or was resolved without a retry)."""
    unit.failure = None
    unit.resolve = ""
    if hook.kind == "install":
        unit.installed = True
    elif hook.kind == "start":
        unit.started = True
        unit.next_update_status = now + model.update_status_interval
        if not unit.status_was_set:
            unit.workload = Status("unknown", "", now)
    elif hook.kind == "update-status":
        unit.next_update_status = now + model.update_status_interval
    elif hook.kind == "stop":
        unit.stopped = True
    elif hook.kind == "remove":
        unit.removed = True
    elif hook.kind == "relation-broken" and hook.relation_id is not None:
        unit.views.pop(hook.relation_id, None)
        model.leave_relation(unit, hook.relation_id)
    elif hook.secret:
        secret_hooks.told(model, unit, hook, now)
    unit.agent = Status("idle", "", now)


def failed(model: Model, unit: Unit, hook: Hook, now: datetime.datetime) -> None:
    """Note that *hook* failed: the unit shows it, and it is run again after a while."""
    attempts = unit.failure.attempts + 1 if unit.failure else 1
    retry_at = None
    if model.retries_hooks:
        delay = RETRY_SECONDS[min(attempts, len(RETRY_SECONDS)) - 1]
        retry_at = now + datetime.timedelta(seconds=delay)
    unit.failure = Failure(hook, retry_at, attempts)
    unit.resolve = ""
    unit.agent = Status("idle", "", now)


def skip(model: Model, unit: Unit, now: datetime.datetime) -> None:
    """Take the failed hook as done, as ``juju resolve --no-retry`` does."""
    if unit.failure is not None:
        done(model, unit, unit.failure.hook, now)


def reboot(unit: Unit) -> None:
    """Let a unit begin again after its machine was off: it runs ``start``, if it stays."""
    unit.paused = False
    unit.started = unit.started and unit.dying


def _last_hook(model: Model, unit: Unit) -> Hook | None:
    """Return the next hook of a unit that is being removed."""
    if not unit.installed:
        return None
    views = [(model.relations[i], view) for i, view in sorted(unit.views.items())]
    # Peers come last: the unit may still need them while it leaves the others.
    for relation, view in sorted(views, key=lambda pair: pair[0].is_peer):
        yours, theirs = _sides(model, unit, relation)
        for number in sorted(view.members):
            return _departed(unit, yours, theirs, number)
        if not relation.is_peer:
            return _relation_hook("relation-broken", yours, theirs)
    if unit.started and not unit.stopped:
        return Hook("stop")
    return Hook("remove") if not unit.removed else None


def _created(model: Model, unit: Unit) -> Iterator[Hook]:
    """Relations that the unit does not know of yet; the peers first."""
    relations = sorted(model.relations_of(unit.app), key=lambda relation: not relation.is_peer)
    for relation in relations:
        yours, theirs = _sides(model, unit, relation)
        if not relation.dying and yours.relation_id not in unit.views:
            yield _relation_hook("relation-created", yours, theirs)


def _relation_hooks(model: Model, unit: Unit) -> Iterator[Hook]:
    """What is new in the relations that the unit knows; the peers come last, as recorded."""
    views = [(model.relations[i], view) for i, view in sorted(unit.views.items())]
    for relation, view in sorted(views, key=lambda pair: pair[0].is_peer):
        yours, theirs = _sides(model, unit, relation)
        present = {} if relation.dying else _others(model, unit, relation, theirs)
        for number in sorted(set(view.members) - set(present)):
            yield _departed(unit, yours, theirs, number)
        if relation.dying:
            yield _relation_hook("relation-broken", yours, theirs)
            continue
        # What joined is told what it brought before anything else.
        for number, told in sorted(view.members.items()):
            if told == -1 and number in present:
                yield _relation_hook("relation-changed", yours, theirs, number)
        if view.app_version != theirs.settings.version:
            yield _relation_hook("relation-changed", yours, theirs)
        for number, databag in sorted(present.items()):
            if number not in view.members:
                yield _relation_hook("relation-joined", yours, theirs, number)
            elif view.members[number] != databag.version:
                yield _relation_hook("relation-changed", yours, theirs, number)


def _begin_relation_hook(model: Model, unit: Unit, hook: Hook) -> None:
    relation = model.relations[hook.relation_id or 0]
    yours, theirs = _sides(model, unit, relation)
    if hook.kind == "relation-created":
        unit.views.setdefault(yours.relation_id, RelationView())
        yours.units.setdefault(unit.number, unit.address_settings())
        return
    view = unit.views[yours.relation_id]
    number = int(hook.remote_unit.rpartition("/")[2]) if hook.remote_unit else None
    if hook.kind == "relation-joined" and number is not None:
        view.members[number] = -1
    elif hook.kind == "relation-departed" and number is not None:
        view.members.pop(number, None)
        if relation.is_peer and unit.dying and not view.members:
            # There is no relation-broken for peers: this was the last it hears of them.
            unit.views.pop(yours.relation_id)
            model.leave_relation(unit, yours.relation_id)
    elif hook.kind == "relation-changed" and number is not None:
        databag = theirs.units.get(number) or theirs.left.get(number)
        view.members[number] = databag.version if databag else 0
    elif hook.kind == "relation-changed":
        view.app_version = theirs.settings.version


def _sides(model: Model, unit: Unit, relation: Relation) -> tuple[Side, Side]:
    yours = relation.side_of(model.uuid, unit.app)
    return yours, relation.other(yours)


def _others(model: Model, unit: Unit, relation: Relation, theirs: Side) -> dict[int, Databag]:
    is_told = model.tells_departures_across or not relation.is_cross_model
    return {
        number: databag
        for number, databag in {**({} if is_told else theirs.left), **theirs.units}.items()
        if not (relation.is_peer and number == unit.number)
    }


def _departed(unit: Unit, yours: Side, theirs: Side, number: int) -> Hook:
    hook = _relation_hook("relation-departed", yours, theirs, number)
    # The one who goes: this unit if it is being removed, else (as Juju has it even when the whole
    # relation is removed) the remote one.
    departing = unit.name if unit.dying else hook.remote_unit
    return dataclasses.replace(hook, departing_unit=departing)


def _relation_hook(kind: str, yours: Side, theirs: Side, number: int | None = None) -> Hook:
    return Hook(
        kind,
        endpoint=yours.endpoint.name,
        relation_id=yours.relation_id,
        remote_app=theirs.seen_as,
        remote_unit="" if number is None else theirs.name_of(number),
    )


def elect(app: Application) -> None:
    """Give the application a leader if it has none that can lead."""
    if app.leader in app.units and not app.units[app.leader].removed:
        return
    candidates = [unit for unit in app.alive_units() if not unit.paused] or app.alive_units()
    app.leader = candidates[0].number if candidates else None


def move_leadership(app: Application, to: Unit | None = None) -> None:
    """Make another unit the leader: *to*, or the first other one that runs."""
    others = [u for u in app.alive_units() if u.number != app.leader and not u.paused]
    chosen = to or next(iter(others), None)
    if chosen is None:
        return
    if app.leader in app.units:
        # Should it lead again, it is told again.
        app.units[app.leader].leader_told = False
    app.leader = chosen.number
