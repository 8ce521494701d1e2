"""Certificates renew, and a client that connects all the while sees no failure."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pytest

from tests.integration import deployment
from tests.integration.endpoint import Probe, now

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable

    import jubilant

    from tests.integration.deployment import Deployment
    from tests.integration.faults import Faults

RENEWALS = 3


@pytest.fixture(scope="module")
def served(juju: jubilant.Juju, charms: Callable[[str], pathlib.Path]) -> Deployment:
    """A requirer that serves, with `update-status` too far away to help."""
    juju.model_config({"update-status-hook-interval": "60m"})
    model = deployment.deploy(
        juju,
        charms,
        # Of so short a life as these tests wait for, the last tenth is too little for a machine
        # that is busy.
        requirer_config={"renewal-relative-time": 0.51},
    )
    model.wait_active()
    return model


@pytest.fixture(scope="module")
def short_lived(served: Deployment, validity: str) -> Deployment:
    """The same, whose certificates live shortly from now on."""
    served.juju.config(served.provider, {"certificate-validity": validity})
    served.wait_active()
    (there,) = served.endpoints().values()
    trusted = served.ca()
    before = there.look(trusted).serial
    served.juju.run(f"{served.requirer}/0", "renew-certificate")
    served.wait_fact(lambda: there.look(trusted).serial != before, "a certificate of a short life")
    return served


def secret_expired_hooks(served: Deployment, unit: str) -> int:
    """Count the `secret-expired` hooks that the unit has run."""
    log = served.juju.cli("debug-log", "--limit", "100000")
    mine = f"unit-{unit.replace('/', '-')}:"
    return sum(
        line.startswith(mine) and 'ran "secret-expired" hook' in line for line in log.splitlines()
    )


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


def test_renews_by_itself(short_lived: Deployment, figure: Callable[[str], None]) -> None:
    """Several renewals in a row happen by the clock alone; a client fails at none of them, and
    Juju tells of each at most once.
    """
    there = short_lived.endpoints()
    trusted = short_lived.ca()
    unit = f"{short_lived.requirer}/0"
    told_before = secret_expired_hooks(short_lived, unit)
    with Probe(there, lambda: trusted) as probe:
        short_lived.wait_fact(
            lambda: all(len(serials) > RENEWALS for serials in probe.serials.values()),
            f"{RENEWALS} renewals",
            timeout=1800,
        )
        told = secret_expired_hooks(short_lived, unit) - told_before
        # What Juju told of last may have been still on its way.
        short_lived.wait_active()
    renewals = len(probe.serials[unit]) - 1
    figure(f"{probe.report()}; {told} secret-expired hooks for {renewals} renewals")
    assert not probe.failures
    assert told <= renewals
    page = there[unit].fetch_json("/certificate.json", trusted)
    assert int(page["connection"]["serial_number"], 16) in probe.serials[unit]


def test_expiry_event_lost(
    short_lived: Deployment, faults: Faults, figure: Callable[[str], None]
) -> None:
    """Where Juju does not tell that the time has come, the next `update-status` renews."""
    there = short_lived.endpoints()
    trusted = short_lived.ca()
    unit = f"{short_lived.requirer}/0"
    with faults.expiry("lost"), Probe(there, lambda: trusted) as probe:
        page = there[unit].fetch_json("/certificate.json", trusted)
        due = datetime.datetime.fromisoformat(page["connection"]["renewal_time"])
        short_lived.wait_fact(lambda: now() > due, "the time of renewal", timeout=600)
        assert probe.serials[unit][1:] == [], "nobody has told of it, and yet it was renewed"
        faults.update_status(unit)
        short_lived.wait_fact(lambda: len(probe.serials[unit]) > 1, "the new certificate")
    figure(f"the event lost: {probe.report()}")
    assert not probe.failures


def test_slept_past_its_expiry(
    short_lived: Deployment, faults: Faults, figure: Callable[[str], None]
) -> None:
    """A unit whose machine was off when its certificate expired gets a new one when it is back,
    and never serves the old one.
    """
    there = short_lived.endpoints()
    trusted = short_lived.ca()
    unit = f"{short_lived.requirer}/0"
    short_lived.wait_active()
    certificate = there[unit].look(trusted)
    faults.stop(unit)
    short_lived.wait_fact(
        lambda: now() > certificate.not_after, "the certificate to expire", timeout=600
    )
    with Probe(there, lambda: trusted) as probe:
        faults.start(unit)
        short_lived.wait_fact(lambda: bool(probe.serials[unit]), "a new certificate")
    figure(f"back after its certificate had expired: served again after {probe.longest_gap:.1f} s")
    assert [f for f in probe.failures if "certificate verify failed" in f.reason] == []
    assert probe.serials[unit] != [certificate.serial]
    short_lived.wait_active(after_fault=True)
