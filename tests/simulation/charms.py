"""The small charms: the bare library on each side, and one that does nothing by itself."""

from __future__ import annotations

import datetime
import json
import pathlib
import zlib
from typing import TYPE_CHECKING, Any

import ops

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateError,
    CertificateInvalidatedEvent,
    CertificateInvalidationReason,
    CertificateRequestAttributes,
    Mode,
    PrivateKey,
    ProviderCertificate,
    ProviderCertificateError,
    RequirerCertificateRequest,
    TLSCertificatesError,
    TLSCertificatesProvidesV4,
    TLSCertificatesRequiresV4,
)

from . import liars

if TYPE_CHECKING:
    from collections.abc import Iterable

_HERE = pathlib.Path(__file__).resolve().parent
REQUIRER, PROVIDER = _HERE / "bare-requirer", _HERE / "bare-provider"
ASSIGNED = "assigned.json"
"""In a requirer's folder: what was assigned to it at the end of its last hook."""
_FOUNDED = datetime.datetime(2029, 1, 1, tzinfo=datetime.timezone.utc)


class InertCharm(ops.CharmBase):
    """Does nothing: what it says is put into its mouth."""


class BareRequirer(ops.CharmBase):
    """Asks, in whichever mode, and notes what is assigned in each hook."""

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        mode = {"unit": Mode.UNIT, "app": Mode.APP, "both": Mode.APP_AND_UNIT}[
            str(self.config["mode"])
        ]
        names, number = str(self.config["names"]).split(","), self.unit.name.rpartition("/")[2]
        asked: dict[Mode, list[CertificateRequestAttributes]] = {
            Mode.UNIT: [_attributes(f"{name}-{number}") for name in names],
            Mode.APP: [_attributes(name) for name in names],
        }
        by_mode: dict[Any, list[CertificateRequestAttributes]] = dict(asked)
        self.tls = TLSCertificatesRequiresV4(
            self,
            "certificates",
            asked.get(mode),
            mode=mode,
            certificate_requests_by_mode=by_mode if mode is Mode.APP_AND_UNIT else None,
            refresh_events=[self.on.config_changed],
            renewal_relative_time=float(self.config["fraction"]),
            key_algorithm="ecdsa",
            keep_until_replaced=bool(self.config["keep"]),
        )
        framework.observe(self.tls.on.certificate_invalidated, self._on_invalidated)
        framework.observe(self.on.collect_unit_status, self._on_collect_unit_status)
        for action in (
            self.on.renew_action,
            self.on.regenerate_action,
            self.on.import_action,
        ):
            framework.observe(action, self._on_action)

    def _on_invalidated(self, event: CertificateInvalidatedEvent) -> None:
        """Make a new key in place of the one whose certificate was revoked, once."""
        if event.reason is CertificateInvalidationReason.REVOKED:
            for mode in (Mode.UNIT, Mode.APP):
                key = self.tls.get_private_key(mode)
                if key is not None and event.certificate.matches_private_key(key):
                    self.tls.regenerate_private_key(mode)
                    return

    def _on_action(self, event: ops.ActionEvent) -> None:
        name = event.handle.kind
        if name == "renew_action":
            for answer, _, _ in self._assigned():
                self.tls.renew_certificate(answer)
        elif name == "regenerate_action":
            self.tls.regenerate_private_key()
        else:
            key = PrivateKey.from_string(liars.key_pem(liars.key(event.params.get("number", 0))))
            self.tls.import_private_key(key)

    def _assigned(self) -> list[tuple[ProviderCertificate, PrivateKey, str]]:
        found: list[tuple[ProviderCertificate, PrivateKey, str]] = []
        if self.tls.mode is not Mode.APP:
            answers, key = self.tls.get_assigned_certificates(Mode.UNIT)
            found += [(answer, key, "unit") for answer in answers if key is not None]
        answers, key = self.tls.get_application_certificates()
        return [*found, *((answer, key, "app") for answer in answers if key is not None)]

    def _on_collect_unit_status(self, event: ops.CollectStatusEvent) -> None:
        assigned = [
            {
                "slot": f"{owner} {answer.certificate_signing_request.common_name}",
                "chain": [answer.certificate.raw, *(link.raw for link in answer.chain[1:])],
                "key": key.raw,
            }
            for answer, key, owner in self._assigned()
        ]
        path, text = self.charm_dir / ASSIGNED, json.dumps(assigned)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
        event.add_status(ops.ActiveStatus())


