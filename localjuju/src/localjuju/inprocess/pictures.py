"""The state of a world as plain data, in which two states that mean the same are equal.

What comes after a state is decided by what is in its picture; what has only been (when something
was made, the log, actions that are over) is not. Which version of a databag or of the options a
unit was told last is shown as whether that is the present one.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from ops.storage import SQLiteStorage

from localjuju.model.hooks import RETRY_SECONDS

from . import trees

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from localjuju.model import Model, Status, Unit
    from localjuju.model.applications import Application
    from localjuju.model.relations import Relation, Side
    from localjuju.model.secrets import Reader, Secret

    from .world import World

IDS = re.compile(
    r"(?<![0-9a-zA-Z])"
    r"(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|remote-[0-9a-f]{32}|[0-9a-v]{20})"
    r"(?![0-9a-zA-Z])"
)
"""Ids that are drawn at random: of models, of cross-model relations' sides, of secrets."""

OPS_STATE = ".unit-state.db"
"""Where ops keeps stored and deferred things, in a charm's folder."""

OPS_COUNT = "StoredStateData[_stored]"
"""Under which ops counts its events, for names of them that differ: ``on/start[7]``."""


def seconds_ahead(moment: datetime.datetime, now: datetime.datetime) -> float:
    """Return a moment as seconds from now; the past as below zero."""
    return (moment - now).total_seconds()


def _as_it_is(text: str) -> str:
    return text


@dataclasses.dataclass(frozen=True)
class Canon:
    """What may differ between two states that are to count as the same."""

    moment: Callable[[datetime.datetime, datetime.datetime], object] = seconds_ahead
    """Takes a moment in the future or past, and now; returns what is compared, such as
    ``lambda moment, now: moment > now``."""
    text: Callable[[str], str] = _as_it_is
    """Rewrites each text that a charm wrote (values of databags, secrets and state, status
    messages, its files) and each option: where keys, certificates or times in them are not to
    count."""
    ids: bool = True
    """Whether random ids count by the order in which they appear, wherever they stand, rather
    than as they are. Secrets of one owner appear by their labels, then as they were made."""
    revisions: bool = False
    """Whether revisions of a secret count from the newest (0, -1, …) rather than from 1."""
    files: bool = True
    """Whether what is in units' folders counts (ops keeps stored and deferred things there)."""


def fingerprint(picture: Mapping[str, Any]) -> str:
    """Return a digest that two pictures share only if they are equal."""
    return hashlib.sha256(json.dumps(picture, sort_keys=True, default=str).encode()).hexdigest()


def picture(world: World, canon: Canon) -> dict[str, Any]:
    """Return the state of a world, in the types of JSON."""
    painter = _Painter(world, canon)
    models = sorted(world.models.values(), key=lambda model: model.name)
    data = {
        "models": {model.name: painter.model(model) for model in models},
        "crash-at": {unit: [at, world.crash_in.get(unit)] for unit, at in world.crash_at.items()},
    }
    text = json.dumps(data, default=str)
    return json.loads(_number_ids(text) if canon.ids else text)


def _number_ids(text: str) -> str:
    seen: dict[str, str] = {}
    return IDS.sub(lambda found: seen.setdefault(found[0], f"id-{len(seen)}"), text)


