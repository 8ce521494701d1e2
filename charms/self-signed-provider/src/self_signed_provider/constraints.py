"""Name constraints of a CA that an operator brought (RFC 5280, section 4.2.1.10).

Verifiers refuse a certificate with a name outside of them, so that none is to be made. What is
read here is what verifiers do: where the RFC leaves a choice, what OpenSSL and Go agree on.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
import urllib.parse
from typing import TYPE_CHECKING, TypeVar

from cryptography import x509

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from charmlibs.interfaces.tls_certificates import Certificate

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_HOST = re.compile(r"[A-Za-z0-9_.-]+")
_Name = TypeVar("_Name")
_Base = TypeVar("_Base")


@dataclasses.dataclass(frozen=True)
class Subtrees:
    """Names of each kind that one list of a CA has, as they stand there."""

    dns: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()
    subjects: tuple[x509.Name, ...] = ()
    oids: tuple[str, ...] = ()
    """Registered IDs, dotted."""


@dataclasses.dataclass(frozen=True)
class Constraints:
    """What one CA limits the names below it to."""

    permitted: Subtrees = dataclasses.field(default_factory=Subtrees)
    """Of a kind that is listed here, only these; of a kind that is not, any."""
    excluded: Subtrees = dataclasses.field(default_factory=Subtrees)
    """Not these, even if they are permitted."""


@dataclasses.dataclass(frozen=True)
class Names:
    """The names in a certificate that verifiers hold to a CA's constraints."""

    dns: frozenset[str] = frozenset()
    ips: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()
    uris: frozenset[str] = frozenset()
    oids: frozenset[str] = frozenset()
    """Registered IDs, dotted. Names of other kinds than these are in no certificate here."""
    subject: x509.Name | None = None
    """`None` if it is empty, which is outside of nothing."""


@dataclasses.dataclass(frozen=True)
class Outside:
    """The names of a certificate that the CA may not sign."""

    hosts: frozenset[str]
    """DNS names, e-mail addresses and URIs."""
    ips: frozenset[str]
    subject: str | None
    """In the form of RFC 4514."""
    oids: frozenset[str]
    """Registered IDs."""


def constraints_of(chain: Iterable[Certificate]) -> tuple[Constraints, ...]:
    """Return the constraints of a CA and of those above it; all of them hold together.

    A root's own count too, although the RFC does not ask verifiers for it: OpenSSL and Go do.
    """
    return tuple(found for link in chain if (found := _constraints_of(link)) is not None)


def names_of(
    *,
    common_names: Iterable[str],
    dns: Iterable[str],
    ips: Iterable[str],
    emails: Iterable[str],
    uris: Iterable[str],
    oids: Iterable[str],
    subject: x509.Name,
) -> Names:
    """Return what verifiers will hold to constraints.

    A common name is taken for a host where no DNS name is among the alternative names, and only if
    it has a dot: so OpenSSL does; others do not look at it.
    """
    hosts = set(dns) or {n for n in common_names if "." in n and _HOST.fullmatch(n)}
    hosts = {name for name in hosts if not is_ip_address(name)}
    return Names(
        frozenset(hosts),
        frozenset(ips),
        frozenset(emails),
        frozenset(uris),
        frozenset(oids),
        subject if list(subject) else None,
    )


def outside(names: Names, constraints: Iterable[Constraints]) -> Outside:
    """Return which of *names* at least one of *constraints* does not allow."""
    hosts: set[str] = set()
    ips: set[str] = set()
    oids: set[str] = set()
    subject: str | None = None
    for one in constraints:
        permitted, excluded = one.permitted, one.excluded
        hosts |= _outside(names.dns, permitted.dns, excluded.dns, is_dns_within)
        hosts |= _outside(names.emails, permitted.emails, excluded.emails, is_email_within)
        hosts |= _outside(names.uris, permitted.uris, excluded.uris, is_uri_within)
        if permitted.uris or excluded.uris:
            # The RFC: an URI that names no host by its domain name must be rejected then.
            hosts |= {uri for uri in names.uris if _uri_host(uri) is None}
        if permitted.oids or excluded.oids:
            # A constraint that verifiers cannot process is an error to them where a certificate
            # has a name of its kind, whatever that name is; so the RFC asks, and OpenSSL does.
            oids |= names.oids
        ips |= _outside(names.ips, permitted.networks, excluded.networks, is_ip_within)
        if names.subject is not None and _outside(
            {names.subject}, permitted.subjects, excluded.subjects, is_subject_within
        ):
            subject = names.subject.rfc4514_string()
    return Outside(frozenset(hosts), frozenset(ips), subject, frozenset(oids))


