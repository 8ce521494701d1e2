"""What a requirer does next: pure, from what was observed and the time.

One owner's requests (a unit's, or the application's) are looked at by themselves. `plan` says
what becomes of each of them, and of the secret of each certificate, whose expiry is its alarm:
when it is due, then the end of its validity while its successor is awaited, and at last far away,
which says that it is done with. A secret is removed only in a hook that found it far away.
"""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from . import _assignment, _attributes, _keys, _outgoing, _renewal, _requirer_state, _values, _x509


class DropReason(enum.Enum):
    """Why a request leaves the databag."""

    NOT_REQUESTED = "its attributes are no longer requested"
    DUPLICATE = "another request asks for the same"
    KEY_CHANGED = "it was made with another private key"
    REVOKED = "its certificate was revoked and the private key has been changed"
    RENEWAL_ASKED = "the charm asked for its renewal"
    RENEWAL_DUE = "its certificate is due for renewal"
    ANSWERED_TOO_LATE = "its certificate had expired before it was seen"
    UNPROVEN = "its signature is not that of its key, so that nobody answers it"


class Dropped(NamedTuple):
    """A request that leaves the databag."""

    csr: _x509.CertificateSigningRequest
    """The request."""
    reason: DropReason
    """Why."""


class Store(NamedTuple):
    """The secret of a certificate is to be written."""

    answer: _values.ProviderCertificate
    """The certificate and its request."""
    alarm: datetime
    """When it is due for renewal; far away for one that is only to say that all is told."""


class Invalidated(NamedTuple):
    """A certificate that may be used no more."""

    certificate: _x509.Certificate
    """The certificate."""
    csr: str
    """Its request, in PEM."""
    reason: _values.CertificateInvalidationReason
    """Why."""


class Plan(NamedTuple):
    """What is to be done for one owner."""

    dropped: tuple[Dropped, ...] = ()
    """Requests that leave the databag."""
    send: tuple[_attributes.CertificateRequestAttributes, ...] = ()
    """What to make requests for."""
    store: tuple[Store, ...] = ()
    """Secrets to write."""
    alarms: Mapping[str, datetime] = MappingProxyType({})
    """Secrets whose expiry moves, by the request's PEM."""
    remove: tuple[str, ...] = ()
    """Secrets to remove, by the request's PEM."""
    outgoing: _outgoing.Outgoing = _outgoing.Outgoing()
    """What is being replaced, from now on."""
    available: tuple[_values.ProviderCertificate, ...] = ()
    """Certificates to announce."""
    denied: tuple[_values.ProviderCertificateError, ...] = ()
    """Refusals to announce."""
    invalidated: tuple[Invalidated, ...] = ()
    """Certificates to announce as no longer good."""
    flawed: tuple[tuple[_values.ProviderCertificate, _requirer_state.Flaw], ...] = ()
    """Answers that are not used, each with the reason."""


def why_drop(
    request: _values.RequirerCertificateRequest, seen: _requirer_state.Observed
) -> DropReason | None:
    """Return why a request leaves the databag, or None."""
    csr = request.certificate_signing_request
    answer = seen.answers.get(csr.raw)
    if _requirer_state.attributes_of(request) not in seen.wanted:
        return DropReason.NOT_REQUESTED
    if seen.key is None or not csr.matches_private_key(seen.key):
        is_revoked = answer is not None and answer.revoked
        return DropReason.REVOKED if is_revoked else DropReason.KEY_CHANGED
    if csr.raw in seen.asked:
        return DropReason.RENEWAL_ASKED
    if _requirer_state.is_due(csr.raw, seen):
        return DropReason.RENEWAL_DUE
    if answer is None:
        # Of those that are answered nobody has to ask.
        return None if csr.is_signature_valid else DropReason.UNPROVEN
    is_too_late = seen.asks_again and _requirer_state.is_over(request, answer, seen)
    return DropReason.ANSWERED_TOO_LATE if is_too_late else None


