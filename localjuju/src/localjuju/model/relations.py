"""Relations: two applications (or one and its peers), and the databags of each side.

Both sides of a relation may be in the same model or in two; only the ids and the names under
which they see each other differ, so there is one class for both.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from .charm import Endpoint, Role

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclasses.dataclass
class Databag:
    """Settings of one unit, or of one application, in a relation."""

    settings: dict[str, str] = dataclasses.field(default_factory=dict[str, str])
    version: int = 0
    """Counts the changes, so that a unit can be told of each state once."""

    def update(self, changes: Mapping[str, str]) -> bool:
        """Apply *changes*, where an empty value deletes its key; return whether any changed."""
        after = {k: v for k, v in {**self.settings, **changes}.items() if v}
        if after == self.settings:
            return False
        self.settings = after
        self.version += 1
        return True


@dataclasses.dataclass
class Side:
    """One application's part in a relation."""

    model: str
    """UUID of the model that the application is in."""
    app: str
    endpoint: Endpoint
    relation_id: int
    """The relation's number in that model."""
    seen_as: str
    """The application's name at the other side: its own, but for cross-model relations."""
    settings: Databag = dataclasses.field(default_factory=Databag)
    """The application's databag."""
    units: dict[int, Databag] = dataclasses.field(default_factory=dict[int, Databag])
    """The databags of its units in scope: those that entered the relation and have not left."""
    left: dict[int, Databag] = dataclasses.field(default_factory=dict[int, Databag])
    """The databags of those that left, which can still be read: relation-departed may want to."""

    def leave(self, number: int) -> None:
        """Take a unit out of scope."""
        if number in self.units:
            self.left[number] = self.units.pop(number)

    def name_of(self, number: int) -> str:
        """Return the name under which the other side sees a unit."""
        return f"{self.seen_as}/{number}"


@dataclasses.dataclass
class Relation:
    """A relation between two applications, or among the units of one."""

    sides: tuple[Side, ...]
    """Two, or one for peers."""
    dying: bool = False
    """Removed by the operator; it goes when every unit has left it."""
    offer: str = ""
    """The name of the offer that it came by, if it is between two models."""

    @property
    def is_peer(self) -> bool:
        """Whether it is among the units of one application."""
        return len(self.sides) == 1

    @property
    def is_cross_model(self) -> bool:
        """Whether its sides are in different models."""
        return len({side.model for side in self.sides}) > 1

    @property
    def is_empty(self) -> bool:
        """Whether no unit is in it."""
        return not any(side.units for side in self.sides)

    @property
    def interface(self) -> str:
        """The interface that both sides speak."""
        return self.sides[0].endpoint.interface

    @property
    def key(self) -> str:
        """How Juju names it: the requirer's endpoint, then the provider's."""
        ordered = sorted(self.sides, key=lambda side: side.endpoint.role is Role.PROVIDER)
        return " ".join(f"{side.app}:{side.endpoint.name}" for side in ordered)

    def has(self, model: str, app: str) -> bool:
        """Whether that application is one of its sides."""
        return any(side.model == model and side.app == app for side in self.sides)

    def side_of(self, model: str, app: str) -> Side:
        """Return the side of an application of which ``has`` is true."""
        return next(side for side in self.sides if side.model == model and side.app == app)

    def other(self, side: Side) -> Side:
        """Return the opposite side; of a peer relation the same one."""
        return self.sides[0] if self.is_peer or side is self.sides[1] else self.sides[1]
