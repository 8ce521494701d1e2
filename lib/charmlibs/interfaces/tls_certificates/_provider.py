"""The provider: what requirers ask for, and the answers."""

import logging
from collections.abc import Collection, Iterable
from typing import TypeVar

import ops

from . import (
    _databags,
    _errors,
    _provider_plan,
    _relations,
    _securitylog,
    _tenure,
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
        try:
            super().__init__(charm, relationship_name)
        except RuntimeError as error:
            raise _errors.InvalidArgument.of_taken_endpoint(relationship_name) from error
        if not isinstance(provider_capabilities, (_values.ProviderCapabilities, type(None))):  # pyright: ignore[reportUnnecessaryIsInstance] - charms without types.
            raise _errors.InvalidArgument(
                "provider_capabilities must be ProviderCapabilities or None, "
                f"not {provider_capabilities!r}"
            )
        self.charm = charm
        self.relationship_name = relationship_name
        self.provider_capabilities = provider_capabilities
        self._databags = _databags.Databags(charm, relationship_name)
        self._tenure = _tenure.Tenure(self, charm.unit)
        on = charm.on
        relation = on[relationship_name]
        for event in (
            relation.relation_created,
            relation.relation_joined,
            relation.relation_changed,
            relation.relation_departed,
            on.install,
            on.update_status,
            on.leader_elected,
            on.upgrade_charm,
            on.config_changed,
        ):
            self.framework.observe(event, self._on_event)

    def _on_event(self, event: ops.EventBase) -> None:
        """Settle every relation: one write for each, and none where nothing changed."""
        self._tenure.see(event)
        if self._tenure.is_leaving:
            return
        relations = self._databags.writable_relations(None)
        if self.charm.unit.is_leader():
            self._tenure.remember({relation.id: self._settle(relation) for relation in relations})

    def _settle(self, relation: ops.Relation) -> frozenset[str]:
        """Settle a relation, and return the requests whose answers stay although none is seen."""
        before, requested = self._databags.answers(relation), self._databags.requested(relation)
        is_readable = self._databags.is_readable(relation)
        kept = self._tenure.unexplained(relation, before, requested, is_readable=is_readable)
        if not is_readable:
            self._databags.warn(f"{relation}: left as it is: not all of its data can be read")
            return kept
        settled = _provider_plan.settle(before, requested, self._databags.flaw_of, kept)
        changes = dict(_provider_plan.changes(before, settled.answers))
        changes |= self._capability_changes(relation)
        if self._databags.write(relation, changes):
            for csr in settled.unsolicited:
                digest = _wire.short_digest(csr)
                _logger.info("%s: certificate removed: no request %s", relation, digest)
            for csr in settled.forged:
                reason = _provider_plan.Flaw.NO_PROOF_OF_POSSESSION.value
                _securitylog.request_refused(_wire.short_digest(csr), relation.id, reason)
        return kept

    def _capability_changes(self, relation: ops.Relation) -> dict[str, str]:
        capabilities = _wire.write_capabilities(self.provider_capabilities)
        told = self._databags.read(relation, _wire.CAPABILITIES) or ""
        return {} if told == capabilities else {_wire.CAPABILITIES: capabilities}

    def set_provider_capabilities(
        self, provider_capabilities: _values.ProviderCapabilities | None
    ) -> None:
        """Tell requirers of other capabilities than those given to the constructor, now.

        For what becomes known, or changes, in the course of a hook.

        Args:
            provider_capabilities: What they are told from now on; None takes it back.
        """
        if provider_capabilities == self.provider_capabilities:
            return
        self.provider_capabilities = provider_capabilities
        for relation in self._databags.writable_relations(None):
            self._databags.write(relation, self._capability_changes(relation))

    # What is asked for, and what was answered

    def get_exchanges(self, relation_id: int | None = None) -> list[_values.Exchange]:
        """Return every request with what stands as its answer, without parsing any of it.

        A provider with many requirers finds here what there is to do, and loads only that. Only
        the leader can see answers: on other units the list is empty.

        Args:
            relation_id: Of the relation to look at; None for all.
        """
        found: list[_values.Exchange] = []
        for relation in self._databags.writable_relations(relation_id):
            answers = self._databags.answers(relation)
            certificates = {one.csr: one for one in answers.certificates}
            errors = {one.csr: one.error for one in answers.errors}
            for csr, (name, entry) in self._databags.requested(relation).items():
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
            for relation in self._databags.relations(relation_id)
            for request in self._databags.requests(
                relation,
                {
                    csr: asked
                    for csr, asked in self._databags.requested(relation).items()
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
        for relation in self._databags.writable_relations(relation_id):
            requested = self._databags.requested(relation)
            answers = self._databags.answers(relation)
            readable = _provider_plan.Answers(
                tuple(one for one in answers.certificates if self._databags.is_certificate(one))
            )
            # What is answered needs no look at its signature.
            unanswered = _provider_plan.outstanding(readable, requested)
            found.extend(
                self._databags.requests(relation, {csr: requested[csr] for csr in unanswered})
            )
        return found

    def get_provider_certificates(
        self, relation_id: int | None = None
    ) -> list[_values.ProviderCertificate]:
        """Return a List of issued certificates, the revoked ones among them."""
        return list(
            self._databags.values(
                (relation, entry)
                for relation in self._databags.writable_relations(relation_id)
                for entry in self._databags.answers(relation).certificates
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

        Those certificates should be revoked. What another unit answered before this one led, to
        a request that this one has not seen, is not among them: who asked may be yet to come.
        """
        return list(
            self._databags.values(
                (relation, entry)
                for relation in self._databags.writable_relations(relation_id)
                if self._databags.is_readable(relation)
                for entry in self._unsolicited(relation)
            )
        )

    def _unsolicited(self, relation: ops.Relation) -> tuple[_wire.CertificateEntry, ...]:
        answers, requested = self._databags.answers(relation), self._databags.requested(relation)
        kept = self._tenure.unexplained(relation, answers, requested, is_readable=True)
        return _provider_plan.unsolicited(answers, requested, kept)

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
        for relation in self._databags.writable_relations(relation_id):
            for entry in self._databags.answers(relation).errors:
                try:
                    found.append(self._databags.reader.error_value(entry, relation.id))
                except _errors.InvalidPEM as error:
                    self._databags.warn(f"{relation}: an error of ours cannot be read: {error}")
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
        relations = {relation.id: relation for relation in self._databags.writable_relations(None)}
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
            self._databags.warn(f"{relation}: no answers written: what is there cannot be read")
            return
        before = self._databags.answers(relation)
        after = _provider_plan.with_answers(
            before,
            [_wire.CertificateEntry.from_value(one) for one in certificates],
            [_wire.ErrorEntry(one.certificate_signing_request.raw, one.error) for one in errors],
        )
        if self._databags.write_answers(relation, before, after):
            for one in certificates:
                _securitylog.certificate_issued(one.certificate, relation.id)

    def revoke_all_certificates(self) -> None:
        """Revoke all certificates of this provider.

        This method is meant to be used when the Root CA has changed.
        """
        for relation in self._databags.writable_relations(None):
            self._revoke(relation, None)

    def revoke_certificates(self, certificates: Collection[_values.ProviderCertificate]) -> None:
        """Revoke chosen certificates: each stays, marked, as the answer to its request.

        Args:
            certificates: Certificates as they were issued; others are left as they are.
        """
        chosen = _by_relation(certificates)
        for relation in self._databags.writable_relations(None):
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
        before = self._databags.answers(relation)
        after = _provider_plan.with_revoked(
            before,
            lambda one: (
                chosen is None
                # An earlier provider may have written the same certificate as another text.
                or (
                    self._databags.is_certificate(one)
                    and (one.csr, self._databags.reader.certificate(one.certificate)) in chosen
                )
            ),
        )
        count = sum(
            old is not new
            for old, new in zip(before.certificates, after.certificates, strict=True)
        )
        if count and self._databags.write_answers(relation, before, after):
            _securitylog.certificates_revoked(count, relation.id)


_Answer = TypeVar("_Answer", _values.ProviderCertificate, _values.ProviderCertificateError)


def _by_relation(answers: Iterable[_Answer]) -> dict[int, list[_Answer]]:
    """Sort answers by their relations, in one pass: there may be a thousand of either."""
    sorted_: dict[int, list[_Answer]] = {}
    for answer in answers:
        sorted_.setdefault(answer.relation_id, []).append(answer)
    return sorted_
