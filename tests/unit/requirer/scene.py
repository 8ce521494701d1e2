"""The charm in the state that Juju would keep, with a provider at the other end."""

from __future__ import annotations

import dataclasses
import datetime
import json
import pathlib
from typing import Any

from ops import testing

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateSigningRequest,
    PrivateKey,
)
from demo_requirer import supervisor
from demo_requirer.store import Content, Store

CHARM = pathlib.Path(__file__).resolve().parents[3] / "charms" / "demo-requirer"
ADDRESS = "127.0.0.1"
NETWORK = testing.Network(
    "certificates", bind_addresses=[testing.BindAddress([testing.Address(ADDRESS)])]
)
QUICK = {"key-algorithm": "ecdsa"}
DAYS = datetime.timedelta(days=1)


class Place:
    """A unit's own files, and what its supervisor was told; `Supervisor` without a process."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.listens: list[supervisor.Listen] = []
        self.renewed = 0
        self.taken_port: int | None = None
        self.removed = False

    def make_store(self) -> Store:
        self.folder.mkdir(exist_ok=True)
        return Store(self.folder / "store")

    def ensure(self, listen: supervisor.Listen, *, renew: bool = False) -> None:
        assert not self.removed, "a removed unit's server is started"
        if listen.port == self.taken_port:
            raise supervisor.PortInUseError(listen)
        self.listens.append(listen)
        self.renewed += renew

    def remove(self) -> None:
        self.removed = True
        self.make_store().remove()

    @property
    def content(self) -> Content:
        content = self.make_store().read()
        assert content is not None
        return content

    @property
    def serials(self) -> list[int]:
        return [pair.serial_number for pair in self.content.pairs]


@dataclasses.dataclass(frozen=True)
class Provider:
    """A provider at the other end of the relation: it reads a databag, and answers into one."""

    key: PrivateKey
    ca: Certificate

    def answer(self, csr: str, **changes: Any) -> dict[str, Any]:
        """Return what a provider writes for one request."""
        validity = changes.pop("validity", 90 * DAYS)
        certificate = CertificateSigningRequest.from_string(csr).sign(self.ca, self.key, validity)
        return {
            "certificate_signing_request": csr,
            "certificate": certificate.raw,
            "ca": self.ca.raw,
            "chain": [certificate.raw, self.ca.raw],
            **changes,
        }


def state(*relations: testing.RelationBase, **changes: Any) -> testing.State:
    config = QUICK | changes.pop("config", {})
    return testing.State(
        networks={NETWORK},
        relations=relations,
        config=config,
        leader=changes.pop("leader", True),
        **changes,
    )


def requests(out: testing.State, *, app: bool = False) -> list[str]:
    """Return the CSRs that stand in the unit's databag, or the application's."""
    relation = next(one for one in out.relations if one.endpoint == "certificates")
    bag = relation.local_app_data if app else relation.local_unit_data
    entries = json.loads(bag.get("certificate_signing_requests", "[]"))
    return [entry["certificate_signing_request"] for entry in entries]


def answered(
    out: testing.State, *answers: dict[str, Any], errors: list[dict[str, Any]] | None = None
) -> tuple[testing.State, testing.Relation]:
    """Return the state in which the provider has written its answers."""
    relation = next(one for one in out.relations if one.endpoint == "certificates")
    assert isinstance(relation, testing.Relation)
    data = {"certificates": json.dumps(answers)}
    if errors:
        data["request_errors"] = json.dumps(errors)
    new = dataclasses.replace(relation, remote_app_data=data)
    others = [one for one in out.relations if one.endpoint != "certificates"]
    return dataclasses.replace(out, relations=[new, *others]), new


def certificates(out: testing.State) -> testing.Relation:
    """Return the relation over which certificates are asked for."""
    relation = next(one for one in out.relations if one.endpoint == "certificates")
    assert isinstance(relation, testing.Relation)
    return relation


def serial(answer: dict[str, Any]) -> int:
    """Return the serial number of the certificate in a provider's answer."""
    return Certificate.from_string(answer["certificate"]).serial_number
