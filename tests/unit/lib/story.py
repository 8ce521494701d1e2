"""An authority and two applications that ask it, on Juju's own order of hooks."""

import datetime
import json
import pathlib
import sys
from typing import Any

import ops
import time_machine

from charmlibs.interfaces.tls_certificates import TLSCertificatesProvidesV4
from localjuju.inprocess import LocalModel, World
from tests.unit.lib import keys
from tests.unit.lib.providers import ENDPOINT
from tests.unit.provider.asker import AskerCharm

START = datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)


class AuthorityCharm(ops.CharmBase):
    """A provider as an author writes it: it answers what is outstanding, whenever it is told."""

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        self.tls = TLSCertificatesProvidesV4(self, ENDPOINT)
        for event in (self.on[ENDPOINT].relation_changed, self.on.leader_elected):
            framework.observe(event, self._on_event)

    def _on_event(self, _: ops.EventBase) -> None:
        outstanding = self.tls.get_outstanding_certificate_requests()
        self.tls.set_relation_answers(
            [
                keys.answer(one.certificate_signing_request, relation_id=one.relation_id)
                for one in outstanding
            ]
        )


class Story:
    """An authority of one unit and two applications of askers, on in-process hooks.

    Args:
        folder: For the units' folders.
        clock: Moved along with the story's.
        update_status: How often `update-status` runs.
    """

    def __init__(
        self, folder: pathlib.Path, clock: time_machine.Traveller, update_status: str = "9000h"
    ) -> None:
        self.world = World(
            folder, start=START, on_move=lambda moment: clock.move_to(moment, tick=False)
        )
        self.model: LocalModel = self.world.add_model("m")
        self.model.state.config["update-status-hook-interval"] = update_status
        charm = folder / "authority"
        charm.mkdir()
        metadata = {
            "name": "ca",
            "type": "charm",
            "provides": {ENDPOINT: {"interface": "tls-certificates"}},
        }
        (charm / "charmcraft.yaml").write_text(json.dumps(metadata))
        asker = pathlib.Path(sys.modules[AskerCharm.__module__].__file__ or "").parent / "asker"
        self.model.deploy(AuthorityCharm, charm)
        for name in ("one", "two"):
            self.model.deploy(AskerCharm, asker, name, units=2)
            self.model.integrate("ca:certificates", name)
        self.world.settle()

    def answers(self) -> list[list[dict[str, Any]]]:
        """Return what each relation's databag of the authority holds."""
        return [
            json.loads(
                relation.side_of(self.model.state.uuid, "ca").settings.settings["certificates"]
            )
            for relation in self.model.state.relations_of("ca")
        ]

    def hand_over(self) -> str:
        """Add a unit to the authority, and let it lead before it has met anybody."""
        (name,) = self.model.add_units("ca")
        while self.world.step() is not None:
            ran = self.world.ran[-1]
            if (ran.unit, ran.name) == (name, f"{ENDPOINT}-relation-created"):
                break
        self.model.lead(name)
        return name
