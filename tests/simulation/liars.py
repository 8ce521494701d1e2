"""What those write who break the rules: a provider's answers, and a requirer's requests."""

from __future__ import annotations

import datetime
import functools
import ipaddress
import json
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Entry = dict[str, Any]
CROWD = 10_000
"""Entries of who writes as many as possible."""
_DAY = datetime.timedelta(days=1)


@functools.cache
def key(number: int) -> ec.EllipticCurvePrivateKey:
    """Return one of the liars' keys; they have no need of new ones."""
    return ec.derive_private_key(10**30 + number, ec.SECP256R1())


def key_pem(private_key: ec.EllipticCurvePrivateKey) -> str:
    return private_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@functools.cache
def authority(number: int, begin: datetime.datetime, days: int = 3000) -> x509.Certificate:
    """Return a root: the same one in each life, to the last byte."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"Root {number}")])
    return _sign(
        name,
        key(number).public_key(),
        name,
        number,
        begin,
        days * _DAY,
        is_ca=True,
        serial=number + 1,
    )


def pem(thing: x509.Certificate | x509.CertificateSigningRequest) -> str:
    return thing.public_bytes(serialization.Encoding.PEM).decode().strip()


# A provider's lies.


def _answer(
    csr_pem: str,
    now: datetime.datetime,
    *,
    own_key: bool = True,
    own_names: bool = True,
    begin: int = -1,
    days: int = 90,
    signer: int = 1,
    said: int = 1,
    is_ca: bool = False,
) -> Entry:
    csr = x509.load_pem_x509_csr(csr_pem.encode())
    names = list(_san(csr)) if own_names else [x509.DNSName("bank.example")]
    root = authority(signer, now.replace(month=1, day=1, hour=0, minute=0, second=0) - _DAY)
    leaf = _sign(
        csr.subject,
        csr.public_key() if own_key else key(9).public_key(),
        root.subject,
        signer,
        now + begin * _DAY,
        days * _DAY,
        is_ca=is_ca,
        names=names,
    )
    told = authority(said, now.replace(month=1, day=1, hour=0, minute=0, second=0) - _DAY)
    return {
        "ca": pem(told),
        "certificate_signing_request": csr_pem,
        "certificate": pem(leaf),
        "chain": [pem(leaf), pem(told)],
    }


def _lie(**how: Any) -> Callable[[Sequence[str], datetime.datetime], dict[str, str]]:
    return lambda csrs, now: {
        "certificates": json.dumps([_answer(csr, now, **how) for csr in csrs])
    }


def _bent(
    bend: Callable[[Entry], Any],
) -> Callable[[Sequence[str], datetime.datetime], dict[str, str]]:
    return lambda csrs, now: {
        "certificates": json.dumps([bend(_answer(csr, now)) for csr in csrs])
    }


def _swapped(csrs: Sequence[str], now: datetime.datetime) -> dict[str, str]:
    """Everybody gets the answer to another's request."""
    entries = [_answer(csr, now) for csr in csrs]
    for entry, csr in zip(entries, [*csrs[1:], *csrs[:1]], strict=True):
        entry["certificate_signing_request"] = csr
    return {"certificates": json.dumps(entries)}


def _both(csrs: Sequence[str], now: datetime.datetime) -> dict[str, str]:
    error = {"code": 101, "name": "ip_not_allowed", "message": "no"}
    return {
        **_lie()(csrs, now),
        "request_errors": json.dumps([{"csr": csr, "error": error} for csr in csrs]),
    }


def _all_denied(csrs: Sequence[str], _: datetime.datetime) -> dict[str, str]:
    error = {"code": 999, "name": "other", "message": "no", "reason": "I will not"}
    errors = [{"csr": csr, "certificate_signing_request": csr, "error": error} for csr in csrs]
    return {"certificates": "", "request_errors": json.dumps(errors)}


def _twice(csrs: Sequence[str], now: datetime.datetime) -> dict[str, str]:
    entries = [_answer(csr, now, days=days) for csr in csrs for days in (90, 40)]
    return {"certificates": json.dumps(entries)}


def _crowd(csrs: Sequence[str], now: datetime.datetime) -> dict[str, str]:
    entries = [_answer(csr, now) for csr in csrs]
    short = {"ca": "x", "certificate": "x", "chain": ["x"]}
    strangers = [{**short, "certificate_signing_request": f"x{i}"} for i in range(CROWD)]
    return {"certificates": json.dumps([*strangers, *entries])}


def _text(certificates: str) -> Callable[[Sequence[str], datetime.datetime], dict[str, str]]:
    return lambda csrs, now: {"certificates": certificates}  # noqa: ARG005


