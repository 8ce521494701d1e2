"""What one owner of requests, keys and certificates has: a unit, or the application on its leader.

The side of the requirer's shell that gathers what its plan looks at. It changes nothing, but that
a key which an old version kept under another label gets its own.
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

import ops

from . import (
    _attributes,
    _errors,
    _keys,
    _legacy,
    _outgoing,
    _relations,
    _requirer_state,
    _secrets,
    _values,
    _wire,
    _x509,
)

_logger = logging.getLogger(__name__)
PRIVATE_KEY = "private-key"
"""Under which key a secret has a private key."""


class Settings(NamedTuple):
    """What the charm says once for all owners."""

    passed_key: _keys.PrivateKey | None
    """The key that the charm passes; it is never stored."""
    algorithm: _keys.KeyAlgorithm
    """Of new keys."""
    key_size: int
    """Of new keys, in bits."""
    fraction: float
    """Share of a certificate's lifetime to use up."""
    keep: bool
    """Whether what is assigned stays in force when the relation goes, until it is replaced."""


class View:
    """What one owner of requests, keys and certificates has, under one relation name.

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
        keeps: bool = False,
        asked: frozenset[str] = frozenset(),
        asks_again: bool = False,
        hinted_label: str | None = None,
    ) -> _requirer_state.Observed:
        """Gather what the plan looks at.

        Args:
            relation: To ask over, or None.
            wanted: What the charm requests of this owner.
            now: Aware.
            keeps: Whether what is in force is to outlive the relation.
            asked: The requests whose renewal the charm asked for, in PEM.
            asks_again: Whether to ask anew for what came too late to be used.
            hinted_label: The label of the secret whose expiry Juju told of in this hook.
        """
        sent = tuple(self.requests(relation)) if relation is not None else ()
        texts = {one.certificate_signing_request.raw for one in sent}
        key = self.key()
        answers = self._answers(relation, sent, key, now) if relation is not None else {}
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
            key=key,
            sent=sent,
            answers=answers,
            refusals=self._refusals(relation, texts) if relation is not None else {},
            stored={csr: self._as_stored(csr, held) for csr, held in stored.items()},
            outgoing=outgoing,
            withdrawn=self._withdrawn(relation, outgoing),
            keeps=keeps,
            asked=asked,
            asks_again=asks_again,
            hinted=frozenset(hinted),
        )

    def _read_requests(self, relation: ops.Relation) -> _wire.Read[_wire.RequestEntry]:
        text = _relations.read(relation, self._entity, _wire.REQUESTS)
        return self._reader.requests(text, self._entity)

    def _answers(
        self,
        relation: ops.Relation,
        requests: Iterable[_values.RequirerCertificateRequest],
        key: _keys.PrivateKey | None,
        now: datetime,
    ) -> dict[str, _values.ProviderCertificate]:
        """Parse the certificates for these requests alone: the databag may hold a thousand.

        A request has one answer. Where a provider writes several, it is the first that can be
        used, and only where there is none one with another flaw.
        """
        by_text = {one.certificate_signing_request.raw: one for one in requests}
        found: dict[str, _values.ProviderCertificate] = {}
        ranks: dict[str, int] = {}
        text = _relations.read(relation, relation.app, _wire.CERTIFICATES)
        for entry in self._reader.certificates(text).entries:
            request = by_text.get(entry.csr)
            if request is None or ranks.get(entry.csr) == 0:
                continue
            try:
                answer = self._reader.certificate_value(entry, relation.id)
            except _errors.TLSCertificatesError as error:
                # It is looked at again and again in a hook, and told of once.
                if entry.csr not in self._warned:
                    self._warned.add(entry.csr)
                    _logger.warning("an answer in %s cannot be read: %s", relation, error)
                continue
            rank = _requirer_state.rank(request, answer, key, now)
            if entry.csr not in ranks or rank < ranks[entry.csr]:
                found[entry.csr], ranks[entry.csr] = answer, rank
        return found

    def _withdrawn(
        self, relation: ops.Relation | None, outgoing: _outgoing.Outgoing
    ) -> frozenset[str]:
        """Return the requests whose certificates, being replaced, are marked as revoked."""
        waiting = {one.csr: one.answer for one in outgoing.entries if one.answer is not None}
        if relation is None or not waiting:
            return frozenset()
        text = _relations.read(relation, relation.app, _wire.CERTIFICATES)
        return frozenset(
            entry.csr
            for entry in self._reader.certificates(text).entries
            if entry.revoked
            and entry.csr in waiting
            and self._is_of(entry.certificate, waiting[entry.csr].certificate)
        )

    def _is_of(self, pem: str, certificate: _x509.Certificate) -> bool:
        try:
            return self._reader.certificate(pem) == certificate
        except _errors.TLSCertificatesError:
            return False

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
        return _keys.PrivateKey.from_string(content.get(PRIVATE_KEY, ""))
    except _errors.TLSCertificatesError:
        _logger.warning("a secret that should hold a private key holds none")
        return None
