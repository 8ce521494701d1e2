"""What an authority may issue, looked at when it has: its own policy, its CA, and the request."""

from __future__ import annotations

import dataclasses
import datetime
import json
from typing import TYPE_CHECKING, Any

from . import looks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from localjuju.model import Model


@dataclasses.dataclass(frozen=True)
class Issuance:
    """A certificate that was issued in the hook that has just run."""

    link: looks.Link
    now: datetime.datetime
    entry: Mapping[str, Any]
    certificate: looks.Leaf
    request: looks.Request

    def flaws(self) -> Iterator[str]:
        """Yield what is wrong with it."""
        for flaw in (*self._of_the_ca(), *self._of_the_request(), *self._of_the_policy()):
            yield f"{self.link.where} issues {self.certificate} {flaw}"

    def _of_the_ca(self) -> Iterator[str]:
        issuer = looks.leaf(str(self.entry["ca"]))
        if issuer is None:
            yield "with what is no CA"
            return
        phase = looks.authorities(self.link.model, self.link.provider.app).get(issuer.pem)
        if phase != "active":
            yield f"under a CA that is {phase or 'none of its'}"
        if not looks.is_signed_by(self.certificate.pem, issuer.pem):
            yield "which its CA did not sign"
        if self.certificate.not_after > issuer.not_after:
            yield "past its CA's end"

    def _of_the_request(self) -> Iterator[str]:
        if self.certificate.key != self.request.key:
            yield "for another key"
        if self.certificate.names != self.request.names:
            yield f"and asked for was {sorted(self.request.names)}"
        if self.certificate.is_ca != self.request.is_ca:
            yield "as what was not asked for"

    def _of_the_policy(self) -> Iterator[str]:
        options = policy(self.link.model, self.link.provider.app)
        validity = datetime.timedelta(seconds=int(options["certificate_validity"].rstrip("s")))
        if self.certificate.not_after > self.now + validity:
            yield f"for longer than {validity}"
        if not self.certificate.is_valid(self.now):
            yield "which is not valid"
        if self.certificate.is_ca and not options["allow_ca_certificates"]:
            yield "to be a CA, for the asking"
        for name in self.certificate.names:
            if not _is_granted(name, options):
                yield f"with {name}, which is not to be granted"


def policy(model: Model, app: str) -> dict[str, Any]:
    """Return the options in force, as the provider has them on record."""
    return json.loads(looks.memory(model, app)["configuration"])


def _is_granted(name: str, options: Mapping[str, Any]) -> bool:
    domains = [domain for domain in options["allowed_domains"].split(",") if domain]
    if ":" in name or name.replace(".", "").isdigit():
        return options["allow_ip_sans"]
    if name.startswith("*") and not options["allow_wildcards"]:
        return False
    # What has a space in it names no host.
    return (
        not domains
        or " " in name
        or any(
            name == domain or (options["allow_subdomains"] and name.endswith(f".{domain}"))
            for domain in domains
        )
    )
