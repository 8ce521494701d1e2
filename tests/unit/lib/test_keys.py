"""Private keys as values: which are made and held, which are valid, and what is shown of them."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from charmlibs.interfaces.tls_certificates import (
    KeyAlgorithm,
    PrivateKey,
    TLSCertificatesError,
)
from tests.unit.lib import keys


@pytest.mark.parametrize(
    ("arguments", "algorithm", "size"),
    [
        pytest.param({}, KeyAlgorithm.RSA, 2048, id="default"),
        pytest.param({"key_algorithm": "ecdsa"}, KeyAlgorithm.ECDSA, 256, id="ecdsa"),
        pytest.param(
            {"key_algorithm": KeyAlgorithm.ECDSA, "key_size": 384},
            KeyAlgorithm.ECDSA,
            384,
            id="P-384",
        ),
    ],
)
def test_generate_key(arguments: dict[str, Any], algorithm: KeyAlgorithm, size: int) -> None:
    """Keys are made as asked, and are valid."""
    key = PrivateKey.generate(**arguments)
    assert (key.algorithm, key.key_size, key.is_valid()) == (algorithm, size, True)
    assert PrivateKey.from_string(key.raw) == key


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        pytest.param({"key_size": 1024}, "2048, 3072, 4096", id="weak RSA"),
        pytest.param({"key_algorithm": "ecdsa", "key_size": 2048}, "256, 384", id="ECDSA size"),
        pytest.param({"key_algorithm": "dsa"}, "'rsa', 'ecdsa'", id="algorithm"),
        pytest.param({"key_size": True}, "2048", id="no size at all"),
    ],
)
def test_generate_other_key(arguments: dict[str, Any], names: str) -> None:
    """What cannot be made is refused, and the message says what can."""
    with pytest.raises(TLSCertificatesError, match=names):
        PrivateKey.generate(**arguments)


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(rsa.generate_private_key(65537, 1024), id="RSA 1024"),
        pytest.param(ec.generate_private_key(ec.SECP521R1()), id="P-521"),
    ],
)
def test_other_keys_are_held_and_not_valid(key: Any) -> None:
    """A key that is too weak, or on another curve, can be held."""
    assert not PrivateKey.from_string(keys.pkcs8(key)).is_valid()


def test_key_is_not_shown() -> None:
    """Neither text nor representation of a key shows it, nor does an error."""
    key = keys.key()
    secret = key.raw.splitlines()[1]
    assert secret not in f"{key} {key!r}"
    with pytest.raises(TLSCertificatesError) as raised:
        PrivateKey.from_string(key.raw.replace("BEGIN", "START"))
    assert secret not in str(raised.value)
    assert raised.value.__cause__ is None


def test_keys_compare_by_value() -> None:
    """One key in two encodings is one key."""
    key = keys.key()
    again = PrivateKey.from_string(keys.pkcs8(key.x509_object))
    assert again == key
    assert {again, key} == {key}
    assert keys.key("b") != key
