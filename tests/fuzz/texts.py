"""What may stand in a databag, a secret or a file where a PEM text or a JSON list is expected."""

import base64
import json
from typing import Any

from cryptography.hazmat.primitives import serialization
from hypothesis import strategies as st

from tests.fuzz import der, forge

_LABELS = {
    "CERTIFICATE": ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE", "PKCS7", ""],
    "CERTIFICATE REQUEST": ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST", "CERTIFICATE"],
    "EC PRIVATE KEY": ["EC PRIVATE KEY", "PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "PUBLIC KEY"],
    "PRIVATE KEY": ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"],
}
_LINE_ENDS = ["\n", "\n", "\n", "\r\n", "\r", "\n\n", " \n", "\u2028"]
_AROUND = ["", "", "", "\n", " \t\r\n", "\ufeff", "\0", "subject=/CN=a\n", "-----", "x" * 1000]
SIZES = {1_000: 220, 100_000: 150, 1_000_000: 25, 10_000_000: 5}
"""Of what is merely large, in characters, and how many of 400 are so large: one of the largest
takes the time of a thousand others, and of a hundred thousand cases some hundred have one."""

# Anything at all, halves of surrogate pairs among it: JSON can hold them.
anything = st.text(st.characters(exclude_categories=()), max_size=30)


@st.composite
def spoilt(draw: st.DrawFn, raw: bytes) -> bytes:
    """Draw bytes with a few changes: some flipped, cut off, doubled, put in."""
    found = bytearray(raw)
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2, 4]))):
        if not found:
            break
        at = draw(st.integers(0, len(found) - 1))
        kind = draw(st.sampled_from(["set", "cut", "delete", "insert", "double"]))
        if kind == "set":
            found[at] = draw(
                st.sampled_from([0, 0x7F, 0x80, 0xFF, 0x30, draw(st.integers(0, 255))])
            )
        elif kind == "cut":
            del found[at:]
        elif kind == "delete":
            del found[at : at + draw(st.integers(1, 8))]
        elif kind == "insert":
            found[at:at] = draw(st.binary(max_size=4))
        else:
            found[at:at] = found[at : at + draw(st.integers(1, 64))]
    return bytes(found)


@st.composite
def armoured(draw: st.DrawFn, label: str, raw: bytes) -> str:
    """Draw a PEM text of these bytes, right (mostly) or wrong in its form."""
    encoded = base64.b64encode(raw).decode()
    if draw(st.integers(0, 3)):
        lines = [encoded[at : at + 64] for at in range(0, len(encoded), 64)]
        return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----"])
    width = draw(st.sampled_from([64, 76, 1, 3, 100_000]))
    lines = [encoded[at : at + width] for at in range(0, len(encoded), width)]
    begin, end = (draw(st.sampled_from(_LABELS[label])) for _ in range(2))
    ends = draw(st.lists(st.sampled_from(_LINE_ENDS), min_size=2, max_size=3))
    pieces = [f"-----BEGIN {begin}-----", *lines, f"-----END {end}-----"]
    if draw(st.booleans()):
        pieces.insert(1, draw(st.sampled_from(["Proc-Type: 4,ENCRYPTED", "=", "!", "A: b\n"])))
    if draw(st.booleans()):
        pieces.pop(draw(st.integers(0, len(pieces) - 1)))
    text = "".join(piece + ends[at % len(ends)] for at, piece in enumerate(pieces))
    before, after = (draw(st.sampled_from(_AROUND)) for _ in range(2))
    return before + text * draw(st.sampled_from([1, 1, 2])) + after


