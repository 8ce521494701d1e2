"""Applications, their units, and what each unit has been told so far."""

from __future__ import annotations

import dataclasses
import datetime
from typing import TYPE_CHECKING, Any

from .charm import Charm, OptionValue
from .relations import Databag

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Status:
    """What a charm, or the agent, says of itself."""

    current: str
    message: str
    since: datetime.datetime


@dataclasses.dataclass(frozen=True)
class Hook:
    """One event that a unit is to run."""

    kind: str
    """``install``, ``relation-joined``, ``secret-changed``, … without an endpoint's name."""
    endpoint: str = ""
    relation_id: int | None = None
    remote_app: str = ""
    remote_unit: str = ""
    departing_unit: str = ""
    secret: str = ""
    """The secret's id."""
    secret_uri: str = ""
    """As the hook names it: Juju has a scheme in some hooks and not in others."""
    secret_label: str = ""
    secret_revision: int | None = None

    @property
    def name(self) -> str:
        """Juju's name of it, such as ``certificates-relation-changed``."""
        return f"{self.endpoint}-{self.kind}" if self.endpoint else self.kind


@dataclasses.dataclass
class Failure:
    """A hook that failed and has to be run again."""

    hook: Hook
    retry_at: datetime.datetime | None
    """None when it is not retried by itself."""
    attempts: int = 1


@dataclasses.dataclass
class RelationView:
    """What a unit has been told of one relation."""

    members: dict[int, int] = dataclasses.field(default_factory=dict[int, int])
    """By number of the remote unit, the version of its databag last told; -1 after joined."""
    app_version: int = 0
    """The version of the remote application's databag last told."""


@dataclasses.dataclass
class Task:
    """An action (or a command of ``juju exec``) for one unit."""

    id: str
    operation: str
    unit: str
    action: str
    parameters: Mapping[str, Any]
    enqueued: datetime.datetime
    command: str = ""
    """A shell command instead of an action."""
    started: datetime.datetime | None = None
    completed: datetime.datetime | None = None
    status: str = "pending"
    message: str = ""
    log: list[tuple[datetime.datetime, str]] = dataclasses.field(
        default_factory=list[tuple[datetime.datetime, str]]
    )
    results: dict[str, Any] = dataclasses.field(default_factory=dict[str, Any])
    failed: bool = False
    """Whether the charm called action-fail."""
    return_code: int = 0
    stdout: str = ""
    stderr: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status not in {"pending", "running"}


@dataclasses.dataclass
class Unit:
    """One unit of an application, and how far its life has gone."""

    app: str
    number: int
    machine: str
    address: str
    created: datetime.datetime
    workload: Status
    agent: Status
    dying: bool = False
    installed: bool = False
    started: bool = False
    stopped: bool = False
    removed: bool = False
    """Its ``remove`` hook has run, or it never had to."""
    paused: bool = False
    """Stopped by ``juju local stop``: its agent runs nothing."""
    status_was_set: bool = False
    leader_told: bool = False
    config_told: int = -1
    charm_told: int = -1
    """The revision of the charm that it runs."""
    views: dict[int, RelationView] = dataclasses.field(default_factory=dict[int, RelationView])
    failure: Failure | None = None
    next_update_status: datetime.datetime | None = None
    tasks: list[Task] = dataclasses.field(default_factory=list[Task])
    """Waiting to be run, in order."""
    state: dict[str, str] = dataclasses.field(default_factory=dict[str, str])
    """What ``state-set`` kept."""
    ports: set[str] = dataclasses.field(default_factory=set[str])
    resolve: str = ""
    """``retry`` or ``skip``, after ``juju resolve``."""

    @property
    def name(self) -> str:
        """Such as ``app/0``."""
        return f"{self.app}/{self.number}"

    @property
    def tag(self) -> str:
        """Such as ``unit-app-0``, as folders and log lines have it."""
        return f"unit-{self.app}-{self.number}"

    def address_settings(self) -> Databag:
        """Return the databag with which it enters a relation."""
        return Databag(
            {"egress-subnets": f"{self.address}/32", "ingress-address": self.address}, version=1
        )


@dataclasses.dataclass
class Application:
    """A deployed charm."""

    name: str
    charm: Charm
    charm_revision: int
    charm_origin: str
    base: str
    since: datetime.datetime
    config: dict[str, OptionValue] = dataclasses.field(default_factory=dict[str, OptionValue])
    """What the operator set; the charm's defaults are not in it."""
    config_version: int = 0
    trust: bool = False
    exposed: bool = False
    constraints: dict[str, str] = dataclasses.field(default_factory=dict[str, str])
    resources: dict[str, str] = dataclasses.field(default_factory=dict[str, str])
    """Paths of attached resources, by name."""
    leader: int | None = None
    """The number of the unit that leads."""
    status: Status | None = None
    """What the leader set for the application, if it did."""
    version: str = ""
    dying: bool = False
    next_unit: int = 0
    units: dict[int, Unit] = dataclasses.field(default_factory=dict[int, Unit])

    def effective_config(self) -> dict[str, OptionValue]:
        """Return every option that has a value: the operator's, else the charm's default."""
        defaults = {o.name: o.default for o in self.charm.options.values()}
        values = {**defaults, **self.config}
        return {name: value for name, value in values.items() if value is not None}

    def alive_units(self) -> list[Unit]:
        """Its units that are not being removed, by number."""
        return [unit for _, unit in sorted(self.units.items()) if not unit.dying]