def is_dns_within(name: str, base: str) -> bool:
    """Return whether a DNS name is *base*, or *base* with labels added on its left.

    A dot before *base* asks for at least one, which verifiers take over from URIs. A wildcard is
    a label as any other.
    """
    name, base = name.lower().rstrip("."), base.lower().rstrip(".")
    if base.startswith(".") or not base:
        return name.endswith(base)
    return name == base or name.endswith(f".{base}")


def is_email_within(address: str, base: str) -> bool:
    """Return whether an e-mail address is of a mailbox, a host, or below a domain (.DOMAIN)."""
    local, _, host = address.rpartition("@")
    if "@" in base:
        wanted, _, base = base.rpartition("@")
        # Who runs the host alone knows whether capitals count before the @.
        return local == wanted and host.lower() == base.lower()
    return _is_host_within(host, base)


def is_uri_within(uri: str, base: str) -> bool:
    """Return whether the host of a URI is the one given, or below a domain (.DOMAIN)."""
    host = _uri_host(uri)
    return host is not None and _is_host_within(host, base)


def is_ip_within(address: str, base: Network) -> bool:
    """Return whether an IP address is of a network; one of another version never is."""
    return ipaddress.ip_address(address) in base


def is_subject_within(subject: x509.Name, base: x509.Name) -> bool:
    """Return whether a subject begins as *base* does (section 7.1, but for Unicode's forms)."""
    start = [_folded(rdn) for rdn in base.rdns]
    return [_folded(rdn) for rdn in subject.rdns][: len(start)] == start


def is_ip_address(text: str) -> bool:
    """Return whether *text* is an IP address, of either version."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _outside(
    names: Iterable[_Name],
    permitted: tuple[_Base, ...],
    excluded: tuple[_Base, ...],
    is_within: Callable[[_Name, _Base], bool],
) -> set[_Name]:
    return {
        name
        for name in names
        if any(is_within(name, base) for base in excluded)
        or (permitted and not any(is_within(name, base) for base in permitted))
    }


def _is_host_within(host: str, base: str) -> bool:
    host, base = host.lower(), base.lower()
    return host.endswith(base) if base.startswith(".") or not base else host == base


def _uri_host(uri: str) -> str | None:
    """Return the domain name in a URI, or `None` if it has none, or an address in its place."""
    try:
        host = urllib.parse.urlsplit(uri).hostname
    except ValueError:
        return None
    return host if host and not is_ip_address(host) else None


def _folded(rdn: x509.RelativeDistinguishedName) -> frozenset[tuple[str, str]]:
    return frozenset(
        (attribute.oid.dotted_string, " ".join(str(attribute.value).casefold().split()))
        for attribute in rdn
    )


def _constraints_of(certificate: Certificate) -> Constraints | None:
    try:
        found = certificate.x509_object.extensions.get_extension_for_class(x509.NameConstraints)
    except x509.ExtensionNotFound:
        return None
    return Constraints(
        _subtrees(found.value.permitted_subtrees or ()),
        _subtrees(found.value.excluded_subtrees or ()),
    )


def _subtrees(names: Iterable[x509.GeneralName]) -> Subtrees:
    values = list(names)

    def of(kind: type[x509.GeneralName]) -> Iterator[object]:
        return (one.value for one in values if isinstance(one, kind))

    return Subtrees(
        dns=tuple(str(one) for one in of(x509.DNSName)),
        emails=tuple(str(one) for one in of(x509.RFC822Name)),
        uris=tuple(str(one) for one in of(x509.UniformResourceIdentifier)),
        networks=tuple(one for one in of(x509.IPAddress) if isinstance(one, Network)),
        subjects=tuple(one for one in of(x509.DirectoryName) if isinstance(one, x509.Name)),
        oids=tuple(
            one.value.dotted_string for one in values if isinstance(one, x509.RegisteredID)
        ),
    )
