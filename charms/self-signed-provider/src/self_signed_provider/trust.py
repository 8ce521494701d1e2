"""What clients are told to trust, over `send-ca-cert`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from charmlibs.interfaces.certificate_transfer import CertificateTransferProvides

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ops

    from charmlibs.interfaces.tls_certificates import Certificate


class TrustBundle:
    """Keeps each relation's set of certificates equal to the one that is to be trusted.

    Args:
        charm: Whose relations they are.
        endpoint: Their name; the interface is `certificate_transfer`.
    """

    def __init__(self, charm: ops.CharmBase, endpoint: str) -> None:
        self._charm = charm
        self._endpoint = endpoint
        self._library = CertificateTransferProvides(charm, endpoint)

    def publish(self, bundle: Sequence[Certificate]) -> None:
        """Tell every relation to trust *bundle*, the CA in use first; only the leader may.

        A requirer of the interface's first version holds one CA: it gets the one in use.
        """
        for relation in self._charm.model.relations[self._endpoint]:
            if not relation.active:
                continue
            several = relation.data[relation.app].get("version") == "1"
            wanted = {ca.raw for ca in (bundle if several else bundle[:1])}
            published = self._published(relation)
            # Added before others are removed, for nobody to be without any CA in between.
            if wanted - published:
                self._library.add_certificates(wanted - published, relation.id)
            for superfluous in published - wanted:
                self._library.remove_certificate(superfluous, relation.id)

    def _published(self, relation: ops.Relation) -> set[str]:
        try:
            return set(json.loads(relation.data[self._charm.app].get("certificates", "[]")))
        except (ValueError, TypeError):
            return set()
