#!/usr/bin/env python3
"""A requirer of version 4: key and certificate are in secrets with the library's labels."""

import ops
from older_requirer import CERTIFICATES, LIBID, OlderRequirerCharm


class V4RequirerCharm(OlderRequirerCharm):
    """Keeps key and certificate of a unit under that unit's number and the endpoint's name."""

    renewal_share = 0.9

    def key_label(self) -> str:
        return f"{LIBID}-private-key-{self._owner}"

    def certificate_label(self, digest: str) -> str:
        return f"{LIBID}-certificate-{self._owner}-{digest}"

    @property
    def _owner(self) -> str:
        return f"{self.unit.name.partition('/')[2]}-{CERTIFICATES}"


if __name__ == "__main__":
    ops.main(V4RequirerCharm)
