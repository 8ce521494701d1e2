"""What a charm asks for, as a value: how it is spelt, compared, and found to be wrong."""

import ipaddress
import re
from typing import Any

import pytest
from cryptography import x509

from charmlibs.interfaces.tls_certificates import (
    CertificateRequestAttributes,
    TLSCertificatesError,
)
from tests.unit.lib import keys

A = CertificateRequestAttributes


def test_additional_critical_extensions() -> None:
    """Extensions asked for are critical in the request, and part of equality."""
    feature = x509.TLSFeature([x509.TLSFeatureType.status_request])
    attributes = A(common_name="a", additional_critical_extensions=[feature])
    csr = attributes.generate_csr(keys.key())
    assert csr.additional_critical_extensions == [feature]
    assert A.from_csr(csr, False) == attributes
    assert attributes != A(common_name="a")


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        pytest.param({"sans_ip": ["2001:DB8::0001"]}, {"sans_ip": ["2001:db8::1"]}, id="IPv6"),
        pytest.param({"sans_dns": ["A.Example"]}, {"sans_dns": ["a.example"]}, id="case"),
        pytest.param({"sans_dns": ["b", "a"]}, {"sans_dns": ["a", "b", "a"]}, id="order"),
        pytest.param({"sans_dns": []}, {}, id="none"),
        pytest.param({"organization": ""}, {}, id="empty"),
    ],
)
def test_attributes_are_canonical(written: dict[str, Any], canonical: dict[str, Any]) -> None:
    """Attributes that mean the same are equal, and equal to what a request says."""
    one, other = A(common_name="a", **written), A(common_name="a", **canonical)
    assert one == other
    assert hash(one) == hash(other)
    assert A.from_csr(one.generate_csr(keys.key()), False) == other


def test_unique_id_is_no_part_of_equality() -> None:
    """Two requests of the same attributes have different subjects, and are for the same."""
    attributes = A(common_name="a")
    one, other = attributes.generate_csr(keys.key()), attributes.generate_csr(keys.key())
    assert one != other
    assert A.from_csr(one, False) == A.from_csr(other, False)
    assert one.has_unique_identifier
    bare = A(common_name="a", add_unique_id_to_subject_name=False).generate_csr(keys.key())
    assert not bare.has_unique_identifier


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        pytest.param({"common_name": "x" * 65}, "65 characters", id="common name"),
        pytest.param({"common_name": "ü" * 33}, "66 bytes", id="common name in UTF-8"),
        pytest.param({"common_name": "a\x00b"}, "control character", id="control character"),
        pytest.param({"country_name": "GBR"}, "two letters", id="country"),
        pytest.param({"email_address": "josé@example.com"}, "ASCII", id="email"),
        pytest.param({"sans_ip": ["10.0.0.256"]}, "10.0.0.256", id="IP"),
        pytest.param({"sans_ip": ["fe80::1%eth0"]}, "zone", id="IP with a zone"),
        pytest.param({"sans_oid": ["x"]}, "'x'", id="OID"),
        pytest.param({"sans_dns": ["bücher.example"]}, "xn--bcher-kva.example", id="U-label"),
        pytest.param({"sans_dns": ["a..b"]}, "''", id="empty label"),
        pytest.param({"sans_dns": ["-a.example"]}, "-a", id="hyphen"),
        pytest.param({"sans_dns": ["a.*.example"]}, r'"\*"', id="wildcard inside"),
        pytest.param({"sans_dns": ["x" * 64]}, "label of over 63", id="long label"),
        pytest.param({"sans_dns": ["a." * 127 + "example"]}, "253", id="long name"),
        pytest.param({"organization": "x" * 65}, "organization", id="organization"),
        pytest.param({"common_name": "\ud800"}, "control character", id="half a surrogate pair"),
    ],
)
def test_problems(attributes: dict[str, Any], words: str) -> None:
    """What an operator typed wrong does not raise, and is said in words."""
    options: dict[str, Any] = {"common_name": "a", **attributes}
    made = A(**options)
    assert not made.is_valid()
    assert len(made.problems) == 1
    assert re.search(words, made.problems[0])
    with pytest.raises(TLSCertificatesError):
        made.generate_csr(keys.key())


def test_one_text_is_no_collection() -> None:
    """A text in the place of a list of names is the author's mistake."""
    with pytest.raises(TypeError, match="sans_dns"):
        A(sans_dns="a.example")


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        pytest.param("common_name", 5, id="number"),
        pytest.param("organization", b"x", id="bytes"),
        pytest.param("sans_dns", 5, id="no collection"),
        pytest.param("sans_dns", [None], id="nothing in it"),
        pytest.param("sans_ip", [ipaddress.ip_address("10.0.0.1")], id="address"),
        pytest.param("additional_critical_extensions", ["x"], id="no extension"),
    ],
)
def test_wrong_type_names_its_argument(argument: str, value: Any) -> None:
    """What is of another type raises when it is passed, not in some later hook."""
    options: dict[str, Any] = {"common_name": "a", argument: value}
    with pytest.raises(TypeError, match=argument):
        A(**options)


def test_names_alone_are_critical() -> None:
    """Without a subject, the alternative names of a request are critical."""
    csr = A(sans_dns=["a.example"], add_unique_id_to_subject_name=False).generate_csr(keys.key())
    extension = csr.x509_object.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert extension.critical
    assert csr.additional_critical_extensions == []
