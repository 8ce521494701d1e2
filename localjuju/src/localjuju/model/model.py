"""One model: its applications, relations and secrets, and what the operator may do to them.

No input or output, no processes, no clock: ``now`` is an argument (aware, UTC), randomness comes
from a generator that is given, addresses from an iterator. Every rule checks before it writes.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from . import charms, endpoints, hooks
from .applications import Application, Status, Task, Unit
from .errors import JujuError, NotFoundError
from .records import Ghost, LogLine, Offer, Saas
from .relations import Relation, Side
from .secrets import Expiry, Secret
from .values import carry_over, parse_config, parse_duration

if TYPE_CHECKING:
    import datetime
    import random
    from collections.abc import Iterable, Iterator, Mapping, MutableMapping

    from .charm import Charm


class Model:
    """The state of one model, and the rules of how it changes.

    Args:
        name: Its short name.
        uuid: Its identity.
        created: When it was added.
        rng: Where ids come from.
        addresses: An address for each new unit.
        models: All models of the controller by UUID, itself among them: for cross-model relations
            and secrets.
    """

    def __init__(
        self,
        name: str,
        uuid: str,
        created: datetime.datetime,
        *,
        rng: random.Random,
        addresses: Iterator[str],
        models: MutableMapping[str, Model],
    ) -> None:
        self.name = name
        self.uuid = uuid
        self.created = created
        self.rng = rng
        self.addresses = addresses
        self.models = models
        models[uuid] = self
        self.config: dict[str, str] = {}
        """What was set; Juju's defaults are not in it."""
        self.constraints: dict[str, str] = {}
        self.applications: dict[str, Application] = {}
        self.relations: dict[int, Relation] = {}
        self.secrets: dict[str, Secret] = {}
        self.offers: dict[str, Offer] = {}
        self.saas: dict[str, Saas] = {}
        self.ghosts: list[Ghost] = []
        self.expiry = Expiry.EXACT
        self.tells_departures_across = True
        """Whether units hear of those that leave a relation in another model. The recorded build
        of Juju tells it when the whole relation goes."""
        self.tasks: dict[str, Task] = {}
        self.log: deque[LogLine] = deque(maxlen=100_000)
        self.dying = False
        self._next_relation = 0
        self._next_machine = 0
        self._next_task = 0
        self._next_charm_revision: dict[str, int] = {}

    # Looking things up.

    def application(self, name: str) -> Application:
        """Return an application, or raise ``NotFoundError`` with Juju's words."""
        if name not in self.applications:
            raise NotFoundError(f'application "{name}" not found')
        return self.applications[name]

    def unit(self, name: str) -> Unit:
        """Return a unit by its name or as ``app/leader``."""
        app_name, slash, number = name.partition("/")
        if not slash or not (number.isdigit() or number == "leader"):
            raise JujuError(f'invalid unit name "{name}"', 2)
        app = self.applications.get(app_name)
        if app is None:
            raise NotFoundError(f'unit "{name}" not found')
        if number == "leader":
            if app.leader is None:
                raise NotFoundError(f"could not determine leader for {app_name!r}")
            return app.units[app.leader]
        if int(number) not in app.units:
            raise NotFoundError(f'unit "{name}" not found')
        return app.units[int(number)]

    def units(self) -> list[Unit]:
        """All units, by application and number."""
        return [
            unit
            for _, app in sorted(self.applications.items())
            for _, unit in sorted(app.units.items())
        ]

    def relations_of(self, app: str) -> list[Relation]:
        """The relations that an application is part of, oldest first."""
        return [r for _, r in sorted(self.relations.items()) if r.has(self.uuid, app)]

    def find_secret(self, secret_id: str) -> Secret | None:
        """Return a secret of any model of the controller."""
        for model in self.models.values():
            if secret_id in model.secrets:
                return model.secrets[secret_id]
        return None

    def reachable_secrets(self) -> list[Secret]:
        """Secrets of this model, and those of others that its units have read."""
        found = list(self.secrets.values())
        for uuid, model in self.models.items():
            if uuid != self.uuid:
                found += [
                    secret
                    for secret in model.secrets.values()
                    if any(reader.model == self.uuid for reader in secret.consumers)
                ]
        return found

    @property
    def update_status_interval(self) -> datetime.timedelta:
        """How often units run ``update-status``."""
        return parse_duration(self.config.get("update-status-hook-interval", "5m"))

    @property
    def retries_hooks(self) -> bool:
        """Whether failed hooks are run again by themselves."""
        return self.config.get("automatically-retry-hooks", "true").lower() == "true"

    # What the operator does.

    def next_charm_revision(self, charm_name: str) -> int:
        """Return the revision that a local charm gets; every upload is a new one."""
        revision = self._next_charm_revision.get(charm_name, 0)
        self._next_charm_revision[charm_name] = revision + 1
        return revision

    def deploy(
        self,
        charm: Charm,
        name: str,
        now: datetime.datetime,
        *,
        revision: int = 0,
        units: int = 1,
        config: Mapping[str, str] | None = None,
        base: str = "ubuntu@24.04",
    ) -> Application:
        """Add an application with its peer relations, and its first units."""
        charms.check_name(name)
        charms.check_deploy(self, charm, name, config or {})
        app = Application(name, charm, revision, "local", base, now)
        app.config = parse_config(charm, config or {})
        self.applications[name] = app
        for endpoint in charm.peers:
            number = self._new_relation_id()
            self.relations[number] = Relation((Side(self.uuid, name, endpoint, number, name),))
        self.add_units(name, units, now)
        return app

    def add_units(self, app_name: str, count: int, now: datetime.datetime) -> list[Unit]:
        """Add units, each on a machine of its own."""
        app = self.application(app_name)
        if app.dying:
            raise JujuError(f'application "{app_name}" is not alive')
        added: list[Unit] = []
        for _ in range(count):
            unit = Unit(
                app=app_name,
                number=app.next_unit,
                machine=str(self._next_machine),
                address=next(self.addresses),
                created=now,
                workload=Status("waiting", "agent initialising", now),
                agent=Status("allocating", "", now),
                charm_told=app.charm_revision,
            )
            app.next_unit += 1
            self._next_machine += 1
            app.units[unit.number] = unit
            added.append(unit)
        hooks.elect(app)
        return added

    def refresh(self, app_name: str, charm: Charm, revision: int) -> None:
        """Give an application another revision of its charm."""
        app = self.application(app_name)
        charms.check_same_charm(app, charm)
        charms.check_endpoints(self, app, charm)
        app.charm = charm
        app.charm_revision = revision
        app.config = carry_over(charm, app.config)

    def set_config(
        self, app_name: str, values: Mapping[str, str], reset: Iterable[str] = ()
    ) -> None:
        """Set options, and take others back to the charm's defaults."""
        app = self.application(app_name)
        before = app.effective_config()
        try:
            parsed = parse_config(app.charm, values)
        except JujuError as error:
            if "unknown option" in error.message:
                raise JujuError(f"invalid application config: {error}") from error
            raise
        app.config = {name: v for name, v in app.config.items() if name not in set(reset)}
        app.config.update(parsed)
        if app.effective_config() != before:
            app.config_version += 1

    def integrate(self, one: str, two: str) -> Relation:
        """Relate two applications, each given as ``app`` or ``app:endpoint``."""
        return endpoints.integrate(self, one, two)

    def remove_relation(self, one: str, two: str) -> Relation:
        """Begin to remove a relation; it goes when every unit has left it."""
        relation = endpoints.find(self, one, two)
        self.break_relation(relation)
        return relation

    def remove_relation_by_id(self, number: int) -> Relation:
        """Begin to remove the relation of a number."""
        relation = endpoints.find_by_id(self, number)
        self.break_relation(relation)
        return relation

    def break_relation(self, relation: Relation) -> None:
        """Mark a relation as dying, or drop it if no unit is in it."""
        relation.dying = True
        self._drop_if_empty(relation)

    def new_relation(self, sides: tuple[Side, ...], offer: str = "") -> Relation:
        """Put a relation on record in the model of each side."""
        relation = Relation(sides, offer=offer)
        for side in sides:
            self.models[side.model].relations[side.relation_id] = relation
        return relation

    def take_relation_id(self) -> int:
        """Return the number of a relation that is about to be made."""
        return self._new_relation_id()

    def remove_unit(self, unit: Unit) -> None:
        """Begin to remove a unit; it goes after its last hooks."""
        unit.dying = True

    def remove_application(self, name: str) -> None:
        """Begin to remove an application with its units and relations."""
        app = self.application(name)
        app.dying = True
        for relation in self.relations_of(name):
            if not relation.is_peer:
                self.break_relation(relation)
        for unit in app.units.values():
            unit.dying = True
        self.drop_if_gone(app)

    def leave_relation(self, unit: Unit, relation_id: int) -> None:
        """Take a unit out of a relation's scope."""
        relation = self.relations.get(relation_id)
        if relation is not None:
            relation.side_of(self.uuid, unit.app).leave(unit.number)
            self._drop_if_empty(relation)

    def forget_unit(self, unit: Unit) -> None:
        """Take a unit away for good, with the secrets that it owned."""
        app = self.applications[unit.app]
        for relation_id in [
            r for r, rel in self.relations.items() if rel.has(self.uuid, app.name)
        ]:
            self.leave_relation(unit, relation_id)
        app.units.pop(unit.number, None)
        for task in unit.tasks:
            task.status, task.message = "aborted", "unit was removed"
        self._drop_secrets(("unit", unit.name))
        for secret in self.reachable_secrets():
            for reader in [
                r for r in secret.consumers if (r.model, r.name) == (self.uuid, unit.name)
            ]:
                del secret.consumers[reader]
        hooks.elect(app)
        self.drop_if_gone(app)

    def drop_if_gone(self, app: Application) -> None:
        """Take a dying application away when its last unit and relation are gone."""
        if not app.dying or app.units or app.name not in self.applications:
            return
        for relation in self.relations_of(app.name):
            if not relation.is_peer:
                return
            del self.relations[relation.sides[0].relation_id]
        self._drop_secrets(("application", app.name))
        self.offers = {n: o for n, o in self.offers.items() if o.app != app.name}
        del self.applications[app.name]

    def enqueue(
        self,
        unit: Unit,
        operation: str,
        action: str,
        parameters: Mapping[str, object],
        now: datetime.datetime,
        *,
        command: str = "",
    ) -> Task:
        """Queue an action, or a shell command, for a unit.

        A task whose parameters the action does not take is on record, with status ``error``.
        """
        spec = self.applications[unit.app].charm.actions.get(action)
        if spec is None and not command:
            raise NotFoundError(
                f'action "{action}" not defined for unit "{unit.name}". (not found)'
            )
        given = dict(parameters)
        if spec is not None:
            defaults = {
                n: p["default"] for n, p in spec.schema["properties"].items() if "default" in p
            }
            given = {**defaults, **given}
        task = Task(self.next_task_id(), operation, unit.name, action, given, now, command=command)
        refusal = spec.why_refused(given) if spec else None
        if refusal:
            task.status, task.message = "error", refusal
        else:
            unit.tasks.append(task)
        self.tasks[task.id] = task
        return task

    def next_numbers(self) -> tuple[int, int]:
        """Return the numbers that the next relation and the next machine get."""
        return self._next_relation, self._next_machine

    def next_task_id(self) -> str:
        """Return a number for an operation or a task; both count together."""
        self._next_task += 1
        return str(self._next_task - 1)

    def note(
        self, now: datetime.datetime, entity: str, level: str, module: str, message: str
    ) -> None:
        """Add a line to the debug log."""
        self.log.append(LogLine(now, entity, level, module, message))

    def forget_secret(self, secret: Secret, now: datetime.datetime) -> None:
        """Remove a secret with all its revisions."""
        del self.secrets[secret.id]
        if self.expiry is Expiry.EARLY and secret.owner.kind == "application":
            self.ghosts += [
                Ghost(secret.id, number, secret.owner.name, max(revision.expires, now))
                for number, revision in secret.revisions.items()
                if revision.expires is not None
            ]

    def _new_relation_id(self) -> int:
        self._next_relation += 1
        return self._next_relation - 1

    def _drop_if_empty(self, relation: Relation) -> None:
        if not relation.dying or not relation.is_empty:
            return
        sides = [side for side in relation.sides if side.model in self.models]
        for side in sides:
            model = self.models[side.model]
            model.relations.pop(side.relation_id, None)
            for secret in model.secrets.values():
                secret.grants = {w: r for w, r in secret.grants.items() if r != side.relation_id}
        for side in sides:
            app = self.models[side.model].applications.get(side.app)
            if app is not None:
                for unit in app.units.values():
                    unit.views.pop(side.relation_id, None)
                    failure = unit.failure
                    if failure is not None and failure.hook.relation_id == side.relation_id:
                        # There is nothing left that this hook could be run again about.
                        unit.failure = None
                self.models[side.model].drop_if_gone(app)

    def _drop_secrets(self, owner: tuple[str, str]) -> None:
        self.secrets = {
            i: s for i, s in self.secrets.items() if (s.owner.kind, s.owner.name) != owner
        }
