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
        """Tell every relation to trust *bundle*, the CA in use first; if empty, change nothing.

        A requirer of the interface's first version holds one CA: it gets the one in use.
        """
        if not bundle:
            return
        for relation in self._charm.model.relations[self._endpoint]:
            # Of one that is ending, Juju may not tell any more who is at the other end.
            if not (relation.active and relation.app):
                continue
            is_second = _is_second(relation)
            if self._charm.unit.is_leader():
                self._publish_set(relation, bundle if is_second else bundle[:1])
            if not is_second:
                self._publish_one(relation, bundle[0])

    def _publish_set(self, relation: ops.Relation, bundle: Sequence[Certificate]) -> None:
        wanted = {ca.raw for ca in bundle}
        published = self._published(relation)
        # Added before others are removed, for nobody to be without any CA in between.
        if wanted - published:
            self._library.add_certificates(wanted - published, relation.id)
        for superfluous in published - wanted:
            self._library.remove_certificate(superfluous, relation.id)

    def _publish_one(self, relation: ops.Relation, in_use: Certificate) -> None:
        """Tell a requirer of the interface's first version, in the databag of this unit.

        It reads the units' databags. One that a former leader left as it was would contradict
        the new leader's, and a leader that is removed takes its own along.
        """
        ca = in_use.raw
        told = {"ca": ca, "certificate": ca, "chain": [ca]}
        databag = relation.data[self._charm.unit]
        for key, value in told.items():
            if databag.get(key) != json.dumps(value):
                databag[key] = json.dumps(value)

    def _published(self, relation: ops.Relation) -> set[str]:
        try:
            return set(json.loads(relation.data[self._charm.app].get("certificates", "[]")))
        except (ValueError, TypeError):
            return set()


def _is_second(relation: ops.Relation) -> bool:
    """Return whether the requirer knows the interface's second version, which it calls 1."""
    return relation.data[relation.app].get("version") == "1"
