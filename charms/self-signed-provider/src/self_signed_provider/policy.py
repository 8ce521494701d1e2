"""May a requirer have the certificate it asks for? A request and a policy in, a reason out."""

from __future__ import annotations

import dataclasses
import re
import urllib.parse
from typing import TYPE_CHECKING

from charmlibs.interfaces.tls_certificates import CertificateError, CertificateRequestErrorCode

from . import constraints as name_constraints
from . import origin

if TYPE_CHECKING:
    import datetime
    from collections.abc import Collection, Iterator

    from .ca import Authority
    from .config import ProviderConfig
    from .constraints import Constraints, Names, Outside

_HOST_NAME = re.compile(r"[\w.*-]+")
_MOST_LISTED = 5


@dataclasses.dataclass(frozen=True)
class Policy:
    """What this authority grants."""

    limit: int | None = None
    """How many certificates one requirer holds at most; `None` is any number."""
    domains: tuple[str, ...] = ()
    """The only domains that names may be of; empty is any.

    Every host that a certificate names is meant, wherever it stands there: common name, DNS names,
    the hosts of e-mail addresses and URIs. Verifiers of one kind or another go by each of them
    (RFC 9525, RFC 8398, SPIFFE), and name constraints are for them all (RFC 5280, section
    4.2.1.10). Addresses have an option of their own.
    """
    wildcards: bool = True
    ips: bool = True
    subdomains: bool = True
    """Whether names below one of `domains` are granted too, or these alone."""
    sub_authorities: bool = False
    may_sign_authorities: bool = True
    """Whether the CA in use may: one with a path length of 0 signs leaves alone."""
    refused_keys: frozenset[str] = frozenset()
    """Keys whose certificates were revoked: hex of SHA-256 over the SubjectPublicKeyInfo."""
    constraints: tuple[Constraints, ...] = ()
    """What the CA in use, and those above it, limit names to: no verifier takes others."""
    ended: datetime.date | None = None
    """When the CA in use expired, if it has: whoever asks hears it, and not its operator alone."""


@dataclasses.dataclass(frozen=True)
class Wish:
    """What one request asks for, as far as the policy cares."""

    dns_names: frozenset[str]
    ips: frozenset[str]
    is_ca: bool
    key_sha256: str
    addresses: frozenset[str] = frozenset()
    """E-mail addresses and URIs."""
    names: Names = dataclasses.field(default_factory=name_constraints.Names)
    """What verifiers will hold to the CA's name constraints."""


@dataclasses.dataclass(frozen=True)
class Denial:
    """Why a request is not granted."""

    code: CertificateRequestErrorCode
    reason: str

    def error(self) -> CertificateError:
        """Return the denial as it goes over the wire."""
        # Half of a surrogate pair can be sent nowhere.
        reason = self.reason.encode(errors="backslashreplace").decode()
        return CertificateError(
            code=self.code.value,
            name=self.code.name.lower(),
            message=f"The certificate authority does not grant this: {reason}",
            reason=reason,
        )


def policy_from(
    config: ProviderConfig,
    refused_keys: frozenset[str],
    authority: Authority,
    now: datetime.datetime,
) -> Policy:
    """Return the policy that the operator's options make, and the CA that they chose."""
    ended = authority.certificate.expiry_time.date() if authority.has_expired(now) else None
    return Policy(
        limit=None if config.certificate_limit < 0 else config.certificate_limit,
        domains=config.allowed_domains,
        wildcards=config.allow_wildcards,
        ips=config.allow_ip_sans,
        subdomains=config.allow_subdomains,
        sub_authorities=config.allow_ca_certificates,
        may_sign_authorities=may_sign_authorities(authority),
        refused_keys=refused_keys,
        constraints=name_constraints.constraints_of((authority.certificate, *authority.chain)),
        ended=ended,
    )


def may_sign_authorities(authority: Authority) -> bool:
    """Return whether a CA may sign others (RFC 5280, section 4.2.1.9)."""
    return origin.path_length(authority.certificate) != 0


def wish_for(
    *,
    common_names: Collection[str],
    dns_names: Collection[str],
    ips: Collection[str],
    is_ca: bool,
    key: str,
    addresses: Collection[str] = (),
    constrained: Names | None = None,
) -> Wish:
    """Return what is asked for; a common name that reads as a host name or an address is one.

    Verifiers older than RFC 6125 still match the common name, any of several, and wildcards
    anywhere in it, so that it must be held to the same rules. One with a space in it, say, names
    no host. A sub-CA's common name is its title.
    """
    names, ip_addresses = set(dns_names), set(ips)
    for common_name in () if is_ca else common_names:
        if name_constraints.is_ip_address(common_name):
            ip_addresses.add(common_name)
        elif _HOST_NAME.fullmatch(common_name):
            names.add(_a_label(common_name))
    return Wish(
        frozenset(names),
        frozenset(ip_addresses),
        is_ca,
        key,
        frozenset(addresses),
        constrained or name_constraints.Names(),
    )


