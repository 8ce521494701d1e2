"""Certificates renew, and a client that connects all the while sees no failure."""

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

RENEWALS = 3


@pytest.fixture(scope="module")
def served(
    juju: jubilant.Juju, charms: Callable[[str], pathlib.Path], validity: str
) -> Deployment:
    """A requirer whose certificates live shortly, with `update-status` too far away to help."""
    juju.model_config({"update-status-hook-interval": "60m"})
    model = deployment.deploy(juju, charms, provider_config={"certificate-validity": validity})
    model.wait_active()
    return model


def test_renewed_by_the_action(served: Deployment, figure: Callable[[str], None]) -> None:
    """`renew-certificate` brings a new certificate, without a failed connection."""
    there = served.endpoints()
    trusted = served.ca()
    before = {name: place.look(trusted).serial for name, place in there.items()}
    with Probe(there, lambda: trusted) as probe:
        served.juju.run(f"{served.requirer}/0", "renew-certificate")
        served.wait_fact(
            lambda: all(p.look(trusted).serial != before[n] for n, p in there.items()),
            "a new serial number",
        )
    figure(f"renewal by action: {probe.report()}")
    assert not probe.failures
    assert probe.connections > 0


def test_renews_by_itself(served: Deployment, figure: Callable[[str], None]) -> None:
    """Several renewals in a row happen by the clock alone; a client fails at none of them."""
    there = served.endpoints()
    trusted = served.ca()
    with Probe(there, lambda: trusted) as probe:
        served.wait_fact(
            lambda: all(len(serials) > RENEWALS for serials in probe.serials.values()),
            f"{RENEWALS} renewals",
            timeout=1800,
        )
    figure(f"renewal by itself: {probe.report()}")
    assert not probe.failures
    served.wait_active()
    told = there[f"{served.requirer}/0"].fetch_json("/certificate.json", trusted)
    assert int(told["connection"]["serial_number"], 16) in probe.serials[f"{served.requirer}/0"]
