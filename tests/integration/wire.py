"""What an application shows on the relation and in Juju's secrets, as an operator can see it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from cryptography import x509

if TYPE_CHECKING:
    from tests.integration.deployment import Deployment

LIBID = "afd8c2bccf834997afce12c2706d2ede"
V3_CERTIFICATE = re.compile(rf"{LIBID}-[0-9a-f]{{64}}")
"""Labels that version 3 has for certificates."""


@dataclasses.dataclass(frozen=True)
class Wire:
    """The first unit of a requirer, and what stands between it and the provider.

    Args:
        model: Where they are.
    """

    model: Deployment

    @property
    def unit(self) -> str:
        return f"{self.model.requirer}/0"

    def requests(self) -> list[str]:
        """Return the requests in the unit's databag, as the provider sees them."""
        for relation in self._relations(f"{self.model.provider}/0"):
            member = relation.get("related-units", {}).get(self.unit)
            if member is not None:
                return [
                    entry["certificate_signing_request"]
                    for entry in json.loads(
                        member["data"].get("certificate_signing_requests", "[]")
                    )
                ]
        return []

    def answers(self) -> list[dict[str, Any]]:
        """Return the certificates in the provider's databag, as the unit sees them."""
        (relation,) = self._relations(self.unit)
        return json.loads(relation.get("application-data", {}).get("certificates", "[]"))

    def provider_keys(self) -> set[str]:
        """Return the names of all that is in the provider's databag."""
        (relation,) = self._relations(self.unit)
        return set(relation.get("application-data", {}))

    def relation_id(self) -> int:
        """Return the relation's id: another one is another relation."""
        (relation,) = self._relations(self.unit)
        return relation["relation-id"]

    def serial(self) -> int | None:
        """Return the serial number of the one certificate there is; None before there is one."""
        for answer in self.answers():
            certificate = x509.load_pem_x509_certificate(answer["certificate"].encode())
            return certificate.serial_number
        return None

    def labels(self) -> set[str]:
        """Return the labels of the unit's secrets."""
        return {one.label or "" for one in self.model.juju.secrets() if one.owner == self.unit}

    def secrets(self) -> dict[str, tuple[int, str]]:
        """Return, by label, the revision of each of the unit's secrets, and its content's digest.

        The content itself would stand in the output of a test that fails.
        """
        return {
            one.label or "": (one.revision, self._digest(one.uri))
            for one in self.model.juju.secrets()
            if one.owner == self.unit
        }

    def _digest(self, uri: str) -> str:
        shown = json.loads(self.model.juju.cli("show-secret", uri, "--reveal", "--format", "json"))
        ((_, secret),) = shown.items()
        return hashlib.sha256(json.dumps(secret["content"], sort_keys=True).encode()).hexdigest()

    def _relations(self, unit: str) -> list[dict[str, Any]]:
        shown = json.loads(self.model.juju.cli("show-unit", unit, "--format", "json"))
        return [
            relation
            for relation in shown[unit].get("relation-info", [])
            if relation["endpoint"] == "certificates"
        ]
