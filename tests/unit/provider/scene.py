"""The charm under `ops.testing`: a leader, who asks it, and what it has answered."""

from __future__ import annotations

import json
import pathlib
from typing import TYPE_CHECKING, Any

import yaml
from ops import testing

from charmlibs.interfaces.tls_certificates import CertificateRequestAttributes
from self_signed_provider import records
from self_signed_provider.charm import SelfSignedProviderCharm
from self_signed_provider.ledger import Revocation

if TYPE_CHECKING:
    from charmlibs.interfaces.tls_certificates import PrivateKey
    from self_signed_provider.ledger import Ledger

CHARM = pathlib.Path(__file__).resolve().parents[3] / "charms" / "self-signed-provider"


def context() -> testing.Context[SelfSignedProviderCharm]:
    """Return the charm as Juju would run it, deployed as `my-ca`."""
    recipe = yaml.safe_load((CHARM / "charmcraft.yaml").read_text())
    actions, config = recipe.pop("actions"), recipe.pop("config")
    return testing.Context(
        SelfSignedProviderCharm, meta=recipe, actions=actions, config=config, app_name="my-ca"
    )


def asking(
    key: PrivateKey, *names: str, relation_id: int = 7, is_ca: bool = False
) -> testing.Relation:
    """A requirer's unit that asks for a certificate for each name."""
    requests = [
        {
            "certificate_signing_request": CertificateRequestAttributes(common_name=name)
            .generate_csr(key)
            .raw,
            "ca": is_ca,
        }
        for name in names
    ]
    data = {"certificate_signing_requests": json.dumps(requests)}
    return testing.Relation(
        "certificates",
        id=relation_id,
        remote_app_name="web",
        remote_units_data={0: data},
    )


def state(*relations: testing.RelationBase, **changes: Any) -> testing.State:
    """A leader whose CA's key is quick to make."""
    config = {"key-algorithm": "ecdsa-p256"} | changes.pop("config", {})
    ledger = testing.PeerRelation("ledger", id=1)
    return testing.State(
        leader=changes.pop("leader", True),
        relations=[ledger, *relations],
        config=config,
        **changes,
    )


def run_action(
    ctx: testing.Context[Any], name: str, before: testing.State, **params: Any
) -> testing.State:
    """Run an action of the unit in the state *before*."""
    return ctx.run(ctx.on.action(name, params=params), before)


def answers(out: testing.State, relation_id: int = 7) -> list[dict[str, Any]]:
    text = out.get_relation(relation_id).local_app_data.get("certificates", "[]")
    return json.loads(text)


def errors(out: testing.State, relation_id: int = 7) -> list[dict[str, Any]]:
    text = out.get_relation(relation_id).local_app_data.get("request_errors", "[]")
    return [entry["error"] for entry in json.loads(text)]


def memory(out: testing.State) -> records.Memory:
    return records.read(out.get_relation(1).local_app_data)


def revoked_serials(book: Ledger) -> set[int]:
    """The serial numbers of what an operator revoked."""
    return {entry.serial for entry in book if entry.reason is Revocation.OPERATOR}
