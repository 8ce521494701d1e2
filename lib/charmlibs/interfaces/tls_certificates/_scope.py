"""One owner of requests, keys and certificates: a unit, or the application on its leader.

The shell around the requirer's plan: it gathers what the plan looks at, and does what it says. The
two stand together, and make a long module, because they share one memory: in the hook that changes
a secret Juju goes on telling what was before, so what was done is gathered again from there.
"""

import dataclasses
import logging
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

import ops

from . import (
    _assignment,
    _attributes,
    _errors,
    _keys,
    _legacy,
    _outgoing,
    _relations,
    _renewal,
    _requirer_plan,
    _requirer_state,
    _secrets,
    _securitylog,
    _values,
    _wire,
)

_logger = logging.getLogger(__name__)
_PRIVATE_KEY = "private-key"


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the charm says once for all owners."""

    passed_key: _keys.PrivateKey | None
    """The key that the charm passes; it is never stored."""
    algorithm: _keys.KeyAlgorithm
    """Of new keys."""
    key_size: int
    """Of new keys, in bits."""
    fraction: float
    """Share of a certificate's lifetime to use up."""


class Scope:
    """One owner of requests, keys and certificates, under one relation name.

    Args:
        model: The model.
        entity: The owner, whose databag has the requests, and who owns the secrets.
        labels: The labels of its secrets.
        settings: What the charm says.
        reader: Parses what is read.
    """

    def __init__(
        self,
        model: ops.Model,
        entity: ops.Unit | ops.Application,
        labels: _secrets.Labels,
        settings: Settings,
        reader: _wire.Reader,
    ) -> None:
        self._model = model
        self._entity = entity
        self._labels = labels
        self._settings = settings
        self._reader = reader
        self._store = _secrets.SecretStore(model, entity)
        self._warned: set[str] = set()

    @property
    def name(self) -> str:
        """The owner's name."""
        return self._entity.name

    def is_ours(self, label: str | None) -> bool:
        """Tell whether a secret's label is one of this owner's."""
        return self._labels.is_ours(label)

    @property
    def is_unreadable(self) -> bool:
        """Whether a secret of this owner could not be read, so that nothing may be decided.

        A key that cannot be read now is not a key that is gone: a secret backend may be down.
        """
        return bool(self._store.unreadable)

    def key(self) -> _keys.PrivateKey | None:
        """Return the key in force."""
        return self._settings.passed_key or self._stored_key()

    def has_nothing(self, seen: _requirer_state.Observed) -> bool:
        """Tell whether there was nothing of this owner: no request, and no secret."""
        has_key = self._store.find(self._labels.private_key) is not None
        return not (seen.sent or seen.stored or seen.outgoing.entries or has_key)

    def key_secret_id(self) -> str | None:
        """Return the identifier of the secret with the key; None if the charm passes the key."""
        held = self._store.find(self._labels.private_key)
        return held.id if held is not None and self._settings.passed_key is None else None

    def may_be_ours(self, label: str) -> bool:
        """Tell whether a secret's label is one of this owner's, or was one of an old version."""
        return self.is_ours(label) or _legacy.is_certificate_label(self._labels, label)

    def see_to_expiry(self, label: str, requested: Collection[str]) -> None:
        """Look after a secret of this owner whose expiry Juju tells of.

        One that belongs to no request was left behind, by an old version that renewed or by a
        refresh that was rolled back. Its expiry would come again and again: that is moved far
        away, and the secret joins those that wait to be removed.

        Args:
            label: Its label.
            requested: Every request, in PEM, in any databag that this unit writes.
        """
        held = self._store.find(label)
        csr = held.content.get("csr", "").strip() if held is not None else ""
        outgoing = self._outgoing()
        if csr and csr not in requested and csr not in {one.csr for one in outgoing.entries}:
            self._store.move_expiry(label, _renewal.FAR_AWAY)
            entries = (*outgoing.entries, _outgoing.OutgoingEntry(csr))
            self._write_outgoing(_outgoing.Outgoing.of(outgoing.key, entries))

    def request_texts(self, relation: ops.Relation) -> set[str]:
        """Return the requests in this owner's databag of any relation, in PEM."""
        return {entry.csr for entry in self._read_requests(relation).entries}

    def is_old_revision(self, label: str | None, revision: int) -> bool:
        """Tell whether a revision of one of this owner's secrets has been replaced."""
        held = self._store.find(label) if label and self.is_ours(label) else None
        return held is not None and revision < held.revision

    def shared_keys(self) -> tuple[_keys.PrivateKey | None, _outgoing.Outgoing]:
        """Return the application's key, and what it is replacing, on any of its units."""
        passed = self._settings.passed_key
        content = _secrets.read_shared(self._model, self._labels.outgoing)
        outgoing = (
            _outgoing.from_content(content, passed, self._reader)
            if content is not None
            else _outgoing.Outgoing()
        )
        content = _secrets.read_shared(self._model, self._labels.private_key)
        return passed or _key_in(content), outgoing

    def requests(self, relation: ops.Relation) -> list[_values.RequirerCertificateRequest]:
        """Return the requests in this owner's databag."""
        found: dict[str, _values.RequirerCertificateRequest] = {}
        for entry in self._read_requests(relation).entries:
            try:
                csr = self._reader.request(entry.csr)
            except _errors.TLSCertificatesError:
                continue
            # One text that stands there twice is one request: to drop it once would drop it.
            request = _values.RequirerCertificateRequest(relation.id, csr, entry.is_ca)
            found.setdefault(entry.csr, request)
        return list(found.values())

    def observe(
        self,
        relation: ops.Relation | None,
        wanted: Iterable[_attributes.CertificateRequestAttributes],
        now: datetime,
        *,
        asked: frozenset[str] = frozenset(),
        hinted_label: str | None = None,
    ) -> _requirer_state.Observed:
        """Gather what the plan looks at.

        Args:
            relation: To ask over, or None.
            wanted: What the charm requests of this owner.
            now: Aware.
            asked: The requests whose renewal the charm asked for, in PEM.
            hinted_label: The label of the secret whose expiry Juju told of in this hook.
        """
        sent = tuple(self.requests(relation)) if relation is not None else ()
        texts = {one.certificate_signing_request.raw for one in sent}
        answers = self._answers(relation, texts) if relation is not None else {}
        outgoing = self._outgoing()
        stored = self._stored_certificates(texts, answers.keys())
        stored |= self._stored_certificates(
            [entry.csr for entry in outgoing.entries], [entry.csr for entry in outgoing.entries]
        )
        hinted = {csr for csr, held in stored.items() if held.label == hinted_label}
        return _requirer_state.Observed(
            now=now,
            fraction=self._settings.fraction,
            connected=relation is not None,
            wanted=tuple(dict.fromkeys(wanted)),
            key=self.key(),
            sent=sent,
            answers=answers,
            refusals=self._refusals(relation, texts) if relation is not None else {},
            stored={csr: self._as_stored(csr, held) for csr, held in stored.items()},
            outgoing=outgoing,
            withdrawn=self._withdrawn(relation, outgoing),
            asked=asked,
            hinted=frozenset(hinted),
        )

    def ensure_key(
        self,
        relation: ops.Relation,
        wanted: Iterable[_attributes.CertificateRequestAttributes],
        now: datetime,
    ) -> None:
        """See to it that there is a key, and that none is stored when the charm passes one.

        Args:
            relation: To ask over.
            wanted: What the charm requests of this owner.
            now: Aware.
        """
        stored = self._stored_key()
        if self._settings.passed_key is None:
            if stored is None and not self.is_unreadable:
                self._store_key(self._made_key())
        elif stored is not None:
            seen = self.observe(relation, wanted, now)
            self._retain(dataclasses.replace(seen, key=stored))
            self.forget_key()

    def change_key(self, key: _keys.PrivateKey | None, seen: _requirer_state.Observed) -> None:
        """Put another key in the place of the one in force, or a new one.

        What was assigned stays in force, with its own key, until the new certificates are there.
        """
        if self.is_unreadable:
            _logger.warning("%s: the private key is not changed: not all can be read", self.name)
            return
        self._retain(seen)
        if key is not None:
            _securitylog.private_key_imported(self.name)
        self._store_key(key or self._made_key())

    def apply(
        self,
        plan: _requirer_plan.Plan,
        seen: _requirer_state.Observed,
        relation: ops.Relation | None,
    ) -> None:
        """Do what the plan says."""
        # First, so that an old version's secret makes room for ours.
        for csr in plan.remove:
            self._store.remove(self._certificate_label(csr))
        for store in plan.store:
            csr = store.answer.certificate_signing_request
            content = {"certificate": store.answer.certificate.raw, "csr": csr.raw}
            label = self._certificate_label(csr.raw)
            if self._store.put_if_it_fits(label, content, store.alarm):
                _logger.info("%s: certificate stored, its alarm at %s", self.name, store.alarm)
            else:
                _logger.warning(
                    "%s: %r is too large for a secret, and will not be renewed: "
                    "it is used as long as it is valid",
                    self.name,
                    store.answer.certificate,
                )
        for csr, alarm in plan.alarms.items():
            self._store.move_expiry(self._certificate_label(csr), alarm)
        if plan.outgoing != seen.outgoing:
            self._write_outgoing(plan.outgoing)
        if relation is not None:
            self._write_requests(plan, seen, relation)

    def leave(
        self,
        relation: ops.Relation,
        wanted: Iterable[_attributes.CertificateRequestAttributes],
        now: datetime,
        *,
        keep: bool,
    ) -> None:
        """Clear up after a relation that is gone.

        Args:
            relation: The relation, whose own databag can still be read.
            wanted: What the charm requests of this owner.
            now: Aware.
            keep: Whether what is assigned stays in force until it is replaced.
        """
        seen = self.observe(relation, wanted, now)
        if keep and not self.is_unreadable:
            self._retain(seen)
        elif not keep:
            # What older versions left is found by its request alone: a provider that is gone has
            # taken its answers along.
            sent = {one.certificate_signing_request.raw for one in seen.sent}
            for csr in {*seen.stored, *sent}:
                self._store.remove(self._certificate_label(csr))
            self._store.remove(self._labels.outgoing)

    def forget_key(self) -> None:
        """Remove the key that is stored."""
        self._store.remove(self._labels.private_key)

    def finish(self) -> None:
        """Carry out, at the end of the hook, what waits for it."""
        self._store.finish()

    def _made_key(self) -> _keys.PrivateKey:
        algorithm, size = self._settings.algorithm, self._settings.key_size
        key = _keys.PrivateKey.generate(key_size=size, key_algorithm=algorithm)
        _securitylog.private_key_made(self.name, algorithm.value, size)
        return key

    def _store_key(self, key: _keys.PrivateKey) -> None:
        self._store.put(self._labels.private_key, {_PRIVATE_KEY: key.raw})

    def _retain(self, seen: _requirer_state.Observed) -> None:
        self._write_outgoing(_assignment.retained(seen))

    def _write_outgoing(self, outgoing: _outgoing.Outgoing) -> None:
        if not outgoing.entries:
            self._store.remove(self._labels.outgoing)
            return
        keep_key = outgoing.key != self._settings.passed_key
        label = self._labels.outgoing
        written = next(
            (
                one
                for one in (outgoing, *outgoing.smaller())
                if self._store.put_if_it_fits(label, one.to_content(keep_key=keep_key))
            ),
            _outgoing.Outgoing(),
        )
        if written != outgoing:
            _logger.warning(
                "%s: what is being replaced is too large for a secret: of %s certificates, "
                "%s go on being assigned",
                self.name,
                len(outgoing.answers),
                len(written.answers),
            )

    def _write_requests(
        self,
        plan: _requirer_plan.Plan,
        seen: _requirer_state.Observed,
        relation: ops.Relation,
    ) -> None:
        for one in plan.dropped:
            _logger.info("%s: request %r dropped: %s", self.name, one.csr, one.reason.value)
        key = seen.key
        new = [one.generate_csr(key) for one in plan.send] if key is not None else []
        for csr in new:
            self._reader.know(csr)
            _securitylog.certificate_requested(self.name, csr)
        dropped = {one.csr.raw for one in plan.dropped}
        readable = {one.certificate_signing_request.raw for one in seen.sent}
        read = self._read_requests(relation)
        entries = (
            *(one for one in read.entries if one.csr in readable - dropped),
            *(
                _wire.RequestEntry(csr.raw, wanted.is_ca)
                for csr, wanted in zip(new, plan.send, strict=True)
            ),
        )
        if entries != read.entries or read.rejected:
            text = _wire.write_entries(entries)
            _relations.write(relation, self._entity, {_wire.REQUESTS: text})

    def _read_requests(self, relation: ops.Relation) -> _wire.Read[_wire.RequestEntry]:
        text = _relations.read(relation, self._entity, _wire.REQUESTS)
        return self._reader.requests(text, self._entity)

    def _answers(
        self, relation: ops.Relation, csrs: set[str]
    ) -> dict[str, _values.ProviderCertificate]:
        """Parse the certificates for these requests alone: the databag may hold a thousand."""
        found: dict[str, _values.ProviderCertificate] = {}
        text = _relations.read(relation, relation.app, _wire.CERTIFICATES)
        for entry in self._reader.certificates(text).entries:
            if entry.csr not in csrs or (entry.csr in found and not found[entry.csr].revoked):
                continue
            try:
                found[entry.csr] = self._reader.certificate_value(entry, relation.id)
            except _errors.TLSCertificatesError as error:
                # It is looked at again and again in a hook, and told of once.
                if entry.csr not in self._warned:
                    self._warned.add(entry.csr)
                    _logger.warning("an answer in %s cannot be read: %s", relation, error)
        return found

    def _withdrawn(
        self, relation: ops.Relation | None, outgoing: _outgoing.Outgoing
    ) -> frozenset[str]:
        """Return the requests whose certificates, being replaced, are marked as revoked."""
        waiting = {one.csr: one.answer for one in outgoing.entries if one.answer is not None}
        if relation is None or not waiting:
            return frozenset()
        return frozenset(
            csr
            for csr, answer in self._answers(relation, set(waiting)).items()
            if answer.revoked and answer.certificate == waiting[csr].certificate
        )

    def _refusals(
        self, relation: ops.Relation, csrs: set[str]
    ) -> dict[str, _values.ProviderCertificateError]:
        text = _relations.read(relation, relation.app, _wire.ERRORS)
        return {
            entry.csr: self._reader.error_value(entry, relation.id)
            for entry in self._reader.errors(text).entries
            if entry.csr in csrs
        }

    def _outgoing(self) -> _outgoing.Outgoing:
        held = self._store.find(self._labels.outgoing)
        if held is None:
            return _outgoing.Outgoing()
        return _outgoing.from_content(held.content, self._settings.passed_key, self._reader)

    def _stored_key(self) -> _keys.PrivateKey | None:
        _legacy.adopt_private_key(self._store, self._labels)
        held = self._store.find(self._labels.private_key)
        return _key_in(held.content) if held is not None else None

    def _stored_certificates(
        self, csrs: Iterable[str], answered: Iterable[str]
    ) -> dict[str, _secrets.Held]:
        """Return the secrets of certificates; older labels are tried only where it can matter."""
        answered = frozenset(answered)
        found: dict[str, _secrets.Held] = {}
        for csr in csrs:
            digest = _wire.digest(csr)
            held = self._store.find(self._labels.certificate(digest))
            if held is None and csr in answered:
                held = _legacy.find_certificate(self._store, self._labels, digest)
            if held is not None:
                found[csr] = held
        return found

    def _as_stored(self, csr: str, held: _secrets.Held) -> _requirer_state.Stored:
        try:
            certificate = self._reader.certificate(held.content.get("certificate", "").strip())
        except _errors.TLSCertificatesError:
            certificate = None
        return _requirer_state.Stored(
            certificate=certificate,
            alarm=held.expiry,
            is_removable=held.began_far_away,
            is_foreign=held.label == _legacy.v3_label(_wire.digest(csr)),
        )

    def _certificate_label(self, csr: str) -> str:
        """Return the label of a certificate's secret: the one it has, or is to have."""
        digest = _wire.digest(csr)
        held = _legacy.find_certificate(self._store, self._labels, digest)
        return held.label if held is not None else self._labels.certificate(digest)


def _key_in(content: Mapping[str, str] | None) -> _keys.PrivateKey | None:
    """Return the key in a secret's content; None if there is none: a new one is made then."""
    if content is None:
        return None
    try:
        return _keys.PrivateKey.from_string(content.get(_PRIVATE_KEY, ""))
    except _errors.TLSCertificatesError:
        _logger.warning("a secret that should hold a private key holds none")
        return None
