"""The bare library in two small charms: what a charm's author does with it, and no more."""

from __future__ import annotations

import datetime
import functools
import json
import pathlib
from typing import Any

import ops
import time_machine

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateInvalidatedEvent,
    CertificateInvalidationReason,
    CertificateRequestAttributes,
    Mode,
    PrivateKey,
    ProviderCertificate,
    TLSCertificatesProvidesV4,
    TLSCertificatesRequiresV4,
)

AUTHORITY = pathlib.Path(__file__).parent / "authority"
ASKER = pathlib.Path(__file__).parent / "asker"
SERVED = "served.json"
"""In a unit's folder: what it has put into use."""
VALIDITY = datetime.timedelta(days=90)
LONG = datetime.timedelta(days=3650)
FOUNDED = datetime.datetime(2029, 1, 1, tzinfo=datetime.timezone.utc)


@functools.cache
def authority(generation: int) -> tuple[Certificate, PrivateKey]:
    """Return a CA that has always been there: no state of a world depends on its making."""
    key = PrivateKey.generate(key_algorithm="ecdsa", key_size=256)
    attributes = CertificateRequestAttributes(
        common_name=f"CA {generation}", is_ca=True, add_unique_id_to_subject_name=False
    )
    with time_machine.travel(FOUNDED, tick=False):
        return Certificate.generate_self_signed_ca(attributes, key, LONG), key


class BareAuthorityCharm(ops.CharmBase):
    """Signs what is asked for. A revoked answer stands: its key is not served again."""

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        self.tls = TLSCertificatesProvidesV4(self, "certificates")
        relation = self.on["certificates"]
        for event in (
            relation.relation_changed,
            self.on.config_changed,
            self.on.leader_elected,
            self.on.update_status,
        ):
            framework.observe(event, self._on_event)
        framework.observe(self.on["revoke"].action, self._on_revoke)

    def _on_event(self, _event: ops.EventBase) -> None:
        ca, key = authority(int(self.config["generation"]))
        standing = {
            (one.relation_id, one.certificate_signing_request.raw): one
            for one in self.tls.get_provider_certificates()
        }
        answers: list[ProviderCertificate] = []
        for request in self.tls.get_certificate_requests():
            csr = request.certificate_signing_request
            answer = standing.get((request.relation_id, csr.raw))
            if answer is None or (answer.ca != ca and not answer.revoked):
                certificate = csr.sign(ca, key, VALIDITY)
                answers.append(
                    ProviderCertificate(
                        request.relation_id, certificate, csr, ca, [certificate, ca]
                    )
                )
        if answers:
            self.tls.set_relation_answers(answers)

    def _on_revoke(self, event: ops.ActionEvent) -> None:
        name = event.params["name"]
        self.tls.revoke_certificates(
            [
                one
                for one in self.tls.get_issued_certificates()
                if one.certificate.common_name == name
            ]
        )


class BareAskerCharm(ops.CharmBase):
    """Asks for certificates, puts them into use; makes a new key when one is revoked."""

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        own = CertificateRequestAttributes(common_name=self.unit.name.replace("/", "-"))
        shared = CertificateRequestAttributes(common_name=self.app.name)
        self.mode = {"unit": Mode.UNIT, "app": Mode.APP, "app-and-unit": Mode.APP_AND_UNIT}[
            str(self.config["mode"])
        ]
        asking: dict[str, Any] = (
            {"certificate_requests_by_mode": {Mode.UNIT: [own], Mode.APP: [shared]}}
            if self.mode is Mode.APP_AND_UNIT
            else {"certificate_requests": [own if self.mode is Mode.UNIT else shared]}
        )
        self.tls = TLSCertificatesRequiresV4(
            self,
            "certificates",
            mode=self.mode,
            key_algorithm="ecdsa",
            refresh_events=[self.on.config_changed],
            **asking,
        )
        framework.observe(self.tls.on.certificate_invalidated, self._on_invalidated)
        framework.observe(self.on.collect_unit_status, self._on_collect_status)
        framework.observe(self.on["renew"].action, self._on_renew)
        framework.observe(self.on["regenerate-key"].action, self._on_regenerate_key)

    def _assigned(self) -> dict[str, tuple[list[ProviderCertificate], PrivateKey | None]]:
        assigned: dict[str, tuple[list[ProviderCertificate], PrivateKey | None]] = {}
        if self.mode is not Mode.APP:
            assigned["unit"] = self.tls.get_assigned_certificates(Mode.UNIT)
        if self.mode is not Mode.UNIT:
            assigned["app"] = self.tls.get_application_certificates()
        return assigned

    def _on_invalidated(self, event: CertificateInvalidatedEvent) -> None:
        if event.reason is CertificateInvalidationReason.REVOKED:
            for mode in (Mode.UNIT, Mode.APP):
                key = self.tls.get_private_key(mode)
                if key is not None and event.certificate.matches_private_key(key):
                    self.tls.regenerate_private_key(mode)
                    return

    def _on_renew(self, _event: ops.ActionEvent) -> None:
        for certificates, _ in self._assigned().values():
            for one in certificates:
                self.tls.renew_certificate(one)

    def _on_regenerate_key(self, _event: ops.ActionEvent) -> None:
        self.tls.regenerate_private_key()

    def _on_collect_status(self, event: ops.CollectStatusEvent) -> None:
        """Put into use what is assigned, at the end of each hook; nothing, where nothing is."""
        served = {
            owner: {
                "certificates": sorted(one.certificate.raw for one in certificates),
                "private-key": key.raw,
            }
            for owner, (certificates, key) in self._assigned().items()
            if certificates and key is not None
        }
        path = self.charm_dir.parent / SERVED
        text = json.dumps(served, sort_keys=True)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
        event.add_status(ops.ActiveStatus(", ".join(sorted(served))))