@st.composite
def large(draw: st.DrawFn) -> str:
    """Draw a text of one of the `SIZES`."""
    size = draw(st.sampled_from([size for size, share in SIZES.items() for _ in range(share)]))
    piece = draw(
        st.sampled_from(
            [
                "A",
                "\n",
                '\\"',
                '"',
                "-----BEGIN CERTIFICATE-----\n",
                "-----END CERTIFICATE-----\n",
                "-----BEGIN CERTIFICATE REQUEST-----",
                "-",
                " ",
                "ä",
                "🔐",
                "[",
                "{}",
            ]
        )
    )
    return piece * (size // len(piece))


def _pem(label: str, forged: st.SearchStrategy[bytes], good: list[bytes]) -> Any:
    raw = st.one_of(forged, forged, st.sampled_from(good).flatmap(spoilt), forged.flatmap(spoilt))
    return st.one_of(
        raw.flatmap(lambda one: armoured(label, one)),
        raw.flatmap(lambda one: armoured(label, one)),
        raw.flatmap(lambda one: armoured(label, one)),
        anything,
    )


def _der(value: Any) -> bytes:
    return value.x509_object.public_bytes(serialization.Encoding.DER)


certificates: st.SearchStrategy[str] = _pem(
    "CERTIFICATE",
    forge.certificates(),
    [_der(forge.root()), *(_der(forge.leaf(number)) for number in range(3))],
)
requests: st.SearchStrategy[str] = _pem(
    "CERTIFICATE REQUEST",
    forge.requests(),
    [_der(forge.request(number)) for number in range(3)],
)


def _key_bytes(form: serialization.PrivateFormat) -> bytes:
    return forge.key(1).x509_object.private_bytes(
        serialization.Encoding.DER, form, serialization.NoEncryption()
    )


_RSA_NUMBERS = st.lists(
    st.sampled_from([0, 1, 3, 65537, -1, (1 << 1024) | 1, (1 << 2048) | 1]), max_size=9
)
private_keys: st.SearchStrategy[str] = st.one_of(
    _pem(
        "EC PRIVATE KEY",
        _RSA_NUMBERS.map(lambda numbers: der.sequence(*map(der.integer, numbers))),
        [_key_bytes(serialization.PrivateFormat.TraditionalOpenSSL)],
    ),
    _pem(
        "PRIVATE KEY",
        _RSA_NUMBERS.map(lambda numbers: der.sequence(*map(der.integer, (0, *numbers)))),
        [_key_bytes(serialization.PrivateFormat.PKCS8)],
    ),
)

# JSON: values, and texts that are hardly JSON any more

values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        anything,
        st.sampled_from([1 << 70, -(1 << 70), "", "\0", "true", "2026-06-01T12:00:00+00:00"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(anything, inner, max_size=3)
    ),
    max_leaves=6,
)
jsons = values.map(json.dumps)
"""Values as JSON; NaN, infinite numbers and halves of surrogate pairs are in it."""


@st.composite
def nested(draw: st.DrawFn) -> str:
    """Draw lists or objects in one another: a few, as many as Python's parser takes, or more."""
    depth = draw(st.sampled_from([10, 200, 900, 985, 990, 995, 1000, 2000] * 5 + [20_000]))
    left, right = draw(st.sampled_from([("[", "]"), ('{"a":', "}"), ('{"ca":[', "]}")]))
    return left * depth + draw(st.sampled_from(["0", "01"])) + right * depth


HOSTILE = st.one_of(
    nested(),
    st.sampled_from([100, 4299, 4301, 20_000]).map(lambda digits: "1" + "0" * digits),
    st.sampled_from(
        [
            "NaN",
            "Infinity",
            "-Infinity",
            "1e400",
            "-0",
            "oops",
            "07",
            "'a'",
            "undefined",
            "+1",
            '"\\ud800"',
            '"\\u0000"',
            '"\\x"',
            '"]}, [{"',
            '{"x": "]}, [{"}',
            '"\\\\"',
            '"\\""',
            '{"ca": true, "ca": [false]}',
            '{"": null}',
            "{1: 2}",
            "[,]",
            '{"a"}',
            '"\t"',
            "\ufeff",
        ]
    ),
    jsons,
)
"""JSON of one item, or something in its place whose brackets and quotes fit together."""


def entries(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    """Draw entries whose fields are as drawn; some are missing, and others there."""
    bad = st.one_of(values, values, large())
    optional = {name: st.one_of(good, good, good, bad) for name, good in fields.items()}
    optional["more"] = values
    return st.fixed_dictionaries({}, optional=optional).map(json.dumps)


request_entries = entries(
    certificate_signing_request=requests, ca=st.one_of(st.booleans(), st.none())
)
certificate_entries = entries(
    certificate_signing_request=requests,
    certificate=certificates,
    ca=certificates,
    chain=st.one_of(st.none(), st.lists(certificates, max_size=3), st.just([7] * 2000)),
    revoked=st.one_of(st.booleans(), st.none()),
)
_errors = st.fixed_dictionaries(
    {},
    optional={
        "code": st.one_of(st.sampled_from([101, 999]), values),
        "name": anything,
        "message": anything,
        "reason": st.one_of(st.none(), anything),
        "provider": values,
    },
)
error_entries = entries(csr=requests, certificate_signing_request=requests, error=_errors)
capabilities = entries(
    supports_ip_sans=st.booleans(), allowed_domains=st.lists(anything), provider_type=anything
)

_SEVERAL = 100_000
"""Characters that what stands several times has together: more of one kind finds no more."""

Items = list[int | str | tuple[str, int]]
"""A list as it comes over the wire: numbers stand for good entries, texts are JSON, and a text
with a number is that text so many times."""


def items(hostile: st.SearchStrategy[str], good: int) -> st.SearchStrategy[Items]:
    """Draw a list with good entries among hostile ones."""
    short = hostile.filter(lambda text: len(text) < 2000)
    several = st.tuples(short, st.sampled_from([2, 20, 500])).map(
        lambda drawn: (drawn[0], min(drawn[1], _SEVERAL // (len(drawn[0]) + 1)))
    )
    good_ones = st.integers(0, good - 1)
    item = st.one_of(good_ones, good_ones, hostile, hostile, hostile, hostile, several)
    return st.lists(item, max_size=6)


def written(listed: Items, good: list[str]) -> str:
    """Return a list as JSON."""
    pieces: list[str] = []
    for one in listed:
        if isinstance(one, int):
            pieces.append(good[one])
        elif isinstance(one, str):
            pieces.append(one)
        else:
            pieces += [one[0]] * one[1]
    return f"[{', '.join(pieces)}]"


def numbers(listed: Items) -> list[int]:
    """Return the good entries of a list, by their numbers."""
    return [one for one in listed if isinstance(one, int)]


def only_good(listed: Items) -> Items:
    """Return a list without what is hostile."""
    return [*numbers(listed)]


broken = st.one_of(
    jsons,
    HOSTILE,
    anything,
    large(),
    large().map(lambda text: f"[{text}]"),
    large().map(lambda text: f'["{text}]'),
    HOSTILE.map(lambda text: f"[{','.join([text] * min(500, 200_000 // len(text)))}]"),
    st.tuples(request_entries, certificate_entries, st.integers(0, 400)).map(
        lambda drawn: f"[{drawn[0]}, {drawn[1]}]"[: drawn[2]]
    ),
)
"""A whole value of a databag that may be anything."""
