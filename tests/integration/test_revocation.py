"""What is revoked is served no more, and others do not notice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from tests.integration import deployment
from tests.integration.endpoint import Probe

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable

    import jubilant

    from tests.integration.deployment import Deployment


@pytest.fixture(scope="module")
def served(juju: jubilant.Juju, charms: Callable[[str], pathlib.Path]) -> Deployment:
    """Two served units."""
    model = deployment.deploy(
        juju, charms, provider_config={"key-algorithm": "ecdsa-p256"}, units=2
    )
    model.wait_active()
    return model


def revoked_serials(served: Deployment) -> set[int]:
    lists = json.loads(served.run_leader("get-crl")["crls"])
    return {
        entry.serial_number
        for one in lists
        for entry in x509.load_pem_x509_crl(one["crl"].encode())
    }


def test_one_certificate(served: Deployment, figure: Callable[[str], None]) -> None:
    """The unit whose certificate was revoked gets another; its neighbour serves on unchanged."""
    trusted = served.ca()
    there = served.endpoints()
    victim, neighbour = sorted(there)
    serial = there[victim].look(trusted).serial
    with Probe({neighbour: there[neighbour]}, lambda: trusted) as probe:
        served.run_leader("revoke-certificate", {"serial": f"{serial:x}"})
        served.wait_fact(
            lambda: there[victim].look(trusted).serial != serial, "a certificate for a new key"
        )
    figure(f"the neighbour of a revocation: {probe.report()}")
    assert not probe.failures
    assert len(probe.serials[neighbour]) == 1
    assert serial in revoked_serials(served)
    served.wait_active()


def test_all_of_a_lost_ca(served: Deployment) -> None:
    """After `rotate-private-key` every unit serves a certificate of the new CA, and no other."""
    there = served.endpoints()
    old = served.ca()
    serials = {place.look(old).serial for place in there.values()}
    served.run_leader("rotate-private-key")
    new = served.ca()
    assert old.strip() not in new, "a CA whose key is lost is trusted no longer"
    served.wait_fact(
        lambda: all(place.look(new).serial not in serials for place in there.values()),
        "certificates of the new CA",
    )
    assert serials <= revoked_serials(served)
    served.wait_active()
