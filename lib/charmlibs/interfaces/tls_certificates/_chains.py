"""Chains of certificates: leaf first, each signed by the next."""

import itertools
from collections.abc import Iterable, Sequence

from . import _errors, _x509

_DEEPEST = 20
"""Certificates in the longest chain that is followed: a stranger's has no end, perhaps."""


def chain_has_valid_order(chain: list[str]) -> bool:
    """Check if the chain has a valid order.

    Validates that each certificate in the chain is properly signed by the next certificate.

    Args:
        chain: Certificates in PEM format, ordered from leaf to root.

    Returns:
        True if the chain has a valid order (an empty one has), False otherwise, also if one of
        the texts is no certificate.
    """
    try:
        certificates = [_x509.Certificate.from_string(pem) for pem in chain]
    except _errors.TLSCertificatesError:
        return False
    return _is_ordered(certificates)


def verified_chain(
    leaf: _x509.Certificate, ca: _x509.Certificate, others: Iterable[_x509.Certificate]
) -> tuple[_x509.Certificate, ...]:
    """Return the chain from *leaf* to a self-signed certificate, or to *ca* if that is the end.

    Args:
        leaf: Where the chain starts.
        ca: The certificate authority that the provider names; it may be an intermediate.
        others: Certificates to build the chain from, in any order.

    Raises:
        ChainError: If a certificate's issuer is missing, or the chain leads past *ca*.
    """
    chain = [leaf]
    candidates = list(dict.fromkeys([ca, *others]))
    while not chain[-1].is_signed_by(chain[-1]):
        last = chain[-1]
        issuer = next(
            (one for one in candidates if one not in chain and last.is_signed_by(one)), None
        )
        if issuer is None:
            if last == ca:
                break
            raise _errors.ChainError(
                f"no certificate of the chain signed {last.subject_rfc4514!r}: "
                f"its issuer, {last.issuer_rfc4514!r}, is missing or is another one of that name"
            )
        chain.append(issuer)
        if len(chain) > _DEEPEST:
            raise _errors.ChainError(
                f"the chain of {leaf.subject_rfc4514!r} has over {_DEEPEST} certificates"
            )
    if ca not in chain:
        raise _errors.ChainError(
            f"the chain of {leaf.subject_rfc4514!r} ends at {chain[-1].subject_rfc4514!r} "
            f"without the CA that the provider names, {ca.subject_rfc4514!r}"
        )
    return tuple(chain)


def _is_ordered(chain: Sequence[_x509.Certificate]) -> bool:
    return all(one.is_signed_by(issuer) for one, issuer in itertools.pairwise(chain))
