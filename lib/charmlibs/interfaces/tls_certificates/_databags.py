"""A provider's relations: what is asked for there, and what was answered."""

import logging
from collections.abc import Iterable, Iterator, Mapping

import ops

from . import (
    _errors,
    _provider_plan,
    _relations,
    _values,
    _wire,
)

_logger = logging.getLogger(__name__)
Requested = Mapping[str, tuple[str, _wire.RequestEntry]]
"""Requests as they stand in databags, each with whose databag it is, by their PEM."""


class Databags:
    """The databags of one endpoint's relations, as a provider reads and writes them.

    Args:
        charm: The charm.
        relation_name: The endpoint's name.
    """

    def __init__(self, charm: ops.CharmBase, relation_name: str) -> None:
        self.reader = _wire.Reader()
        self._charm = charm
        self._relation_name = relation_name
        self._warned: set[str] = set()

    def relations(self, relation_id: int | None) -> list[ops.Relation]:
        """Return the relations that are not going away, or the one with this id."""
        return [
            relation
            for relation in _relations.active(self._charm.model, self._relation_name)
            if relation_id in {None, relation.id}
        ]

    def writable_relations(self, relation_id: int | None) -> list[ops.Relation]:
        """Return the relations whose answers are ours to see and change: on the leader."""
        if not self._charm.unit.is_leader():
            _logger.debug("%s: only the leader has answers", self._relation_name)
            return []
        return self.relations(relation_id)

    def is_readable(self, relation: ops.Relation) -> bool:
        """Tell whether every databag can be read: who did not read a request cannot miss it."""
        entities = (self._charm.app, *relation.units, *((relation.app,) if relation.app else ()))
        return all(_relations.is_readable(relation, entity) for entity in entities)

    def _request_entries(self, relation: ops.Relation) -> Iterator[tuple[str, _wire.RequestEntry]]:
        """Yield what the units and the application at the other end ask for, by their names."""
        units = sorted(relation.units, key=lambda unit: unit.name)
        # The remote application of a relation that is dead has no name any more.
        for entity in (*units, *((relation.app,) if relation.app else ())):
            text = _relations.read(relation, entity, _wire.REQUESTS)
            read = self.reader.requests(text, (relation.id, entity))
            for line in _wire.told(read.rejected, entity.name):
                self.warn(f"{relation}: {line}")
            for entry in read.entries:
                yield entity.name, entry

    def requested(self, relation: ops.Relation) -> Requested:
        """Return every request that this unit can see, fit to be offered or not."""
        return {entry.csr: (name, entry) for name, entry in self._request_entries(relation)}

    def requests(
        self, relation: ops.Relation, requested: Requested
    ) -> Iterator[_values.RequirerCertificateRequest]:
        """Yield, of these requests, those that are fit to be offered to the charm."""
        flawed = 0
        for csr, (name, entry) in requested.items():
            flaw = self.flaw_of(csr)
            if flaw is None:
                request = self.reader.request(csr)
                yield _values.RequirerCertificateRequest(relation.id, request, entry.is_ca, name)
                continue
            flawed += 1
            if flawed <= _wire.MOST_TOLD:
                digest = _wire.short_digest(csr)
                self.warn(f"{relation}: request {digest} is not used: {flaw.value}")
        if (more := flawed - _wire.MOST_TOLD) > 0:
            self.warn(f"{relation}: {more} more requests are not used")

    def flaw_of(self, csr: str) -> _provider_plan.Flaw | None:
        """Return why a request, in PEM, is not offered to the charm, or None."""
        try:
            request = self.reader.request(csr)
        except _errors.InvalidPEM:
            return _provider_plan.Flaw.NOT_A_REQUEST
        if not request.is_signature_valid:
            return _provider_plan.Flaw.NO_PROOF_OF_POSSESSION
        return None

    def answers(self, relation: ops.Relation) -> _provider_plan.Answers:
        """Return what was answered, as far as it can be read."""
        return _provider_plan.Answers(
            self.reader.certificates(self.read(relation, _wire.CERTIFICATES), relation.id).entries,
            self.reader.errors(self.read(relation, _wire.ERRORS), relation.id).entries,
        )

    def is_certificate(self, entry: _wire.CertificateEntry) -> bool:
        """Tell whether an answer holds a certificate indeed."""
        try:
            self.reader.certificate(entry.certificate)
        except _errors.InvalidPEM:
            return False
        return True

    def values(
        self, entries: Iterable[tuple[ops.Relation, _wire.CertificateEntry]]
    ) -> Iterator[_values.ProviderCertificate]:
        """Yield answers, parsed; those that cannot be read are warned of."""
        for relation, entry in entries:
            try:
                yield self.reader.certificate_value(entry, relation.id)
            except _errors.InvalidPEM as error:
                self.warn(f"{relation}: a certificate of ours cannot be read: {error}")

    def read(self, relation: ops.Relation, key: str) -> str | None:
        """Return a value of our databag, or None."""
        return _relations.read(relation, self._charm.app, key)

    def write(self, relation: ops.Relation, changes: Mapping[str, str]) -> bool:
        """Write values into our databag; tell whether there were any, and they were written."""
        return bool(changes) and _relations.write(relation, self._charm.app, changes)

    def write_answers(
        self,
        relation: ops.Relation,
        before: _provider_plan.Answers,
        after: _provider_plan.Answers,
    ) -> bool:
        """Write what changed; charms set one answer after another, so it is not read again."""
        changes = _provider_plan.changes(before, after)
        if not self.write(relation, changes):
            return False
        text = changes.get(_wire.CERTIFICATES)
        if text is not None:
            self.reader.know_entries(_wire.CERTIFICATES, text, relation.id, after.certificates)
        return True

    def warn(self, text: str) -> None:
        """Warn of something, once in a hook."""
        if text not in self._warned:
            self._warned.add(text)
            _logger.warning("%s: %s", self._relation_name, text)
