"""The authority in a model of its own, offered to others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jubilant
import pytest

from tests.integration import deployment
from tests.integration.endpoint import Probe

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable

    import pytest_jubilant

SAAS = "authority"


@pytest.fixture(scope="module")
def models(
    juju_factory: pytest_jubilant.JujuFactory, charms: Callable[[str], pathlib.Path]
) -> tuple[jubilant.Juju, jubilant.Juju]:
    """The authority's model, and that of the requirer, related across."""
    authority, consumer = juju_factory.get_juju("authority"), juju_factory.get_juju("consumer")
    authority.deploy(charms(deployment.PROVIDER), config={"key-algorithm": "ecdsa-p256"})
    consumer.deploy(charms(deployment.REQUIRER), num_units=2)
    authority.offer(deployment.PROVIDER, endpoint="certificates")
    assert authority.model is not None
    name = authority.model.rpartition(":")[2]
    consumer.consume(f"{name}.{deployment.PROVIDER}", alias=SAAS)
    consumer.integrate(f"{deployment.REQUIRER}:certificates", SAAS)
    deployment.Deployment(consumer).wait(
        lambda status: jubilant.all_active(status, deployment.REQUIRER)
    )
    return authority, consumer


def test_served(models: tuple[jubilant.Juju, jubilant.Juju]) -> None:
    """Each unit serves a certificate of the authority in the other model."""
    authority, consumer = (deployment.Deployment(juju) for juju in models)
    trusted = authority.ca()
    seen = {place.look(trusted).serial for place in consumer.endpoints().values()}
    listed = {int(entry["serial"], 16) for entry in authority.issued()}
    assert seen == listed
    assert all(entry["requirer"].startswith("remote-") for entry in authority.issued())


def test_renewed(
    models: tuple[jubilant.Juju, jubilant.Juju], figure: Callable[[str], None]
) -> None:
    """A renewal and a new key reach across, and a client fails at neither."""
    authority, consumer = (deployment.Deployment(juju) for juju in models)
    trusted = authority.ca()
    there = consumer.endpoints()
    unit, place = min(there.items())
    with Probe(there, lambda: trusted) as probe:
        for action in ("renew-certificate", "regenerate-private-key"):
            before = place.look(trusted).serial
            consumer.juju.run(unit, action)
            consumer.wait_fact(
                lambda before=before: place.look(trusted).serial != before, f"{action} to be done"
            )
    figure(f"renewed across models: {probe.report()}")
    assert not probe.failures


def test_unit_leaves(models: tuple[jubilant.Juju, jubilant.Juju]) -> None:
    """When a unit leaves there, what the others have is neither taken away nor revoked here."""
    authority, consumer = (deployment.Deployment(juju) for juju in models)
    trusted = authority.ca()
    name = max(consumer.endpoints())
    consumer.remove_unit(name)
    consumer.wait(lambda status: name not in status.apps[consumer.requirer].units)
    standing = {int(e["serial"], 16) for e in authority.issued() if not e["revoked"]}
    assert {place.look(trusted).serial for place in consumer.endpoints().values()} <= standing


def test_removed(models: tuple[jubilant.Juju, jubilant.Juju]) -> None:
    """When the relation goes, everything that was issued over it is revoked."""
    authority, consumer = (deployment.Deployment(juju) for juju in models)
    consumer.juju.remove_relation(consumer.requirer, SAAS)
    authority.wait_fact(
        lambda: all(entry["revoked"] for entry in authority.issued()), "the revocation"
    )
