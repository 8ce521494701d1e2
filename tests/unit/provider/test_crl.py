"""Revocation lists, as a verifier sees them."""

from __future__ import annotations

import datetime
import subprocess
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateRequestAttributes,
    PrivateKey,
)
from self_signed_provider import crl, ledger
from self_signed_provider.ledger import Ledger, Revocation

if TYPE_CHECKING:
    import pathlib

NOW = datetime.datetime.now(datetime.timezone.utc)


@pytest.fixture
def leaf(root: Certificate, ca_key: PrivateKey, other_key: PrivateKey) -> Certificate:
    csr = CertificateRequestAttributes(common_name="leaf").generate_csr(other_key)
    return csr.sign(root, ca_key, datetime.timedelta(days=1))


def revoked_list(leaf: Certificate, root: Certificate, key: PrivateKey, number: int = 1) -> str:
    entry = ledger.entry_for(leaf, relation_id=1, requirer="app/0", authority="ca")
    book = Ledger().add([entry]).revoke(lambda _: True, Revocation.OPERATOR, NOW)
    return crl.build(root, key, book.revoked_under("ca"), number=number, now=NOW)


def openssl_verify(
    folder: pathlib.Path, leaf: Certificate, root: Certificate, list_: str
) -> subprocess.CompletedProcess[str]:
    for name, text in (("leaf", leaf.raw), ("root", root.raw), ("crl", list_)):
        (folder / f"{name}.pem").write_text(text + "\n")
    command = "openssl verify -x509_strict -crl_check -CAfile root.pem -CRLfile crl.pem leaf.pem"
    return subprocess.run(command.split(), cwd=folder, capture_output=True, text=True, check=False)


def test_openssl_refuses_a_revoked_certificate(
    tmp_path: pathlib.Path, leaf: Certificate, root: Certificate, ca_key: PrivateKey
) -> None:
    """`openssl verify -crl_check` finds the certificate in the list."""
    result = openssl_verify(tmp_path, leaf, root, revoked_list(leaf, root, ca_key))
    assert "certificate revoked" in result.stderr


def test_openssl_accepts_others(
    tmp_path: pathlib.Path, leaf: Certificate, root: Certificate, ca_key: PrivateKey
) -> None:
    """A list without the certificate vouches for it: issuer, signature and dates are right."""
    empty = crl.build(root, ca_key, [], number=1, now=NOW)
    result = openssl_verify(tmp_path, leaf, root, empty)
    assert result.returncode == 0, result.stderr


def test_number_and_reason_stand_in_it(
    leaf: Certificate, root: Certificate, ca_key: PrivateKey
) -> None:
    """The list has its number, and each entry its reason."""
    made = x509.load_pem_x509_crl(revoked_list(leaf, root, ca_key, number=7).encode())
    assert made.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 7
    revoked = made.get_revoked_certificate_by_serial_number(leaf.serial_number)
    assert revoked is not None
    reason = revoked.extensions.get_extension_for_class(x509.CRLReason).value.reason
    assert reason is x509.ReasonFlags.privilege_withdrawn


@pytest.mark.parametrize(
    "last", [pytest.param(None, id="none is known"), pytest.param(7, id="one is")]
)
def test_numbers_grow_also_where_they_were_lost(last: int | None) -> None:
    """A later list has a higher number, whatever is remembered of those before."""
    first = crl.next_number(last, NOW)
    assert crl.next_number(first, NOW) > first
    assert crl.next_number(None, NOW + datetime.timedelta(seconds=1)) > first


def test_last_list_is_for_as_long_as_anything_of_it(root: Certificate, ca_key: PrivateKey) -> None:
    """When no other list will come, it does not end before the certificates do."""
    end = NOW + datetime.timedelta(days=90)
    made = x509.load_pem_x509_crl(
        crl.build(root, ca_key, [], number=1, now=NOW, last_until=end).encode()
    )
    assert made.next_update_utc is not None
    assert made.next_update_utc >= end


def test_authority_without_key_identifier() -> None:
    """A CA that an operator brings need not have one."""
    key = PrivateKey.generate(key_algorithm="ecdsa", key_size=256)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bare")])
    bare = (
        x509.CertificateBuilder(name, name, key.x509_object.public_key(), 7)
        .not_valid_before(NOW)
        .not_valid_after(NOW + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key.x509_object, key.signature_hash)
    )
    made = crl.build(Certificate(x509_object=bare), key, [], number=1, now=NOW)
    assert x509.load_pem_x509_crl(made.encode()).is_signature_valid(bare.public_key())  # pyright: ignore[reportArgumentType] - an ECDSA key.