def _attributes(name: str) -> CertificateRequestAttributes:
    return CertificateRequestAttributes(common_name=name, sans_dns=[name])


class BareProvider(ops.CharmBase):
    """Signs what is asked for. A revoked answer stands: its key is not served again."""

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        self.tls = TLSCertificatesProvidesV4(self, "certificates")
        for event in (
            self.on.config_changed,
            self.on.leader_elected,
            self.on.update_status,
            self.on["certificates"].relation_changed,
        ):
            framework.observe(event, self._on_event)
        framework.observe(self.on.issue_action, self._on_action)
        framework.observe(self.on.issue_again_action, self._on_action)
        framework.observe(self.on.revoke_action, self._on_action)
        framework.observe(self.on.collect_unit_status, self._on_collect_unit_status)

    def _on_event(self, _: ops.EventBase) -> None:
        if not self.config["by-hand"]:
            self._answer([*self.tls.get_outstanding_certificate_requests(), *self._outdated()])

    def _on_action(self, event: ops.ActionEvent) -> None:
        if event.handle.kind == "revoke_action":
            self._revoke(event.params.get("name"))
        elif event.handle.kind == "issue_again_action":
            self._answer(self.tls.get_certificate_requests())
        else:
            self._answer(self.tls.get_outstanding_certificate_requests())

    def _revoke(self, name: str | None) -> None:
        if name is None:
            self.tls.revoke_all_certificates()
        else:
            issued = self.tls.get_issued_certificates()
            self.tls.revoke_certificates(
                [one for one in issued if one.certificate.common_name == name]
            )

    def _outdated(self) -> Iterable[RequirerCertificateRequest]:
        """Return the requests that another CA than the present one has answered."""
        ca, _ = self._authority()
        old = {
            (one.relation_id, one.certificate_signing_request)
            for one in self.tls.get_provider_certificates()
            if one.ca != ca and not one.revoked
        }
        for request in self.tls.get_certificate_requests() if old else ():
            if (request.relation_id, request.certificate_signing_request) in old:
                yield request

    def _answer(self, requests: list[RequirerCertificateRequest]) -> None:
        if not self.unit.is_leader() or not requests:
            return
        revoked = {
            (one.relation_id, one.certificate_signing_request)
            for one in self.tls.get_provider_certificates()
            if one.revoked
        }
        certificates: list[ProviderCertificate] = []
        errors: list[ProviderCertificateError] = []
        for request in requests:
            csr = request.certificate_signing_request
            if (request.relation_id, csr) in revoked:
                continue
            if csr.common_name == self.config["denied"]:
                error = CertificateError(code=999, name="other", message="no", reason="denied")
                errors.append(ProviderCertificateError(request.relation_id, csr, error))
                continue
            ca, key = self._authority()
            validity = datetime.timedelta(days=int(self.config["validity"]))
            try:
                certificate = csr.sign(ca, key, validity)
            except TLSCertificatesError as problem:
                error = CertificateError(code=999, name="other", message=str(problem))
                errors.append(ProviderCertificateError(request.relation_id, csr, error))
                continue
            certificates.append(
                ProviderCertificate(request.relation_id, certificate, csr, ca, [certificate, ca])
            )
        self.tls.set_relation_answers(certificates, errors)

    def _authority(self) -> tuple[Certificate, PrivateKey]:
        """Return a CA that has always been there: no state of a world depends on its making."""
        number = zlib.crc32(f"{self.app.name} {self.config['generation']}".encode())
        return (
            Certificate.from_string(liars.pem(liars.authority(number, _FOUNDED))),
            PrivateKey.from_string(liars.key_pem(liars.key(number))),
        )

    def _on_collect_unit_status(self, event: ops.CollectStatusEvent) -> None:
        event.add_status(ops.ActiveStatus())
