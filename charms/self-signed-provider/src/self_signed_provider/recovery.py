"""What is left of the authorities after a loss: of a key, or of the record of them.

Neither should happen. Where it does, the authority goes on with what there is.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import rsa

from .ca import Authority, Phase, authority_id
from .origin import Made, origin_of_given, subject_of

if TYPE_CHECKING:
    import datetime
    from collections.abc import Collection, Iterable, Sequence

    from charmlibs.interfaces.tls_certificates import Certificate, ProviderCertificate

    from .origin import Origin


def without_lost_keys(
    authorities: Iterable[Authority], held: Collection[str], now: datetime.datetime
) -> tuple[Authority, ...]:
    """Return the authorities as they are if only the keys of *held* are left.

    One that issues stops, and stays trusted for what it has issued; one that never issued anything
    is of no use.

    Args:
        authorities: All that are remembered.
        held: The ids of those that have their key.
        now: Aware.
    """
    left: list[Authority] = []
    for authority in authorities:
        if authority.id in held or authority.phase is Phase.OUTGOING:
            left.append(authority)
        elif authority.phase is Phase.ACTIVE:
            left.append(dataclasses.replace(authority, phase=Phase.OUTGOING, since=now))
    return tuple(left)


def recovered(
    authorities: Sequence[Authority],
    standing: Iterable[ProviderCertificate],
    held: Collection[str],
    wanted: Origin | None,
    now: datetime.datetime,
) -> tuple[Authority, ...]:
    """Return the authorities, with those put back whose record was lost.

    Args:
        authorities: All that are remembered; none of them issues.
        standing: What stands in the relations: each certificate comes with its CA.
        held: The ids of the CAs among those that have their key.
        wanted: The origin of the CA that the operator wants, if it can be had.
        now: Aware.
    """
    known = {authority.certificate for authority in authorities}
    lost: dict[Certificate, list[ProviderCertificate]] = {}
    for answer in standing:
        if answer.ca not in known and authority_id(answer.ca) in held:
            lost.setdefault(answer.ca, []).append(answer)
    newest = max(lost, key=lambda certificate: certificate.validity_start_time, default=None)
    back = (
        Authority(
            certificate,
            chain=tuple(answers[0].chain[2:]),
            origin=_likely_origin(certificate, wanted),
            phase=Phase.ACTIVE if certificate is newest else Phase.OUTGOING,
            since=now,
        ).having_issued(answer.certificate for answer in answers)
        for certificate, answers in lost.items()
    )
    return (*authorities, *back)


def _likely_origin(certificate: Certificate, wanted: Origin | None) -> Origin:
    brought = origin_of_given(certificate)
    if wanted == brought or certificate.issuer_rfc4514 != certificate.subject_rfc4514:
        return brought
    key = certificate.x509_object.public_key()
    size = getattr(key, "key_size", 0)
    is_rsa = isinstance(key, rsa.RSAPublicKey)
    return Made(subject_of(certificate), f"rsa-{size}" if is_rsa else f"ecdsa-p{size}")