class _Painter:
    def __init__(self, world: World, canon: Canon) -> None:
        self._world = world
        self._canon = canon
        self._names = {model.uuid: model.name for model in world.models.values()}

    def model(self, model: Model) -> dict[str, Any]:
        """Return one model."""
        ids = sorted(model.secrets.values(), key=lambda s: (s.owner.kind, s.owner.name, s.label))
        return {
            "config": model.config,
            "constraints": model.constraints,
            "expiry": model.expiry.value,
            "tells-departures-across": model.tells_departures_across,
            "dying": model.dying,
            "next": model.next_numbers(),
            "applications": {
                name: self._application(model, app)
                for name, app in sorted(model.applications.items())
            },
            "relations": {
                number: self._relation(relation)
                for number, relation in sorted(model.relations.items())
            },
            "secrets": [self._secret(secret) for secret in ids],
            "offers": [dataclasses.asdict(offer) for _, offer in sorted(model.offers.items())],
            "saas": [
                (saas.name, self._names.get(saas.model, saas.model), saas.offer)
                for _, saas in sorted(model.saas.items())
            ],
            "ghosts": sorted(
                (ghost.app, ghost.revision, str(self._moment(ghost.due)), ghost.secret)
                for ghost in model.ghosts
            ),
        }

    def _moment(self, moment: datetime.datetime | None) -> object:
        return None if moment is None else self._canon.moment(moment, self._world.now)

    def _texts(self, texts: Mapping[str, str]) -> dict[str, str]:
        return {name: self._canon.text(text) for name, text in sorted(texts.items())}

    def _status(self, status: Status | None) -> list[str] | None:
        return status and [status.current, self._canon.text(status.message)]

    def _application(self, model: Model, app: Application) -> dict[str, Any]:
        config = app.effective_config()
        return {
            "charm": [app.charm.name, app.charm_revision],
            "config": {
                name: self._canon.text(value) if isinstance(value, str) else value
                for name, value in sorted(config.items())
            },
            "settings": [app.trust, app.exposed, app.constraints, app.resources],
            "leader": app.leader,
            "status": self._status(app.status),
            "version": app.version,
            "dying": app.dying,
            "next-unit": app.next_unit,
            "units": {n: self._unit(model, app, u) for n, u in sorted(app.units.items())},
        }

    def _unit(self, model: Model, app: Application, unit: Unit) -> dict[str, Any]:
        life = ("dying", "installed", "started", "stopped", "removed", "paused")
        failure = unit.failure
        return {
            "machine": [unit.machine, unit.address],
            "life": [name for name in life if getattr(unit, name)],
            "status": self._status(unit.workload),
            "status-was-set": unit.status_was_set,
            "told": {
                "leader": unit.leader_told,
                "config": unit.config_told == app.config_version,
                "charm": unit.charm_told == app.charm_revision,
                "relations": {
                    number: self._view(model, unit, number) for number in sorted(unit.views)
                },
            },
            "failure": failure
            and [
                dataclasses.asdict(failure.hook),
                self._moment(failure.retry_at),
                min(failure.attempts, len(RETRY_SECONDS)),
            ],
            "resolve": unit.resolve,
            "next-update-status": self._moment(unit.next_update_status),
            "tasks": [(task.action, task.command, task.parameters) for task in unit.tasks],
            "state": self._texts(unit.state),
            "ports": sorted(unit.ports),
            "files": self._files(model, unit) if self._canon.files else {},
        }

    def _view(self, model: Model, unit: Unit, number: int) -> Any:
        view = unit.views[number]
        relation = model.relations[number]
        theirs = relation.other(relation.side_of(model.uuid, unit.app))
        versions = {n: bag.version for n, bag in {**theirs.left, **theirs.units}.items()}
        members = {
            member: "joined" if told == -1 else told == versions.get(member)
            for member, told in sorted(view.members.items())
        }
        return [view.app_version == theirs.settings.version, members]

    def _relation(self, relation: Relation) -> dict[str, Any]:
        return {"dying": relation.dying, "sides": [self._side(side) for side in relation.sides]}

    def _side(self, side: Side) -> dict[str, Any]:
        return {
            "of": [self._names.get(side.model), side.app, side.endpoint.name, side.seen_as],
            "application": self._texts(side.settings.settings),
            "units": {n: self._texts(bag.settings) for n, bag in sorted(side.units.items())},
            "left": {n: self._texts(bag.settings) for n, bag in sorted(side.left.items())},
        }

    def _secret(self, secret: Secret) -> dict[str, Any]:
        first = secret.latest if self._canon.revisions else 0
        return {
            "id": secret.id,
            "owner": [secret.owner.kind, secret.owner.name],
            "label": secret.label,
            "description": self._canon.text(secret.description),
            "rotation": [secret.rotation.value, self._moment(secret.rotates)],
            "auto-prune": secret.auto_prune,
            "latest": secret.latest - first,
            "revisions": {
                number - first: [
                    self._texts(revision.content),
                    self._moment(revision.expires),
                    self._moment(revision.expired_again),
                    revision.obsolete_told,
                ]
                for number, revision in sorted(secret.revisions.items())
            },
            "grants": sorted((*self._reader(r), how) for r, how in secret.grants.items()),
            "consumers": {
                "/".join(self._reader(reader)): [c.tracking - first, c.told - first, c.label]
                for reader, c in sorted(
                    secret.consumers.items(), key=lambda pair: self._reader(pair[0])
                )
            },
        }

    def _reader(self, reader: Reader) -> tuple[str, str]:
        return self._names.get(reader.model, reader.model), reader.name

    def _files(self, model: Model, unit: Unit) -> dict[str, Any]:
        folder = self._world.unit_folder(model, unit)
        found: dict[str, Any] = {}
        for name, (mode, content) in sorted(trees.read(folder, {}).items()):
            if name.endswith(OPS_STATE) and isinstance(content, bytes):
                found[name] = self._ops_state(_stored(_Database(folder / name, content)))
            elif isinstance(content, bytes):
                found[name] = [mode, self._canon.text(content.decode(errors="backslashreplace"))]
            else:
                found[name] = [mode, content]
        return found

    def _ops_state(self, stored: _Stored) -> list[Any]:
        # Events are numbered as they come; what counts of a deferred one is its place.
        numbers = {notice[0]: f"event-{n}" for n, notice in enumerate(stored.notices)}
        return [
            [[re.sub(r"\[\d+\]$", "", event), *rest] for event, *rest in stored.notices],
            [
                [numbers.get(handle, handle), self._canon.text(text)]
                for handle, text in stored.snapshots
                if handle != OPS_COUNT
            ],
        ]


@dataclasses.dataclass(frozen=True)
class _Database:
    """A file in which ops keeps things, as which it counts what is in it."""

    path: Path = dataclasses.field(compare=False)
    content: bytes


@dataclasses.dataclass(frozen=True)
class _Stored:
    """What ops keeps: events that are to be told again, and texts by handle."""

    notices: tuple[tuple[str, str, str], ...]
    snapshots: tuple[tuple[str, str], ...]


@functools.lru_cache(maxsize=512)
def _stored(database: _Database) -> _Stored:
    """Read a database, once for each content: from state to state most of them stay."""
    storage = SQLiteStorage(database.path)
    try:
        return _Stored(
            tuple(storage.notices()),
            tuple(
                (handle, str(storage.load_snapshot(handle)))
                for handle in sorted(storage.list_snapshots())
            ),
        )
    finally:
        storage.close()
