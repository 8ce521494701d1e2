"""Certificates and requests, good ones and such as no library would write.

Everything is made from fixed numbers and signed without chance, so that a seed means the same
bytes tomorrow.
"""

import datetime
import functools
from collections.abc import Sequence
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519
from hypothesis import strategies as st

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateSigningRequest,
    PrivateKey,
)
from tests.fuzz import der

NOW = datetime.datetime(2026, 6, 1, 12, tzinfo=datetime.timezone.utc)
DAY = datetime.timedelta(days=1)


@functools.cache
def key(number: int) -> PrivateKey:
    """Return the key of this number; 0 is the authority's."""
    return PrivateKey(x509_object=ec.derive_private_key(1000 + number, ec.SECP256R1()))


@functools.cache
def root() -> Certificate:
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return _certificate("root", 0, (x509.BasicConstraints(ca=True, path_length=None), usage))


@functools.cache
def request(number: int, key_number: int = 1) -> CertificateSigningRequest:
    """Return a good request for ``host-<number>``."""
    signed = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(_name(f"host-{number}"))
        .sign(key(key_number).x509_object, hashes.SHA256(), ecdsa_deterministic=True)
    )
    return CertificateSigningRequest(x509_object=signed)


@functools.cache
def leaf(number: int, key_number: int = 1) -> Certificate:
    """Return a good answer to a good request."""
    leaf_profile = (x509.BasicConstraints(ca=False, path_length=None),)
    return _certificate(f"host-{number}", key_number, leaf_profile)


def _certificate(
    name: str, key_number: int, extensions: Sequence[x509.ExtensionType]
) -> Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name("root"))
        .public_key(key(key_number).x509_object.public_key())
        .serial_number(int.from_bytes(f"{name} {key_number}".encode(), "big"))
        .not_valid_before(NOW - 10 * DAY)
        .not_valid_after(NOW + 90 * DAY)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    made = builder.sign(key(0).x509_object, hashes.SHA256(), ecdsa_deterministic=True)
    return Certificate(x509_object=made)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


# What may be wrong with one, part by part. Each strategy draws DER.

_EC_PUBLIC_KEY, _P256 = der.oid("1.2.840.10045.2.1"), der.oid("1.2.840.10045.3.1.7")
_SHA256_ECDSA = der.sequence(der.oid("1.2.840.10045.4.3.2"))
_UNKNOWN = der.sequence(der.oid("1.2.3.4.5"))
ALGORITHMS = st.sampled_from(
    [
        *[_SHA256_ECDSA] * 8,
        der.sequence(der.oid("1.2.840.10045.4.3.2"), der.tlv(der.NULL)),
        der.sequence(der.oid("1.2.840.113549.1.1.5"), der.tlv(der.NULL)),  # SHA-1 with RSA.
        der.sequence(der.oid("1.2.840.113549.1.1.4"), der.tlv(der.NULL)),  # MD5 with RSA.
        der.sequence(der.oid("1.2.840.113549.1.1.10")),  # RSA-PSS without its parameters.
        der.sequence(der.oid("1.3.101.112")),
        _UNKNOWN,
        der.sequence(),
    ]
)


def _spki(public: Any) -> bytes:
    return public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _rsa(modulus: int, exponent: int) -> bytes:
    numbers = der.sequence(der.integer(modulus), der.integer(exponent))
    algorithm = der.sequence(der.oid("1.2.840.113549.1.1.1"), der.tlv(der.NULL))
    return der.sequence(algorithm, der.bit_string(numbers))


