"""Name constraints of a brought CA: what this charm grants is what verifiers accept."""

from __future__ import annotations

import datetime
import ipaddress
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateSigningRequest,
    Exchange,
    PrivateKey,
    RequirerCertificateRequest,
)
from charmlibs.interfaces.tls_certificates import CertificateRequestErrorCode as Code
from self_signed_provider.answers import decide, look
from self_signed_provider.constraints import constraints_of
from self_signed_provider.ledger import Ledger
from self_signed_provider.policy import Denial, Policy

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Sequence

Names = list[x509.GeneralName]
Judge = Callable[["Sequence[Certificate]", x509.Name, Names], "tuple[str, Denial | None]"]
DAY = datetime.timedelta(days=1)


def dns(*names: str) -> Names:
    return [x509.DNSName(name) for name in names]


def email(*names: str) -> Names:
    return [x509.RFC822Name(name) for name in names]


def uri(*names: str) -> Names:
    return [x509.UniformResourceIdentifier(name) for name in names]


def net(*names: str) -> Names:
    return [x509.IPAddress(ipaddress.ip_network(name)) for name in names]


def ip(*names: str) -> Names:
    return [x509.IPAddress(ipaddress.ip_address(name)) for name in names]


def oid(*names: str) -> Names:
    return [x509.RegisteredID(x509.ObjectIdentifier(name)) for name in names]


def subject(common_name: str = "web", organization: str | None = None) -> x509.Name:
    """The organization first, as it is the other way round in a tree of names."""
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(attributes)


def org(name: str) -> Names:
    return [x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, name)]))]