def plan(seen: _requirer_state.Observed) -> Plan:
    """Return what is to be done for one owner."""
    kept, dropped = _sort_out(seen) if seen.connected else (list(seen.sent), [])
    usable = {
        one.certificate_signing_request.raw: answer
        for one in kept
        if (answer := _requirer_state.usable_answer(one, seen)) is not None
    }
    new = {
        attributes: usable[one.certificate_signing_request.raw]
        for one in kept
        if one.certificate_signing_request.raw in usable
        and (attributes := _requirer_state.attributes_of(one)) is not None
    }
    secrets = _Secrets()
    for one in kept:
        _look_after(one, usable.get(one.certificate_signing_request.raw), seen, secrets)
    outgoing, bridging = _with_dropped(seen, kept, dropped)
    outgoing = _look_after_outgoing(outgoing, bridging, new, seen, secrets)
    outgoing = _assignment.held(outgoing, kept, seen)
    asked_for = {_requirer_state.attributes_of(one) for one in kept}
    can_send = seen.connected and seen.key is not None
    return Plan(
        dropped=tuple(dropped),
        send=tuple(one for one in seen.wanted if one not in asked_for) if can_send else (),
        store=tuple(secrets.store),
        alarms=secrets.alarms,
        remove=tuple(secrets.remove),
        outgoing=outgoing,
        available=tuple(usable.values()),
        denied=tuple(
            seen.refusals[csr]
            for one in kept
            if (csr := one.certificate_signing_request.raw) in seen.refusals and csr not in usable
        ),
        invalidated=tuple(secrets.invalidated),
        flawed=tuple(_flawed(kept, seen)),
    )


@dataclass
class _Secrets:
    """What is to happen to the secrets of certificates, while it is being worked out."""

    store: list[Store] = field(default_factory=list[Store])
    alarms: dict[str, datetime] = field(default_factory=dict[str, datetime])
    remove: list[str] = field(default_factory=list[str])
    invalidated: list[Invalidated] = field(default_factory=list[Invalidated])

    def finish(self, csr: str, stored: _requirer_state.Stored | None) -> None:
        """Take a secret one step further towards its removal."""
        if stored is None:
            return
        if not stored.is_done_with:
            self.alarms[csr] = _renewal.FAR_AWAY
        elif stored.is_removable:
            self.remove.append(csr)

    def move_to_end(
        self, csr: str, stored: _requirer_state.Stored | None, certificate: _x509.Certificate
    ) -> None:
        """Let the next alarm be the end of a certificate's validity."""
        end = _renewal.alarm(certificate.expiry_time)
        if stored is not None and stored.alarm != end:
            self.alarms[csr] = end

    def announce(
        self,
        csr: str,
        stored: _requirer_state.Stored | None,
        reason: _values.CertificateInvalidationReason,
    ) -> None:
        """Announce the end of a certificate that we held, once: the far alarm says so later."""
        if stored is not None and stored.certificate is not None and not stored.is_done_with:
            self.tell(stored.certificate, csr, reason)

    def tell(
        self,
        certificate: _x509.Certificate,
        csr: str,
        reason: _values.CertificateInvalidationReason,
    ) -> None:
        """Announce that a certificate may be used no more."""
        self.invalidated.append(Invalidated(certificate, csr, reason))


def _sort_out(
    seen: _requirer_state.Observed,
) -> tuple[list[_values.RequirerCertificateRequest], list[Dropped]]:
    kept: dict[_attributes.CertificateRequestAttributes, _values.RequirerCertificateRequest] = {}
    dropped: list[Dropped] = []
    for one in seen.sent:
        csr = one.certificate_signing_request
        attributes = _requirer_state.attributes_of(one)
        reason = why_drop(one, seen)
        if reason is None and attributes in kept:
            reason = DropReason.DUPLICATE
        if reason is not None:
            dropped.append(Dropped(csr, reason))
        elif attributes is not None:
            kept[attributes] = one
    return list(kept.values()), dropped


