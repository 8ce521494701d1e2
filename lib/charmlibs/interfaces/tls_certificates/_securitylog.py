"""Security events, one typed call each, as JSON lines in the unit's log.

They follow the OWASP logging vocabulary in form: an event's name, a level, who it is about. No
call takes key material.
"""

import json
import logging

from . import _x509

_logger = logging.getLogger(__name__)


def private_key_made(owner: str, algorithm: str, size: int) -> None:
    """Say that a private key was generated."""
    _log("private_key_made", owner=owner, algorithm=algorithm, size=size)


def private_key_imported(owner: str) -> None:
    """Say that a private key was imported."""
    _log("private_key_imported", owner=owner)


def certificate_requested(owner: str, csr: _x509.CertificateSigningRequest) -> None:
    """Say that a certificate was requested."""
    _log("certificate_requested", owner=owner, subject=csr.subject_rfc4514)


def certificate_issued(certificate: _x509.Certificate, relation_id: int) -> None:
    """Say that a certificate was put into a relation."""
    serial = f"{certificate.serial_number:X}"
    _log(
        "certificate_issued",
        relation=relation_id,
        subject=certificate.subject_rfc4514,
        # In whole bytes, as `openssl x509 -serial` prints it.
        serial=serial.zfill(len(serial) + len(serial) % 2),
    )


def certificates_revoked(count: int, relation_id: int) -> None:
    """Say that certificates were marked as revoked."""
    _log("certificates_revoked", relation=relation_id, count=count)


def request_refused(csr_sha256: str, relation_id: int, reason: str) -> None:
    """Say that a request is not offered to the charm."""
    _log("request_refused", relation=relation_id, csr_sha256=csr_sha256, reason=reason)


def _log(event: str, **about: str | int) -> None:
    fields = {"type": "security", "event": f"tls_certificates:{event}", **about}
    _logger.info("%s", json.dumps(fields))
