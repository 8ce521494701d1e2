"""Requests and answers by name, key and validity, each made once, for made-up inputs."""

import functools

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    ProviderCertificate,
    RequirerCertificateRequest,
    _issuing,
)
from tests.unit.lib import keys
from tests.unit.lib.issuers import DAY, NOW, A

NAMES, KEYS = "abcd", ("one", "two")
WANTED = {name: A(common_name=name) for name in NAMES}


@functools.cache
def request(name: str, key: str) -> RequirerCertificateRequest:
    return RequirerCertificateRequest(1, WANTED[name].generate_csr(keys.key(key)), False)


@functools.cache
def certificate(name: str, key: str, start: int, days: int) -> Certificate:
    csr = request(name, key).certificate_signing_request
    now = NOW + start * DAY
    return _issuing.sign(csr, authority(), keys.key("ca"), days * DAY, now)


@functools.cache
def authority() -> Certificate:
    attributes = A(common_name="ca", is_ca=True)
    return _issuing.self_signed_ca(attributes, keys.key("ca"), 4000 * DAY, NOW - 1000 * DAY)


# A certificate's validity, as days from now: young, due, expired.
VALIDITIES = ((-10, 100), (-95, 100), (-200, 100))


def answer(
    place: tuple[str, str], validity: tuple[int, int], *, revoked: bool
) -> ProviderCertificate:
    made = certificate(*place, *validity)
    csr = request(*place).certificate_signing_request
    return ProviderCertificate(1, made, csr, authority(), [made], revoked or None)


PLACES = [(name, key) for name in NAMES for key in KEYS]
