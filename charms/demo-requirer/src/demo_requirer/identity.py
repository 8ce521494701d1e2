"""Who this unit is, and the certificates that it asks for under those names: pure."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from charmlibs.interfaces.tls_certificates import CertificateRequestAttributes, Mode

from .config import CertificateMode

if TYPE_CHECKING:
    from .config import RequirerConfig

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}$)(\*\.)?{_LABEL}(\.{_LABEL})*", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Identity:
    """The names by which clients can know this unit."""

    app: str
    number: str
    """Of the unit."""
    model: str
    address: str | None = None
    """The unit's own, by which others reach it; None before Juju knows one."""
    fqdn: str | None = None
    """Fully qualified name of the host; None where it has none."""

    @property
    def host(self) -> str:
        """The unit's name as a host's name."""
        return f"{self.app}-{self.number}"

    @property
    def dns_names(self) -> tuple[str, ...]:
        """What resolves to the unit, or may be made to."""
        names = (self.host, f"{self.host}.{self.app}.{self.model}", self.fqdn or "")
        return tuple(name for name in names if is_host_name(name))


def is_host_name(text: str) -> bool:
    """Say whether *text* can stand as a DNS name in a certificate."""
    return bool(_HOST_NAME.fullmatch(text))


def usable_fqdn(found: str, remembered: str | None) -> str | None:
    """Return the host's full name, given what the resolver says just now.

    A resolver that is down answers with a bare name. That must not change the names a certificate
    is asked for, or every outage would have it asked for anew: what was once seen is kept.
    """
    if "." in found and is_host_name(found) and not found.startswith("localhost"):
        return found.lower()
    return remembered


def unit_requests(
    config: RequirerConfig, identity: Identity
) -> list[CertificateRequestAttributes]:
    """Return what the unit asks for itself: its names and its address, unless options say others.

    Where the application has certificates too (`app-and-unit`), the options' names are those.
    """
    addresses = [identity.address] if identity.address else []
    if config.mode is CertificateMode.APP_AND_UNIT:
        return [_request(config, identity.host, identity.dns_names, addresses)]
    return _numbered(
        config,
        config.common_name or identity.host,
        config.sans_dns or identity.dns_names,
        config.sans_ip or addresses,
    )


def app_requests(config: RequirerConfig, identity: Identity) -> list[CertificateRequestAttributes]:
    """Return what the leader asks for in the application's name: nothing depends on the unit."""
    return _numbered(config, config.common_name or identity.app, config.sans_dns, config.sans_ip)


def requests_by_mode(
    config: RequirerConfig, identity: Identity
) -> dict[Mode, list[CertificateRequestAttributes]]:
    """Return both, for `app-and-unit` mode."""
    return {
        Mode.UNIT: unit_requests(config, identity),
        Mode.APP: app_requests(config, identity),
    }


def slots(config: RequirerConfig, identity: Identity) -> list[str]:
    """Return the slots of all pairs that are to be served, the default one first."""
    wanted: list[str] = []
    if config.mode is not CertificateMode.APP:
        wanted += [slot("unit", request) for request in unit_requests(config, identity)]
    if config.mode is not CertificateMode.UNIT:
        wanted += [slot("app", request) for request in app_requests(config, identity)]
    return wanted


def slot(scope: str, request: CertificateRequestAttributes) -> str:
    """Name the place that the answer to *request* takes; a renewal takes the same."""
    return f"{scope} {request.common_name}"


def common_name_of(slot: str) -> str:
    """Return the common name that was asked for to fill a slot."""
    return slot.partition(" ")[2]


def problems(config: RequirerConfig, identity: Identity) -> list[str]:
    """Say what is wrong with the requests, each with the option that helps; mostly nothing.

    The options are right by themselves; together, or with the application's name, they may not be.
    """
    requests: list[CertificateRequestAttributes] = []
    if config.mode is not CertificateMode.APP:
        requests += unit_requests(config, identity)
    if config.mode is not CertificateMode.UNIT:
        requests += app_requests(config, identity)
    found = [problem for request in requests for problem in request.problems]
    return [f"set common-name to another: {problem}" for problem in dict.fromkeys(found)]


def _numbered(
    config: RequirerConfig, name: str, dns: tuple[str, ...], addresses: tuple[str, ...] | list[str]
) -> list[CertificateRequestAttributes]:
    if config.num_certificates == 1:
        return [_request(config, name, dns, addresses)]
    numbers = range(1, config.num_certificates + 1)
    return [_request(config, f"{name}-{number}", dns, addresses) for number in numbers]


def _request(
    config: RequirerConfig,
    common_name: str,
    dns: tuple[str, ...],
    addresses: tuple[str, ...] | list[str],
) -> CertificateRequestAttributes:
    # Verifiers read subject alternative names alone (RFC 9525, section 2).
    own = (common_name,) if is_host_name(common_name) else ()
    return CertificateRequestAttributes(
        common_name=common_name,
        sans_dns=[*own, *dns],
        sans_ip=addresses,
        organization=config.organization,
        organizational_unit=config.organizational_unit,
        email_address=config.email_address,
        country_name=config.country_name,
        state_or_province_name=config.state_or_province_name,
        locality_name=config.locality_name,
    )
