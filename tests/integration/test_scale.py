"""Scaled out and in: whoever is there is served, whoever has gone is revoked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jubilant
import pytest

from tests.integration import deployment
from tests.integration.endpoint import Probe

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable

    from tests.integration.deployment import Deployment

PROVIDERS = 3
MANY = 20


@pytest.fixture(scope="module")
def served(juju: jubilant.Juju, charms: Callable[[str], pathlib.Path]) -> Deployment:
    """Three units of the provider, and two that are served."""
    config = {"key-algorithm": "ecdsa-p256"}
    juju.deploy(charms(deployment.PROVIDER), config=config, num_units=PROVIDERS)
    juju.deploy(charms(deployment.REQUIRER), num_units=2, config={"key-algorithm": "ecdsa"})
    model = deployment.Deployment(juju)
    juju.integrate(f"{model.provider}:certificates", f"{model.requirer}:certificates")
    model.wait_active()
    return model


def test_followers_stand_by(served: Deployment) -> None:
    """One unit issues; the others are active, and say that they stand by."""
    units = served.juju.status().apps[served.provider].units
    messages = [unit.workload_status.message for unit in units.values()]
    assert sum("Standing by" in message for message in messages) == PROVIDERS - 1


def test_leading_provider_removed(served: Deployment, figure: Callable[[str], None]) -> None:
    """When the leader leaves, what it issued is served on, and the next leader issues under the
    same CA to who comes then.
    """
    trusted = served.ca()
    there = served.endpoints()
    before = {name: place.look(trusted).serial for name, place in there.items()}
    leader = served.leader(served.provider)
    with Probe(there, lambda: trusted) as probe:
        served.remove_unit(leader)
        served.wait(lambda s: leader not in s.apps[served.provider].units)
        served.juju.add_unit(served.requirer)
        served.wait(lambda s: len(s.apps[served.requirer].units) == len(there) + 1)
        served.wait_active()
    figure(f"the leading provider is removed: {probe.report()}")
    assert not probe.failures
    now = {name: place.look(trusted).serial for name, place in served.endpoints().items()}
    assert {name: now[name] for name in before} == before
    assert not any(entry["revoked"] for entry in served.issued())


def test_scaled_in(served: Deployment) -> None:
    """A unit that leaves is revoked; the others are not."""
    name = max(served.endpoints())
    served.remove_unit(name)
    served.wait(lambda s: name not in s.apps[served.requirer].units)
    served.wait_fact(
        lambda: [e["requirer"] for e in served.issued() if e["revoked"]] == [name],
        "the revocation of its certificate",
    )
    served.wait_active()


def test_leader_removed_with_requests_outstanding(
    served: Deployment, figure: Callable[[str], None]
) -> None:
    """What the leader had denied when it left, the next one grants as soon as it may."""
    trusted = served.ca()
    there = served.endpoints()
    before = {name: place.look(trusted).serial for name, place in there.items()}
    with Probe(there, lambda: trusted) as probe:
        served.juju.config(served.provider, {"allow-ip-sans": False})
        served.juju.config(served.requirer, {"organization": "Outstanding"})
        served.wait(lambda status: jubilant.all_blocked(status, served.requirer))
        leader = served.leader(served.provider)
        served.remove_unit(leader)
        served.juju.config(served.provider, reset="allow-ip-sans")
        served.wait(lambda status: leader not in status.apps[served.provider].units)
        served.wait_fact(
            lambda: all(place.look(trusted).serial != before[n] for n, place in there.items()),
            "what was asked for",
        )
    figure(f"the leader is removed with requests outstanding: {probe.report()}")
    assert not probe.failures
    served.wait_active()


def test_many_units(served: Deployment) -> None:
    """Each of many units, which come at once, serves a certificate of its own."""
    served.juju.add_unit(served.requirer, num_units=MANY - len(served.endpoints()))
    served.wait(lambda status: len(status.apps[served.requirer].units) == MANY)
    served.wait_active()
    trusted = served.ca()
    assert len({place.look(trusted).serial for place in served.endpoints().values()}) == MANY
