#!/usr/bin/env python3
"""demo-requirer, refreshed from version 3 by an author who does not want a new key.

The key that the charm kept then is passed to the library, which asks for nothing anew.
"""

from __future__ import annotations

import ops

from charmlibs.interfaces.tls_certificates import PrivateKey, TLSCertificatesRequiresV4
from demo_requirer import identity
from demo_requirer.charm import CERTIFICATES, DemoRequirerCharm

OWN_KEY = "own-key"


class KeyPassedCharm(DemoRequirerCharm):
    """Uses the key that the unit has always had."""

    def _requirer(self) -> TLSCertificatesRequiresV4 | None:
        config = self._config
        if config is None:
            return None
        return TLSCertificatesRequiresV4(
            self,
            CERTIFICATES,
            identity.unit_requests(config, self._identity),
            refresh_events=[self.on.config_changed],
            private_key=self._own_key(),
            renewal_relative_time=config.renewal_relative_time,
            keep_until_replaced=True,
        )

    def _own_key(self) -> PrivateKey | None:
        """Return the key of before; None on a unit that came later, for which one is made."""
        try:
            content = self.model.get_secret(label=OWN_KEY).get_content()
        except ops.SecretNotFoundError:
            return None
        return PrivateKey.from_string(content["private-key"])


if __name__ == "__main__":
    ops.main(KeyPassedCharm)
