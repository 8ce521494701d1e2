"""Which certificates a requirer has in force, and with which key: pure.

A certificate that is being replaced stays in force, with its own key, until its successor is
there: no moment is without one.
"""

import dataclasses
from collections.abc import Collection, Iterable
from datetime import datetime

from . import _attributes, _keys, _outgoing, _requirer_state, _values

_ByAttributes = dict[_attributes.CertificateRequestAttributes, _values.ProviderCertificate]


def arrived(seen: _requirer_state.Observed) -> _ByAttributes:
    """Return the usable answers to the requests in the databag, by what was requested."""
    found: _ByAttributes = {}
    for one in seen.sent:
        answer = _requirer_state.usable_answer(one, seen)
        attributes = _requirer_state.attributes_of(one)
        if answer is not None and attributes is not None:
            found.setdefault(attributes, answer)
    return found


def being_replaced(seen: _requirer_state.Observed) -> _ByAttributes:
    """Return what is being replaced and can still be used, by what it was requested for."""
    key = seen.outgoing.key
    found: _ByAttributes = {}
    for entry in seen.outgoing.entries:
        answer, stored = entry.answer, seen.stored.get(entry.csr)
        if answer is None or key is None or _requirer_state.is_withdrawn(entry.csr, seen):
            continue
        if stored is not None and stored.is_done_with:
            continue
        attributes = _requirer_state.attributes_of_answer(answer)
        if (
            attributes in seen.wanted
            and attributes is not None
            and answer.certificate.is_valid_at(seen.now)
            and answer.certificate.matches_private_key(key)
        ):
            found[attributes] = answer
    return found


def assigned(seen: _requirer_state.Observed) -> _values.AssignedCertificates:
    """Return the certificates in force, all of one key.

    After a change of the key, that is the outgoing set until every new one is there.
    """
    new, old = arrived(seen), being_replaced(seen)
    old_key = seen.outgoing.key
    if old and old_key == seen.key:
        new, old = {**old, **new}, {}
    if old and not all(one in new for one in seen.wanted):
        return _values.AssignedCertificates(_in_order(old, seen), old_key)
    return _values.AssignedCertificates(_in_order(new, seen), seen.key)


def assigned_to(
    attributes: _attributes.CertificateRequestAttributes, seen: _requirer_state.Observed
) -> tuple[_values.ProviderCertificate | None, _keys.PrivateKey | None]:
    """Return the certificate in force for one request, and the key that fits it."""
    new = arrived(seen).get(attributes)
    if new is not None:
        return new, seen.key
    old = being_replaced(seen).get(attributes)
    if old is not None:
        return old, seen.outgoing.key
    return None, seen.key


def renewal_time(
    certificate: _values.ProviderCertificate, seen: _requirer_state.Observed
) -> datetime | None:
    """Return when a certificate that answers a request in the databag is due, or None."""
    stored = seen.stored.get(certificate.certificate_signing_request.raw)
    sent = {one.certificate_signing_request for one in seen.sent}
    if (
        stored is None
        or stored.is_done_with
        or stored.certificate != certificate.certificate
        or certificate.certificate_signing_request not in sent
    ):
        return None
    return stored.alarm


def retained(seen: _requirer_state.Observed) -> _outgoing.Outgoing:
    """Return what goes on being used when every request is about to leave the databag.

    That is what is in force now. The rest is kept as what only waits to be cleaned up.
    """
    in_force = assigned(seen)
    answers = {answer.certificate_signing_request.raw: answer for answer in in_force.certificates}
    texts = [
        *(entry.csr for entry in seen.outgoing.entries),
        *(one.certificate_signing_request.raw for one in seen.sent),
    ]
    entries = [
        _outgoing.OutgoingEntry(csr, answers.get(csr))
        for csr in dict.fromkeys(texts)
        if csr in answers or csr in seen.stored
    ]
    return _outgoing.Outgoing.of(in_force.private_key, entries)