@functools.cache
def _public_keys() -> tuple[bytes, ...]:
    p256 = ec.derive_private_key(7, ec.SECP256R1()).public_key()
    # Made once for this file; there is no key to it any more.
    dsa_numbers = dsa.DSAPublicNumbers(
        0x73A615D5B0695AEB8562F919D72EA7DC78C1E82214E4FC4E63785DA3DB96F1DAD89547FFAD5B480E62D30A3FE3A3AD3B4334BF7F3B60830F639995D3FFEF95D2F589107AB5EF90F79EE689D7601C438E860683214860512C1973C7C224EA8A24AA1E4EFA8B9FED85C510621231D8AC05B3E078C30EA9E0ED4DA10B6D486DB258,
        dsa.DSAParameterNumbers(
            0xB0DC87A3F18D0EE2B6BBB46C4802AAAE2DDA7D7AFFD0FCA30C21B156494828722B597F2A127802F637C153C71280BBF7EF219B30B0EFE5B98D7A7492925A667DAE793B844554F00489EDC0A12D08D14E70190D121BA32F9786C6AD3F7739757EA8877FEAA07991DE48D99FCEF9FF2DD9455CF0419DA7A642BD7604D897087425,
            0xA088924C7BF8DB273B410EB9B00DA7C67613BBFF,
            0x682594C2F76EF49126FA04505415445F206D83CD4D9571816AB3DCCECE738CA133B100FCF4ABAB9DC34F7F52C1A30EC638E91B38F08E2BE14AB52388C84C50974124EEEC299D87DDE73D35370A4CD4D3C52085F62FB79B6373CB80CB8379F193C0C1A11E7F894772D44CA9548E594AE128A09227B3BB980CAA60A5DE57C650CC,
        ),
    )
    return (
        _spki(p256),
        _spki(ec.derive_private_key(7, ec.SECP384R1()).public_key()),
        _spki(ec.derive_private_key(7, ec.SECP521R1()).public_key()),
        _spki(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()),
        _spki(ed448.Ed448PrivateKey.from_private_bytes(bytes(57)).public_key()),
        _spki(x25519.X25519PrivateKey.from_private_bytes(bytes(32)).public_key()),
        _spki(dsa_numbers.public_key()),
        _rsa((1 << 2047) | 1, 65537),
        _rsa((1 << 1023) | 1, 3),
        _rsa((1 << 511) | 1, 1),
        _rsa(0, 0),
        _rsa(-((1 << 2047) | 1), 65537),
        _rsa(1 << 20_000 | 1, (1 << 20_000) | 1),
        # A point at infinity, one on no curve, an unknown curve, no key at all.
        der.sequence(der.sequence(_EC_PUBLIC_KEY, _P256), der.bit_string(b"\x00")),
        der.sequence(der.sequence(_EC_PUBLIC_KEY, _P256), der.bit_string(b"\x04" + bytes(64))),
        der.sequence(der.sequence(_EC_PUBLIC_KEY, der.oid("1.2.3")), der.bit_string(b"\x04")),
        der.sequence(der.sequence(_EC_PUBLIC_KEY), der.bit_string(b"")),
        der.sequence(der.sequence(der.oid("2.999.1")), der.bit_string(b"key")),
        der.sequence(),
    )


_ATTRIBUTES = st.sampled_from(
    ["2.5.4.3", "2.5.4.6", "2.5.4.10", "2.5.4.45", "1.2.840.113549.1.9.1", "1.2.3.4"]
).map(der.oid)
_STRINGS = st.one_of(
    st.text(max_size=8).map(lambda text: der.tlv(der.UTF8, text.encode(errors="surrogatepass"))),
    st.tuples(
        st.sampled_from(
            [der.UTF8, der.PRINTABLE, der.TELETEX, der.IA5, der.UNIVERSAL, der.BMP, der.NULL]
        ),
        st.binary(max_size=8),
    ).map(lambda drawn: der.tlv(*drawn)),
    st.binary(max_size=4).map(der.bit_string),
    st.sampled_from([64, 65, 70_000]).map(lambda size: der.tlv(der.UTF8, b"a" * size)),
)
_PLAIN_NAME = der.sequence(
    der.tlv(der.SET, der.sequence(der.oid("2.5.4.3"), der.tlv(der.UTF8, b"other")))
)
NAMES = st.one_of(
    st.just(_PLAIN_NAME),
    st.lists(
        st.lists(st.builds(der.sequence, _ATTRIBUTES, _STRINGS), max_size=2).map(
            lambda parts: der.tlv(der.SET, *sorted(parts))
        ),
        max_size=3,
    ).map(lambda sets: der.sequence(*sets)),
)

_GENERAL_NAMES = st.one_of(
    st.sampled_from([b"a.example", b"*.a.example", b"", b"\xff", b"a\0b", b"a b", b"*", b"."]).map(
        lambda text: der.implicit(2, text)
    ),
    st.binary(max_size=12).map(lambda text: der.implicit(2, text)),
    st.binary(max_size=12).map(lambda text: der.implicit(1, text)),
    st.sampled_from([b"https://a.example/", b"//[", b"x:", b"http://[::1", b"a@b"]).map(
        lambda text: der.implicit(6, text)
    ),
    # Addresses, networks, and what is neither.
    st.sampled_from([0, 3, 4, 8, 16, 32]).map(lambda size: der.implicit(7, bytes(size))),
    st.binary(min_size=4, max_size=8).map(lambda raw: der.implicit(7, raw)),
    st.sampled_from([b"\x2a\x03", b"\x80", b"", b"\x88\x37\x01"]).map(
        lambda raw: der.implicit(8, raw)
    ),
    st.just(der.explicit(0, der.oid("1.2.3"), der.explicit(0, der.tlv(der.UTF8, b"other")))),
    st.just(der.explicit(3, der.sequence())),  # An X.400 address.
    st.just(der.explicit(4, _PLAIN_NAME)),
)


def _extension(oid: str, value: bytes, *, critical: bool) -> bytes:
    flag = der.boolean(True) if critical else b""
    return der.sequence(der.oid(oid), flag, der.octet_string(value))


