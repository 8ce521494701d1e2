"""A throwaway CA for tests, and what a provider writes of what it issued."""

import dataclasses
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

from . import _attributes, _issuing, _keys, _renewal, _values, _wire, _x509

DAY = timedelta(days=1)
# Of the requirer's `renewal_relative_time`, unless the charm says otherwise.
_FRACTION = 0.9


class Authority:
    """A throwaway CA: its key is made with it, and kept nowhere.

    Args:
        common_name: Of the CA.
        validity: How long the CA is valid from now; it has been for as long already, so that it
            can have issued certificates that are about to expire.
    """

    def __init__(
        self, common_name: str = "Throwaway CA", validity: timedelta = 3650 * DAY
    ) -> None:
        self.private_key = _keys.PrivateKey.generate(key_algorithm=_keys.KeyAlgorithm.ECDSA)
        attributes = _attributes.CertificateRequestAttributes(common_name=common_name, is_ca=True)
        self.certificate = _issuing.self_signed_ca(
            attributes, self.private_key, 2 * validity, _now() - validity
        )

    def issue(
        self,
        csr: _x509.CertificateSigningRequest,
        validity: timedelta = 90 * DAY,
        *,
        is_ca: bool = False,
        relation_id: int = 0,
        age: timedelta = timedelta(0),
    ) -> _values.ProviderCertificate:
        """Return the answer to a request.

        Args:
            csr: The request.
            validity: How long the certificate is valid, from when it was issued.
            is_ca: Whether it is a CA certificate.
            relation_id: Of the relation that the request is from.
            age: How long ago it was issued.

        Raises:
            TLSCertificatesError: If the request cannot be granted.
        """
        certificate = _issuing.sign(
            csr, self.certificate, self.private_key, validity, _now() - age, is_ca=is_ca
        )
        chain = [certificate, self.certificate]
        return _values.ProviderCertificate(relation_id, certificate, csr, self.certificate, chain)


def issued(
    requests: Iterable[_values.RequirerCertificateRequest],
    by: Authority,
    validity: timedelta,
    age: timedelta = timedelta(0),
    *,
    is_revoked: bool = False,
) -> tuple[_values.ProviderCertificate, ...]:
    """Return the answer to each request.

    Args:
        requests: The requests.
        by: Who issues.
        validity: Of the certificates, from when they were issued.
        age: How long ago that was.
        is_revoked: Whether they have been revoked since.
    """
    answers = (
        by.issue(
            one.certificate_signing_request,
            validity,
            is_ca=one.is_ca,
            relation_id=one.relation_id,
            age=age,
        )
        for one in requests
    )
    revoked = True if is_revoked else None
    return tuple(dataclasses.replace(one, revoked=revoked) for one in answers)


def certificates_text(answers: Iterable[_values.ProviderCertificate], *, as_v3: bool) -> str:
    """Return certificates as a provider writes them, of this version or of version 3."""
    entries = [_wire.CertificateEntry.from_value(one) for one in answers]
    if as_v3:
        more = {"recommended_expiry_notification_time": None}
        entries = [one._replace(fields=more) for one in entries]
    return _wire.write_entries(entries)


def due(certificate: _x509.Certificate) -> datetime:
    """Return when the library would renew a certificate that it saw when it was made."""
    start = certificate.validity_start_time
    return _renewal.due(start, certificate.expiry_time, _FRACTION, start)


def errors_text(
    requests: Iterable[_values.RequirerCertificateRequest],
    error: _values.CertificateError | None,
) -> str:
    """Return the refusal of requests as a provider writes it: their domain, without an error."""
    if error is None:
        code = _values.CertificateRequestErrorCode.DOMAIN_NOT_ALLOWED
        message = "The domain is not allowed."
        error = _values.CertificateError(code=code.value, name=code.name.lower(), message=message)
    return _wire.write_entries(
        _wire.ErrorEntry(one.certificate_signing_request.raw, error) for one in requests
    )


def _now() -> datetime:
    return datetime.now(timezone.utc)
