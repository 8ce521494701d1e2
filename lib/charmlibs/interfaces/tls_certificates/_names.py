"""Names in certificates: their canonical form, and why one is not fit for a certificate.

Equal names have one canonical form, so that requests which mean the same are equal. Nothing here
raises for a text that an operator may have typed: it is kept, and the sentence that says what is
wrong with it names the text and what is accepted.
"""

import ipaddress
import re
from collections.abc import Collection, Iterator

from cryptography import x509

# The upper bounds of RFC 5280, appendix A.1.
UPPER_BOUNDS = {
    "common_name": 64,
    "organization": 64,
    "organizational_unit": 64,
    "state_or_province_name": 128,
    "locality_name": 128,
    "email_address": 255,
}
_MAX_DNS_LENGTH = 253
_MAX_DNS_LABEL_LENGTH = 63
# The "preferred name syntax" of RFC 1034, section 3.5, which RFC 5280 wants: no underscores.
_DNS_LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_COUNTRY = r"[A-Za-z]{2}"
# Halves of surrogate pairs among them: no encoding has them.
_CONTROL_CHARACTER = r"[\x00-\x1f\x7f\ud800-\udfff]"
_EMAIL = r"[!-?A-~]+@[!-?A-~]+"


def canonical_dns(name: str) -> str:
    """Return a DNS name in lower case: DNS does not tell case apart (RFC 4343)."""
    return name.strip().lower()


def canonical_ip(address: str) -> str:
    """Return an IP address in its shortest spelling (RFC 5952), or the text if it is none."""
    try:
        return ipaddress.ip_address(address.strip()).compressed
    except ValueError:
        return address.strip()


def canonical_oid(oid: str) -> str:
    """Return an object identifier without leading zeros, or the text if it is none."""
    try:
        return x509.ObjectIdentifier(oid.strip()).dotted_string
    except ValueError:
        return oid.strip()


def dns_problem(name: str) -> str | None:
    """Return why a canonical text is no DNS name for a certificate, or None."""
    if not name.isascii():
        return f"DNS name {name!r} is not ASCII: {_advice_on_u_label(name)}"
    if len(name) > _MAX_DNS_LENGTH:
        return f"DNS name {name!r} has {len(name)} characters, {_MAX_DNS_LENGTH} are allowed"
    # Only a whole first label may be a wildcard (RFC 6125, section 6.4.3).
    labels = name.removeprefix("*.").split(".")
    for label in labels:
        if len(label) > _MAX_DNS_LABEL_LENGTH:
            return f"DNS name {name!r} has a label of over {_MAX_DNS_LABEL_LENGTH} characters"
        if not re.fullmatch(_DNS_LABEL, label):
            return (
                f"DNS name {name!r} has the label {label!r}: letters, digits and hyphens between "
                'them are allowed, and "*" as the whole first label'
            )
    return None


def ip_problem(address: str) -> str | None:
    """Return why a canonical text is no IP address for a certificate, or None."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return f"{address!r} is not an IPv4 or IPv6 address"
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.scope_id is not None:
        return f"IP address {address!r} has a zone, which means something on one host only"
    return None


def oid_problem(oid: str) -> str | None:
    """Return why a text is no object identifier, or None."""
    try:
        x509.ObjectIdentifier(oid)
    except ValueError:
        return f'{oid!r} is not an object identifier such as "1.2.3.4"'
    return None


def email_problem(address: str) -> str | None:
    """Return why a text is no e-mail address for a certificate, or None."""
    if not re.fullmatch(_EMAIL, address):
        return f"email_address {address!r} is not of the form user@host in ASCII"
    return None


def country_problem(name: str) -> str | None:
    """Return why a text is no country name, or None (RFC 5280: two letters of ISO 3166)."""
    if not re.fullmatch(_COUNTRY, name):
        return f'country_name {name!r} is not two letters, as in "GB"'
    return None


def subject_problem(field: str, text: str) -> str | None:
    """Return why a text cannot stand in this field of a subject, or None."""
    if re.search(_CONTROL_CHARACTER, text):
        return f"{field} {text!r} has a control character"
    bound = UPPER_BOUNDS[field]
    if field == "common_name" and not text.isascii() and len(text.encode()) > bound:
        # RFC 5280 counts characters; `cryptography` counts bytes in this field, and refuses.
        return f"{field} {text!r} has {len(text.encode())} bytes in UTF-8, {bound} are allowed"
    if len(text) > bound:
        return f"{field} {text!r} has {len(text)} characters, {bound} are allowed"
    return None


def san_problems(dns: Collection[str], ip: Collection[str], oid: Collection[str]) -> Iterator[str]:
    """Yield what is wrong with subject alternative names, in their canonical form."""
    for names, problem_of in ((dns, dns_problem), (ip, ip_problem), (oid, oid_problem)):
        for name in sorted(names):
            if problem := problem_of(name):
                yield problem


def _advice_on_u_label(name: str) -> str:
    try:
        return f"use its A-label, {name.encode('idna').decode()!r}"
    except UnicodeError:
        return "use its A-label"
