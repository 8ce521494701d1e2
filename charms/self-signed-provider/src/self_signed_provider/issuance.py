"""Answering requests: see what stands, decide what is due, sign, write, remember."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

from charmlibs.interfaces.tls_certificates import (
    CertificateRequestErrorCode,
    ProviderCertificate,
    ProviderCertificateError,
    TLSCertificatesError,
)

from . import answers, ca, ledger, policy

if TYPE_CHECKING:
    import datetime
    from collections.abc import Collection, Iterator

    from charmlibs.interfaces.tls_certificates import (
        Exchange,
        PrivateKey,
        RequirerCertificateRequest,
        TLSCertificatesProvidesV4,
    )

    from .answers import Answers, Outlook
    from .ca import Authority
    from .config import ProviderConfig
    from .ledger import Ledger
    from .records import Memory
    from .vault import Vault

logger = logging.getLogger(__name__)


class Issuance:
    """The relations over which certificates are asked for. Only the leader may use it.

    What is answered and stands is told by its text, and is not parsed.

    Args:
        certificates: The relations.
        vault: Where the authorities' keys are.
    """

    def __init__(self, certificates: TLSCertificatesProvidesV4, vault: Vault) -> None:
        self._certificates = certificates
        self._vault = vault

    def run(self, memory: Memory, config: ProviderConfig, now: datetime.datetime) -> Memory:
        """Answer every request that is not answered rightly yet, each relation in one write."""
        authority = ca.in_use(memory.authorities)
        if authority is None or authority.certificate.expiry_time <= now:
            return memory
        exchanges = self._certificates.get_exchanges()
        book = self._ledger(memory.ledger, exchanges, now)
        outlook = answers.look(exchanges, book, authority.id)
        trusted = {a.id for a in memory.authorities}
        granted = policy.policy_from(config, book.refused_keys, authority)
        due = answers.decide(self._requests(outlook), outlook, policy=granted, trusted=trusted)
        kept = {k for k, entry in outlook.due.items() if answers.is_kept(entry, trusted)}
        issued, errors = self._sign(due, authority, config, kept)
        if issued or errors:
            self._certificates.set_relation_answers(
                [certificate for _, certificate in issued], errors
            )
        self._mark(outlook.mark)
        book = book.add(_entry(request, certificate) for request, certificate in issued)
        after = authority.having_issued(answer.certificate for _, answer in issued)
        return dataclasses.replace(
            memory,
            ledger=book,
            authorities=tuple(after if a is authority else a for a in memory.authorities),
        )

    def _ledger(self, book: Ledger, exchanges: list[Exchange], now: datetime.datetime) -> Ledger:
        """Return the ledger as of now, with what it should have and lacks: see `restored`."""
        standing = {
            (one.relation_id, ledger.fingerprint_of(one.certificate))
            for one in exchanges
            if one.certificate is not None
        }
        book = book.prune(now, {fingerprint for _, fingerprint in standing})
        known = book.by_fingerprint()
        lacking = {relation for relation, fingerprint in standing if fingerprint not in known}
        witnessed = [one for relation_id in lacking for one in self._witnessed(relation_id)]
        return ledger.restored(book, witnessed, now)

    def _witnessed(self, relation_id: int) -> Iterator[tuple[ledger.Entry, bool]]:
        """Yield what stands in a relation as the ledger has it, and whether it is revoked."""
        requests = {
            request.certificate_signing_request.raw: request
            for request in self._certificates.get_certificate_requests(relation_id)
        }
        for answer in self._certificates.get_provider_certificates(relation_id):
            request = requests.get(answer.certificate_signing_request.raw)
            if request is not None:
                yield _entry(request, answer), bool(answer.revoked)

    def _requests(self, outlook: Outlook) -> list[RequirerCertificateRequest]:
        if not outlook.due:
            return []
        return self._certificates.get_certificate_requests(csrs={csr for _, csr in outlook.due})

    def _mark(self, revoked: Collection[answers.Key]) -> None:
        """Mark the certificates of these requests as revoked."""
        chosen = [
            answer
            for relation_id in {relation_id for relation_id, _ in revoked}
            for answer in self._certificates.get_provider_certificates(relation_id)
            if (relation_id, answer.certificate_signing_request.raw) in revoked
        ]
        if chosen:
            self._certificates.revoke_certificates(chosen)

    def _sign(
        self,
        due: Answers,
        authority: Authority,
        config: ProviderConfig,
        kept: Collection[answers.Key],
    ) -> tuple[
        list[tuple[RequirerCertificateRequest, ProviderCertificate]],
        list[ProviderCertificateError],
    ]:
        errors = [_error(request, denial) for request, denial in due.deny]
        issued: list[tuple[RequirerCertificateRequest, ProviderCertificate]] = []
        key = self._vault.key(authority.certificate) if due.issue else None
        if key is None:
            return issued, errors
        for request in due.issue:
            try:
                issued.append((request, _sign_one(request, authority, key, config)))
            except TLSCertificatesError as error:
                if answers.key_of(request) in kept:
                    logger.warning(
                        "%s holds a certificate that cannot be issued again: %s",
                        request.requirer,
                        error,
                    )
                    continue
                denial = policy.Denial(CertificateRequestErrorCode.OTHER, str(error))
                errors.append(_error(request, denial))
        return issued, errors


def _sign_one(
    request: RequirerCertificateRequest,
    authority: Authority,
    key: PrivateKey,
    config: ProviderConfig,
) -> ProviderCertificate:
    csr = request.certificate_signing_request
    certificate = csr.sign(
        authority.certificate, key, config.certificate_validity, is_ca=request.is_ca
    )
    return ProviderCertificate(
        relation_id=request.relation_id,
        certificate=certificate,
        certificate_signing_request=csr,
        ca=authority.certificate,
        chain=[certificate, authority.certificate, *authority.chain],
    )


def _error(request: RequirerCertificateRequest, denial: policy.Denial) -> ProviderCertificateError:
    return ProviderCertificateError(
        request.relation_id, request.certificate_signing_request, denial.error()
    )


def _entry(request: RequirerCertificateRequest, answer: ProviderCertificate) -> ledger.Entry:
    return ledger.entry_for(
        answer.certificate,
        relation_id=request.relation_id,
        requirer=request.requirer or "",
        authority=ca.authority_id(answer.ca),
    )