def certificate(
    name: x509.Name,
    issuer: Certificate | None,
    key: PrivateKey,
    *extensions: x509.ExtensionType,
    is_ca: bool,
) -> Certificate:
    """A certificate under *issuer*; all have one key here."""
    now = datetime.datetime.now(datetime.timezone.utc)
    public = key.x509_object.public_key()
    above = issuer.x509_object.subject if issuer else name
    builder = (
        x509.CertificateBuilder(above, name, public, x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    )
    for extension in extensions:
        critical = isinstance(extension, x509.NameConstraints)
        builder = builder.add_extension(extension, critical=critical)
    return Certificate(x509_object=builder.sign(key.x509_object, key.signature_hash))


@pytest.fixture
def chain(
    request: pytest.FixtureRequest, ca_key: PrivateKey
) -> tuple[Certificate, Certificate, Certificate]:
    """A CA under a constrained one, under a root."""
    permitted, excluded = request.param
    root = certificate(subject("root"), None, ca_key, is_ca=True)
    limits = x509.NameConstraints(permitted or None, excluded or None)
    middle = certificate(subject("middle"), root, ca_key, limits, is_ca=True)
    # It is named as what it may sign: constraints are for the CAs below, too.
    name = subject("in use", "Example")
    return certificate(name, middle, ca_key, is_ca=True), middle, root


def why_denied(
    chain: Sequence[Certificate], key: PrivateKey, name: x509.Name, names: Names
) -> Denial | None:
    """What the charm says to a request under *chain*."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    csr = CertificateSigningRequest(x509_object=builder.sign(key.x509_object, key.signature_hash))
    asked = RequirerCertificateRequest(1, csr, is_ca=False)
    exchange = Exchange(asked.relation_id, csr.raw, is_ca=False, requirer="app/0")
    outlook = look([exchange], Ledger(), "issuer")
    policy = Policy(constraints=constraints_of(chain))
    due = decide([asked], outlook, policy=policy, trusted={"issuer"})
    return due.deny[0][1] if due.deny else None


def openssl_says(folder: pathlib.Path, chain: Sequence[Certificate], leaf: Certificate) -> str:
    """What OpenSSL has against a leaf; nothing if it verifies."""
    *between, root = chain
    (folder / "leaf.pem").write_text(leaf.raw)
    (folder / "root.pem").write_text(root.raw)
    (folder / "between.pem").write_text("\n".join(one.raw for one in between))
    command = ["openssl", "verify", "-CAfile", "root.pem", "-untrusted", "between.pem"]
    done = subprocess.run(
        [*command, "leaf.pem"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert (done.returncode == 0) == (not done.stderr)
    return done.stderr


@pytest.fixture
def judge(ca_key: PrivateKey, tmp_path: pathlib.Path) -> Judge:
    """Ask OpenSSL about a leaf, and the charm about a request for it."""

    def ask(
        chain: Sequence[Certificate], name: x509.Name, names: Names
    ) -> tuple[str, Denial | None]:
        alternative = [x509.SubjectAlternativeName(names)] if names else []
        leaf = certificate(name, chain[0], ca_key, *alternative, is_ca=False)
        return openssl_says(tmp_path, chain, leaf), why_denied(chain, ca_key, name, names)

    return ask


EXAMPLE = subject("web", "Example")


@pytest.mark.parametrize(
    ("chain", "name", "names"),
    [
        pytest.param((dns("example.com"), []), EXAMPLE, dns("example.com"), id="the domain"),
        pytest.param((dns("example.com"), []), EXAMPLE, dns("A.b.Example.com"), id="below it"),
        pytest.param((dns("example.com"), []), EXAMPLE, dns("*.example.com"), id="wildcard"),
        pytest.param((dns(".example.com"), []), EXAMPLE, dns("a.example.com"), id="dot before"),
        pytest.param((dns("a.test", "b.test"), []), EXAMPLE, dns("b.test"), id="one of two"),
        pytest.param((dns("example.com"), []), EXAMPLE, email("a@b.test"), id="another kind"),
        pytest.param((dns("example.com"), []), EXAMPLE, [], id="common name without a dot"),
        pytest.param(
            (dns("example.com"), []),
            subject("a.test", "Example"),
            dns("example.com"),
            id="common name beside DNS names",
        ),
        pytest.param(([], dns("bad.test")), EXAMPLE, dns("good.test"), id="not excluded"),
        pytest.param((net("10.0.0.0/8"), []), EXAMPLE, ip("10.1.2.3"), id="IP"),
        pytest.param((net("fd00::/8"), []), EXAMPLE, ip("fd00::1"), id="IPv6"),
        pytest.param((email("me@a.test"), []), EXAMPLE, email("me@A.test"), id="mailbox"),
        pytest.param((email("a.test"), []), EXAMPLE, email("me@a.test"), id="mail host"),
        pytest.param((email(".a.test"), []), EXAMPLE, email("me@b.a.test"), id="mail domain"),
        pytest.param((uri("a.test"), []), EXAMPLE, uri("spiffe://a.test/x"), id="URI"),
        pytest.param((uri(".a.test"), []), EXAMPLE, uri("https://b.a.test/"), id="URI below"),
        pytest.param((org("Example"), []), EXAMPLE, [], id="subject"),
        pytest.param(
            (dns("a.test"), []), EXAMPLE, oid("1.2.3"), id="registered ID of another kind"
        ),
        pytest.param(
            (oid("1.2.3"), []), EXAMPLE, dns("a.test"), id="none of a kind without rules"
        ),
    ],
    indirect=["chain"],
)
def test_within(
    chain: tuple[Certificate, ...], name: x509.Name, names: Names, judge: Judge
) -> None:
    """What is within the constraints is granted, and OpenSSL verifies it."""
    assert judge(chain, name, names) == ("", None)


@pytest.mark.parametrize(
    ("chain", "name", "names", "code"),
    [
        pytest.param((dns("a.test"), []), EXAMPLE, dns("b.test"), 102, id="other domain"),
        pytest.param((dns("a.test"), []), EXAMPLE, dns("bada.test"), 102, id="suffix"),
        pytest.param((dns("a.test"), []), EXAMPLE, dns("a.test", "b.test"), 102, id="one of two"),
        pytest.param((dns(".a.test"), []), EXAMPLE, dns("a.test"), 102, id="dot before"),
        pytest.param((dns("a.test"), []), subject("b.test"), [], 102, id="common name"),
        pytest.param(
            (dns("a.test"), dns("b.a.test")), EXAMPLE, dns("c.b.a.test"), 102, id="excluded"
        ),
        pytest.param((net("10.0.0.0/8"), []), EXAMPLE, ip("11.0.0.1"), 101, id="IP"),
        pytest.param((net("10.0.0.0/8"), []), EXAMPLE, ip("::1"), 101, id="IPv6 of IPv4"),
        pytest.param(([], net("0.0.0.0/0")), EXAMPLE, ip("10.0.0.1"), 101, id="no IP at all"),
        pytest.param((email("me@a.test"), []), EXAMPLE, email("you@a.test"), 102, id="mailbox"),
        pytest.param((email("me@a.test"), []), EXAMPLE, email("ME@a.test"), 102, id="capitals"),
        pytest.param((email("a.test"), []), EXAMPLE, email("me@b.a.test"), 102, id="mail host"),
        pytest.param((email(".a.test"), []), EXAMPLE, email("me@a.test"), 102, id="mail domain"),
        pytest.param((uri("a.test"), []), EXAMPLE, uri("spiffe://b.a.test"), 102, id="URI"),
        pytest.param((uri("a.test"), []), EXAMPLE, uri("urn:uuid:7"), 102, id="no host in URI"),
        pytest.param((org("Example"), []), subject("web", "Other"), [], 999, id="subject"),
        pytest.param((org("Example"), []), subject("web"), [], 999, id="shorter subject"),
        pytest.param(([], org("Bad")), subject("web", "BAD"), [], 999, id="excluded subject"),
        pytest.param((oid("1.2.3"), []), EXAMPLE, oid("1.2.3"), 999, id="registered ID"),
        pytest.param(([], oid("1.2.3")), EXAMPLE, oid("1.2.4"), 999, id="excluded registered ID"),
    ],
    indirect=["chain"],
)
def test_outside(
    chain: tuple[Certificate, ...], name: x509.Name, names: Names, code: int, judge: Judge
) -> None:
    """What is outside is denied with its code and the reason: OpenSSL would refuse it."""
    refused, denial = judge(chain, name, names)
    assert "subtree" in refused or "name" in refused
    assert denial is not None
    assert (denial.code, "name constraints" in denial.reason) == (Code(code), True)
