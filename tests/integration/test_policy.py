"""What the authority does not grant, the requirer is told, and shows; it is looked at again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jubilant
import pytest

from tests.integration import deployment

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable

    from tests.integration.deployment import Deployment


@pytest.fixture(scope="module")
def served(juju: jubilant.Juju, charms: Callable[[str], pathlib.Path]) -> Deployment:
    """A requirer with names of its own choosing."""
    model = deployment.deploy(
        juju,
        charms,
        provider_config={"key-algorithm": "ecdsa-p256"},
        requirer_config={"common-name": "www.example.com"},
    )
    model.wait_active()
    return model


@pytest.mark.parametrize(
    ("policy", "request_", "reason"),
    [
        pytest.param({"allowed-domains": "example.org"}, {}, "example.org", id="domain"),
        pytest.param({"allow-ip-sans": False}, {}, "IP addresses", id="address"),
        pytest.param(
            {"allow-wildcards": False}, {"sans-dns": "*.example.com"}, "wildcards", id="wildcard"
        ),
        pytest.param({"certificate-limit": 0}, {}, "limit of 0", id="limit"),
    ],
)
def test_denied_and_looked_at_again(
    served: Deployment, policy: dict[str, Any], request_: dict[str, Any], reason: str
) -> None:
    """The reason is in the requirer's status; when the policy allows it, it is issued."""
    served.juju.config(served.provider, policy)
    served.juju.config(served.requirer, {"common-name": f"{next(iter(policy))}.example.com"})
    served.juju.config(served.requirer, request_)
    served.wait(lambda status: jubilant.all_blocked(status, served.requirer))
    assert reason in served.message(served.requirer)
    served.juju.config(served.provider, reset=list(policy))
    served.wait_active()
    served.juju.config(served.requirer, reset=[*request_, "common-name"])
    served.wait_active()


def test_authorities(served: Deployment, charms: Callable[[str], pathlib.Path]) -> None:
    """Nobody is made an authority for the asking; where it is allowed, who asked is."""
    served.juju.deploy(charms("sub-authority"), "sub-authority")
    served.juju.integrate("sub-authority:certificates", f"{served.provider}:certificates")
    served.wait(lambda status: jubilant.all_blocked(status, "sub-authority"))
    # Blocked it is also for want of a relation, until the relation is there.
    served.wait_fact(lambda: "authorities" in served.message("sub-authority"), "the denial")
    served.juju.config(served.provider, {"allow-ca-certificates": True})
    served.wait_fact(
        lambda: "sub-authority/0" in {entry["requirer"] for entry in served.issued()},
        "the certificate of an authority",
    )
