"""Keys and authorities for tests: real ones, each made once in a session."""

import functools
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives import serialization

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateRequestAttributes,
    CertificateSigningRequest,
    PrivateKey,
    ProviderCertificate,
)


def key(name: str = "a") -> PrivateKey:
    """Return the ECDSA key of this name."""
    return _keys[name]


class _Keys(dict[str, PrivateKey]):
    def __missing__(self, name: str) -> PrivateKey:
        self[name] = PrivateKey.generate(key_algorithm="ecdsa")
        return self[name]


_keys = _Keys()


@functools.cache
def rsa_key(size: int = 2048) -> PrivateKey:
    """Return the RSA key of this size."""
    return PrivateKey.generate(size)


def pkcs8(key: Any) -> str:
    """Return any private key of ``cryptography`` as PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@functools.cache
def _authority(name: str) -> Certificate:
    attributes = CertificateRequestAttributes(common_name=name, is_ca=True)
    return Certificate.generate_self_signed_ca(attributes, key(name), timedelta(days=3650))


def authority(name: str = "ca") -> Certificate:
    """Return the root CA of this name; its key is that of this name."""
    return _authority(name)


def forget_authorities() -> None:
    """Make new root CAs from now on: for tests that move the clock."""
    _authority.cache_clear()


def csr_of(common_name: str = "a", key_name: str = "a") -> CertificateSigningRequest:
    """Return a new request."""
    return CertificateRequestAttributes(common_name=common_name).generate_csr(key(key_name))


def answer(
    csr: CertificateSigningRequest,
    validity: timedelta = timedelta(days=90),
    *,
    ca: str = "ca",
    is_ca: bool = False,
    relation_id: int = 1,
) -> ProviderCertificate:
    """Return a certificate for a request, from the root CA of this name."""
    certificate = csr.sign(authority(ca), key(ca), validity, is_ca)
    chain = [certificate, authority(ca)]
    return ProviderCertificate(relation_id, certificate, csr, authority(ca), chain)
