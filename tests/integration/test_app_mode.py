"""One certificate for the application: every unit serves it, also when the leader dies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration import deployment
from tests.integration.endpoint import Probe

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable

    import jubilant

    from tests.integration.deployment import Deployment

NAME = "www.example.com"
UNITS = 3


@pytest.fixture(scope="module")
def served(juju: jubilant.Juju, charms: Callable[[str], pathlib.Path]) -> Deployment:
    """Three units in app mode, with a name that they share."""
    model = deployment.deploy(
        juju,
        charms,
        provider_config={"key-algorithm": "ecdsa-p256"},
        requirer_config={"mode": "app", "common-name": NAME, "sans-dns": NAME},
        units=UNITS,
    )
    model.wait_active()
    return model


def serials(served: Deployment) -> set[int]:
    trusted = served.ca()
    return {place.look(trusted, NAME).serial for place in served.endpoints().values()}


def test_all_serve_the_same(served: Deployment) -> None:
    """Every unit serves the application's certificate."""
    served.wait_fact(lambda: len(serials(served)) == 1, "one certificate everywhere")
    assert len(served.issued()) == 1


def test_renewed_everywhere(served: Deployment) -> None:
    """After a renewal every unit serves the new one."""
    before = serials(served)
    served.juju.run(f"{served.requirer}/leader", "renew-certificate")
    served.wait_fact(
        lambda: len(serials(served)) == 1 and serials(served) != before, "the new one everywhere"
    )


def test_leader_removed(served: Deployment, figure: Callable[[str], None]) -> None:
    """When the leader is removed the others serve on, and the next leader can renew."""
    leader = served.leader(served.requirer)
    others = {n: place for n, place in served.endpoints().items() if n != leader}
    trusted = served.ca()
    before = serials(served)
    with Probe(others, lambda: trusted, name=NAME) as probe:
        served.remove_unit(leader)
        served.wait(lambda s: len(s.apps[served.requirer].units) == UNITS - 1)
        assert served.leader(served.requirer) != leader
    figure(f"the leader is removed: {probe.report()}")
    assert not probe.failures
    served.wait_active()
    assert serials(served) == before
    served.juju.run(f"{served.requirer}/leader", "renew-certificate")
    served.wait_fact(
        lambda: len(serials(served)) == 1 and serials(served) != before, "a renewal by the next"
    )


def test_mode_changes(served: Deployment) -> None:
    """A change to unit mode gives every unit a certificate of its own; and back again."""
    served.juju.config(served.requirer, {"mode": "unit"}, reset=["common-name", "sans-dns"])
    trusted = served.ca()
    there = served.endpoints()
    served.wait_fact(
        lambda: len({place.look(trusted).serial for place in there.values()}) == len(there),
        "a certificate of its own for each",
    )
    served.wait_active()
    served.juju.config(served.requirer, {"mode": "app", "common-name": NAME, "sans-dns": NAME})
    served.wait_fact(lambda: len(serials(served)) == 1, "one certificate for all")
    served.wait_active()


def test_app_and_unit(served: Deployment) -> None:
    """In `app-and-unit` mode a client gets the one whose name it asks for."""
    served.juju.config(served.requirer, {"mode": "app-and-unit"})
    trusted = served.ca()
    there = served.endpoints()

    def both() -> bool:
        units = {p.look(trusted, name.replace("/", "-")).serial for name, p in there.items()}
        apps = {p.look(trusted, NAME).serial for p in there.values()}
        return len(units) == len(there) and len(apps) == 1 and not units & apps

    served.wait_fact(both, "both certificates at every unit")
    served.wait_active()
