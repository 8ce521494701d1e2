"""A world in which everything follows from one seed: keys, serial numbers, ids, signatures."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import os
import random
from typing import TYPE_CHECKING, Any
from unittest import mock

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from .places import world_in_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from localjuju.inprocess import World

_ORDER = 2**224
"""Private keys are drawn below this, which is below the order of every curve that is used."""
_generate_rsa = rsa.generate_private_key
_BUILDERS = (
    x509.CertificateBuilder,
    x509.CertificateSigningRequestBuilder,
    x509.CertificateRevocationListBuilder,
)


@contextlib.contextmanager
def steady_world(seed: int) -> Generator[World]:
    """Yield a world in memory, in which everything follows from *seed*."""
    draws = random.Random(seed)
    ec_numbers, rsa_numbers = itertools.count(seed << 32), itertools.count()

    def make_key(curve: ec.EllipticCurve, _backend: object = None) -> ec.EllipticCurvePrivateKey:
        digest = hashlib.sha256(str(next(ec_numbers)).encode()).digest()
        return ec.derive_private_key(int.from_bytes(digest, "big") % _ORDER + 1, curve)

    def make_rsa_key(_exponent: int, size: int, _backend: object = None) -> rsa.RSAPrivateKey:
        return _rsa_key(next(rsa_numbers), size)

    with (
        world_in_memory() as world,
        mock.patch.object(os, "urandom", draws.randbytes),
        mock.patch.object(ec, "generate_private_key", make_key),
        mock.patch.object(rsa, "generate_private_key", make_rsa_key),
        contextlib.ExitStack() as signing,
    ):
        for builder in _BUILDERS:
            signing.enter_context(mock.patch.object(builder, "sign", _steadily(builder.sign)))
        world.rng.seed(seed)
        yield world


def _steadily(sign: Callable[..., Any]) -> Callable[..., Any]:
    """Return a builder's `sign` with the nonces of RFC 6979: OpenSSL draws its own otherwise."""

    @functools.wraps(sign)
    def signed(builder: object, key: object, *args: Any, **options: Any) -> Any:
        if isinstance(key, ec.EllipticCurvePrivateKey):
            options["ecdsa_deterministic"] = True
        return sign(builder, key, *args, **options)

    return signed


@functools.cache
def _rsa_key(_number: int, size: int) -> rsa.RSAPrivateKey:
    """Return the RSA keys of all lives: only old versions make them, and they are slow to make."""
    return _generate_rsa(65537, size)
