"""What the relation has to offer, asked of the library and put into this package's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from charmlibs.interfaces.tls_certificates import Mode, TLSCertificatesError

from .config import CertificateMode
from .pairs import bundle
from .plan import Offer, Revoked

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Iterator, Sequence

    from charmlibs.interfaces.tls_certificates import (
        CertificateSigningRequest,
        PrivateKey,
        ProviderCertificate,
        TLSCertificatesRequiresV4,
    )

    from .pairs import Pair


def gather(
    tls: TLSCertificatesRequiresV4, mode: CertificateMode, held: Sequence[Pair]
) -> list[Offer]:
    """Return what can be served, by what the library has accepted.

    Args:
        tls: The library.
        mode: Whose certificates are wanted.
        held: What is served now: chains that are in it need no second look.
    """
    offers: list[Offer] = []
    if mode is not CertificateMode.APP:
        certificates, key = tls.get_assigned_certificates(Mode.UNIT)
        offers += _offers(tls, "unit", certificates, key, held)
    if mode is not CertificateMode.UNIT:
        certificates, key = tls.get_application_certificates()
        offers += _offers(tls, "app", certificates, key, held)
    return offers


def _offers(
    tls: TLSCertificatesRequiresV4,
    scope: str,
    certificates: Iterable[ProviderCertificate],
    key: PrivateKey | None,
    held: Sequence[Pair],
) -> Iterator[Offer]:
    for answer in certificates:
        if key is None:
            continue
        chain, problem = _chain(answer, held)
        yield Offer(
            slot=f"{scope} {answer.certificate_signing_request.common_name}",
            chain=chain,
            private_key=key.raw,
            renewal_time=tls.get_renewal_time(answer),
            problem=problem,
        )


def _chain(
    answer: ProviderCertificate, held: Sequence[Pair]
) -> tuple[tuple[str, ...], str | None]:
    """Return the chain, leaf first, or why there is none."""
    leaf = answer.certificate.raw.strip()
    sent = {leaf, answer.ca.raw.strip(), *(link.raw.strip() for link in answer.chain)}
    for pair in held:
        if pair.chain[0] == leaf and sent == set(pair.chain):
            return pair.chain, None
    try:
        return tuple(link.raw.strip() for link in answer.verified_chain()), None
    except TLSCertificatesError as error:
        return (), str(error)


def denials(tls: TLSCertificatesRequiresV4) -> tuple[str, ...]:
    """Return the provider's reasons for denying what this unit asked for, each once."""
    own = {one.certificate_signing_request for one in tls.get_csrs_from_requirer_relation_data()}
    return tuple(
        dict.fromkeys(
            f"{one.error.reason or one.error.message} ({one.error.name}, {one.error.code})"
            for one in tls.get_request_errors()
            if one.certificate_signing_request in own
        )
    )


def unfit(tls: TLSCertificatesRequiresV4, now: datetime.datetime) -> tuple[str, ...]:
    """Say why what the provider answered is no offer, for each request that has no other answer.

    The library keeps such answers to itself. What was denied or revoked is told elsewhere.
    """
    own = {one.certificate_signing_request for one in tls.get_csrs_from_requirer_relation_data()}
    flaws: dict[CertificateSigningRequest, list[str | None]] = {}
    for answer in tls.get_provider_certificates():
        if answer.certificate_signing_request in own and not answer.revoked:
            found = flaws.setdefault(answer.certificate_signing_request, [])
            found.append(_flaw(answer, now))
    return tuple(
        f"{csr.common_name}: the certificate {found[0]}"
        for csr, found in flaws.items()
        if found[0] is not None and all(found)
    )


def _flaw(answer: ProviderCertificate, now: datetime.datetime) -> str | None:
    certificate = answer.certificate
    if certificate.public_key_sha256 != answer.certificate_signing_request.public_key_sha256:
        return "is for another key"
    if certificate.is_ca:
        return "is a CA's, which was not asked for"
    if certificate.expiry_time < now:
        return f"expired at {certificate.expiry_time:%Y-%m-%d %H:%M:%S} UTC"
    return None


def revoked(tls: TLSCertificatesRequiresV4) -> Revoked:
    """Return what the provider says is revoked."""
    found = [one for one in tls.get_provider_certificates() if one.revoked]
    return Revoked(
        frozenset(one.certificate.sha256_fingerprint for one in found),
        frozenset(
            (csr.public_key_sha256, csr.common_name)
            for csr in (one.certificate_signing_request for one in found)
        ),
    )


def as_pem(answer: ProviderCertificate) -> dict[str, str]:
    """Return an answer's texts for an action's result; the key is never among them."""
    return {
        "certificate": answer.certificate.raw,
        "chain": bundle(link.raw for link in answer.chain),
        "ca": answer.ca.raw,
        "csr": answer.certificate_signing_request.raw,
    }
