#!/usr/bin/env python3
"""A provider of version 3: certificates for the requests of units, and nothing else.

It knows no requests of applications, answers none with an error, and tells nothing of what it can
do. Its CA is where self-signed-provider has its own, so that a refresh finds it; of a ledger it
knows nothing.
"""

from __future__ import annotations

import datetime
import json
import logging
from typing import Any

import ops
import pydantic
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from charmlibs.interfaces.tls_certificates import Certificate
from self_signed_provider import actions, ca, origin
from self_signed_provider.config import ProviderConfig
from self_signed_provider.trust import TrustBundle
from self_signed_provider.vault import Vault

logger = logging.getLogger(__name__)

CERTIFICATES = "certificates"
LEDGER = "ledger"
_CA = "v3-ca-certificate"


class Request(pydantic.BaseModel, strict=True):
    """A request as the schema of before has it: `ca` may be missing, and may not be null."""

    certificate_signing_request: str
    ca: bool = False


class UnitData(pydantic.BaseModel, strict=True):
    """A unit's databag: one bad entry spoils all of it."""

    certificate_signing_requests: list[Request] = []


class V3ProviderCharm(ops.CharmBase):
    """A certificate authority."""

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        self._vault = Vault(self)
        self._trust = TrustBundle(self, "send-ca-cert")
        certificates = self.on[CERTIFICATES]
        for event in (
            self.on.config_changed,
            self.on.leader_elected,
            self.on.update_status,
            self.on.upgrade_charm,
            self.on[LEDGER].relation_created,
            certificates.relation_changed,
            certificates.relation_departed,
            self.on["send-ca-cert"].relation_changed,
        ):
            framework.observe(event, self._on_event)
        framework.observe(self.on.get_ca_certificate_action, self._on_get_ca_certificate)
        framework.observe(self.on.collect_unit_status, self._on_collect_unit_status)

    def _on_event(self, _event: ops.EventBase) -> None:
        peers = self.model.get_relation(LEDGER)
        if not self.unit.is_leader() or peers is None:
            return
        config = self.load_config(ProviderConfig)
        own = self._authority()
        if own is None:
            own, key = origin.create(config, self.app.name)
            self._vault.put(own, (), key)
            peers.data[self.app][_CA] = own.raw
        self._trust.publish([own])
        for relation in self.model.relations[CERTIFICATES]:
            if relation.active:
                self._answer(relation, own, config.certificate_validity)

    def _authority(self) -> Certificate | None:
        peers = self.model.get_relation(LEDGER)
        pem = peers.data[self.app].get(_CA) if peers else None
        return Certificate.from_string(pem) if pem else None

    def _answer(
        self, relation: ops.Relation, own: Certificate, validity: datetime.timedelta
    ) -> None:
        """Keep the certificates whose requests are there, and sign the requests that have none."""
        bag = relation.data[self.app]
        before: list[dict[str, Any]] = json.loads(bag.get("certificates", "[]"))
        answered = {entry["certificate_signing_request"]: entry for entry in before}
        requests = [
            request.certificate_signing_request.strip()
            # A set, whose order is another one in each process.
            for unit in sorted(relation.units, key=lambda unit: unit.name)
            for request in _requests(relation.data[unit], unit.name)
        ]
        after = [answered.get(csr) or self._sign(csr, own, validity) for csr in requests]
        if after != before:
            bag["certificates"] = json.dumps(after)

    def _sign(self, pem: str, own: Certificate, validity: datetime.timedelta) -> dict[str, Any]:
        """Return an entry with a certificate for what the request names."""
        key = self._vault.key(own)
        assert key is not None
        csr = x509.load_pem_x509_csr(pem.encode())
        issuer = x509.load_pem_x509_certificate(own.raw.encode())
        now = datetime.datetime.now(datetime.timezone.utc)
        names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        leaf = (
            x509.CertificateBuilder()
            .subject_name(csr.subject)
            .issuer_name(issuer.subject)
            .public_key(csr.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + validity)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                    issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
                ),
                critical=False,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(csr.public_key()), False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(names.value, names.critical)
            .sign(key.x509_object, hashes.SHA256())
        )
        certificate = leaf.public_bytes(serialization.Encoding.PEM).decode().strip()
        return {
            "ca": own.raw,
            "certificate_signing_request": pem,
            "certificate": certificate,
            "chain": [certificate, own.raw],
            "recommended_expiry_notification_time": None,
        }

    def _on_get_ca_certificate(self, event: ops.ActionEvent) -> None:
        own = self._authority()
        if own is None:
            event.fail("There is no CA yet")
            return
        now = datetime.datetime.now(datetime.timezone.utc)
        authority = ca.Authority(own, (), "", ca.Phase.ACTIVE, now)
        event.set_results(actions.ca_certificate((authority,)) or {})

    def _on_collect_unit_status(self, event: ops.CollectStatusEvent) -> None:
        event.add_status(ops.ActiveStatus())


def _requests(bag: ops.RelationDataContent, unit: str) -> list[Request]:
    """Return a unit's requests; none if anything in its databag is bad."""
    key = "certificate_signing_requests"
    try:
        data = UnitData(**({key: json.loads(bag[key])} if key in bag else {}))
    except (ValueError, pydantic.ValidationError) as error:
        logger.warning("the data of %s are not valid: %s", unit, error)
        return []
    return data.certificate_signing_requests


if __name__ == "__main__":
    ops.main(V3ProviderCharm)
