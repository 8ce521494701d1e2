"""What happens to both charms, and to the bare library, while hooks are killed."""

from __future__ import annotations

import dataclasses
import datetime
import pathlib
from typing import TYPE_CHECKING, Any

from demo_requirer.charm import DemoRequirerCharm
from self_signed_provider import records
from self_signed_provider.charm import SelfSignedProviderCharm
from tests.simulation import charms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import ops

    from localjuju.inprocess import LocalModel, Ran, World
    from localjuju.model import Model, Unit

CHARMS = pathlib.Path(__file__).resolve().parents[2] / "charms"
CA, WEB = "ca", "web"
MINUTE = datetime.timedelta(minutes=1)
HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)


@dataclasses.dataclass(frozen=True)
class Cast:
    """The charms of a story."""

    authority: tuple[type[ops.CharmBase], pathlib.Path, Mapping[str, Any]]
    asker: tuple[type[ops.CharmBase], pathlib.Path, Mapping[str, Any]]
    transfers_trust: bool
    """Whether they have a relation for the CA's certificate, too."""


BOTH_CHARMS = Cast(
    (SelfSignedProviderCharm, CHARMS / "self-signed-provider", {"key-algorithm": "ecdsa-p256"}),
    (
        DemoRequirerCharm,
        CHARMS / "demo-requirer",
        {"key-algorithm": "ecdsa", "mode": "app-and-unit"},
    ),
    transfers_trust=True,
)
BARE_LIBRARY = Cast(
    (charms.BareProvider, charms.PROVIDER, {}),
    (charms.BareRequirer, charms.REQUIRER, {"mode": "both", "names": WEB}),
    transfers_trust=False,
)


class Stage:
    """A world in which a story is told.

    Args:
        world: Fresh.
        cast: Who is in it.
    """

    def __init__(self, world: World, cast: Cast) -> None:
        self.world = world
        self.cast = cast
        self.model: LocalModel = world.add_model("m")
        # So rare that it is no part of what is told.
        self.model.state.config["update-status-hook-interval"] = "8760h"
        self.until = world.now

    def deploy(self, name: str, units: int = 1) -> None:
        charm_class, root, config = self.cast.authority if name == CA else self.cast.asker
        self.model.deploy(charm_class, root, name, units=units, config=config)

    def relate(self) -> None:
        self.model.integrate(f"{CA}:certificates", f"{WEB}:certificates")
        if self.cast.transfers_trust:
            self.model.integrate(f"{CA}:send-ca-cert", f"{WEB}:receive-ca-cert")

    def act(self, unit: str, action: str, **parameters: Any) -> None:
        """Ask a unit to run an action: it is run when the unit's turn comes."""
        state = self.model.state
        given = {name.replace("_", "-"): value for name, value in parameters.items()}
        state.enqueue(state.unit(unit), state.next_task_id(), action, given, self.world.now)

    def wait(self, length: datetime.timedelta) -> None:
        """Let time pass, from now on, while what is due is run."""
        self.until = self.world.now + length

    def next(self, crash_at: int | None = None) -> Ran | None:
        """Run the next thing, at its time; None when nothing is left to run.

        Args:
            crash_at: The hook tool call at which it is killed, for `World.crash_at`.
        """

        def choose(due: list[tuple[Model, Unit]]) -> tuple[Model, Unit]:
            model, unit = due[0]
            if crash_at is not None:
                self.world.crash_at[unit.name] = crash_at
            return model, unit

        while not self.world.due():
            moment = self.world.next_moment()
            if moment is None or moment > self.until:
                self.world.move_to(max(self.until, self.world.now))
                return None
            self.world.move_to(max(moment, self.world.now))
        return self.world.step(choose)  # pyright: ignore[reportArgumentType] - of a list

    def play(self) -> None:
        """Run everything to the end."""
        while ran := self.next():
            assert ran.error is None, f"{ran.name} of {ran.unit} failed: {ran.error!r}"

    def rest(self) -> None:
        """Have every unit look at everything twice: what is over is removed in later hooks."""
        for _ in range(2):
            for unit in self.model.state.units():
                unit.next_update_status = self.world.now
            self.play()

    @property
    def memory(self) -> records.Memory:
        return records.read(self.model.databag(CA, "ledger"))


@dataclasses.dataclass(frozen=True)
class Story:
    """One thing that happens."""

    name: str
    begin: Callable[[Stage], None]
    """What there is before; everything comes to rest after it."""
    happen: Callable[[Stage], None]
    """What sets it off."""


def _apart(stage: Stage) -> None:
    stage.deploy(CA)
    stage.deploy(WEB)


def _related(stage: Stage) -> None:
    _apart(stage)
    stage.relate()


def _both_related(stage: Stage) -> None:
    """Two units: the one that leads, and one that reads what is the application's."""
    stage.deploy(CA)
    stage.deploy(WEB, units=2)
    stage.relate()


def _after(*steps: tuple[Callable[[Stage], None], datetime.timedelta]) -> Callable[..., None]:
    """Return what does one thing after another, each with the time that it takes."""

    def begin(stage: Stage) -> None:
        for step, length in steps:
            step(stage)
            stage.wait(length)
            stage.play()

    return begin


def _renamed_ca(stage: Stage) -> None:
    stage.model.config(CA, ca_common_name="new")


def _next_generation(stage: Stage) -> None:
    stage.model.config(CA, generation=2)


def _revoked(stage: Stage) -> None:
    [serial] = [entry.serial_hex for entry in stage.memory.ledger if entry.requirer == f"{WEB}/0"]
    stage.act(f"{CA}/0", "revoke-certificate", serial=serial)


def _asked_of(unit: str, action: str, **parameters: Any) -> Callable[[Stage], None]:
    return lambda stage: stage.act(unit, action, **parameters)


def _waited(length: datetime.timedelta) -> Callable[[Stage], None]:
    return lambda stage: stage.wait(length)


_SOON_DUE = _after((_related, 80 * DAY))

OF_BOTH_CHARMS = (
    Story("founding", lambda _: None, lambda stage: stage.deploy(CA)),
    Story("starting", lambda _: None, lambda stage: stage.deploy(WEB)),
    Story("asking", _apart, Stage.relate),
    Story("renewing", _SOON_DUE, _waited(2 * DAY)),
    Story("rotate-key", _both_related, _asked_of(f"{WEB}/0", "regenerate-private-key")),
    Story("publish-ca", _related, _renamed_ca),
    Story("switch-ca", _after((_related, MINUTE), (_renamed_ca, MINUTE)), _waited(2 * HOUR)),
    Story(
        "retire-ca",
        _after((_related, MINUTE), (_renamed_ca, 85 * DAY)),
        _waited(10 * DAY),
    ),
    Story("revoking", _related, _revoked),
    Story("compromise", _related, _asked_of(f"{CA}/0", "rotate-private-key")),
    Story("parting", _both_related, lambda stage: stage.model.remove_unit(f"{WEB}/1")),
)
OF_THE_BARE_LIBRARY = (
    Story("asking", _apart, Stage.relate),
    Story("renewing", _SOON_DUE, _waited(2 * DAY)),
    Story("rotate-key", _both_related, _asked_of(f"{WEB}/0", "regenerate")),
    Story("rotate-ca", _related, _next_generation),
    Story("revoking", _related, _asked_of(f"{CA}/0", "revoke", name=f"{WEB}-0")),
    Story("parting", _both_related, lambda stage: stage.model.remove_unit(f"{WEB}/1")),
)
