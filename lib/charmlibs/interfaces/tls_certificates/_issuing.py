"""A certificate authority signs: what a certificate may say is decided here.

The profile is RFC 5280's, and the CA/Browser Forum's for servers where both agree.
"""

import ipaddress
import logging
import re
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from . import _attributes, _errors, _keys, _names, _x509

_logger = logging.getLogger(__name__)

_MAX_BACKDATING = timedelta(minutes=5)
_BACKDATED_SHARE = 20
_SUB_CA_PATH_LENGTH = 0
_LEAF_USAGES = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
# A request may say these, and the profile decides: they are neither copied nor refused.
_DECIDED_BY_PROFILE = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    }
)
_LEAST_BITS: dict[type[rsa.RSAPublicKey | ec.EllipticCurvePublicKey], int] = {
    rsa.RSAPublicKey: 2048,
    ec.EllipticCurvePublicKey: 256,
}
_ABSOLUTE_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+", re.ASCII)
_SAN_KINDS = (
    x509.DNSName,
    x509.IPAddress,
    x509.RegisteredID,
    x509.RFC822Name,
    x509.UniformResourceIdentifier,
)


def sign(
    csr: _x509.CertificateSigningRequest,
    ca: _x509.Certificate,
    ca_private_key: _keys.PrivateKey,
    validity: timedelta,
    now: datetime,
    *,
    is_ca: bool = False,
) -> _x509.Certificate:
    """Issue a certificate for a request.

    Args:
        csr: The request; its signature must hold.
        ca: The certificate of the CA that signs.
        ca_private_key: Its key.
        validity: How long the certificate is valid after *now*, cut to the CA's validity.
        now: Aware. The validity starts a little earlier, for clocks that are slow: 5 minutes or a
            twentieth of the validity, whichever is less, and never before the CA's.
        is_ca: Whether to issue a CA certificate, with a path length of 0.

    Raises:
        TLSCertificatesError: If the request cannot be granted or the CA cannot sign. The message
            says why and is fit for the requirer.
    """
    _check_issuer(ca, ca_private_key, now, is_ca=is_ca)
    if not csr.is_signature_valid:
        raise _errors.IssuingError("the signature of the certificate request does not hold")
    request = csr.x509_object
    _check_subject(request.subject, is_ca=is_ca)
    not_before, not_after = _validity(validity, now, ca)
    public_key = _supported_public_key(request)
    builder = (
        x509.CertificateBuilder()
        .subject_name(request.subject)
        .issuer_name(ca.x509_object.subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(_authority_key_identifier(ca), critical=False)
        .add_extension(
            x509.BasicConstraints(ca=is_ca, path_length=_SUB_CA_PATH_LENGTH if is_ca else None),
            critical=True,
        )
        .add_extension(_key_usage(public_key, is_ca=is_ca), critical=True)
    )
    for extension, critical in _requested_extensions(request, is_ca=is_ca):
        builder = builder.add_extension(extension, critical=critical)
    return _x509.Certificate(
        x509_object=builder.sign(ca_private_key.x509_object, ca_private_key.signature_hash)
    )


def sign_now(
    csr: _x509.CertificateSigningRequest,
    ca: _x509.Certificate,
    ca_private_key: _keys.PrivateKey,
    validity: timedelta,
    *,
    is_ca: bool,
) -> _x509.Certificate:
    """`sign` by the clock: the published signatures take none."""
    return sign(csr, ca, ca_private_key, validity, datetime.now(timezone.utc), is_ca=is_ca)


def self_signed_ca(
    attributes: _attributes.CertificateRequestAttributes,
    private_key: _keys.PrivateKey,
    validity: timedelta,
    now: datetime,
) -> _x509.Certificate:
    """Make a root CA: a certificate which its own key signed.

    Args:
        attributes: Its subject and alternative names.
        private_key: Its key.
        validity: How long it is valid after *now*.
        now: Aware; the validity starts a little earlier, as in `sign`.

    Raises:
        TLSCertificatesError: If the attributes, the key or the validity are not valid.
    """
    _check_key(private_key)
    subject = attributes.subject_name()
    _check_subject(subject, is_ca=True)
    names = attributes.alternative_names()
    not_before, not_after = _validity(validity, now, None)
    public_key = private_key.x509_object.public_key()
    identifier = x509.SubjectKeyIdentifier.from_public_key(public_key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(identifier, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_key_usage(public_key, is_ca=True), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    for extension in attributes.additional_critical_extensions:
        if extension.oid in _DECIDED_BY_PROFILE:
            raise _errors.IssuingError(
                f"additional_critical_extensions has {extension.oid.dotted_string}, "
                "which every CA certificate has in the form that is right for it"
            )
        builder = builder.add_extension(extension, critical=True)
    return _x509.Certificate(
        x509_object=builder.sign(private_key.x509_object, private_key.signature_hash)
    )


def self_signed_ca_now(
    attributes: _attributes.CertificateRequestAttributes,
    private_key: _keys.PrivateKey,
    validity: timedelta,
) -> _x509.Certificate:
    """`self_signed_ca` by the clock: the published signatures take none."""
    return self_signed_ca(attributes, private_key, validity, datetime.now(timezone.utc))


def _check_issuer(
    ca: _x509.Certificate, ca_private_key: _keys.PrivateKey, now: datetime, *, is_ca: bool
) -> None:
    _check_key(ca_private_key)
    if not ca.is_ca:
        raise _errors.IssuingError(f"{ca.subject_rfc4514!r} is not a CA certificate")
    if not ca.matches_private_key(ca_private_key):
        raise _errors.IssuingError(f"the private key is not that of the CA {ca.subject_rfc4514!r}")
    if not ca.is_valid_at(now):
        raise _errors.IssuingError(f"the CA {ca.subject_rfc4514!r} expired on {ca.expiry_time}")
    if not list(ca.x509_object.subject):
        raise _errors.IssuingError("the CA has an empty subject")
    constraints = ca.x509_object.extensions.get_extension_for_class(x509.BasicConstraints).value
    if not _may_sign_certificates(ca):
        raise _errors.IssuingError(
            f"the key usage of the CA {ca.subject_rfc4514!r} does not let it sign certificates"
        )
    if is_ca and constraints.path_length == 0:
        raise _errors.IssuingError(f"the CA {ca.subject_rfc4514!r} may not sign other CAs")


def _may_sign_certificates(ca: _x509.Certificate) -> bool:
    """Tell whether what a CA signs will verify (RFC 5280, section 4.2.1.3): no usage is any."""
    try:
        usage = ca.x509_object.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return usage.key_cert_sign


def _check_key(key: _keys.PrivateKey) -> None:
    # Checking an RSA key's numbers takes 30 ms, so only its strength is looked at here: what a
    # faulty key signs does not verify, and gives OpenSSL no chance to leak it.
    if key.algorithm is _keys.KeyAlgorithm.RSA and key.key_size < 2048:  # noqa: PLR2004
        raise _errors.IssuingError(f"a key of {key.key_size} bits is too weak to sign")


def _validity(
    validity: timedelta, now: datetime, ca: _x509.Certificate | None
) -> tuple[datetime, datetime]:
    now = now.astimezone(timezone.utc).replace(microsecond=0)
    if validity < timedelta(seconds=1):
        raise _errors.IssuingError(f"the validity must be a second or more, not {validity}")
    not_before = now - min(_MAX_BACKDATING, validity / _BACKDATED_SHARE)
    try:
        not_after = now + validity
    except OverflowError as error:
        raise _errors.IssuingError(f"a validity of {validity} ends after the year 9999") from error
    if ca is not None:
        not_before = max(not_before, ca.validity_start_time)
        not_after = min(not_after, ca.expiry_time)
    if not_after <= not_before:
        raise _errors.IssuingError("the CA is not valid yet, or for less than a second more")
    return not_before, not_after


def _supported_public_key(request: x509.CertificateSigningRequest) -> CertificatePublicKeyTypes:
    public_key = request.public_key()
    for kind, least in _LEAST_BITS.items():
        if isinstance(public_key, kind):
            if public_key.key_size < least:
                raise _errors.IssuingError(
                    f"the key of the request has {public_key.key_size} bits, {least} is the least"
                )
            return public_key
    if isinstance(public_key, (ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)):
        return public_key
    raise _errors.IssuingError("the key of the request is not RSA, ECDSA or EdDSA")


def _check_subject(subject: x509.Name, *, is_ca: bool) -> None:
    """Check that a certificate can have this subject; a parsed one may be anything."""
    if is_ca and not list(subject):
        # RFC 5280, section 4.1.2.6: the certificates that it signs name it as their issuer.
        raise _errors.IssuingError("a CA certificate needs a subject")
    for field, oid in _attributes.SUBJECT.items():
        for attribute in subject.get_attributes_for_oid(oid):
            problem = _subject_problem(field, attribute.value)
            if problem is not None:
                raise _errors.IssuingError(problem)


def _subject_problem(field: str, value: str | bytes) -> str | None:
    if not isinstance(value, str):
        return f"{field} is no text"
    if field == "country_name":
        return _names.country_problem(value)
    if field == "email_address":
        return _names.email_problem(value)
    return _names.subject_problem(field, value)


def _authority_key_identifier(ca: _x509.Certificate) -> x509.AuthorityKeyIdentifier:
    extensions = ca.x509_object.extensions
    try:
        identifier = extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        public_key = ca.x509_object.public_key()
        identifier = x509.SubjectKeyIdentifier.from_public_key(public_key)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _key_usage(public_key: object, *, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_ca,
        content_commitment=False,
        # Only RSA keys can be used for key transport (RFC 5280, section 4.2.1.3).
        key_encipherment=not is_ca and isinstance(public_key, rsa.RSAPublicKey),
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )


def _requested_extensions(
    request: x509.CertificateSigningRequest, *, is_ca: bool
) -> Iterable[tuple[x509.ExtensionType, bool]]:
    """Yield what a certificate takes from its request, each with whether it is critical."""
    names = _alternative_names(request)
    if names:
        # Critical where nothing else names the subject (RFC 5280, section 4.2.1.6).
        yield x509.SubjectAlternativeName(names), not list(request.subject)
    elif not list(request.subject):
        raise _errors.IssuingError("the request names nothing, in its subject or elsewhere")
    if not is_ca:
        yield x509.ExtendedKeyUsage(_usages(request)), False
    for extension in request.extensions:
        if extension.oid == ExtensionOID.TLS_FEATURE:
            yield extension.value, extension.critical
        elif extension.oid in {
            ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
            ExtensionOID.EXTENDED_KEY_USAGE,
            *_DECIDED_BY_PROFILE,
        }:
            continue
        elif extension.critical:
            oid = extension.oid.dotted_string
            raise _errors.IssuingError(
                f"the request has the critical extension {oid}, which is not supported"
            )
        else:
            oid = extension.oid.dotted_string
            _logger.warning("left extension %s of the request out of the certificate", oid)


def _usages(request: x509.CertificateSigningRequest) -> list[x509.ObjectIdentifier]:
    """Return the extended key usage: what is asked for of what leaves may have, else all of it."""
    try:
        extension = request.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        return list(_LEAF_USAGES)
    asked = list(extension.value)
    beyond = [usage.dotted_string for usage in asked if usage not in _LEAF_USAGES]
    if beyond and extension.critical:
        raise _errors.IssuingError(
            f"the request has the critical extended key usage {', '.join(beyond)}, "
            "which is not supported"
        )
    if beyond:
        _logger.warning("left extended key usage %s out of the certificate", ", ".join(beyond))
    return [usage for usage in _LEAF_USAGES if usage in asked] or list(_LEAF_USAGES)


def _alternative_names(request: x509.CertificateSigningRequest) -> list[x509.GeneralName]:
    """Return the alternative names of the request, and its subject's e-mail address among them.

    Section 4.1.2.6 of RFC 5280 wants e-mail addresses there, where names are checked.
    """
    try:
        extension = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        asked = list(extension.value)
    except x509.ExtensionNotFound:
        asked: list[x509.GeneralName] = []
    names: list[x509.GeneralName] = []
    for name in asked:
        if not isinstance(name, _SAN_KINDS):
            kind = type(name).__name__
            raise _errors.IssuingError(f"alternative names of the kind {kind} are not supported")
        if (problem := _name_problem(name)) is not None:
            raise _errors.IssuingError(problem)
        names.append(name)
    names.extend(
        x509.RFC822Name(str(attribute.value))
        for attribute in request.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)
    )
    return list(dict.fromkeys(names))


def _name_problem(name: x509.GeneralName) -> str | None:
    """Return why a name is not fit for a certificate, or None: a parsed one may be any text."""
    if isinstance(name, x509.DNSName):
        return _names.dns_problem(name.value.lower())
    if isinstance(name, x509.IPAddress):
        is_address = isinstance(name.value, (ipaddress.IPv4Address, ipaddress.IPv6Address))
        return None if is_address else f"{name.value} is a network, not an IP address"
    if isinstance(name, x509.RFC822Name):
        return _names.email_problem(name.value)
    if isinstance(name, x509.UniformResourceIdentifier) and not _ABSOLUTE_URI.fullmatch(
        name.value
    ):
        # RFC 5280, section 4.2.1.6.
        return f"the URI {name.value!r} is not absolute, as in 'https://a.example/'"
    return None
