"""From one authority to another: what the first one issued is served until the second has."""

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

SECOND = "second-provider"


@pytest.fixture(scope="module")
def served(juju: jubilant.Juju, charms: Callable[[str], pathlib.Path]) -> Deployment:
    """A unit that is served by the first of two authorities."""
    config = {"key-algorithm": "ecdsa-p256"}
    model = deployment.deploy(juju, charms, provider_config=config)
    juju.deploy(charms(deployment.PROVIDER), SECOND, config=config)
    model.wait_active()
    return model


def test_moved_without_a_gap(served: Deployment, figure: Callable[[str], None]) -> None:
    """A client that trusts both fails at no time between the two."""
    second = deployment.Deployment(served.juju, provider=SECOND)
    second.wait_active()
    there = served.endpoints()
    both = f"{served.ca()}\n{second.ca()}"
    with Probe(there, lambda: both) as probe:
        served.juju.remove_relation(served.provider, served.requirer)
        served.wait_fact(
            lambda: not served.juju.status().apps[served.requirer].relations.get("certificates"),
            "the first relation to go",
        )
        served.integrate_again(f"{SECOND}:certificates", f"{served.requirer}:certificates")
        trusted = second.ca()
        served.wait_fact(
            lambda: all(place.look(trusted) for place in there.values()),
            "a certificate of the second authority",
        )
    figure(f"moved to another provider: {probe.report()}")
    assert not probe.failures
    second.wait_active()
