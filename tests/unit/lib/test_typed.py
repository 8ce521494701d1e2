"""Whatever an operator types is held, named in words if it is wrong, and issued if it is right."""

from datetime import timedelta
from typing import Any

import hypothesis
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateRequestAttributes,
    CertificateSigningRequest,
    TLSCertificatesError,
)
from tests.unit.lib import keys

TEXT_FIELDS = (
    "common_name",
    "email_address",
    "organization",
    "organizational_unit",
    "country_name",
    "state_or_province_name",
    "locality_name",
)
SET_FIELDS = ("sans_dns", "sans_ip", "sans_oid")

# What a keyboard, a copy from a page, or a file in another encoding may bring.
ANYTHING = st.text(st.characters(), max_size=80)
ODD = st.sampled_from(
    [
        "",
        " ",
        "\t\n",
        "\x00",
        "a\x00b",
        "\x7f",
        "\x80",
        "\ud800",
        "\u202e",
        "\ufeff",
        "é" * 40,
        "é" * 64,
        "😀" * 16,
        "😀" * 17,
        "a" * 64,
        "a" * 65,
        "x" * 100_000,
        " padded ",
        "ß",
        "I\u0307",
    ]
)
LIKELY = {
    "country_name": ["GB", "gb", "GBR", "ÄÖ"],
    "email_address": [
        "a@b.example",
        "a@b@c",
        "@",
        "a@",
        "ä@b",
        "a@" + "b" * 253,
        "a@" + "b" * 254,
    ],
    "sans_dns": ["a.example", "*.a.example", "*", "*.", "a..b", ".", "a_b", "bücher.example", "-"],
    "sans_ip": ["127.0.0.1", "::1", "::ffff:1.2.3.4", "1.2.3", "fe80::1%eth0", "fe80::1%\x00"],
    "sans_oid": [
        "1.2.3",
        "1.2.3.",
        "2.999.1",
        "3.1",
        "0.40",
        "1.2." + "9" * 60,
        "01.2.3",
        "1",
        "1.39",
        "1.40",
        "2.40",
    ],
}


def _typed(field: str) -> st.SearchStrategy[str]:
    return st.one_of(ANYTHING, ODD, st.sampled_from(LIKELY.get(field, ["Canonical", "Zürich"])))


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        **{field: _typed(field) for field in TEXT_FIELDS},
        **{field: st.sets(_typed(field), max_size=3) for field in SET_FIELDS},
        "is_ca": st.booleans(),
        "add_unique_id_to_subject_name": st.booleans(),
    },
)


def _has_text(typed: str | set[str] | None) -> bool:
    if isinstance(typed, set):
        return any(one.strip() for one in typed)
    return bool(typed)


@hypothesis.settings(max_examples=400)
@given(FIELDS, st.booleans())
@example({"common_name": "é" * 40}, True)
@example({"common_name": "a", "locality_name": "\ud800"}, True)
@example({"common_name": "a", "sans_ip": {"::ffff:1.2.3.4"}}, True)
def test_what_is_typed_is_held_and_told(fields: dict[str, Any], is_named: bool) -> None:
    """It never raises but for no name at all; what is valid is made, and what is not is told."""
    if is_named:
        fields = {**fields, "sans_dns": {*fields.get("sans_dns", ()), "named.example"}}
    if not any(_has_text(fields.get(field)) for field in ("common_name", *SET_FIELDS)):
        with pytest.raises(TLSCertificatesError, match="must be provided"):
            CertificateRequestAttributes(**fields)
        return
    attributes = CertificateRequestAttributes(**fields)
    assert attributes.is_valid() is (attributes.problems == ())
    # Whatever was pasted there, a log or a status can say what is wrong.
    assert len(repr(attributes)) < 1000
    assert attributes == CertificateRequestAttributes(**fields)
    key = keys.key("typed")
    if not attributes.is_valid():
        assert all(one.isprintable() and len(one) < 1000 for one in attributes.problems)
        with pytest.raises(TLSCertificatesError):
            attributes.generate_csr(key)
        return
    csr = attributes.generate_csr(key)
    read = CertificateSigningRequest.from_string(csr.raw)
    assert CertificateRequestAttributes.from_csr(read, attributes.is_ca) == attributes


@hypothesis.settings(max_examples=60)
@given(FIELDS)
def test_what_is_valid_is_issued(fields: dict[str, Any]) -> None:
    """A certificate for valid attributes says the same as they do."""
    # The linter reads no identifiers of fewer than four numbers, nor those under 2.999.
    if fields.pop("sans_oid", None):
        fields = {**fields, "sans_oid": {"1.2.3.4"}}
    fields = {**fields, "sans_dns": {*fields.get("sans_dns", ()), "named.example"}}
    attributes = CertificateRequestAttributes(**fields)
    hypothesis.assume(attributes.is_valid())
    hypothesis.assume(not attributes.is_ca or attributes.common_name)
    csr = attributes.generate_csr(keys.key("typed"))
    certificate = csr.sign(
        keys.authority(), keys.key("ca"), timedelta(days=1), is_ca=attributes.is_ca
    )
    read = Certificate.from_string(certificate.raw)
    for field in (*TEXT_FIELDS, *SET_FIELDS):
        assert (getattr(read, field) or None) == (getattr(attributes, field) or None), field
