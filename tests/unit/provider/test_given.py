"""A CA that an operator brings is checked before anything relies on it."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateRequestAttributes,
    PrivateKey,
)
from self_signed_provider import given
from tests.unit.provider.conftest import YEAR, make_root

if TYPE_CHECKING:
    from collections.abc import Mapping


def now() -> datetime.datetime:
    """The time of asking: certificates are made while the tests run, and are not valid before."""
    return datetime.datetime.now(datetime.timezone.utc)


def intermediate(
    key: PrivateKey, root: Certificate, root_key: PrivateKey, *, is_ca: bool = True
) -> Certificate:
    attributes = CertificateRequestAttributes(common_name="intermediate", is_ca=is_ca)
    return attributes.generate_csr(key).sign(root, root_key, YEAR / 2, is_ca=is_ca)


def content(certificate: Certificate, key: PrivateKey, *chain: Certificate) -> Mapping[str, str]:
    return {
        "certificate": certificate.raw,
        "private-key": key.raw,
        "chain": "\n".join(link.raw for link in chain),
    }


def test_root(root: Certificate, ca_key: PrivateKey) -> None:
    """A root needs no chain; if it is its own chain, it has none."""
    assert given.read(content(root, ca_key, root), now()).chain == ()


def test_intermediate(root: Certificate, ca_key: PrivateKey, other_key: PrivateKey) -> None:
    """An intermediate comes with what stands above it."""
    certificate = intermediate(other_key, root, ca_key)
    found = given.read(content(certificate, other_key, root), now())
    assert (found.certificate, found.chain) == (certificate, (root,))


def test_key_is_not_shown(root: Certificate, ca_key: PrivateKey) -> None:
    """The key stands in no text that is made from what was read."""
    assert "PRIVATE" not in repr(given.read(content(root, ca_key), now()))


def test_missing(root: Certificate) -> None:
    """What is missing is named."""
    with pytest.raises(given.WrongCA, match="no private-key"):
        given.read({"certificate": root.raw}, now())


@pytest.mark.parametrize("field", ["certificate", "private-key", "chain"])
def test_garbage(root: Certificate, ca_key: PrivateKey, field: str) -> None:
    """What is no PEM is named, and not repeated."""
    garbage = "-----BEGIN CERTIFICATE-----\nsecret!\n-----END CERTIFICATE-----"
    with pytest.raises(given.WrongCA, match=field) as caught:
        given.read({**content(root, ca_key), field: garbage}, now())
    assert "secret!" not in str(caught.value)


@pytest.mark.parametrize("text", ["see the wiki", "-----BEGIN CERTIFICATE-----" * 30_000])
def test_chain_without_a_certificate(root: Certificate, ca_key: PrivateKey, text: str) -> None:
    """A chain in which there is no certificate is refused, however often it seems to begin one."""
    with pytest.raises(given.WrongCA, match="chain that is no certificate"):
        given.read({**content(root, ca_key), "chain": text}, now())


def test_key_of_another(root: Certificate, other_key: PrivateKey) -> None:
    """A key that does not fit the certificate is refused."""
    with pytest.raises(given.WrongCA, match="does not belong"):
        given.read(content(root, other_key), now())


def test_leaf(root: Certificate, ca_key: PrivateKey, other_key: PrivateKey) -> None:
    """A leaf cannot issue."""
    leaf = intermediate(other_key, root, ca_key, is_ca=False)
    with pytest.raises(given.WrongCA, match="not a CA"):
        given.read(content(leaf, other_key, root), now())


def test_expired(root: Certificate, ca_key: PrivateKey) -> None:
    """A CA whose time is over, or has not come, is refused with its dates."""
    with pytest.raises(given.WrongCA, match="valid from"):
        given.read(content(root, ca_key), now() + 2 * YEAR)


@pytest.mark.parametrize("above", ["nothing", "another root"])
def test_chain_leads_nowhere(
    root: Certificate,
    ca_key: PrivateKey,
    other_key: PrivateKey,
    other_root: Certificate,
    above: str,
) -> None:
    """A chain that does not lead from the CA to a root is refused."""
    certificate = intermediate(other_key, root, ca_key)
    chain = () if above == "nothing" else (other_root,)
    with pytest.raises(given.WrongCA, match="did not sign"):
        given.read(content(certificate, other_key, *chain), now())


def test_weak_key() -> None:
    """A key that is too short for anybody to accept is refused."""
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - for this test

    weak = PrivateKey(x509_object=rsa.generate_private_key(65537, 1024))
    strong = make_root(PrivateKey.generate(key_algorithm="ecdsa"))
    with pytest.raises(given.WrongCA, match="too weak"):
        given.read(content(strong, weak), now())


def chained(
    *path_lengths: int | None,
    usage: bool = True,
    lists: bool = True,
    extra: x509.ExtensionType | None = None,
) -> Mapping[str, str]:
    """A CA under others, each with its path length, the root's first."""
    key = PrivateKey.generate(key_algorithm="ecdsa", key_size=256)
    made: list[Certificate] = []
    for number, most in enumerate(path_lengths):
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"ca {number}")])
        issuer = made[-1].x509_object.subject if made else name
        may_sign = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=usage,
            crl_sign=lists,
            encipher_only=False,
            decipher_only=False,
        )
        builder = (
            x509.CertificateBuilder(issuer, name, key.x509_object.public_key(), number + 1)
            .not_valid_before(now() - YEAR)
            .not_valid_after(now() + YEAR)
            .add_extension(x509.BasicConstraints(ca=True, path_length=most), critical=True)
            .add_extension(may_sign, critical=True)
        )
        if extra is not None:
            builder = builder.add_extension(extra, critical=True)
        signed = builder.sign(key.x509_object, key.signature_hash)
        made.append(Certificate(x509_object=signed))
    return content(made[-1], key, *reversed(made[:-1]))