ANSWERS: dict[str, Callable[[Sequence[str], datetime.datetime], dict[str, str]]] = {
    "the truth": _lie(),
    "another key": _lie(own_key=False),
    "other names": _lie(own_names=False),
    "expired": _lie(begin=-200),
    "not valid yet": _lie(begin=20),
    "a short life": _lie(days=2),
    "signed by another CA": _lie(signer=2),
    "under a new CA": _lie(signer=3, said=3),
    "a CA": _lie(is_ca=True),
    "no chain": _bent(lambda entry: {**entry, "chain": []}),
    "null for a chain": _bent(lambda entry: {**entry, "chain": None}),
    "the chain turned round": _bent(lambda entry: {**entry, "chain": entry["chain"][::-1]}),
    "revoked": _bent(lambda entry: {**entry, "revoked": True}),
    "no PEM": _bent(lambda entry: {**entry, "certificate": "-----BEGIN CERTIFICATE-----\nno"}),
    "numbers": _bent(lambda entry: {**entry, "certificate": 5, "ca": 7}),
    "no objects": _bent(lambda _: 3),
    "swapped": _swapped,
    "granted and denied": _both,
    "denied": _all_denied,
    "two answers": _twice,
    "a crowd": _crowd,
    "no JSON": _text("{["),
    "an object": _text('{"certificates": []}'),
    "a deep list": _text("[" * 3000),
    "withdrawn": _text(""),
}


# A requirer's lies.


def request(number: int, *names: str, is_forged: bool = False) -> str:
    builder = x509.CertificateSigningRequestBuilder(
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0][:64])])
    ).add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), False)
    text = pem(builder.sign(key(20 + number), hashes.SHA256()))
    if not is_forged:
        return text
    lines = text.splitlines()
    # Somewhere in the signature, which comes last.
    lines[-2] = lines[-2][:5] + ("A" if lines[-2][5] != "A" else "B") + lines[-2][6:]
    return "\n".join(lines)


def _asking(*csrs: str, ca: Any = False) -> str:
    return json.dumps([{"certificate_signing_request": csr, "ca": ca} for csr in csrs])


REQUESTS: dict[str, Callable[[Sequence[str]], Sequence[str]]] = {
    "the truth": lambda _: [_asking(request(0, "liar-0")), _asking(request(1, "liar-1"))],
    "others' requests": lambda others: [_asking(*others)] * 2,
    "one request twice": lambda _: [_asking(request(2, "liar"))] * 2,
    "forged": lambda _: [_asking(request(3, "liar", is_forged=True))] * 2,
    "a CA": lambda _: [_asking(request(4, "Root of evil"), ca=True), "[]"],
    "addresses": lambda _: [_asking(request(5, "10.9.8.7")), _asking(request(5, "::1"))],
    "wildcards": lambda _: [_asking(request(6, "*.example.com")), _asking(request(7, "*"))],
    "foreign names": lambda _: [_asking(request(8, "bank.example", "www.bank.example")), "[]"],
    "null for ca": lambda _: [_asking(request(9, "liar"), ca=None), "[]"],
    "a crowd": lambda _: [_asking(*(request(i % 5, f"liar-{i}") for i in range(120))), "[]"],
    "a crowd of noise": lambda _: [_asking(*(f"noise {i}" for i in range(CROWD))), "[]"],
    "no PEM": lambda _: [_asking("-----BEGIN CERTIFICATE REQUEST-----\nno"), _asking("")],
    "numbers": lambda _: ["[1, null, 2.5]", '[{"certificate_signing_request": 5}]'],
    "no JSON": lambda _: ["{[", "\x00"],
    "an object": lambda _: ['{"certificate_signing_request": "x"}', "3"],
    "a deep list": lambda _: ["[" * 3000, "[]"],
    "nothing": lambda _: ["", ""],
}


def _sign(  # noqa: PLR0917
    subject: x509.Name,
    public_key: Any,
    issuer: x509.Name,
    signer: int,
    begin: datetime.datetime,
    length: datetime.timedelta,
    *,
    is_ca: bool,
    names: Sequence[x509.GeneralName] = (),
    serial: int | None = None,
) -> x509.Certificate:
    serial = serial or x509.random_serial_number()
    signers = key(signer).public_key()
    builder = (
        x509.CertificateBuilder(issuer, subject, public_key, serial, begin, begin + length)
        .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signers), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key(signer), hashes.SHA256(), ecdsa_deterministic=True)


def _san(csr: x509.CertificateSigningRequest) -> x509.SubjectAlternativeName:
    try:
        return csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return x509.SubjectAlternativeName([])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
