"""The events of the requirer.

The names of the classes, and what their snapshots hold, are a contract: an event that a charm
deferred under an earlier version of the library is restored under this one.
"""

import functools
import json

import ops

from . import _values, _x509

# ops restores each event that it emits from its snapshot, and more than once: the CA of a hundred
# certificates is parsed once, not hundreds of times. The values never change.
_certificate = functools.lru_cache(maxsize=1024)(_x509.Certificate.from_string)
_request = functools.lru_cache(maxsize=1024)(_x509.CertificateSigningRequest.from_string)


class CertificateAvailableEvent(ops.EventBase):
    """Charm Event triggered when a TLS certificate is available."""

    def __init__(
        self,
        handle: ops.Handle,
        certificate: _x509.Certificate,
        certificate_signing_request: _x509.CertificateSigningRequest,
        ca: _x509.Certificate,
        chain: list[_x509.Certificate],
    ) -> None:
        super().__init__(handle)
        self.certificate = certificate
        self.certificate_signing_request = certificate_signing_request
        self.ca = ca
        self.chain = chain

    def snapshot(self) -> dict[str, str]:
        """Return snapshot."""
        return {
            "certificate": str(self.certificate),
            "certificate_signing_request": str(self.certificate_signing_request),
            "ca": str(self.ca),
            "chain": json.dumps([str(certificate) for certificate in self.chain]),
        }

    def restore(self, snapshot: dict[str, str]) -> None:
        """Restore snapshot."""
        self.certificate = _certificate(snapshot["certificate"])
        self.certificate_signing_request = _request(snapshot["certificate_signing_request"])
        self.ca = _certificate(snapshot["ca"])
        self.chain = [_certificate(pem) for pem in json.loads(snapshot["chain"])]

    def chain_as_pem(self) -> str:
        """Return full certificate chain as a PEM string."""
        return _values.chain_as_pem(self.chain)


class CertificateDeniedEvent(ops.EventBase):
    """Charm Event triggered when a TLS certificate cannot be issued for a CSR."""

    def __init__(
        self,
        handle: ops.Handle,
        certificate_signing_request: _x509.CertificateSigningRequest,
        error: _values.CertificateError,
    ) -> None:
        super().__init__(handle)
        self.certificate_signing_request = certificate_signing_request
        self.error = error

    def snapshot(self) -> dict[str, str]:
        """Return snapshot."""
        return {
            "certificate_signing_request": str(self.certificate_signing_request),
            "error": self.error.model_dump_json(),
        }

    def restore(self, snapshot: dict[str, str]) -> None:
        """Restore snapshot."""
        self.certificate_signing_request = _request(snapshot["certificate_signing_request"])
        self.error = _values.CertificateError.model_validate_json(snapshot["error"])


class CertificateInvalidatedEvent(ops.EventBase):
    """Charm Event triggered, once, when a certificate that was assigned may be used no more."""

    def __init__(
        self,
        handle: ops.Handle,
        certificate: _x509.Certificate,
        certificate_signing_request: _x509.CertificateSigningRequest,
        reason: _values.CertificateInvalidationReason,
    ) -> None:
        super().__init__(handle)
        self.certificate = certificate
        self.certificate_signing_request = certificate_signing_request
        self.reason = reason

    def snapshot(self) -> dict[str, str]:
        """Return snapshot."""
        return {
            "certificate": str(self.certificate),
            "certificate_signing_request": str(self.certificate_signing_request),
            "reason": self.reason.value,
        }

    def restore(self, snapshot: dict[str, str]) -> None:
        """Restore snapshot."""
        self.certificate = _certificate(snapshot["certificate"])
        self.certificate_signing_request = _request(snapshot["certificate_signing_request"])
        self.reason = _values.CertificateInvalidationReason(snapshot["reason"])


class ApplicationCertificatesChangedEvent(ops.EventBase):
    """Charm Event for units that are not the leader: look at the application's certificates.

    It carries nothing: ``get_application_certificates()`` tells what there is.
    """


class CertificatesRequirerCharmEvents(ops.CharmEvents):
    """List of events that the TLS Certificates requirer charm can leverage."""

    certificate_available = ops.EventSource(CertificateAvailableEvent)
    """A certificate can be used. Told in every reconcile, so the handler is to be idempotent."""
    certificate_denied = ops.EventSource(CertificateDeniedEvent)
    """The provider refused a request. Told in every reconcile, as long as it stands."""
    certificate_invalidated = ops.EventSource(CertificateInvalidatedEvent)
    """A certificate was revoked or has expired. Told once."""
    application_certificates_changed = ops.EventSource(ApplicationCertificatesChangedEvent)
    """The certificates of the application may have changed, on units other than the leader."""
