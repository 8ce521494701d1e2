"""The names of before work, and warn."""

from datetime import timedelta

import pytest

from charmlibs.interfaces.tls_certificates import (
    generate_ca,
    generate_certificate,
    generate_csr,
    generate_private_key,
)
from tests.unit.lib import keys


def test_generate_private_key_warns() -> None:
    """It makes an RSA key, and says what to use."""
    with pytest.warns(DeprecationWarning, match="PrivateKey.generate"):
        assert generate_private_key().key_size == 2048


def test_generate_csr_warns() -> None:
    """It makes a request, and says what to use."""
    with pytest.warns(DeprecationWarning, match="CertificateRequestAttributes"):
        csr = generate_csr(keys.key(), "a", sans_dns=frozenset({"b.example"}))
    assert (csr.common_name, csr.sans_dns) == ("a", {"b.example"})


def test_generate_ca_warns() -> None:
    """It makes a CA certificate, and says what to use."""
    with pytest.warns(DeprecationWarning, match="generate_self_signed_ca"):
        ca = generate_ca(keys.key(), timedelta(days=1), "my ca")
    assert (ca.is_ca, ca.common_name) == (True, "my ca")


def test_generate_certificate_warns() -> None:
    """It makes a certificate, and says what to use."""
    ca = keys.authority()
    with pytest.warns(DeprecationWarning, match="Certificate.generate"):
        certificate = generate_certificate(keys.csr_of(), ca, keys.key("ca"), timedelta(days=1))
    assert certificate.is_signed_by(ca)
