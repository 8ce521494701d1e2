"""Defects of the published library's providers, each as a test that fails with it.

The numbers are those of the list in the documentation.
"""

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateSigningRequest,
    TLSCertificatesError,
)
from tests.unit.lib import keys
from tests.unit.lib.providers import Provider, requests
from tests.unit.lib.requirers import (
    A,
    certificate_entry,
    related,
)

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("no PEM", id="text"),
        pytest.param("LS0tLS1CRUdJTiBDRVJUSUZJQ0FURQ==", id="base64 of PEM"),
        pytest.param(keys.authority().raw, id="a certificate"),
    ],
)
def test_defect_01_bad_request_blocks_no_one(text: str) -> None:
    """A unit that writes no request at all does not keep the others from theirs."""
    provider = Provider()
    provider.receive(
        [{"certificate_signing_request": text, "ca": False}], requests([keys.csr_of()])
    )
    assert len(provider.get("get_outstanding_certificate_requests")) == 1


def test_defect_02_entry_without_ca_is_served() -> None:
    """A request that does not say whether it is for a CA keeps its certificate."""
    csr = keys.csr_of()
    provider = Provider()
    provider.receive(requests([csr]))
    provider.set(keys.answer(csr))
    provider.receive([{"certificate_signing_request": csr.raw}])
    assert len(provider.get("get_issued_certificates")) == 1


def test_defect_12_issuer_is_the_cas_subject() -> None:
    """A leaf under an intermediate bears the intermediate's subject as issuer."""
    csr = A(common_name="sub", is_ca=True).generate_csr(keys.key("sub"))
    sub = csr.sign(keys.authority(), keys.key("ca"), 9 * DAY, True)
    leaf = keys.csr_of().sign(sub, keys.key("sub"), DAY)
    assert leaf.issuer_common_name == "sub"
    assert leaf.is_signed_by(sub)


def _forged() -> CertificateSigningRequest:
    der = bytearray(keys.csr_of().x509_object.public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    return CertificateSigningRequest(x509_object=x509.load_der_x509_csr(bytes(der)))


def test_defect_13_broken_signature_is_not_signed() -> None:
    """A request that proves no possession of its key is neither offered nor signed."""
    provider = Provider()
    provider.receive(requests([_forged()]))
    assert provider.get("get_outstanding_certificate_requests") == []
    with pytest.raises(TLSCertificatesError, match="signature"):
        _forged().sign(keys.authority(), keys.key("ca"), DAY)


def test_defect_14_extensions_are_not_copied_blindly() -> None:
    """A request that would sign certificates, for any usage, gets a leaf for a server."""
    usage = x509.KeyUsage(True, True, True, True, True, True, True, False, False)
    builder = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a")]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), critical=False
        )
    )
    signed = builder.sign(keys.key().x509_object, hashes.SHA256())
    csr = CertificateSigningRequest(x509_object=signed)
    leaf = csr.sign(keys.authority(), keys.key("ca"), DAY).x509_object.extensions
    assert not leaf.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not leaf.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    usages = leaf.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE not in usages


def test_defect_15_leaf_does_not_outlive_its_ca(clock: Any) -> None:
    """A leaf ends with its CA at the latest, and starts a little before now."""
    attributes = A(common_name="short", is_ca=True)
    ca = Certificate.generate_self_signed_ca(attributes, keys.key("ca"), 5 * DAY)
    clock.shift(DAY)
    leaf = keys.csr_of().sign(ca, keys.key("ca"), 90 * DAY)
    assert leaf.expiry_time == ca.expiry_time
    assert leaf.validity_start_time < datetime.now(timezone.utc)
    usage = ca.x509_object.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.crl_sign


def test_defect_16_uri_names_and_bad_email() -> None:
    """URI names are kept; an e-mail address that is not ASCII is refused in words."""
    name = x509.UniformResourceIdentifier("https://a.example/x")
    builder = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a")]))
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
    )
    signed = builder.sign(keys.key().x509_object, hashes.SHA256())
    leaf = CertificateSigningRequest(x509_object=signed).sign(
        keys.authority(), keys.key("ca"), DAY
    )
    names = leaf.x509_object.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert list(names.value) == [name]
    assert "josé" in A(common_name="a", email_address="josé@x").problems[0]


def test_defect_18_equal_and_empty_entries() -> None:
    """A run of equal entries goes at once, and an empty chain raises nothing."""
    stale = certificate_entry(keys.answer(keys.csr_of()), chain=[])
    provider = Provider()
    provider.relate(local_app_data={"certificates": json.dumps([stale] * 4)})
    provider.update_status()
    assert provider.databag() == {}


def test_defect_19_writing_leaves_other_keys() -> None:
    """Neither side takes away what Juju or the charm keeps in a databag."""
    requirer = related()
    assert "ingress-address" in requirer.relation.local_unit_data
    provider = Provider()
    provider.relate(local_app_data={"own": "1"})
    csr = keys.csr_of()
    provider.receive(requests([csr]))
    provider.set(keys.answer(csr))
    assert set(provider.databag()) == {"own", "certificates"}


def test_defect_23_each_text_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hook of the provider parses each distinct text once, whatever the charm asks."""
    csrs = [keys.csr_of(str(number)) for number in range(20)]
    provider = Provider()
    provider.receive(requests(csrs))
    provider.set(*(keys.answer(csr) for csr in csrs))
    parsed: list[bytes] = []
    for name in ("load_pem_x509_csr", "load_pem_x509_certificate"):
        load = getattr(x509, name)

        def counting(pem: bytes, load: Any = load) -> Any:
            parsed.append(pem)
            return load(pem)

        monkeypatch.setattr(x509, name, counting)

    def ask_everything(tls: Any) -> None:
        for _ in range(3):
            tls.get_certificate_requests()
            tls.get_outstanding_certificate_requests()
            tls.get_provider_certificates()
            tls.get_unsolicited_certificates()

    provider.call(ask_everything)
    assert len(parsed) == len(set(parsed)) == 20 + 20 + 1
