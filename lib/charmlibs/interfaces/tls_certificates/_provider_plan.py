"""What a provider's databag should say next: pure, text compared with text.

A request's text is the correlation id. It has one answer, a certificate or an error; only a
revoked certificate stays beside an error that the charm sets, because it says something else.
"""

import enum
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple, TypeVar

from . import _values, _wire

_Entry = TypeVar("_Entry", _wire.CertificateEntry, _wire.ErrorEntry)


class Flaw(enum.Enum):
    """Why a request is not offered to the charm."""

    NOT_A_REQUEST = "its text is no certificate signing request"
    NO_PROOF_OF_POSSESSION = "its signature does not hold: its sender may not have the key"


class Occasion(enum.Enum):
    """What it means, at a moment, that an answer's request is in no databag that can be read.

    Juju shows a unit the databags of those units only that it has met (each by a `joined` hook of
    its own). A unit can be the leader before it has met everybody.
    """

    TAKING_OVER = "another leader wrote the answers: it may have met units that this one has not"
    AT_WORK = "this unit has seen the request, or knows that it has not"
    ALL_MET = "there is no unit left to meet: what is not seen now is gone"


class Answers(NamedTuple):
    """What one relation's databag holds."""

    certificates: tuple[_wire.CertificateEntry, ...] = ()
    """The certificates, in their order."""
    errors: tuple[_wire.ErrorEntry, ...] = ()
    """The refusals, in their order."""


class Settled(NamedTuple):
    """What to write after looking at a relation, and why."""

    answers: Answers
    """What the databag should hold."""
    unsolicited: tuple[str, ...] = ()
    """The requests, in PEM, of the certificates that were left out: no one asks for them."""
    forged: tuple[str, ...] = ()
    """The requests, in PEM, that are answered now because they prove no possession of a key."""


def unexplained(
    answers: Answers, requested: Collection[str], before: Collection[str], occasion: Occasion
) -> frozenset[str]:
    """Return the requests, in PEM, that are answered and may be there although none is seen.

    Who asked may be a unit that this one has not met. A request stops being one of these when it
    is seen: after that, it is gone when it is not seen any more.

    Args:
        answers: What the databag holds.
        requested: The requests in the requirers' databags, in PEM, as far as they can be read.
        before: What this returned in the hook before.
        occasion: What it means that a request is not seen.
    """
    if occasion is Occasion.ALL_MET:
        return frozenset()
    wanted = frozenset(requested)
    answered = {one.csr for one in (*answers.certificates, *answers.errors)}
    unseen = frozenset(answered - wanted)
    return unseen if occasion is Occasion.TAKING_OVER else unseen & frozenset(before)


def settle(
    answers: Answers,
    requested: Collection[str],
    flaw_of: Callable[[str], Flaw | None],
    kept: Collection[str] = (),
) -> Settled:
    """Leave out answers that no one waits for, and answer requests that no charm should see.

    Args:
        answers: What the databag holds.
        requested: The requests in the requirers' databags, in PEM.
        flaw_of: Says what is wrong with a request.
        kept: The requests, in PEM, whose answers stay although they are not seen.
    """
    wanted = dict.fromkeys(requested)
    stay = {*wanted, *kept}
    certificates = tuple(one for one in answers.certificates if one.csr in stay)
    errors = tuple(one for one in answers.errors if one.csr in stay)
    answered = {one.csr for one in (*certificates, *errors)}
    # A text that is no request at all is not quoted back: fragile neighbours would have to read
    # it in our databag.
    forged = tuple(
        csr
        for csr in wanted
        if csr not in answered and flaw_of(csr) is Flaw.NO_PROOF_OF_POSSESSION
    )
    errors += tuple(_wire.ErrorEntry(csr, _forgery_error()) for csr in forged)
    return Settled(
        answers=Answers(certificates, errors),
        unsolicited=tuple(one.csr for one in answers.certificates if one.csr not in stay),
        forged=forged,
    )


def with_answers(
    answers: Answers,
    certificates: Iterable[_wire.CertificateEntry] = (),
    errors: Iterable[_wire.ErrorEntry] = (),
) -> Answers:
    """Return the databag with new answers, each in place of the older ones to its request.

    An error does not replace a revoked certificate: the requirer is to know both. Of two answers
    to one request in one call, the last of its kind counts, and a certificate before an error.
    """
    issued = {one.csr: one for one in certificates}
    refused = {one.csr: one for one in errors if one.csr not in issued}
    kept_certificates = {
        one.csr: one for one in answers.certificates if one.revoked or one.csr not in refused
    }
    kept_errors = {one.csr: one for one in answers.errors if one.csr not in issued}
    return Answers(
        certificates=_merged(kept_certificates, issued),
        errors=_merged(kept_errors, refused),
    )


def with_revoked(answers: Answers, is_chosen: Callable[[_wire.CertificateEntry], bool]) -> Answers:
    """Return the databag with the chosen certificates marked as revoked."""
    return Answers(
        certificates=tuple(
            one._replace(revoked=True) if is_chosen(one) and not one.revoked else one
            for one in answers.certificates
        ),
        errors=answers.errors,
    )


def outstanding(answers: Answers, requested: Iterable[str]) -> tuple[str, ...]:
    """Return the requests without a certificate, or with a revoked one alone, or an error."""
    issued = {one.csr for one in answers.certificates if not one.revoked}
    return tuple(csr for csr in requested if csr not in issued)


def unsolicited(
    answers: Answers, requested: Collection[str], kept: Collection[str] = ()
) -> tuple[_wire.CertificateEntry, ...]:
    """Return the certificates that answer no request, and none that may be there unseen."""
    stay = {*requested, *kept}
    return tuple(one for one in answers.certificates if one.csr not in stay)


def changes(before: Answers, after: Answers) -> Mapping[str, str]:
    """Return what to write into a databag, by key; empty when nothing changed."""
    written: dict[str, str] = {}
    if before.certificates != after.certificates:
        written[_wire.CERTIFICATES] = _wire.write_entries(after.certificates)
    if before.errors != after.errors:
        written[_wire.ERRORS] = _wire.write_entries(after.errors)
    return written


def _merged(kept: Mapping[str, _Entry], new: Mapping[str, _Entry]) -> tuple[_Entry, ...]:
    """Return the entries with the new ones in place; one that says the same stays as it is."""
    merged = dict(kept)
    for csr, entry in new.items():
        before = merged.get(csr)
        if before is None or before._replace(fields=_wire.NOTHING) != entry:
            merged[csr] = entry
    return tuple(merged.values())


def _forgery_error() -> _values.CertificateError:
    code = _values.CertificateRequestErrorCode.OTHER
    return _values.CertificateError(
        code=code.value,
        name=code.name.lower(),
        message="The certificate request is not accepted.",
        reason="The signature of the certificate request does not hold.",
    )
