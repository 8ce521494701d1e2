"""Both charms beside others that speak the interface: version 3's, and any that is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jubilant
import pytest

from tests.integration import deployment
from tests.integration.endpoint import Probe
from tests.integration.wire import Wire

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable

    from tests.integration.deployment import Deployment

OTHER_PROVIDER = "other-provider"
OTHER_REQUIRER = "other-requirer"
CA = {"key-algorithm": "ecdsa-p256"}


@pytest.fixture(scope="module")
def v3_requirer(
    juju: jubilant.Juju, charms: Callable[[str], pathlib.Path], validity: str
) -> Deployment:
    """A requirer of version 3 at this provider, with certificates that live shortly."""
    juju.deploy(
        charms(deployment.PROVIDER),
        "our-provider",
        config={**CA, "certificate-validity": validity},
    )
    juju.deploy(charms("v3-requirer"), "v3-requirer")
    juju.integrate("our-provider:certificates", "v3-requirer:certificates")
    return deployment.Deployment(juju, provider="our-provider", requirer="v3-requirer")


@pytest.fixture(scope="module")
def v3_provider(juju: jubilant.Juju, charms: Callable[[str], pathlib.Path]) -> Deployment:
    """This requirer at a provider of version 3."""
    juju.deploy(charms("v3-provider"), "v3-provider", config=CA)
    juju.deploy(charms(deployment.REQUIRER), "our-requirer")
    juju.integrate("v3-provider:certificates", "our-requirer:certificates")
    return deployment.Deployment(juju, provider="v3-provider", requirer="our-requirer")


def test_v3_requirer_is_served(v3_requirer: Deployment, tmp_path: pathlib.Path) -> None:
    """It accepts, by its strict schema, what this provider writes; a client verifies the chain."""
    v3_requirer.wait_active()
    trusted = v3_requirer.ca()
    (there,) = v3_requirer.endpoints().values()
    assert there.look(trusted).common_name == "v3-requirer-0"
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text(trusted)
    assert "Verify return code: 0 (ok)" in there.verify_by_openssl(str(ca_file))


def test_v3_requirer_renews(v3_requirer: Deployment, figure: Callable[[str], None]) -> None:
    """It renews in its own way, and this provider answers without a failure at the endpoint."""
    v3_requirer.wait_active()
    trusted = v3_requirer.ca()
    there = v3_requirer.endpoints()
    with Probe(there, lambda: trusted) as probe:
        v3_requirer.wait_fact(
            lambda: all(len(serials) > 1 for serials in probe.serials.values()),
            "a renewal",
            timeout=900,
        )
    figure(f"a v3 requirer renews: {probe.report()}")
    assert not probe.failures


def test_v3_requirer_meets_a_denial(v3_requirer: Deployment) -> None:
    """An error, which it knows nothing of, does not keep it from the certificate that follows."""
    v3_requirer.wait_active()
    wire = Wire(v3_requirer)
    v3_requirer.juju.config("our-provider", {"certificate-limit": 0})
    v3_requirer.wait_fact(
        lambda: "request_errors" in wire.provider_keys(), "a denial", timeout=900
    )
    v3_requirer.juju.config("our-provider", reset="certificate-limit")
    trusted = v3_requirer.ca()
    (there,) = v3_requirer.endpoints().values()
    v3_requirer.wait_fact(
        lambda: there.look(trusted).serial == wire.serial(), "the certificate that follows"
    )


def test_v3_provider_serves(v3_provider: Deployment, tmp_path: pathlib.Path) -> None:
    """This requirer takes what it writes, null where it is not expected and no capabilities."""
    v3_provider.wait_active()
    wire = Wire(v3_provider)
    assert wire.provider_keys() == {"certificates"}
    assert wire.answers()[0]["recommended_expiry_notification_time"] is None
    trusted = v3_provider.ca()
    (there,) = v3_provider.endpoints().values()
    assert there.look(trusted).serial == wire.serial()
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text(trusted)
    assert "Verify return code: 0 (ok)" in there.verify_by_openssl(str(ca_file))


def test_renews_at_a_v3_provider(v3_provider: Deployment, figure: Callable[[str], None]) -> None:
    """A renewal and a new key go the same way as elsewhere, without a failure."""
    v3_provider.wait_active()
    trusted = v3_provider.ca()
    ((name, there),) = v3_provider.endpoints().items()
    with Probe({name: there}, lambda: trusted) as probe:
        for action in ("renew-certificate", "regenerate-private-key"):
            before = there.look(trusted).serial
            v3_provider.juju.run(name, action)
            v3_provider.wait_fact(
                lambda before=before: there.look(trusted).serial != before, f"{action} to be done"
            )
    figure(f"at a v3 provider: {probe.report()}")
    assert not probe.failures


def test_app_mode_at_a_v3_provider(v3_provider: Deployment) -> None:
    """It sees no request of an application: the requirer says what it waits for, and serves on."""
    v3_provider.wait_active()
    trusted = v3_provider.ca()
    (there,) = v3_provider.endpoints().values()
    before = there.look(trusted).serial
    v3_provider.juju.config("our-requirer", {"mode": "app"})
    v3_provider.wait(lambda status: jubilant.all_waiting(status, "our-requirer"))
    assert "waiting for a certificate from v3-provider" in v3_provider.message("our-requirer")
    assert there.look(trusted).serial == before
    v3_provider.juju.config("our-requirer", {"mode": "unit"})
    v3_provider.wait_active()
    assert there.look(trusted).common_name == "our-requirer-0"


def test_other_provider(
    request: pytest.FixtureRequest, juju: jubilant.Juju, charms: Callable[[str], pathlib.Path]
) -> None:
    """This requirer is served by a provider that was given, and verified under its CA."""
    _skip_unless_given(request, OTHER_PROVIDER)
    juju.deploy(charms(OTHER_PROVIDER), OTHER_PROVIDER)
    juju.deploy(charms(deployment.REQUIRER), "at-other")
    juju.integrate(OTHER_PROVIDER, "at-other:certificates")
    model = deployment.Deployment(juju, provider=OTHER_PROVIDER, requirer="at-other")
    model.wait_active(timeout=900)
    # Others have other actions: their CA is known from what they wrote.
    (answer,) = Wire(model).answers()
    (there,) = model.endpoints().values()
    assert there.look(answer["ca"]).serial == Wire(model).serial()


def test_other_requirer(
    request: pytest.FixtureRequest, juju: jubilant.Juju, charms: Callable[[str], pathlib.Path]
) -> None:
    """A requirer that was given gets its certificates from this provider, and settles."""
    _skip_unless_given(request, OTHER_REQUIRER)
    juju.deploy(charms(deployment.PROVIDER), "for-other", config=CA)
    juju.deploy(charms(OTHER_REQUIRER), OTHER_REQUIRER)
    juju.integrate("for-other:certificates", OTHER_REQUIRER)
    model = deployment.Deployment(juju, provider="for-other", requirer=OTHER_REQUIRER)
    model.wait(lambda status: jubilant.all_active(status, "for-other", OTHER_REQUIRER), 900)
    assert {entry["requirer"] for entry in model.issued()} <= {
        OTHER_REQUIRER,
        f"{OTHER_REQUIRER}/0",
    }
    assert model.issued()


def _skip_unless_given(request: pytest.FixtureRequest, name: str) -> None:
    given: list[str] = request.config.getoption("--charm-file") or []
    if not any(text.startswith(f"{name}=") for text in given):
        pytest.skip(f"no charm was given with --charm-file {name}=PATH")
