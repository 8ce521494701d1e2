"""A requirer that does what a charm author does with the library, and no more."""

from __future__ import annotations

import ops

from charmlibs.interfaces.tls_certificates import (
    CertificateInvalidatedEvent,
    CertificateInvalidationReason,
    CertificateRequestAttributes,
    TLSCertificatesRequiresV4,
)


class AskerCharm(ops.CharmBase):
    """Asks for one certificate; makes a new key when it is revoked."""

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        name = self.unit.name.replace("/", "-")
        self.tls = TLSCertificatesRequiresV4(
            self,
            "certificates",
            [CertificateRequestAttributes(common_name=name)],
            key_algorithm="ecdsa",
        )
        framework.observe(self.tls.on.certificate_invalidated, self._on_invalidated)

    def _on_invalidated(self, event: CertificateInvalidatedEvent) -> None:
        if event.reason is CertificateInvalidationReason.REVOKED:
            self.tls.regenerate_private_key()