def test_path_length_allows_it() -> None:
    """A CA may stand under as many others as they allow."""
    assert len(given.read(chained(1, 0), now()).chain) == 1


def test_path_too_long() -> None:
    """A CA below one that allows none is refused, for no verifier would take its leaves."""
    with pytest.raises(given.WrongCA, match="allows 0 CAs under it"):
        given.read(chained(0, None), now())


def test_key_usage_without_signing() -> None:
    """A CA that says that its key signs no certificates is refused."""
    with pytest.raises(given.WrongCA, match="lacks keyCertSign"):
        given.read(chained(None, usage=False), now())


def test_key_usage_without_lists() -> None:
    """A CA whose revocation lists nobody would take is refused; those above it sign none here."""
    with pytest.raises(given.WrongCA, match="lacks cRLSign"):
        given.read(chained(None, lists=False), now())


SERVERS, CLIENTS = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH


def test_not_for_servers() -> None:
    """A CA under which no server's certificate verifies is refused."""
    mail = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
    with pytest.raises(given.WrongCA, match="lacks serverAuth"):
        given.read(chained(None, extra=mail), now())


@pytest.mark.parametrize(
    ("extra", "warned"),
    [
        pytest.param(x509.ExtendedKeyUsage([SERVERS]), "authenticate clients", id="servers alone"),
        pytest.param(x509.ExtendedKeyUsage([SERVERS, CLIENTS]), None, id="both"),
        pytest.param(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), None, id="any"
        ),
        pytest.param(
            x509.NameConstraints([x509.DNSName("example.com")], None),
            "names outside",
            id="names",
        ),
    ],
)
def test_limits_are_warned_of(extra: x509.ExtensionType, warned: str | None) -> None:
    """A CA of which verifiers take a part is accepted, with a warning that says which."""
    warnings = list(given.read(chained(None, extra=extra), now()).warnings())
    assert [warned in text for text in warnings if warned] == ([True] if warned else [])
    assert len(warnings) == (warned is not None)
