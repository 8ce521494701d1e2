"""What a requirer observes of one owner (a unit, or the application) and its certificates."""

import enum
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from . import _attributes, _errors, _keys, _outgoing, _renewal, _values, _x509


class Flaw(enum.Enum):
    """Why an answer to a request of ours is not used."""

    OTHER_KEY = "it is for another key"
    NOT_A_CA = "a CA certificate was asked for, and it is none"
    UNWANTED_CA = "it is a CA certificate, and none was asked for"
    REVOKED = "it was revoked"
    EXPIRED = "it has expired"


class Stored(NamedTuple):
    """What the secret of a certificate says."""

    certificate: _x509.Certificate | None
    """The certificate; None if it cannot be read."""
    alarm: datetime | None
    """The secret's expiry."""
    is_removable: bool = False
    """Whether the alarm was far away when the hook began."""
    is_foreign: bool = False
    """Whether a version of the library made it whose secrets are not taken over (v3)."""

    @property
    def is_done_with(self) -> bool:
        """Whether nothing is to happen to it but its removal."""
        return _renewal.is_far_away(self.alarm)


@dataclass(frozen=True)
class Observed:
    """What one owner has, wants and was given. Mappings are by the request's PEM."""

    now: datetime
    """Aware."""
    fraction: float = 0.9
    """Share of a certificate's lifetime to use up."""
    connected: bool = True
    """Whether there is a relation to ask over."""
    wanted: tuple[_attributes.CertificateRequestAttributes, ...] = ()
    """What the charm requests; valid, each once."""
    key: _keys.PrivateKey | None = None
    """The key in force."""
    sent: tuple[_values.RequirerCertificateRequest, ...] = ()
    """The requests in our databag."""
    answers: Mapping[str, _values.ProviderCertificate] = field(
        default_factory=dict[str, _values.ProviderCertificate]
    )
    """The provider's certificates for our requests."""
    refusals: Mapping[str, _values.ProviderCertificateError] = field(
        default_factory=dict[str, _values.ProviderCertificateError]
    )
    """The provider's errors for our requests."""
    stored: Mapping[str, Stored] = field(default_factory=dict[str, Stored])
    """The secrets of certificates, for the requests in `sent` and in `outgoing`."""
    outgoing: _outgoing.Outgoing = field(default_factory=_outgoing.Outgoing)
    """What is being replaced."""
    withdrawn: frozenset[str] = frozenset()
    """The requests in `outgoing` whose certificate the provider marks as revoked: it may show it
    for a while still after its request has left our databag."""
    asked: frozenset[str] = frozenset()
    """The requests whose renewal the charm asked for."""
    asks_again: bool = False
    """Whether what was answered with a certificate that is over, and has no alarm, is asked for
    anew. In some hooks only: a provider whose clock is behind always answers with such a one."""
    keeps: bool = False
    """Whether `outgoing` is to hold what is in force, too: a provider takes its answers along when
    the relation ends, and may do so before we hear of it."""
    hinted: frozenset[str] = frozenset()
    """The requests whose alarm went off, as Juju said in this hook."""


def why_flawed(
    request: _values.RequirerCertificateRequest,
    answer: _values.ProviderCertificate,
    key: _keys.PrivateKey | None,
    now: datetime,
) -> Flaw | None:
    """Return why an answer is not used for a request of ours, or None."""
    certificate = answer.certificate
    if answer.revoked:
        return Flaw.REVOKED
    if key is None or not certificate.matches_private_key(key):
        return Flaw.OTHER_KEY
    if request.is_ca and not certificate.is_ca:
        return Flaw.NOT_A_CA
    if certificate.is_ca and not request.is_ca:
        return Flaw.UNWANTED_CA
    if not certificate.is_valid_at(now):
        return Flaw.EXPIRED
    return None


_FLAWS = (
    None,
    Flaw.REVOKED,
    Flaw.EXPIRED,
    Flaw.NOT_A_CA,
    Flaw.UNWANTED_CA,
    Flaw.OTHER_KEY,
)


