"""Two units that ask and an authority of two units that answers, on in-process hooks."""

from __future__ import annotations

import datetime
import json
import pathlib
from typing import TYPE_CHECKING, Any

from charmlibs.interfaces.tls_certificates import Certificate
from localjuju.inprocess import World
from localjuju.model.secrets import Owner, Reader, Revision, Secret, new_id
from self_signed_provider import records
from self_signed_provider.charm import SelfSignedProviderCharm
from tests.unit.provider.asker import AskerCharm

if TYPE_CHECKING:
    from collections.abc import Mapping

    import time_machine

    from localjuju.inprocess import LocalModel
    from self_signed_provider.ca import Phase

PROVIDER = pathlib.Path(__file__).resolve().parents[3] / "charms" / "self-signed-provider"
START = datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)
CA, ASKER = "self-signed-provider", "asker"


class Story:
    """Two units that ask, and an authority of two units that answers.

    Args:
        folder: For the units' folders.
        clock: Moved along with the story's.
    """

    def __init__(self, folder: pathlib.Path, clock: time_machine.Traveller) -> None:
        self._clock = clock
        self.world = World(folder, start=START, on_move=self._move_clock)
        self.begin("m")
        self._beginning = self.model, self.world.snapshot()

    def tell_again(self, clock: time_machine.Traveller) -> None:
        """Go back to the beginning, whatever has happened since."""
        self._clock = clock
        self.model, beginning = self._beginning
        self.world.restore(beginning)

    def _move_clock(self, moment: datetime.datetime) -> None:
        self._clock.move_to(moment, tick=False)

    def begin(self, name: str) -> None:
        """Go on in a new model, where nothing is known of another."""
        self.model: LocalModel = self.world.add_model(name)
        self.model.state.config["update-status-hook-interval"] = "168h"
        self.model.deploy(
            SelfSignedProviderCharm, PROVIDER, units=2, config={"key-algorithm": "ecdsa-p256"}
        )
        self.model.deploy(AskerCharm, pathlib.Path(__file__).parent / "asker", units=2)
        self.model.integrate(f"{CA}:certificates", ASKER)
        self.world.settle()

    @property
    def memory(self) -> records.Memory:
        return records.read(self.model.databag(CA, "ledger"))

    @property
    def answers(self) -> list[dict[str, Any]]:
        return json.loads(self.model.databag(CA, "certificates").get("certificates", "[]"))

    @property
    def errors(self) -> list[dict[str, Any]]:
        return json.loads(self.model.databag(CA, "certificates").get("request_errors", "[]"))

    @property
    def leaves(self) -> list[Certificate]:
        return [Certificate.from_string(answer["certificate"]) for answer in self.answers]

    @property
    def issuers(self) -> set[str]:
        return {answer["ca"] for answer in self.answers}

    @property
    def keys(self) -> dict[str, dict[str, str]]:
        """The authorities' secrets, by label."""
        return {
            secret.label: dict(secret.revisions[secret.latest].content)
            for secret in self.model.state.secrets.values()
            if secret.label.startswith("ca-")
        }

    def lose(self, label: str) -> None:
        """Remove a secret behind the charm's back."""
        [secret] = [s for s in self.model.state.secrets.values() if s.label == label]
        self.model.state.forget_secret(secret, self.world.now)

    def phases(self) -> list[Phase]:
        return [authority.phase for authority in self.memory.authorities]

    def run(self, action: str, **parameters: Any) -> dict[str, Any]:
        unit = f"{CA}/{self.model.state.applications[CA].leader}"
        task = self.model.run(unit, action, **parameters)
        assert task.status == "completed", task.message
        return dict(task.results)

    def bring(
        self, content: Mapping[str, str], *, granted: bool = True, settle: bool = True
    ) -> Secret:
        """Add an operator's secret, and name it in `ca-secret`."""
        state = self.model.state
        secret = Secret(
            id=new_id(state.rng),
            owner=Owner(state.uuid, "model", ""),
            created=self.world.now,
            updated=self.world.now,
            label="my-ca",
            revisions={1: Revision(dict(content), self.world.now)},
        )
        state.secrets[secret.id] = secret
        if granted:
            self.grant(secret)
        self.model.config(CA, ca_secret=f"secret:{secret.id}")
        if settle:
            self.world.settle()
        return secret

    def grant(self, secret: Secret) -> None:
        secret.grants[Reader(self.model.state.uuid, CA)] = None

    def advance(self, by: datetime.timedelta) -> None:
        self.world.advance(by)