def _flawed(
    requests: Iterable[_values.RequirerCertificateRequest], seen: _requirer_state.Observed
) -> Iterable[tuple[_values.ProviderCertificate, _requirer_state.Flaw]]:
    for one in requests:
        answer = seen.answers.get(one.certificate_signing_request.raw)
        flaw = _requirer_state.why_flawed(one, answer, seen.key, seen.now) if answer else None
        if answer and flaw:
            yield answer, flaw


def _look_after(
    request: _values.RequirerCertificateRequest,
    usable: _values.ProviderCertificate | None,
    seen: _requirer_state.Observed,
    secrets: _Secrets,
) -> None:
    """Decide on the secret of a certificate whose request stays."""
    csr = request.certificate_signing_request.raw
    stored, answer = seen.stored.get(csr), seen.answers.get(csr)
    if answer is not None and answer.revoked:
        _look_after_revoked(answer, stored, secrets)
        return
    flaw = _requirer_state.why_flawed(request, answer, seen.key, seen.now) if answer else None
    accepted = usable or (answer if flaw is _requirer_state.Flaw.EXPIRED else None)
    if accepted is None:
        return
    if stored is not None and stored.is_foreign:
        # Our own secret is made when the old one goes: that one is found, and cleaned up, for as
        # long as there is none of ours.
        secrets.finish(csr, stored)
        if not stored.is_removable:
            return
    certificate = accepted.certificate
    is_same = stored is not None and stored.certificate == certificate
    if not is_same or stored is None or stored.alarm is None or stored.is_done_with:
        due = _renewal.due(
            certificate.validity_start_time, certificate.expiry_time, seen.fraction, seen.now
        )
        secrets.store.append(Store(accepted, due))


def _look_after_revoked(
    answer: _values.ProviderCertificate, stored: _requirer_state.Stored | None, secrets: _Secrets
) -> None:
    """Announce a revocation, once, also of a certificate that was revoked before we ever saw it.

    What says later that it was announced is a secret whose alarm is far away: it stays for as long
    as the request does.
    """
    csr = answer.certificate_signing_request.raw
    mark = Store(answer, _renewal.FAR_AWAY)
    if stored is None:
        secrets.tell(answer.certificate, csr, _values.CertificateInvalidationReason.REVOKED)
        secrets.store.append(mark)
    elif not stored.is_done_with:
        certificate = stored.certificate or answer.certificate
        secrets.tell(certificate, csr, _values.CertificateInvalidationReason.REVOKED)
        secrets.finish(csr, stored)
    elif stored.is_foreign:
        secrets.finish(csr, stored)
        if stored.is_removable:
            secrets.store.append(mark)


def _with_dropped(
    seen: _requirer_state.Observed,
    kept: Iterable[_values.RequirerCertificateRequest],
    dropped: Iterable[Dropped],
) -> tuple[_outgoing.Outgoing, frozenset[str]]:
    """Return what is being replaced, with the requests that leave the databag now.

    And which of these are in use still, by their PEM.
    """
    staying = {one.certificate_signing_request.raw for one in kept}
    waiting = {one.csr: one for one in seen.outgoing.entries if one.csr not in staying}
    # The secret has room for one key: while that of before is in use, no other one's certificates
    # can wait there.
    in_use = _assignment.being_replaced(seen)
    key = seen.outgoing.key if in_use else seen.key
    left: list[_outgoing.OutgoingEntry] = []
    for one in dropped:
        csr = one.csr.raw
        answer = _bridging_answer(one, key, seen)
        # What is waiting already was held since it was accepted.
        if answer is not None or (csr in seen.stored and csr not in waiting):
            left.append(_outgoing.OutgoingEntry(csr, answer))
    if not any(entry.answer for entry in left):
        key = seen.outgoing.key
    entries = {**waiting, **{entry.csr: entry for entry in left}}
    bridging = frozenset(entry.csr for entry in left if entry.answer)
    return _outgoing.Outgoing.of(key, entries.values()), bridging


