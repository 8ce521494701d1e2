"""A world whose clock the test moves, and in which everything follows from one seed.

Keys, serial numbers, ids and signatures do.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import os
import pathlib
import random
import socket
import tempfile
from typing import TYPE_CHECKING, Any
from unittest import mock

import time_machine
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from demo_requirer import supervisor
from localjuju.inprocess import World
from tests.unit.provider.story import START

from .places import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_ORDER = 2**224
"""Private keys are drawn below this, which is below the order of every curve that is used."""
_generate_rsa = rsa.generate_private_key
_BUILDERS = (
    x509.CertificateBuilder,
    x509.CertificateSigningRequestBuilder,
    x509.CertificateRevocationListBuilder,
)


@contextlib.contextmanager
def steady_world(seed: int = 1) -> Generator[World]:
    """Yield an empty world in memory, at the beginning of 2030.

    Args:
        seed: Everything follows from it that a charm or Juju draws.
    """
    memory = "/dev/shm" if pathlib.Path("/dev/shm").is_dir() else None
    draws = random.Random(seed)
    ec_numbers, rsa_numbers = itertools.count(seed << 32), itertools.count()

    def make_key(curve: ec.EllipticCurve, _backend: object = None) -> ec.EllipticCurvePrivateKey:
        digest = hashlib.sha256(str(next(ec_numbers)).encode()).digest()
        return ec.derive_private_key(int.from_bytes(digest, "big") % _ORDER + 1, curve)

    def make_rsa_key(_exponent: int, size: int, _backend: object = None) -> rsa.RSAPrivateKey:
        return _rsa_key(next(rsa_numbers), size)

    with (
        tempfile.TemporaryDirectory(dir=memory) as folder,
        time_machine.travel(START, tick=False) as clock,
        mock.patch.object(supervisor, "for_unit", place_of),
        # No resolver's answer may get into the names that are asked for.
        mock.patch.object(socket, "getfqdn", return_value="host"),
        mock.patch.object(os, "urandom", draws.randbytes),
        mock.patch.object(ec, "generate_private_key", make_key),
        mock.patch.object(rsa, "generate_private_key", make_rsa_key),
        contextlib.ExitStack() as signing,
    ):
        for builder in _BUILDERS:
            signing.enter_context(mock.patch.object(builder, "sign", _steadily(builder.sign)))
        yield World(
            pathlib.Path(folder),
            start=START,
            on_move=lambda moment: clock.move_to(moment, tick=False),
            seed=seed,
        )


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
