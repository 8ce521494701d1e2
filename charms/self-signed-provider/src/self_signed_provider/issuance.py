"""Answering requests: see what stands, decide what is due, sign, write, remember."""

from __future__ import annotations

import dataclasses
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

    from .answers import Outlook
    from .ca import Authority
    from .config import ProviderConfig
    from .ledger import Ledger
    from .records import Memory
    from .vault import Vault

    _Issued = tuple[RequirerCertificateRequest, ProviderCertificate]


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
        if authority is None:
            return memory
        exchanges = self._certificates.get_exchanges()
        book = self._ledger(memory.ledger, exchanges, now)
        terms = _Terms.of(config, authority, book, memory, now)
        outlook = answers.look(exchanges, book, authority.id)
        seen = terms.circumstances(exchanges, outlook) if memory.left else {}
        settled = {key for key, digest in seen.items() if digest in memory.left}
        fresh = answers.without(outlook, settled, terms.trusted)
        issued, errors, is_done = self._decide(fresh, terms)
        if issued or errors:
            self._certificates.set_relation_answers(
                [certificate for _, certificate in issued], errors
            )
        self._mark(outlook.mark)
        book = book.add(_entry(request, certificate) for request, certificate in issued)
        is_all_issued = len(issued) == len(outlook.due)
        left = {} if is_all_issued or not is_done else self._left(book, terms)
        after = authority.having_issued(answer.certificate for _, answer in issued)
        return dataclasses.replace(
            memory,
            ledger=book,
            authorities=tuple(after if a is authority else a for a in memory.authorities),
            left=frozenset(left.values()),
        )

    def _left(self, book: Ledger, terms: _Terms) -> dict[answers.Key, str]:
        """Return in what circumstances each request stands that was left without a certificate
        of the CA in use.
        """
        exchanges = self._certificates.get_exchanges()
        outlook = answers.look(exchanges, book, terms.authority.id)
        return terms.circumstances(exchanges, outlook)

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

    def _decide(
        self, outlook: Outlook, terms: _Terms
    ) -> tuple[list[_Issued], list[ProviderCertificateError], bool]:
        """Return the certificates and the errors that are due, and whether that is all."""
        requests = self._requests(outlook)
        signed: dict[answers.Key, _Issued] = {}
        unsignable: dict[answers.Key, policy.Denial] = {}
        while True:
            due = answers.decide(
                requests,
                outlook,
                policy=terms.policy,
                trusted=terms.trusted,
                unsignable=unsignable,
            )
            errors = [_error(request, denial) for request, denial in due.deny]
            wanted = [one for one in due.issue if answers.key_of(one) not in signed]
            key = self._vault.key(terms.authority.certificate) if wanted else None
            if key is None:
                return list(signed.values()), errors, not wanted
            # What cannot be signed leaves its room under the limit to others.
            failed = len(unsignable)
            for request in wanted:
                try:
                    answer = _sign_one(request, terms.authority, key, terms.config)
                except TLSCertificatesError as error:
                    code = CertificateRequestErrorCode.OTHER
                    unsignable[answers.key_of(request)] = policy.Denial(code, str(error))
                else:
                    signed[answers.key_of(request)] = request, answer
            if len(unsignable) == failed:
                return list(signed.values()), errors, True


@dataclasses.dataclass(frozen=True)
class _Terms:
    """What decisions are made by."""

    config: ProviderConfig
    authority: Authority
    policy: policy.Policy
    trusted: frozenset[str]
    """The ids of the CAs that clients are told to trust."""

    @classmethod
    def of(
        cls,
        config: ProviderConfig,
        authority: Authority,
        book: Ledger,
        memory: Memory,
        now: datetime.datetime,
    ) -> _Terms:
        """Return the terms under the CA that is in use."""
        granted = policy.policy_from(config, book.refused_keys, authority, now)
        return cls(config, authority, granted, frozenset(a.id for a in memory.authorities))

    def circumstances(self, exchanges: list[Exchange], outlook: Outlook) -> dict[answers.Key, str]:
        """Return what the decision on each request that is due something depends on."""
        if not outlook.due:
            return {}
        refused = sorted(self.policy.refused_keys)
        ended = f"ended {self.policy.ended}"
        return answers.circumstances(
            exchanges,
            outlook,
            terms="\n".join([self.config.model_dump_json(), self.authority.id, ended, *refused]),
            limit=self.policy.limit,
            trusted=self.trusted,
        )


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
