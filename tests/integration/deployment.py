"""The two charms in a model, and the few steps that most tests take with them."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import json
import threading
from typing import TYPE_CHECKING, Any

import jubilant
import pytest
import typing_extensions

from tests.integration import endpoint

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Mapping

PROVIDER = "self-signed-provider"
REQUIRER = "demo-requirer"

# Nothing waits for as long as this where all is well; but a controller makes machines first.
_SETTLED = 1200.0
_HAPPENED = 600.0


class Bundle:
    """What a client trusts that follows the bundle, a little behind: it looks once a second.

    Args:
        fetch: Returns the bundle now, in PEM.
    """

    def __init__(self, fetch: Callable[[], str]) -> None:
        self._fetch = fetch
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="bundle", daemon=True)
        self.trusted = fetch()

    def __enter__(self) -> typing_extensions.Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._stop.wait(1):
            # A leader that is being removed has left the ledger and knows no CA any more, one that
            # was stopped does not answer, and for a moment there may be none. A client that learns
            # nothing keeps what it has.
            with contextlib.suppress(
                jubilant.TaskError, jubilant.CLIError, TimeoutError, ValueError
            ):
                self.trusted = self._fetch()


@dataclasses.dataclass(frozen=True)
class Deployment:
    """A model with a provider and a requirer."""

    juju: jubilant.Juju
    provider: str = PROVIDER
    requirer: str = REQUIRER

    def wait(
        self,
        ready: Callable[[jubilant.Status], bool],
        timeout: float = _SETTLED,
        *,
        after_fault: bool = False,
    ) -> None:
        """Wait for a status; if it does not come, say what there is in its place.

        A unit in error ends the wait at once, but not *after a fault*: Juju tries again.
        """
        stops_at = None if after_fault else jubilant.any_error
        try:
            self.juju.wait(ready, error=stops_at, delay=0.5, successes=2, timeout=timeout)
        except (TimeoutError, jubilant.WaitError) as error:
            pytest.fail(f"the model did not settle: {error}\n{self.evidence()}")

    def wait_active(self, timeout: float = _SETTLED, *, after_fault: bool = False) -> None:
        """Wait until both applications are active and no hook is due."""
        apps = (self.provider, self.requirer)
        self.wait(
            lambda status: (
                jubilant.all_active(status, *apps) and jubilant.all_agents_idle(status, *apps)
            ),
            timeout,
            after_fault=after_fault,
        )

    def wait_fact(self, fact: Callable[[], bool], what: str, timeout: float = _HAPPENED) -> None:
        """Wait until *fact* is true; if it never is, say *what* was waited for."""
        if not endpoint.poll(fact, timeout):
            pytest.fail(f"waited {timeout:.0f} s for {what}\n{self.evidence()}")

    def integrate_again(self, provider: str, requirer: str) -> None:
        """Relate two endpoints, one of which was in a relation until just now.

        For some seconds after that relation has gone, Juju says that there is one still.
        """
        answers: list[str] = []

        def is_accepted() -> bool:
            try:
                self.juju.integrate(provider, requirer)
            except jubilant.CLIError as error:
                answers.append(error.stderr)
                return False
            return True

        if not endpoint.poll(is_accepted, timeout=120, pause=1):
            pytest.fail(f"{provider} and {requirer} cannot be related: {answers[-1]}")

    def remove_unit(self, name: str) -> None:
        """Begin to remove a unit; on Kubernetes, only the last one can be."""
        if self.juju.show_model().type != "caas":
            self.juju.remove_unit(name)
            return
        app, _, number = name.partition("/")
        if int(number) != len(self.juju.status().apps[app].units) - 1:
            pytest.skip(f"Kubernetes takes the last unit away, and not {name}")
        self.juju.remove_unit(app, num_units=1)

    def evidence(self) -> str:
        """Return the model's status and the end of its log."""
        log = self.juju.cli("debug-log", "--limit", "60")
        return f"{self.juju.cli('status')}\n{log}"

    def endpoints(self) -> dict[str, endpoint.Endpoint]:
        """Return where each unit of the requirer serves."""
        port = int(self.juju.config(self.requirer)["port"])
        units = self.juju.status().apps[self.requirer].units
        # On Kubernetes a unit has its pod's address alone.
        return {
            name: endpoint.Endpoint(unit.public_address or unit.address, port)
            for name, unit in units.items()
        }

    def ca(self) -> str:
        """Return what clients are to trust, from the one who issues: never from who is tested."""
        return self.run_leader("get-ca-certificate")["trust-bundle"]

    def issued(self) -> list[dict[str, Any]]:
        """Return what the provider says that it has issued."""
        return json.loads(self.run_leader("get-issued-certificates")["certificates"])

    def run_leader(self, action: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Run an action on the provider's leader, and return its results."""
        return dict(self.juju.run(f"{self.provider}/leader", action, params).results)

    def secrets_held(self) -> collections.Counter[str]:
        """Count the model's secrets by their owners: what a broken hook left would stand out."""
        listed = json.loads(self.juju.cli("secrets", "--format", "json"))
        return collections.Counter(secret["owner"] for secret in listed.values())

    def follow_bundle(self) -> Bundle:
        """Return a client's trust, kept up with what the provider says is to be trusted."""
        return Bundle(self.ca)

    def leader(self, app: str) -> str:
        """Return the name of the unit that leads; Juju takes its time to choose another."""
        found: list[str] = []

        def is_there() -> bool:
            units = self.juju.status().apps[app].units
            found[:] = [name for name, unit in units.items() if unit.leader]
            return bool(found)

        self.wait_fact(is_there, f"a leader of {app}")
        return found[0]

    def message(self, app: str) -> str:
        """Return what the application's first unit says of itself."""
        units = self.juju.status().apps[app].units
        return units[min(units)].workload_status.message


def deploy(
    juju: jubilant.Juju,
    charms: Callable[[str], pathlib.Path],
    *,
    provider_config: Mapping[str, Any] | None = None,
    requirer_config: Mapping[str, Any] | None = None,
    units: int = 1,
    provider_units: int = 1,
) -> Deployment:
    """Deploy both charms and relate them."""
    juju.deploy(charms(PROVIDER), PROVIDER, config=provider_config, num_units=provider_units)
    juju.deploy(charms(REQUIRER), REQUIRER, config=requirer_config, num_units=units)
    juju.integrate(f"{PROVIDER}:certificates", f"{REQUIRER}:certificates")
    return Deployment(juju)
