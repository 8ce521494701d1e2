"""A certificate authority for these tests, by `cryptography` alone: real keys and chains."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@functools.cache
def key(kind: str, number: int = 0) -> Key:
    """Return one of the session's keys: making RSA keys is what takes time."""
    del number
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(private_key: Key) -> str:
    return private_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


@dataclasses.dataclass(frozen=True)
class Leaf:
    """What an authority issued, with everything that a server needs."""

    certificate: x509.Certificate
    private_key: Key
    issuers: tuple[x509.Certificate, ...]

    @property
    def chain(self) -> list[str]:
        return [pem(self.certificate), *(pem(issuer) for issuer in self.issuers)]

    @property
    def key(self) -> str:
        return key_pem(self.private_key)

    @property
    def serial(self) -> int:
        return self.certificate.serial_number


@dataclasses.dataclass(frozen=True)
class Authority:
    """A CA that signs with its last certificate's key; `chain` is its own first, the root last."""

    private_key: Key
    chain: tuple[x509.Certificate, ...]

    @classmethod
    def root(cls, name: str = "Test root", number: int = 0) -> Authority:
        private_key = key("ecdsa", 100 + number)
        subject = _name(name)
        return cls(private_key, (_ca(subject, private_key, subject, private_key),))

    def intermediate(self, name: str = "Test intermediate") -> Authority:
        private_key = key("ecdsa", 200)
        certificate = _ca(_name(name), private_key, self.chain[0].subject, self.private_key)
        return Authority(private_key, (certificate, *self.chain))

    @property
    def root_pem(self) -> str:
        return pem(self.chain[-1])

    def issue(
        self,
        *names: str,
        kind: str = "ecdsa",
        number: int = 0,
        begin: datetime.datetime = NOW - datetime.timedelta(minutes=5),
        lifetime: datetime.timedelta = datetime.timedelta(days=90),
    ) -> Leaf:
        """Issue for *names*: the first is the common name, those like an address are IPs."""
        private_key = key(kind, number)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_name(names[0]))
            .issuer_name(self.chain[0].subject)
            .public_key(private_key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + lifetime)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([_san(name) for name in names]), False)
            .sign(self.private_key, hashes.SHA256())
        )
        return Leaf(certificate, private_key, self.chain)


def _ca(
    subject: x509.Name, subject_key: Key, issuer: x509.Name, issuer_key: Key
) -> x509.Certificate:
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
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(subject_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - datetime.timedelta(days=1))
        .not_valid_after(NOW + datetime.timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(issuer_key, hashes.SHA256())
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _san(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
