"""A new CA is trusted before it issues: no client that follows the bundle fails at it."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from tests.integration import deployment
from tests.integration.endpoint import Probe

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable

    import jubilant

    from tests.integration.deployment import Deployment
    from tests.integration.endpoint import Endpoint

_ALARM = 1500.0
"""Juju tells of an alarm up to a minute early, and then again only after five."""


@pytest.fixture(scope="module")
def served(juju: jubilant.Juju, charms: Callable[[str], pathlib.Path]) -> Deployment:
    """Two served units, and an overlap that is short but longer than a client takes to look."""
    juju.model_config({"update-status-hook-interval": "60m"})
    model = deployment.deploy(
        juju,
        charms,
        provider_config={"ca-overlap": "8s", "key-algorithm": "ecdsa-p256"},
        units=2,
    )
    model.wait_active()
    return model


def test_changed_subject(served: Deployment, figure: Callable[[str], None]) -> None:
    """A changed subject is published, then used for every certificate, without a failure."""
    there = served.endpoints()
    with served.follow_bundle() as client:
        old = client.trusted
        before = {name: place.look(old).serial for name, place in there.items()}
        with Probe(there, lambda: client.trusted) as probe:
            served.juju.config(served.provider, {"ca-common-name": "The new authority"})
            served.wait_fact(lambda: client.trusted != old, "the new CA in the bundle")
            assert {n: p.look(client.trusted).serial for n, p in there.items()} == before, (
                "nothing is issued under a CA that has only just been published"
            )
            served.wait_fact(
                lambda: all(p.look(client.trusted).serial != before[n] for n, p in there.items()),
                "certificates of the new CA",
                timeout=_ALARM,
            )
    figure(f"CA change: {probe.report()}")
    assert not probe.failures
    assert old.strip() in served.ca(), "the old CA stays while anything that it issued is valid"


def test_near_its_end(served: Deployment, figure: Callable[[str], None]) -> None:
    """A CA that is near its end is replaced by itself, in the same phases."""
    with served.follow_bundle() as client:
        there = served.endpoints()
        with Probe(there, lambda: client.trusted) as probe:
            old = client.trusted
            # Raising what a certificate may last brings the CA's end near.
            served.juju.config(
                served.provider, {"certificate-validity": "365d", "root-ca-validity": "730d"}
            )
            served.wait_fact(lambda: client.trusted != old, "a successor")
            seen = {name: len(serials) for name, serials in probe.serials.items()}
            served.wait_fact(
                lambda: all(len(s) > seen[n] for n, s in probe.serials.items()),
                "certificates of the successor",
                timeout=_ALARM,
            )
    figure(f"CA near its end: {probe.report()}")
    assert not probe.failures


@pytest.fixture(scope="module")
def shortly(
    served: Deployment, charms: Callable[[str], pathlib.Path], validity: str
) -> Deployment:
    """A unit whose certificates live shortly, at an authority of three units."""
    juju = served.juju
    # No leader may miss a renewal because machines are slow to give way to each other.
    twice_as_long = f"{2 * int(validity[:-1])}{validity[-1]}"
    juju.deploy(
        charms(deployment.PROVIDER),
        "short-ca",
        num_units=3,
        config={
            "ca-overlap": "8s",
            "key-algorithm": "ecdsa-p256",
            "certificate-validity": twice_as_long,
        },
    )
    juju.deploy(charms(deployment.REQUIRER), "shortly", config={"renewal-relative-time": 0.6})
    juju.integrate("short-ca:certificates", "shortly:certificates")
    model = deployment.Deployment(juju, provider="short-ca", requirer="shortly")
    model.wait_active()
    return model


def test_leader_leaves_in_each_phase(shortly: Deployment, figure: Callable[[str], None]) -> None:
    """Its leader is removed when a new CA is published, and the next one when it is in use: the
    third takes the old one out of the bundle when nothing of it is valid any more.
    """
    juju, there = shortly.juju, shortly.endpoints()
    with shortly.follow_bundle() as client:
        old = client.trusted
        with Probe(there, lambda: client.trusted) as probe:
            juju.config(shortly.provider, {"ca-common-name": "Handed on"})
            shortly.wait_fact(lambda: client.trusted != old, "the new CA in the bundle")
            shortly.remove_unit(shortly.leader(shortly.provider))
            shortly.wait_fact(
                lambda: all(_is_verified(place, client.trusted, old) for place in there.values()),
                "a certificate of the new CA",
                timeout=_ALARM,
            )
            assert old.strip() in client.trusted, "what it issued is valid still"
            shortly.remove_unit(shortly.leader(shortly.provider))
            shortly.wait_fact(
                lambda: old.strip() not in client.trusted,
                "the old CA to be retired",
                timeout=_ALARM,
            )
    figure(f"three leaders in one rotation: {probe.report()}")
    assert not probe.failures
    shortly.wait_active()


def _is_verified(place: Endpoint, bundle: str, old: str) -> bool:
    """Say whether what is served there is of another CA of the bundle than the old one."""
    try:
        place.look(bundle.replace(old.strip(), ""))
    except ssl.SSLError:
        return False
    return True