_ALTERNATIVE_NAMES = st.builds(
    _extension,
    st.just("2.5.29.17"),
    st.lists(_GENERAL_NAMES, max_size=4).map(lambda names: der.sequence(*names)),
    critical=st.booleans(),
)
_OTHER_EXTENSIONS = st.builds(
    _extension,
    st.sampled_from(
        # Basic constraints, key usage, extended key usage, authority and subject key identifier,
        # name constraints, policies, TLS feature, precertificate poison, an unknown one.
        [
            "2.5.29.19",
            "2.5.29.15",
            "2.5.29.37",
            "2.5.29.35",
            "2.5.29.14",
            "2.5.29.30",
            "2.5.29.32",
            "1.3.6.1.5.5.7.1.24",
            "1.3.6.1.4.1.11129.2.4.3",
            "1.2.3.4.5",
        ]
    ),
    st.one_of(
        st.sampled_from(
            [
                der.sequence(),
                der.sequence(der.boolean(True)),
                der.sequence(der.boolean(True), der.integer(0)),
                der.sequence(der.boolean(True), der.integer(-1)),
                der.sequence(der.boolean(True), der.integer(1 << 80)),
                der.bit_string(b"\x06", 1),
                der.bit_string(b""),
                der.sequence(der.oid("1.3.6.1.5.5.7.3.1")),
                der.sequence(der.oid("2.5.29.37.0"), der.oid("1.2.3")),
                der.sequence(der.integer(5)),
                der.octet_string(b"id"),
                der.tlv(der.NULL),
                b"",
            ]
        ),
        st.binary(max_size=12),
    ),
    critical=st.booleans(),
)
EXTENSIONS = st.lists(st.one_of(_ALTERNATIVE_NAMES, _OTHER_EXTENSIONS), max_size=3)

_TIMES = st.one_of(
    st.datetimes().map(der.time),
    st.sampled_from([b"99991231235959Z", b"00000101000000Z", b"20260601120000.5Z", b""]).map(
        lambda text: der.tlv(der.GENERALIZED_TIME, text)
    ),
    st.sampled_from([b"2606011200Z", b"260601120000+0100", b"261301000000Z"]).map(
        lambda text: der.tlv(der.UTC_TIME, text)
    ),
)
_VALIDITIES = st.one_of(
    st.just(der.sequence(der.time(NOW - 10 * DAY), der.time(NOW + 90 * DAY))),
    st.builds(der.sequence, _TIMES, _TIMES),
)
_SERIALS = st.sampled_from([1, 0, -1, -(1 << 64), 1 << 64, 1 << 159, 1 << 2000]).map(der.integer)
_PUBLIC_KEYS = st.deferred(lambda: st.sampled_from(_public_keys()))
_VERSIONS = st.sampled_from([2] * 20 + [0, 1, 3, -1, 1 << 40]).map(
    lambda number: der.explicit(0, der.integer(number)) if number else b""
)


@st.composite
def certificates(draw: st.DrawFn) -> bytes:
    """Draw a certificate in DER, each part of which may be odd or wrong; the authority's key
    signed it, so that nothing stops at its signature.
    """
    algorithm = draw(ALGORITHMS)
    extensions = draw(EXTENSIONS)
    body = der.sequence(
        draw(_VERSIONS),
        draw(_SERIALS),
        algorithm,
        draw(NAMES),
        draw(_VALIDITIES),
        draw(NAMES),
        draw(_PUBLIC_KEYS),
        der.explicit(3, der.sequence(*extensions)) if extensions else b"",
    )
    return _signed(body, draw(st.sampled_from([algorithm] * 9 + [_UNKNOWN])), 0)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Draw a request in DER: as `certificates`. Half of them prove possession of their key."""
    extensions = draw(EXTENSIONS)
    holds = draw(st.booleans())
    public = _spki(key(1).x509_object.public_key()) if holds else draw(_PUBLIC_KEYS)
    attribute = der.sequence(
        der.oid("1.2.840.113549.1.9.14"), der.tlv(der.SET, der.sequence(*extensions))
    )
    challenge = der.sequence(
        der.oid("1.2.840.113549.1.9.7"), der.tlv(der.SET, der.tlv(der.UTF8, b"challenge"))
    )
    attributes = [attribute] * draw(st.sampled_from([0, *[1] * 8, 2]))
    attributes += [challenge] * draw(st.sampled_from([0, 0, 0, 0, 1, 2]))
    version = draw(st.sampled_from([0] * 10 + [1, -1]))
    body = der.sequence(der.integer(version), draw(NAMES), public, der.explicit(0, *attributes))
    return _signed(body, _SHA256_ECDSA if holds else draw(ALGORITHMS), 1)


def _signed(body: bytes, algorithm: bytes, key_number: int) -> bytes:
    signer = key(key_number).x509_object
    assert not isinstance(signer, rsa.RSAPrivateKey)
    signature = signer.sign(body, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    return der.sequence(body, algorithm, der.bit_string(signature))