def held(
    outgoing: _outgoing.Outgoing,
    kept: Iterable[_values.RequirerCertificateRequest],
    seen: _requirer_state.Observed,
) -> _outgoing.Outgoing:
    """Return what is being replaced, and with it what is in force, where that is to be held too.

    What is being replaced comes first: where not all fits into a secret, the end is left out.
    After that, no more is held than was until all is: what does not fit is not tried in each hook.

    Args:
        outgoing: What is being replaced, and what waits for its removal, without certificate.
        kept: The requests that stay in the databag.
        seen: What was observed.
    """
    in_use = being_replaced(dataclasses.replace(seen, outgoing=outgoing))
    # There is room for one key: what comes after a change of it is held when all of it is there.
    if not seen.keeps or (in_use and outgoing.key != seen.key):
        return outgoing
    before = {entry.csr: entry.answer for entry in seen.outgoing.entries}
    good = {answer.certificate_signing_request.raw for answer in being_replaced(seen).values()}
    entries: list[_outgoing.OutgoingEntry] = []
    for one in kept:
        csr = one.certificate_signing_request.raw
        answer = _requirer_state.usable_answer(one, seen)
        if answer is None and csr in good:
            # Taken away, or answered with what is of no use: it is good still.
            answer = before[csr]
        if answer is not None:
            entries.append(_outgoing.OutgoingEntry(csr, answer))
    room = max(len(seen.outgoing.answers) - len(outgoing.answers), 0)
    is_full = seen.outgoing.is_full and len(entries) > room
    if is_full:
        entries.sort(key=lambda entry: entry.csr not in before)
        entries = entries[:room]
    return _outgoing.Outgoing.of(seen.key, (*outgoing.entries, *entries), is_full=is_full)


def of_application(
    answers: Iterable[_values.ProviderCertificate],
    key: _keys.PrivateKey | None,
    outgoing: _outgoing.Outgoing,
    wanted: Collection[_attributes.CertificateRequestAttributes],
    now: datetime,
) -> _values.AssignedCertificates:
    """Return the application's certificates as a follower finds them: by their key.

    A follower reads neither its application's databag, where the requests are, nor what is known
    of secrets but their content. What its own charm requests is what was requested, but for
    options that one of them has not heard of yet.

    Args:
        answers: Every certificate of the provider.
        key: The application's key.
        outgoing: What the application is replacing.
        wanted: What the charm requests for the application.
        now: Aware.
    """
    answers = list(answers)
    new = _fitting(answers, key, now, wanted)
    revoked = {answer.certificate for answer in answers if answer.revoked}
    waiting = [
        entry.answer
        for entry in outgoing.entries
        if entry.answer is not None and entry.answer.certificate not in revoked
    ]
    old = _fitting(waiting, outgoing.key, now)
    if outgoing.key == key:
        return _values.AssignedCertificates(tuple({**old, **new}.values()), key)
    # What is requested by now, beyond what is being replaced, a follower cannot know.
    if not old.keys() <= new.keys():
        return _values.AssignedCertificates(tuple(old.values()), outgoing.key)
    return _values.AssignedCertificates(tuple(new.values()), key)


def _fitting(
    answers: Iterable[_values.ProviderCertificate],
    key: _keys.PrivateKey | None,
    now: datetime,
    wanted: Collection[_attributes.CertificateRequestAttributes] = (),
) -> dict[object, _values.ProviderCertificate]:
    """Return the certificates that can be used with a key, by what they were requested for."""
    if key is None:
        return {}
    return {
        _requirer_state.attributes_of_answer(answer) or answer.certificate_signing_request: answer
        for answer in answers
        if not answer.revoked
        and answer.certificate.is_valid_at(now)
        and answer.certificate.matches_private_key(key)
        and not _requirer_state.is_of_the_other_kind(answer, wanted)
    }


def _in_order(
    found: _ByAttributes, seen: _requirer_state.Observed
) -> tuple[_values.ProviderCertificate, ...]:
    """Return certificates in the order of the requests, and after them what is not wanted."""
    order = dict.fromkeys((*seen.wanted, *found))
    return tuple(found[attributes] for attributes in order if attributes in found)
