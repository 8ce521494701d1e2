"""The provider: what requirers ask for, and the answers."""

import hashlib
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TypeVar

import ops

from . import (
    _errors,
    _provider_plan,
    _relations,
    _securitylog,
    _values,
    _wire,
    _x509,
)

_logger = logging.getLogger(__name__)


class TLSCertificatesProvidesV4(ops.Object):
    """TLS certificates provider class to be instantiated by TLS certificates providers.

    The charm reads what is outstanding and sets the answers, on the leader; other units write
    nothing. Certificates that no one asks for any more are removed by the library.

    Args:
        charm: The charm.
        relationship_name: The endpoint's name, as in ``certificates``.
        provider_capabilities: What requirers are told that the provider can do.

    Raises:
        TLSCertificatesError: If *provider_capabilities* are none.
    """

    def __init__(
        self,
        charm: ops.CharmBase,
        relationship_name: str,
        provider_capabilities: _values.ProviderCapabilities | None = None,
    ) -> None:
        super().__init__(charm, relationship_name)
        if not isinstance(provider_capabilities, (_values.ProviderCapabilities, type(None))):  # pyright: ignore[reportUnnecessaryIsInstance] - charms without types.
            raise _errors.InvalidArgument(
                "provider_capabilities must be ProviderCapabilities or None, "
                f"not {provider_capabilities!r}"
            )
        self.charm = charm
        self.relationship_name = relationship_name
        self.provider_capabilities = provider_capabilities
        self._reader = _wire.Reader()
        self._warned: set[str] = set()
        on = charm.on
        relation = on[relationship_name]
        for event in (
            relation.relation_created,
            relation.relation_joined,
            relation.relation_changed,
            relation.relation_departed,
            on.update_status,
            on.leader_elected,
            on.upgrade_charm,
            on.config_changed,
        ):
            self.framework.observe(event, self._on_event)

    def _on_event(self, event: ops.EventBase) -> None:
        """Settle every relation: one write for each, and none where nothing changed."""
        if (
            isinstance(event, ops.RelationDepartedEvent)
            and event.departing_unit == self.charm.unit
        ):
            # It is this unit that goes. To it the requirers seem to leave, one by one, and what
            # they hold seems to be wanted by no one.
            return
        for relation in self._writable_relations(None):
            if not self._is_readable(relation):
                self._warn(f"{relation}: left as it is: not all of its data can be read")
                continue
            before = self._answers(relation)
            settled = _provider_plan.settle(before, self._requested(relation), self._flaw_of)
            changes = dict(_provider_plan.changes(before, settled.answers))
            capabilities = _wire.write_capabilities(self.provider_capabilities)
            if (self._read(relation, _wire.CAPABILITIES) or "") != capabilities:
                changes[_wire.CAPABILITIES] = capabilities
            if not self._write(relation, changes):
                continue
            for csr in settled.unsolicited:
                digest = _digest(csr)
                _logger.info("%s: certificate removed: no request %s", relation, digest)
            for csr in settled.forged:
                reason = _provider_plan.Flaw.NO_PROOF_OF_POSSESSION.value
                _securitylog.request_refused(_digest(csr), relation.id, reason)

    # What is asked for, and what was answered

    def get_exchanges(self, relation_id: int | None = None) -> list[_values.Exchange]:
        """Return every request with what stands as its answer, without parsing any of it.

        A provider with many requirers finds here what there is to do, and loads only that. Only
        the leader can see answers: on other units the list is empty.

        Args:
            relation_id: Of the relation to look at; None for all.
        """
        found: list[_values.Exchange] = []
        for relation in self._writable_relations(relation_id):
            answers = self._answers(relation)
            certificates = {one.csr: one for one in answers.certificates}
            errors = {one.csr: one.error for one in answers.errors}
            for csr, (name, entry) in self._requested(relation).items():
                answer = certificates.get(csr)
                found.append(
                    _values.Exchange(
                        relation_id=relation.id,
                        csr=csr,
                        is_ca=entry.is_ca,
                        requirer=name,
                        certificate=answer.certificate if answer else None,
                        revoked=answer is not None and answer.revoked,
                        error=errors.get(csr),
                    )
                )
        return found

    def get_certificate_requests(
        self, relation_id: int | None = None, csrs: Collection[str] | None = None
    ) -> list[_values.RequirerCertificateRequest]:
        """Load certificate requests from the relation data.

        Every request here can be read, and proves that its sender has the key.

        Args:
            relation_id: Of the relation to look at; None for all.
            csrs: The requests to load, in PEM as `get_exchanges` has them; None for all.
        """
        return [
            request
            for relation in self._relations(relation_id)
            for request in self._requests(
                relation,
                {
                    csr: asked
                    for csr, asked in self._requested(relation).items()
                    if csrs is None or csr in csrs
                },
            )
        ]

    def get_outstanding_certificate_requests(
        self, relation_id: int | None = None
    ) -> list[_values.RequirerCertificateRequest]:
        """Return CSR's for which no certificate has been issued.

        One whose only answer is revoked, or an error, is outstanding. Only the leader can tell:
        on other units the list is empty.

        Args:
            relation_id: Of the relation to look at; None for all.
        """
        found: list[_values.RequirerCertificateRequest] = []
        for relation in self._writable_relations(relation_id):
            requested = self._requested(relation)
            answers = self._answers(relation)
            readable = _provider_plan.Answers(
                tuple(one for one in answers.certificates if self._is_certificate(one))
            )
            # What is answered needs no look at its signature.
            unanswered = _provider_plan.outstanding(readable, requested)
            found.extend(self._requests(relation, {csr: requested[csr] for csr in unanswered}))
        return found

    def get_provider_certificates(
        self, relation_id: int | None = None
    ) -> list[_values.ProviderCertificate]:
        """Return a List of issued certificates, the revoked ones among them."""
        return list(
            self._values(
                (relation, entry)
                for relation in self._writable_relations(relation_id)
                for entry in self._answers(relation).certificates
            )
        )

    def get_issued_certificates(
        self, relation_id: int | None = None
    ) -> list[_values.ProviderCertificate]:
        """Return a List of issued (non revoked) certificates."""
        return [one for one in self.get_provider_certificates(relation_id) if not one.revoked]

    def get_unsolicited_certificates(
        self, relation_id: int | None = None
    ) -> list[_values.ProviderCertificate]:
        """Return provider certificates for which no certificate requests exists.

        Those certificates should be revoked.
        """
        return list(
            self._values(
                (relation, entry)
                for relation in self._writable_relations(relation_id)
                if self._is_readable(relation)
                for entry in _provider_plan.unsolicited(
                    self._answers(relation), self._requested(relation)
                )
            )
        )

    def get_provider_certificate_errors(
        self, relation_id: int | None = None
    ) -> list[_values.ProviderCertificateError]:
        """Return provider certificate errors for the given relations.

        Args:
            relation_id: Optional relation ID to filter errors by specific relation. If None,
                returns errors from all relations.

        Returns:
            List of ProviderCertificateError objects representing failed certificate requests.
        """
        found: list[_values.ProviderCertificateError] = []
        for relation in self._writable_relations(relation_id):
            for entry in self._answers(relation).errors:
                try:
                    found.append(self._reader.error_value(entry, relation.id))
                except _errors.InvalidPEM as error:
                    self._warn(f"{relation}: an error of ours cannot be read: {error}")
        return found

    # Answers

    def set_relation_certificate(self, provider_certificate: _values.ProviderCertificate) -> None:
        """Add certificates to relation data, in the place of an older answer to its request.

        Args:
            provider_certificate: ProviderCertificate object

        Raises:
            TLSCertificatesError: If the certificate's key is not that of its request.
        """
        self.set_relation_answers(certificates=[provider_certificate])

    def set_relation_error(self, provider_error: _values.ProviderCertificateError) -> None:
        """Record an error for a CSR when issuance fails.

        It takes the place of an older answer, but for a revoked certificate, which stays.

        Args:
            provider_error: The error information to set for the certificate request.
        """
        self.set_relation_answers(errors=[provider_error])

    def set_relation_answers(
        self,
        certificates: Collection[_values.ProviderCertificate] = (),
        errors: Collection[_values.ProviderCertificateError] = (),
    ) -> None:
        """Set many answers at once: each relation is written once.

        Everything is checked before anything is written.

        Args:
            certificates: Certificates, as for `set_relation_certificate`.
            errors: Errors, as for `set_relation_error`.

        Raises:
            TLSCertificatesError: If a certificate's key is not that of its request.
        """
        for one in certificates:
            if not one.certificate_signing_request.matches_certificate(one.certificate):
                raise _errors.TLSCertificatesError(
                    f"the key of {one.certificate!r} is not that of its request, "
                    f"{one.certificate_signing_request!r}"
                )
        relations = {relation.id: relation for relation in self._writable_relations(None)}
        issued, refused = _by_relation(certificates), _by_relation(errors)
        for relation_id in dict.fromkeys((*issued, *refused)):
            relation = relations.get(relation_id)
            if relation is None:
                _logger.warning(
                    "%s: no answers written: there is no relation %s that this unit may write",
                    self.relationship_name,
                    relation_id,
                )
                continue
            self._set_answers(relation, issued.get(relation_id, []), refused.get(relation_id, []))

    def _set_answers(
        self,
        relation: ops.Relation,
        certificates: list[_values.ProviderCertificate],
        errors: list[_values.ProviderCertificateError],
    ) -> None:
        if not _relations.is_readable(relation, self.charm.app):
            self._warn(f"{relation}: no answers written: what is there cannot be read")
            return
        before = self._answers(relation)
        after = _provider_plan.with_answers(
            before,
            [_wire.CertificateEntry.from_value(one) for one in certificates],
            [_wire.ErrorEntry(one.certificate_signing_request.raw, one.error) for one in errors],
        )
        if self._write_answers(relation, before, after):
            for one in certificates:
                _securitylog.certificate_issued(one.certificate, relation.id)

    def revoke_all_certificates(self) -> None:
        """Revoke all certificates of this provider.

        This method is meant to be used when the Root CA has changed.
        """
        for relation in self._writable_relations(None):
            self._revoke(relation, None)

    def revoke_certificates(self, certificates: Collection[_values.ProviderCertificate]) -> None:
        """Revoke chosen certificates: each stays, marked, as the answer to its request.

        Args:
            certificates: Certificates as they were issued; others are left as they are.
        """
        chosen = _by_relation(certificates)
        for relation in self._writable_relations(None):
            if relation.id in chosen:
                self._revoke(
                    relation,
                    {
                        (one.certificate_signing_request.raw, one.certificate)
                        for one in chosen[relation.id]
                    },
                )

    def _revoke(
        self, relation: ops.Relation, chosen: set[tuple[str, _x509.Certificate]] | None
    ) -> None:
        before = self._answers(relation)
        after = _provider_plan.with_revoked(
            before,
            lambda one: (
                chosen is None
                # An earlier provider may have written the same certificate as another text.
                or (
                    self._is_certificate(one)
                    and (one.csr, self._reader.certificate(one.certificate)) in chosen
                )
            ),
        )
        count = sum(
            old is not new
            for old, new in zip(before.certificates, after.certificates, strict=True)
        )
        if count and self._write_answers(relation, before, after):
            _securitylog.certificates_revoked(count, relation.id)

    # Reading and writing

    def _relations(self, relation_id: int | None) -> list[ops.Relation]:
        return [
            relation
            for relation in _relations.active(self.charm.model, self.relationship_name)
            if relation_id in {None, relation.id}
        ]

    def _writable_relations(self, relation_id: int | None) -> list[ops.Relation]:
        """Return the relations whose answers are ours to see and change: on the leader."""
        if not self.charm.unit.is_leader():
            _logger.debug("%s: only the leader has answers", self.relationship_name)
            return []
        return self._relations(relation_id)

    def _is_readable(self, relation: ops.Relation) -> bool:
        """Tell whether every databag can be read: who did not read a request cannot miss it."""
        entities = (self.charm.app, *relation.units, *((relation.app,) if relation.app else ()))
        return all(_relations.is_readable(relation, entity) for entity in entities)

    def _request_entries(self, relation: ops.Relation) -> Iterator[tuple[str, _wire.RequestEntry]]:
        """Yield what the units and the application at the other end ask for, by their names."""
        units = sorted(relation.units, key=lambda unit: unit.name)
        for entity in (*units, relation.app):
            text = _relations.read(relation, entity, _wire.REQUESTS)
            read = self._reader.requests(text, (relation.id, entity))
            for one in read.rejected:
                self._warn(f"{relation}: {one.where} of {entity.name} is not used: {one.why}")
            for entry in read.entries:
                yield entity.name, entry

    def _requested(self, relation: ops.Relation) -> dict[str, tuple[str, _wire.RequestEntry]]:
        return {entry.csr: (name, entry) for name, entry in self._request_entries(relation)}

    def _requests(
        self, relation: ops.Relation, requested: Mapping[str, tuple[str, _wire.RequestEntry]]
    ) -> Iterator[_values.RequirerCertificateRequest]:
        """Yield, of these requests, those that are fit to be offered to the charm."""
        for csr, (name, entry) in requested.items():
            flaw = self._flaw_of(csr)
            if flaw is None:
                request = self._reader.request(csr)
                yield _values.RequirerCertificateRequest(relation.id, request, entry.is_ca, name)
            else:
                self._warn(f"{relation}: request {_digest(csr)} is not used: {flaw.value}")

    def _flaw_of(self, csr: str) -> _provider_plan.Flaw | None:
        try:
            request = self._reader.request(csr)
        except _errors.InvalidPEM:
            return _provider_plan.Flaw.NOT_A_REQUEST
        if not request.is_signature_valid:
            return _provider_plan.Flaw.NO_PROOF_OF_POSSESSION
        return None

    def _answers(self, relation: ops.Relation) -> _provider_plan.Answers:
        return _provider_plan.Answers(
            self._reader.certificates(
                self._read(relation, _wire.CERTIFICATES), relation.id
            ).entries,
            self._reader.errors(self._read(relation, _wire.ERRORS), relation.id).entries,
        )

    def _is_certificate(self, entry: _wire.CertificateEntry) -> bool:
        try:
            self._reader.certificate(entry.certificate)
        except _errors.InvalidPEM:
            return False
        return True

    def _values(
        self, entries: Iterable[tuple[ops.Relation, _wire.CertificateEntry]]
    ) -> Iterator[_values.ProviderCertificate]:
        for relation, entry in entries:
            try:
                yield self._reader.certificate_value(entry, relation.id)
            except _errors.InvalidPEM as error:
                self._warn(f"{relation}: a certificate of ours cannot be read: {error}")

    def _read(self, relation: ops.Relation, key: str) -> str | None:
        return _relations.read(relation, self.charm.app, key)

    def _write(self, relation: ops.Relation, changes: Mapping[str, str]) -> bool:
        return bool(changes) and _relations.write(relation, self.charm.app, changes)

    def _write_answers(
        self,
        relation: ops.Relation,
        before: _provider_plan.Answers,
        after: _provider_plan.Answers,
    ) -> bool:
        """Write what changed; charms set one answer after another, so it is not read again."""
        changes = _provider_plan.changes(before, after)
        if not self._write(relation, changes):
            return False
        text = changes.get(_wire.CERTIFICATES)
        if text is not None:
            self._reader.know_entries(_wire.CERTIFICATES, text, relation.id, after.certificates)
        return True

    def _warn(self, text: str) -> None:
        """Warn of something, once in a hook."""
        if text not in self._warned:
            self._warned.add(text)
            _logger.warning("%s: %s", self.relationship_name, text)


_Answer = TypeVar("_Answer", _values.ProviderCertificate, _values.ProviderCertificateError)


def _by_relation(answers: Iterable[_Answer]) -> dict[int, list[_Answer]]:
    """Sort answers by their relations, in one pass: there may be a thousand of either."""
    sorted_: dict[int, list[_Answer]] = {}
    for answer in answers:
        sorted_.setdefault(answer.relation_id, []).append(answer)
    return sorted_


def _digest(csr: str) -> str:
    """Return what tells a request from others in a log: remote texts are not quoted there."""
    return hashlib.sha256(csr.encode(errors="replace")).hexdigest()[:16]