def rank(
    request: _values.RequirerCertificateRequest,
    answer: _values.ProviderCertificate,
    key: _keys.PrivateKey | None,
    now: datetime,
) -> int:
    """Return the place of an answer among several to one request: 0 for one that can be used.

    Of the others, what speaks of our own certificate goes before what is for no one.
    """
    return _FLAWS.index(why_flawed(request, answer, key, now))


def is_due(csr: str, seen: Observed) -> bool:
    """Tell whether the alarm of a request's certificate has gone off."""
    stored, answer = seen.stored.get(csr), seen.answers.get(csr)
    if stored is None or stored.is_foreign or stored.is_done_with or stored.alarm is None:
        return False
    certificate = stored.certificate
    if answer is not None and (answer.revoked or answer.certificate != certificate):
        # What the alarm was for is not what the request is answered with by now.
        return False
    not_after = certificate.expiry_time if certificate else stored.alarm
    return _renewal.is_due(stored.alarm, not_after, seen.now, hinted=csr in seen.hinted)


def is_withdrawn(csr: str, seen: Observed) -> bool:
    """Tell whether the provider marks what a request is, or was, answered with as revoked.

    A revoked answer to a request that is there still ends what it was answered with before, too.
    """
    answer = seen.answers.get(csr)
    return csr in seen.withdrawn or (answer is not None and bool(answer.revoked))


def is_over(
    request: _values.RequirerCertificateRequest,
    answer: _values.ProviderCertificate,
    seen: Observed,
) -> bool:
    """Tell whether an answer would be good, had it not expired; one yet to come is waited for."""
    flaw = why_flawed(request, answer, seen.key, seen.now)
    return flaw is Flaw.EXPIRED and answer.certificate.expiry_time <= seen.now


def usable_answer(
    request: _values.RequirerCertificateRequest, seen: Observed
) -> _values.ProviderCertificate | None:
    """Return the answer to a request of ours if it can be used, or None."""
    answer = seen.answers.get(request.certificate_signing_request.raw)
    if answer is None or why_flawed(request, answer, seen.key, seen.now) is not None:
        return None
    return answer


def attributes_of(
    request: _values.RequirerCertificateRequest,
) -> _attributes.CertificateRequestAttributes | None:
    """Return what a request asks for; None if it names nothing that we could have asked for."""
    try:
        return request.attributes
    except _errors.TLSCertificatesError:
        return None


def attributes_of_answer(
    answer: _values.ProviderCertificate,
) -> _attributes.CertificateRequestAttributes | None:
    """Return what a certificate was requested for: as `attributes_of`."""
    try:
        return _attributes.CertificateRequestAttributes.from_csr(
            answer.certificate_signing_request, answer.certificate.is_ca
        )
    except _errors.TLSCertificatesError:
        return None


def is_of_the_other_kind(
    answer: _values.ProviderCertificate,
    wanted: Collection[_attributes.CertificateRequestAttributes],
) -> bool:
    """Tell whether a CA came where a leaf is wanted, or a leaf where a CA is.

    Where both are wanted, of the same names, nobody can tell who does not see the requests.
    """
    csr, is_ca = answer.certificate_signing_request, answer.certificate.is_ca
    other = _values.RequirerCertificateRequest(answer.relation_id, csr, not is_ca)
    return attributes_of_answer(answer) not in wanted and attributes_of(other) in wanted


def differences(answer: _values.ProviderCertificate) -> Iterator[str]:
    """Yield, in words, how a certificate differs from its request, and what its chain lacks."""
    csr, certificate = answer.certificate_signing_request, answer.certificate
    for what, asked, given in (
        ("common name", csr.common_name, certificate.common_name),
        ("DNS names", csr.sans_dns, certificate.sans_dns or set()),
        ("IP addresses", csr.sans_ip, certificate.sans_ip or set()),
        ("OIDs", csr.sans_oid, certificate.sans_oid or set()),
    ):
        if asked != given:
            yield f"its {what} are {_as_text(given)}, requested were {_as_text(asked)}"
    try:
        answer.verified_chain()
    except _errors.ChainError as error:
        yield str(error)


def _as_text(names: str | set[str]) -> str:
    return repr(names) if isinstance(names, str) else repr(sorted(names))
