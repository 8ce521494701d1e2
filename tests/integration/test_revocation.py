"""What is revoked is served no more, and others do not notice."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from tests.integration import deployment
from tests.integration.endpoint import Probe, now

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


def lists(served: Deployment) -> list[str]:
    """Return the revocation lists of the authority, in PEM."""
    return [one["crl"] for one in json.loads(served.run_leader("get-crl")["crls"])]


def revoked_serials(served: Deployment) -> set[int]:
    return {
        entry.serial_number
        for one in lists(served)
        for entry in x509.load_pem_x509_crl(one.encode())
    }


def openssl_says(served: Deployment, certificate: str, folder: pathlib.Path) -> str:
    """Return what `openssl verify` says of a certificate, with the authority's lists at hand."""
    texts = {"ca": served.ca(), "crl": "".join(lists(served)), "leaf": certificate}
    for name, text in texts.items():
        (folder / f"{name}.pem").write_text(text)
    ca, crl, leaf = (str(folder / f"{name}.pem") for name in texts)
    command = ["openssl", "verify", "-crl_check", "-CAfile", ca, "-CRLfile", crl, leaf]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_one_certificate(
    served: Deployment, figure: Callable[[str], None], tmp_path: pathlib.Path
) -> None:
    """The unit whose certificate was revoked gets another, and never serves the old one again;
    its neighbour serves on unchanged.
    """
    trusted = served.ca()
    there = served.endpoints()
    victim, neighbour = sorted(there)
    old = there[victim].look(trusted)
    with Probe(there, lambda: trusted) as probe:
        served.wait_fact(lambda: all(probe.serials.values()), "a first look at each")
        revoked_at = now()
        served.run_leader("revoke-certificate", {"serial": f"{old.serial:x}"})
        served.wait_fact(
            lambda: there[victim].look(trusted).serial != old.serial, "one for a new key"
        )
        served.wait_fact(lambda: len(probe.serials[victim]) > 1, "the probe to see it")
    figure(f"one of two is revoked: {probe.report()}")
    assert not probe.failures_without_excuse(victim, since=revoked_at)
    assert [len(probe.serials[name]) for name in (victim, neighbour)] == [2, 1]
    assert "certificate revoked" in openssl_says(served, old.pem, tmp_path)
    for place in there.values():
        assert ": OK" in openssl_says(served, place.look(trusted).pem, tmp_path)
    served.wait_active()


def test_all_of_a_lost_ca(served: Deployment, figure: Callable[[str], None]) -> None:
    """After `rotate-private-key` every unit serves a certificate of the new CA, and no other."""
    there = served.endpoints()
    with served.follow_bundle() as client:
        old = client.trusted
        serials = {place.look(old).serial for place in there.values()}
        with Probe(there, lambda: client.trusted) as probe:
            served.wait_fact(lambda: all(probe.serials.values()), "a first look at each")
            lost_at = now()
            served.run_leader("rotate-private-key")
            new = served.ca()
            assert old.strip() not in new, "a CA whose key is lost is trusted no longer"
            served.wait_fact(
                lambda: all(len(seen) > 1 for seen in probe.serials.values()),
                "certificates of the new CA",
            )
    figure(f"a CA's key is lost: {probe.report()}")
    assert not probe.failures_without_excuse(*there, since=lost_at)
    assert not serials & {place.look(new).serial for place in there.values()}
    assert serials <= revoked_serials(served)
    served.wait_active()
