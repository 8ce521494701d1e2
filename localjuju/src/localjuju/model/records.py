"""Small things that a model keeps: log lines, offers, what it consumes, expiry that goes on."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime

    from .applications import Unit
    from .model import Model


@dataclasses.dataclass(frozen=True)
class LogLine:
    """One line of ``juju debug-log``."""

    time: datetime.datetime
    entity: str
    level: str
    module: str
    message: str


@dataclasses.dataclass
class Ghost:
    """A secret that is gone but whose expiry goes on firing, as Juju 4.0 was seen to do."""

    secret: str
    revision: int
    app: str
    due: datetime.datetime

    def unit_may_be_told(self, model: Model, unit: Unit) -> bool:
        """Whether *unit* is the one that hears of it: the leader of the owner."""
        return unit.app == self.app and model.applications[unit.app].leader == unit.number


@dataclasses.dataclass
class Offer:
    """Endpoints of an application that other models may relate to."""

    name: str
    app: str
    endpoints: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Saas:
    """An offer of another model, consumed in this one under a name of its own."""

    name: str
    model: str
    """UUID of the model that offers."""
    offer: str
