"""What is granted, and why the rest is not."""

from __future__ import annotations

import datetime

import pytest

from charmlibs.interfaces.tls_certificates import CertificateRequestErrorCode as Code
from self_signed_provider.policy import Policy, Wish, why_deny, wish_for


def wish(*names: str, ips: tuple[str, ...] = (), is_ca: bool = False, key: str = "k") -> Wish:
    return Wish(frozenset(names), frozenset(ips), is_ca, key)


def addressed(*addresses: str) -> Wish:
    return Wish(frozenset(), frozenset(), False, "k", frozenset(addresses))


@pytest.mark.parametrize(
    ("asked", "policy", "held"),
    [
        pytest.param(wish("a.example.com"), Policy(), 0, id="nothing is limited"),
        pytest.param(wish("example.com"), Policy(domains=("example.com",)), 0, id="the domain"),
        pytest.param(wish("a.example.com"), Policy(domains=("example.com",)), 0, id="below it"),
        pytest.param(wish("A.Example.COM."), Policy(domains=("example.com",)), 0, id="spelling"),
        pytest.param(wish("*.example.com"), Policy(domains=("example.com",)), 0, id="wildcard"),
        pytest.param(
            wish("example.com"), Policy(domains=("example.com",), subdomains=False), 0, id="exact"
        ),
        pytest.param(wish("a"), Policy(limit=2), 1, id="below the limit"),
        pytest.param(
            addressed("me@a.example.com"), Policy(domains=("example.com",)), 0, id="e-mail"
        ),
        pytest.param(
            addressed("spiffe://example.com/x"), Policy(domains=("example.com",)), 0, id="URI"
        ),
        pytest.param(
            addressed("urn:uuid:7"), Policy(domains=("example.com",)), 0, id="URI without a host"
        ),
        pytest.param(wish("a", is_ca=True), Policy(sub_authorities=True), 0, id="sub-CA"),
        pytest.param(wish(ips=("10.0.0.1",)), Policy(), 0, id="IP"),
        pytest.param(wish("a"), Policy(refused_keys=frozenset({"other"})), 0, id="another key"),
    ],
)
def test_granted(asked: Wish, policy: Policy, held: int) -> None:
    """What the policy allows is granted."""
    assert why_deny(asked, policy, held) is None


@pytest.mark.parametrize(
    ("asked", "policy", "held", "code", "reason"),
    [
        pytest.param(
            wish("a.test"),
            Policy(domains=("example.com",)),
            0,
            Code.DOMAIN_NOT_ALLOWED,
            "a.test",
            id="other domain",
        ),
        pytest.param(
            wish("badexample.com"),
            Policy(domains=("example.com",)),
            0,
            Code.DOMAIN_NOT_ALLOWED,
            "badexample.com",
            id="a domain's name is no suffix",
        ),
        pytest.param(
            wish("a.example.com"),
            Policy(domains=("example.com",), subdomains=False),
            0,
            Code.DOMAIN_NOT_ALLOWED,
            "alone",
            id="subdomain",
        ),
        pytest.param(
            wish("*.example.com"),
            Policy(domains=("example.com",), subdomains=False),
            0,
            Code.DOMAIN_NOT_ALLOWED,
            "*.example.com",
            id="a wildcard is of subdomains",
        ),
        pytest.param(
            wish("*.a.test"), Policy(wildcards=False), 0, Code.WILDCARD_NOT_ALLOWED, "*", id="wild"
        ),
        pytest.param(
            wish("w*.a.test"), Policy(wildcards=False), 0, Code.WILDCARD_NOT_ALLOWED, "w*", id="w*"
        ),
        pytest.param(
            addressed("https://[::1"),
            Policy(domains=("example.com",)),
            0,
            Code.DOMAIN_NOT_ALLOWED,
            "[::1",
            id="URI that cannot be read",
        ),
        pytest.param(
            wish(*(f"{n}.test" for n in range(99))),
            Policy(domains=("example.com",)),
            0,
            Code.DOMAIN_NOT_ALLOWED,
            "and 94 more",
            id="not all of a long list is sent back",
        ),
        pytest.param(
            wish("\ud800"),
            Policy(domains=("example.com",)),
            0,
            Code.DOMAIN_NOT_ALLOWED,
            r"\ud800",
            id="what no JSON can say",
        ),
        pytest.param(
            wish(ips=("::1",)), Policy(ips=False), 0, Code.IP_NOT_ALLOWED, "::1", id="IP"
        ),
        pytest.param(wish("a"), Policy(limit=2), 2, Code.OTHER, "limit of 2", id="limit"),
        pytest.param(wish("a"), Policy(limit=0), 0, Code.OTHER, "limit of 0", id="0 is none"),
        pytest.param(wish("a", is_ca=True), Policy(), 0, Code.OTHER, "authorities", id="sub-CA"),
        pytest.param(
            wish("a", is_ca=True),
            Policy(sub_authorities=True, may_sign_authorities=False),
            0,
            Code.OTHER,
            "path length is 0",
            id="sub-CA under a CA that signs leaves alone",
        ),
        pytest.param(
            wish("a"),
            Policy(refused_keys=frozenset({"k"})),
            0,
            Code.OTHER,
            "new key",
            id="revoked key",
        ),
        pytest.param(
            wish("a.test"),
            Policy(ended=datetime.date(2027, 3, 12), domains=("example.com",)),
            0,
            Code.SERVER_NOT_AVAILABLE,
            "the CA expired on 2027-03-12",
            id="a CA that has expired, whatever else is asked",
        ),
    ],
)
def test_denied(asked: Wish, policy: Policy, held: int, code: Code, reason: str) -> None:
    """What the policy does not allow is denied, with the code and the reason."""
    denial = why_deny(asked, policy, held)
    assert denial is not None
    assert denial.code is code
    assert reason in str(denial.error().reason)


@pytest.mark.parametrize(
    ("common_name", "names", "ips"),
    [
        pytest.param("host.test", {"host.test"}, set(), id="a host"),
        pytest.param("10.0.0.1", set(), {"10.0.0.1"}, id="an address"),
        pytest.param("My CA, really", set(), set(), id="a title"),
        pytest.param("", set(), set(), id="none"),
        pytest.param("MÜNCHEN.test", {"xn--mnchen-3ya.test"}, set(), id="U-label"),
        pytest.param("w*.host.test", {"w*.host.test"}, set(), id="part of a label is wild"),
        pytest.param("*", {"*"}, set(), id="anything"),
    ],
)
def test_common_name_counts_as_what_it_reads_like(
    common_name: str, names: set[str], ips: set[str]
) -> None:
    """A common name that a verifier could match is held to the rules for such names."""
    asked = wish_for(common_names=[common_name], dns_names=(), ips=(), is_ca=False, key="k")
    assert (asked.dns_names, asked.ips) == (names, ips)


def test_common_name_of_a_sub_authority_is_a_title() -> None:
    """Nobody matches a host against the common name of a CA."""
    asked = wish_for(common_names=["ca.test"], dns_names=(), ips=(), is_ca=True, key="k")
    assert not asked.dns_names
