#!/usr/bin/env python3
"""demo-requirer, but what it asks for is the certificate of an authority."""

from __future__ import annotations

import ops

from charmlibs.interfaces.tls_certificates import (
    CertificateRequestAttributes,
    TLSCertificatesRequiresV4,
)
from demo_requirer.charm import CERTIFICATES, DemoRequirerCharm


class SubAuthorityCharm(DemoRequirerCharm):
    """Wants to issue certificates itself. It has none to serve."""

    def _requirer(self) -> TLSCertificatesRequiresV4 | None:
        request = CertificateRequestAttributes(common_name="Below another", is_ca=True)
        return TLSCertificatesRequiresV4(
            self,
            CERTIFICATES,
            [request],
            refresh_events=[self.on.config_changed],
            key_algorithm="ecdsa",
        )


if __name__ == "__main__":
    ops.main(SubAuthorityCharm)
