"""Targets: the values of the library, made from whatever text there is."""

import contextlib
import datetime
from typing import Any

from cryptography import x509
from hypothesis import strategies as st

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateRequestAttributes,
    CertificateSigningRequest,
    PrivateKey,
    TLSCertificatesError,
    _renewal,
    calculate_relative_datetime,
)
from tests.fuzz import forge, texts
from tests.fuzz.target import Target


def _properties(value: Any) -> dict[str, Any]:
    """Return every public property of a value: none of them may raise."""
    names = [name for name in dir(type(value)) if not name.startswith("_")]
    found = {name: getattr(value, name) for name in names}
    return {name: one for name, one in found.items() if not callable(one)}


def check_certificate(text: str) -> None:
    """A text is a certificate whose every part can be read, or a documented error."""
    try:
        found = Certificate.from_string(text)
    except TLSCertificatesError:
        return
    _properties(found)
    again = Certificate.from_string(found.raw)
    assert (again, hash(again), str(again)) == (found, hash(found), str(found))
    assert repr(again) == repr(found)
    for issuer in (found, forge.root()):
        found.is_signed_by(issuer)
    found.matches_private_key(forge.key(1))
    found.is_valid_at(forge.NOW)


def check_request(text: str) -> None:
    """A text is a request that can be read, compared and answered, or a documented error."""
    try:
        found = CertificateSigningRequest.from_string(text)
    except TLSCertificatesError:
        return
    _properties(found)
    assert found.raw == text.strip()
    assert CertificateSigningRequest.from_string(found.raw) == found
    assert repr(found) == repr(CertificateSigningRequest.from_string(text))
    assert len(found.get_sha256_hex()) == 64
    for is_ca in (False, True):
        with contextlib.suppress(TLSCertificatesError):
            attributes = CertificateRequestAttributes.from_csr(found, is_ca)
            assert attributes == CertificateRequestAttributes.from_csr(found, is_ca)
            assert hash(attributes) == hash(CertificateRequestAttributes.from_csr(found, is_ca))
            assert repr(attributes)
            if attributes.is_valid():
                attributes.generate_csr(forge.key(1))
        with contextlib.suppress(TLSCertificatesError):
            made = found.sign(forge.root(), forge.key(0), forge.DAY, is_ca)
            assert found.matches_certificate(made)
            assert (made.is_ca, made.is_signed_by(forge.root())) == (is_ca, True)
            assert Certificate.from_string(made.raw) == made
            _properties(made)
            _no_unknown_extension_is_critical(made)


def _no_unknown_extension_is_critical(certificate: Certificate) -> None:
    for extension in certificate.x509_object.extensions:
        assert not isinstance(extension.value, x509.UnrecognizedExtension)


def check_private_key(text: str) -> None:
    """A text is a key, fit to be used or not, or a documented error; none of it is shown."""
    try:
        found = PrivateKey.from_string(text)
    except TLSCertificatesError as error:
        assert _secret_of(text) not in f"{error} {error.__cause__}"
        return
    assert found == PrivateKey.from_string(found.raw)
    _properties(found)
    assert _secret_of(text) not in f"{found} {found!r}"
    if found.is_valid():
        attributes = CertificateRequestAttributes(common_name="a")
        assert attributes.generate_csr(found).is_signature_valid


def _secret_of(text: str) -> str:
    lines = [line for line in text.splitlines() if len(line) > 20 and "-----" not in line]
    return lines[0] if lines else "no line"


_NAMES = st.one_of(
    texts.anything,
    st.sampled_from(
        [
            "a.example",
            "*.a.example",
            "*",
            "A",
            "ä.example",
            "10.0.0.1",
            "010.0.0.1",
            "::1",
            "fe80::1%x",
            "1.2.3",
            "1",
            "3.1",
            "2.999",
            "1.2." + "9" * 300,
            "a" * 64,
            "." * 300,
            "GB",
            "a@b",
            " ",
            "\u212a",
            "\u0130",
            "a\u200b",
            "xn--",
            "a" * 300,
            "ß" * 40,
            "�",
            "\x00",
        ]
    ),
)
_COLLECTIONS = st.one_of(
    st.none(), st.lists(_NAMES, max_size=4), st.sets(_NAMES, max_size=3), texts.values
)
_SUBJECT = (
    "common_name",
    "email_address",
    "organization",
    "organizational_unit",
    "country_name",
    "state_or_province_name",
    "locality_name",
)
ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.one_of(_NAMES, _NAMES, _NAMES, texts.values) for name in _SUBJECT},
        **dict.fromkeys(("sans_dns", "sans_ip", "sans_oid"), _COLLECTIONS),
        "is_ca": st.booleans(),
        "add_unique_id_to_subject_name": st.booleans(),
    },
)


def check_attributes(given: dict[str, Any]) -> None:
    """What an operator types makes a request that says the same, or the problem is said."""
    try:
        attributes = CertificateRequestAttributes(**given)
    except (TLSCertificatesError, TypeError):
        return
    assert attributes == CertificateRequestAttributes(**given)
    assert hash(attributes) == hash(CertificateRequestAttributes(**given))
    assert repr(attributes)
    _properties(attributes)
    try:
        csr = attributes.generate_csr(forge.key(1))
    except TLSCertificatesError:
        assert attributes.problems
        return
    assert not attributes.problems
    assert CertificateRequestAttributes.from_csr(csr, attributes.is_ca) == attributes
    assert CertificateSigningRequest.from_string(csr.raw) == csr
    assert csr.is_signature_valid


_OFFSETS = st.integers(-14 * 60, 14 * 60).map(
    lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes))
)
_MOMENTS = st.one_of(
    st.datetimes(timezones=_OFFSETS),
    st.integers(-100, 100).map(lambda seconds: forge.NOW + datetime.timedelta(seconds=seconds)),
)


def check_renewal(
    case: tuple[
        datetime.datetime, datetime.datetime, datetime.datetime, datetime.datetime, float, bool
    ],
) -> None:
    """Any dates that a certificate can have give an alarm, which is kept and not too early."""
    not_before, not_after, seen, now, fraction, hinted = case
    try:
        _renewal.check_fraction(fraction)
    except TLSCertificatesError:
        return
    due = _renewal.due(not_before, not_after, fraction, seen)
    assert not _renewal.is_far_away(due)
    assert _renewal.alarm(due) == due
    assert (due.utcoffset(), due.microsecond) == (datetime.timedelta(), 0)
    # Half of what is left, or five minutes, but for the part of a second; or no later than Juju.
    second = datetime.timedelta(seconds=1)
    assert due > seen - second or due >= _renewal.FAR_AWAY - 366 * forge.DAY
    assert _renewal.is_due(due, not_after, due, hinted=hinted)
    if _renewal.is_due(due, not_after, now, hinted=hinted):
        assert now >= due - datetime.timedelta(seconds=60)
    calculate_relative_datetime(not_after, fraction)


TARGETS = [
    Target("certificate", texts.certificates, check_certificate, 50),
    Target("request", texts.requests, check_request, 50),
    Target("private-key", texts.private_keys, check_private_key),
    Target("attributes", ATTRIBUTES, check_attributes, 15),
    Target(
        "renewal",
        st.tuples(*[_MOMENTS] * 4, st.floats(0.4, 1.1), st.booleans()),
        check_renewal,
        5,
    ),
]