def why_deny(wish: Wish, policy: Policy, held: int) -> Denial | None:
    """Return why *wish* is not granted, or `None` if it is.

    Args:
        wish: What is asked for.
        policy: What is granted.
        held: How many certificates this requirer has for other current requests of its.
    """
    return next(_denials(wish, policy, held), None)


def _denials(wish: Wish, policy: Policy, held: int) -> Iterator[Denial]:
    """Every reason to deny, the one that helps most first."""
    other = CertificateRequestErrorCode.OTHER
    if policy.ended is not None:
        code = CertificateRequestErrorCode.SERVER_NOT_AVAILABLE
        yield Denial(
            code, f"the CA expired on {policy.ended}; its operator has to bring a new one"
        )
    if wish.key_sha256 in policy.refused_keys:
        yield Denial(other, "a certificate for this key was revoked; ask with a new key")
    if wish.is_ca and not policy.sub_authorities:
        yield Denial(other, "certificates for authorities are not granted")
    if wish.is_ca and not policy.may_sign_authorities:
        yield Denial(other, "the CA in use may not sign other authorities: its path length is 0")
    if wish.ips and not policy.ips:
        code = CertificateRequestErrorCode.IP_NOT_ALLOWED
        yield Denial(code, f"IP addresses are not granted: {_listed(wish.ips)}")
    wildcards = {name for name in wish.dns_names if "*" in name}
    if wildcards and not policy.wildcards:
        code = CertificateRequestErrorCode.WILDCARD_NOT_ALLOWED
        yield Denial(code, f"wildcards are not granted: {_listed(wildcards)}")
    outside = {name for name in wish.dns_names if not _is_within(name, policy)}
    outside |= {one for one in wish.addresses if not _is_within(_host_of(one), policy)}
    if outside:
        code = CertificateRequestErrorCode.DOMAIN_NOT_ALLOWED
        granted = ", ".join(policy.domains) + (" and below" if policy.subdomains else " alone")
        yield Denial(code, f"not within {granted}: {_listed(outside)}")
    yield from _unsigned(name_constraints.outside(wish.names, policy.constraints))
    if policy.limit is not None and held >= policy.limit:
        yield Denial(other, f"the limit of {policy.limit} certificates per requirer is reached")


def _unsigned(outside: Outside) -> Iterator[Denial]:
    """Every reason to deny what the CA in use may not sign."""
    constraints = "outside the name constraints of the CA in use"
    if outside.ips:
        code = CertificateRequestErrorCode.IP_NOT_ALLOWED
        yield Denial(code, f"{constraints}: {_listed(outside.ips)}")
    if outside.hosts:
        code = CertificateRequestErrorCode.DOMAIN_NOT_ALLOWED
        yield Denial(code, f"{constraints}: {_listed(outside.hosts)}")
    if outside.subject is not None:
        code = CertificateRequestErrorCode.OTHER
        yield Denial(code, f"{constraints}: the subject {outside.subject}")
    if outside.oids:
        code = CertificateRequestErrorCode.OTHER
        reason = "the name constraints of the CA in use are for registered IDs, which no verifier"
        yield Denial(code, f"{reason} can hold to them: {_listed(outside.oids)}")


def _is_within(name: str | None, policy: Policy) -> bool:
    if not policy.domains or name is None:
        return True
    host = name.lower().rstrip(".")
    if host.startswith("*."):
        # A wildcard stands for names below its domain (RFC 6125, section 6.4.3), so that granting
        # it grants subdomains.
        return policy.subdomains and any(
            host[2:] == domain or host.endswith(f".{domain}") for domain in policy.domains
        )
    return any(
        host == domain or (policy.subdomains and host.endswith(f".{domain}"))
        for domain in policy.domains
    )


def _host_of(address: str) -> str | None:
    """Return the host that an e-mail address or a URI names; `None` if it names none."""
    scheme, colon, _ = address.partition(":")
    if not colon or "@" in scheme:
        return address.rpartition("@")[2]
    try:
        return urllib.parse.urlsplit(address).hostname
    except ValueError:
        # Whoever reads it otherwise may find any host in it.
        return address


def _a_label(name: str) -> str:
    """Return a host name as DNS has it (RFC 5890), if it can be brought into that form."""
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return name


def _listed(names: Collection[str]) -> str:
    """Return the names for the reason of a denial: the first of them, for it is sent back."""
    first, more = sorted(names)[:_MOST_LISTED], len(names) - _MOST_LISTED
    return ", ".join(first) + (f" and {more} more" if more > 0 else "")
