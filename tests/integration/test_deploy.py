"""Both charms, related and served: each unit has its own certificate, over verified TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jubilant
import pytest

from tests.integration import deployment

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable

    from tests.integration.deployment import Deployment

UNITS = 3


@pytest.fixture(scope="module")
def served(juju: jubilant.Juju, charms: Callable[[str], pathlib.Path]) -> Deployment:
    """Three units of the requirer, each served."""
    model = deployment.deploy(juju, charms, units=UNITS)
    model.wait_active()
    return model


def test_each_unit_has_its_own_certificate(served: Deployment) -> None:
    """Every unit serves a certificate of its own that a client verifies, chain and address."""
    trusted = served.ca()
    seen = {name: there.look(trusted) for name, there in served.endpoints().items()}
    assert len(seen) == UNITS
    assert len({certificate.serial for certificate in seen.values()}) == UNITS
    assert {c.common_name for c in seen.values()} == {name.replace("/", "-") for name in seen}


def test_openssl_agrees(served: Deployment, tmp_path: pathlib.Path) -> None:
    """`openssl s_client` verifies the chain that is served, strictly."""
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text(served.ca())
    for there in served.endpoints().values():
        assert "Verify return code: 0 (ok)" in there.verify_by_openssl(str(ca_file))


def test_page_names_the_served_certificate(served: Deployment) -> None:
    """/certificate.json names the serial of the handshake; /ca.pem is the CA that issued."""
    trusted = served.ca()
    there = served.endpoints()[f"{served.requirer}/0"]
    told = there.fetch_json("/certificate.json", trusted)
    assert int(told["connection"]["serial_number"], 16) == there.look(trusted).serial
    assert there.fetch("/ca.pem", trusted).strip() == trusted.strip()
    assert "<html" in there.fetch("/", trusted)


def test_provider_lists_what_is_served(served: Deployment) -> None:
    """The provider's list of issued certificates names each unit with the serial it serves."""
    trusted = served.ca()
    listed = {entry["requirer"]: int(entry["serial"], 16) for entry in served.issued()}
    assert listed == {n: there.look(trusted).serial for n, there in served.endpoints().items()}


def test_action_returns_the_served_certificate_without_its_key(served: Deployment) -> None:
    """`get-certificate` gives the certificate, and no private key."""
    results = served.juju.run(f"{served.requirer}/0", "get-certificate").results
    assert "BEGIN CERTIFICATE" in str(results)
    assert "PRIVATE KEY" not in str(results)


def test_wrong_option_changes_nothing_that_runs(served: Deployment) -> None:
    """A wrong option is Blocked with its name; the server goes on with the same certificate."""
    there = served.endpoints()[f"{served.requirer}/0"]
    before = there.look(served.ca())
    served.juju.config(served.provider, {"certificate-validity": "-5d"})
    served.juju.config(served.requirer, {"port": 70000})
    served.wait(lambda s: jubilant.all_blocked(s, served.provider, served.requirer))
    assert "certificate-validity" in served.message(served.provider)
    assert "port" in served.message(served.requirer)
    assert there.look(served.ca()) == before
    served.juju.config(served.provider, reset="certificate-validity")
    served.juju.config(served.requirer, reset="port")
    served.wait_active()
    assert there.look(served.ca()) == before


def test_remove_and_relate_again(served: Deployment) -> None:
    """Without the relation the server goes on; related again, it gets a new certificate."""
    name, there = next(iter(served.endpoints().items()))
    before = there.look(served.ca())
    served.juju.remove_relation(served.provider, served.requirer)
    served.wait_fact(
        lambda: not served.juju.status().apps[served.requirer].relations.get("certificates"),
        "the relation to go",
    )
    assert there.look(served.ca()) == before, f"{name} must serve until its certificate expires"
    served.integrate_again(f"{served.provider}:certificates", f"{served.requirer}:certificates")
    served.wait_fact(lambda: there.look(served.ca()) != before, "a new certificate")
    served.wait_active()


def test_related_in_the_other_order(
    served: Deployment, charms: Callable[[str], pathlib.Path]
) -> None:
    """A requirer that is related before it has any unit is served all the same."""
    late = "late-requirer"
    served.juju.deploy(charms(deployment.REQUIRER), late)
    served.juju.integrate(f"{late}:certificates", f"{served.provider}:certificates")
    model = deployment.Deployment(served.juju, requirer=late)
    model.wait_active()
    there = model.endpoints()[f"{late}/0"]
    assert there.look(served.ca()).common_name == "late-requirer-0"


def test_other_modes(served: Deployment) -> None:
    """The application has a certificate in app mode, and the unit another in `app-and-unit`."""
    model = deployment.Deployment(served.juju, requirer="late-requirer")
    (there,) = model.endpoints().values()
    trusted = model.ca()
    model.juju.config(model.requirer, {"mode": "app"})
    model.wait_fact(
        lambda: there.look(trusted, "late-requirer").common_name == "late-requirer",
        "the application's certificate",
    )
    model.juju.config(model.requirer, {"mode": "app-and-unit"})
    model.wait_fact(
        lambda: (
            [
                there.look(trusted, name).common_name
                for name in ("late-requirer", "late-requirer-0")
            ]
            == ["late-requirer", "late-requirer-0"]
        ),
        "both certificates",
    )
    model.wait_active()


def test_removed_unit_leaves_nothing(served: Deployment) -> None:
    """When a unit is removed nobody serves at its address, and its certificate is revoked."""
    name = f"{served.requirer}/{UNITS - 1}"
    gone = served.endpoints()[name]
    serial = gone.look(served.ca()).serial
    served.remove_unit(name)
    served.wait(lambda s: len(s.apps[served.requirer].units) == UNITS - 1)
    served.wait_active()
    with pytest.raises(OSError, match=r"refused|timed out|unreachable"):
        gone.look(served.ca())
    entry = next(e for e in served.issued() if int(e["serial"], 16) == serial)
    assert entry["revoked"]
