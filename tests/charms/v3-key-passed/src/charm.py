#!/usr/bin/env python3
"""demo-requirer, refreshed from version 3 by an author who does not want a new key.

The key that the charm kept then is passed to the library, which asks for nothing anew.
"""

from __future__ import annotations

import functools

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
        own = self.model.get_secret(label=OWN_KEY).get_content()["private-key"]
        return TLSCertificatesRequiresV4(
            self,
            CERTIFICATES,
            functools.partial(identity.unit_requests, config, self._identity),
            refresh_events=[self.on.config_changed],
            private_key=PrivateKey.from_string(own),
            renewal_relative_time=config.renewal_relative_time,
            keep_until_replaced=True,
        )


if __name__ == "__main__":
    ops.main(KeyPassedCharm)