def _bridging_answer(
    dropped: Dropped, key: _keys.PrivateKey | None, seen: _requirer_state.Observed
) -> _values.ProviderCertificate | None:
    """Return the certificate that goes on being used while its request is made anew, or None."""
    answer = seen.answers.get(dropped.csr.raw)
    is_renewal = dropped.reason in {DropReason.RENEWAL_ASKED, DropReason.RENEWAL_DUE}
    if (
        is_renewal
        and answer is not None
        and not answer.revoked
        and answer.certificate.is_valid_at(seen.now)
        and key is not None
        and answer.certificate.matches_private_key(key)
    ):
        return answer
    return None


class _Ending(enum.Enum):
    """Why a certificate that was being replaced is done with."""

    UNUSED = enum.auto()
    REVOKED = enum.auto()
    EXPIRED = enum.auto()
    NOT_REQUESTED = enum.auto()
    REPLACED = enum.auto()


def _look_after_outgoing(
    outgoing: _outgoing.Outgoing,
    bridging: frozenset[str],
    new: Mapping[_attributes.CertificateRequestAttributes, _values.ProviderCertificate],
    seen: _requirer_state.Observed,
    secrets: _Secrets,
) -> _outgoing.Outgoing:
    """Decide on the secrets of what is being replaced, and on what is replaced by now."""
    # After a change of the key the whole set stays until every new one is there.
    has_same_key = outgoing.key == seen.key
    is_all_new = seen.connected and all(one in new for one in seen.wanted)
    entries: list[_outgoing.OutgoingEntry] = []
    for entry in outgoing.entries:
        stored = seen.stored.get(entry.csr)
        # The mark of what is done with says nothing of a certificate that came to life again
        # (its revocation was taken back) and leaves the databag just now.
        if stored is not None and stored.is_done_with and entry.csr not in bridging:
            secrets.finish(entry.csr, stored)
            if not stored.is_removable:
                entries.append(_outgoing.OutgoingEntry(entry.csr) if seen.keeps else entry)
            continue
        wanted = _requirer_state.attributes_of_answer(entry.answer) if entry.answer else None
        is_replaced = wanted in new if has_same_key else is_all_new
        ending = _why_end(entry, wanted, stored, seen, is_replaced=is_replaced)
        if ending is _Ending.EXPIRED:
            secrets.announce(entry.csr, stored, _values.CertificateInvalidationReason.EXPIRED)
        if ending is _Ending.REVOKED:
            secrets.announce(entry.csr, stored, _values.CertificateInvalidationReason.REVOKED)
        is_bad = ending in {_Ending.REVOKED, _Ending.NOT_REQUESTED}
        if is_bad or (ending is not None and seen.keeps):
            # Whoever reads this secret, a follower too, is to find it no more, or its successor.
            entry = _outgoing.OutgoingEntry(entry.csr)  # noqa: PLW2901
        if ending is not None:
            secrets.finish(entry.csr, stored)
        elif entry.answer is not None:
            secrets.move_to_end(entry.csr, stored, entry.answer.certificate)
        is_removed = stored is not None and stored.is_done_with and stored.is_removable
        if ending is None or not (stored is None or is_removed):
            entries.append(entry)
    return _outgoing.Outgoing.of(outgoing.key, entries)


def _why_end(
    entry: _outgoing.OutgoingEntry,
    wanted: _attributes.CertificateRequestAttributes | None,
    stored: _requirer_state.Stored | None,
    seen: _requirer_state.Observed,
    *,
    is_replaced: bool,
) -> _Ending | None:
    held = stored.certificate if stored is not None else None
    certificate = entry.answer.certificate if entry.answer is not None else held
    if certificate is not None and not certificate.is_valid_at(seen.now):
        return _Ending.EXPIRED
    if entry.answer is None:
        return _Ending.UNUSED
    if _requirer_state.is_withdrawn(entry.csr, seen):
        return _Ending.REVOKED
    if wanted not in seen.wanted:
        return _Ending.NOT_REQUESTED
    return _Ending.REPLACED if is_replaced else None
