"""What the leader does in a hook: see what is there, decide what is due, do it, remember it."""

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

from . import answers, ca, crl, ledger, policy, recovery
from .ca import Authority, Phase
from .ledger import Revocation

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Iterator

    from charmlibs.interfaces.tls_certificates import (
        PrivateKey,
        RequirerCertificateRequest,
        TLSCertificatesProvidesV4,
    )

    from .config import ProviderConfig
    from .given import GivenCA
    from .records import Memory
    from .vault import Vault

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The CA that the operator wants."""

    origin: ca.Origin
    given: GivenCA | None = None
    """The CA itself, if the operator brought it."""


class Leader:
    """The application's work, which its leader alone may do.

    Args:
        certificates: The relations over which certificates are asked for.
        vault: Where the authorities' keys are.
        app_name: The common name of the CA, if the operator gives none.
    """

    def __init__(
        self, certificates: TLSCertificatesProvidesV4, vault: Vault, app_name: str
    ) -> None:
        self._certificates = certificates
        self._vault = vault
        self._app_name = app_name

    def run_authorities(
        self, memory: Memory, config: ProviderConfig, wanted: Wanted | None, now: datetime.datetime
    ) -> Memory:
        """Take the authorities one step on, and set the alarm for the next.

        Args:
            memory: What is remembered.
            config: The configuration in force.
            wanted: The CA to come to; `None` if it cannot be had, and the one in use goes on.
            now: Aware.
        """
        origin = wanted.origin if wanted else None
        authorities = self._with_keys(memory.authorities, wanted, now)
        if ca.in_use(authorities) is None:
            authorities = self._recovered(authorities, origin, now)
        timing = ca.Timing(config.overlap, config.certificate_validity)
        plan = ca.plan(authorities, origin, timing, now)
        for reason in plan.reasons:
            logger.info("%s", reason)
        kept = plan.keep
        if plan.create is not None and wanted is not None:
            kept = (*kept, self._create(config, wanted, plan.create, now))
        for authority in plan.remove:
            self._vault.remove(authority)
        self._vault.wake_at(ca.next_look(kept, timing, now), now)
        return dataclasses.replace(memory, authorities=kept)

    def run_certificates(
        self, memory: Memory, config: ProviderConfig, now: datetime.datetime
    ) -> Memory:
        """Answer every request that is not answered rightly yet, each relation in one write."""
        authority = ca.in_use(memory.authorities)
        if authority is None or authority.certificate.expiry_time <= now:
            return memory
        requests = self._certificates.get_certificate_requests()
        standing = self._certificates.get_provider_certificates()
        witnessed = _witnessed(requests, standing)
        book = ledger.restored(memory.ledger.prune(now), witnessed, now)
        due = answers.decide(
            requests,
            standing,
            policy=policy.policy_from(config, book.refused_keys),
            book=book,
            issuer=authority.certificate,
            trusted={a.certificate for a in memory.authorities},
        )
        issued, errors = self._sign(due, authority, config)
        if issued or errors:
            self._certificates.set_relation_answers(
                [certificate for _, certificate in issued], errors
            )
        if due.revoke:
            self._certificates.revoke_certificates(due.revoke)
        book = book.add(_entry(request, certificate) for request, certificate in issued)
        after = authority.having_issued(answer.certificate for _, answer in issued)
        return dataclasses.replace(
            memory,
            ledger=book,
            authorities=tuple(after if a is authority else a for a in memory.authorities),
        )

    def replace_compromised(
        self, memory: Memory, config: ProviderConfig, wanted: Wanted, now: datetime.datetime
    ) -> Memory:
        """Put a new CA in place of all there are, at once: their keys may be in other hands.

        Every certificate that they issued is revoked, in a last list that each old key signs
        before it is destroyed.
        """
        book = memory.ledger.revoke(lambda _: True, Revocation.CA_COMPROMISED, now)
        memory = dataclasses.replace(memory, ledger=book)
        last = {
            a.id: pem
            for a in memory.authorities
            if (pem := self._revocation_list(memory, a, now, is_last=True)) is not None
        }
        successor = self._create(config, wanted, Phase.ACTIVE, now)
        for authority in memory.authorities:
            # What the operator brings in its place may have been published already.
            if authority.id != successor.id:
                self._vault.remove(authority)
        return dataclasses.replace(
            memory,
            authorities=(successor,),
            last_crls=memory.last_crls | last,
            crl_numbers=memory.crl_numbers | _next_numbers(memory, last, now),
        )

    def revocation_lists(
        self, memory: Memory, now: datetime.datetime
    ) -> tuple[Memory, dict[str, str]]:
        """Return the next revocation list, in PEM, of each authority that needs one.

        These are the authorities under which certificates live, and the one in use if there are
        none. The memory that comes with them has their numbers.
        """
        living = [a for a in memory.authorities if memory.ledger.last_expiry(a.id) is not None]
        lists = {
            authority.id: pem
            for authority in living or [a for a in [ca.in_use(memory.authorities)] if a]
            if (pem := self._revocation_list(memory, authority, now)) is not None
        }
        numbers = _next_numbers(memory, lists, now)
        final = {i: pem for i, pem in memory.last_crls.items() if memory.ledger.last_expiry(i)}
        memory = dataclasses.replace(
            memory, crl_numbers=memory.crl_numbers | numbers, last_crls=final
        )
        return memory, lists | final

    def _revocation_list(
        self,
        memory: Memory,
        authority: Authority,
        now: datetime.datetime,
        *,
        is_last: bool = False,
    ) -> str | None:
        key = self._vault.key(authority.certificate)
        if key is None:
            return None
        [number] = _next_numbers(memory, [authority.id], now).values()
        return crl.build(
            authority.certificate,
            key,
            memory.ledger.revoked_under(authority.id),
            number=number,
            now=now,
            last_until=authority.issued_until if is_last else None,
        )

    def _create(
        self, config: ProviderConfig, wanted: Wanted, phase: Phase, now: datetime.datetime
    ) -> Authority:
        if wanted.given is not None:
            certificate, chain, key = (
                wanted.given.certificate,
                wanted.given.chain,
                wanted.given.key,
            )
        else:
            certificate, key = ca.create(config, self._app_name)
            chain = ()
        if not self._vault.holds(certificate):
            self._vault.put(certificate, chain, key)
        return Authority(certificate, chain, wanted.origin, phase, now)

    def _with_keys(
        self, authorities: tuple[Authority, ...], wanted: Wanted | None, now: datetime.datetime
    ) -> tuple[Authority, ...]:
        """Return the authorities, as far as they have their keys still."""
        held: set[str] = set()
        for authority in authorities:
            if self._vault.holds(authority.certificate):
                held.add(authority.id)
            elif wanted is not None and wanted.given and authority.origin == wanted.origin:
                logger.warning(
                    "The secret of CA %s is gone: made again of ca-secret", authority.id
                )
                self._vault.put(authority.certificate, authority.chain, wanted.given.key)
                held.add(authority.id)
            elif authority.phase is not Phase.OUTGOING:
                logger.error("The secret of CA %s is gone: it issues no more", authority.id)
        return recovery.without_lost_keys(authorities, held, now)

    def _recovered(
        self, authorities: tuple[Authority, ...], wanted: ca.Origin | None, now: datetime.datetime
    ) -> tuple[Authority, ...]:
        """Find CAs again from the certificates in the relations, if their record was lost."""
        standing = self._certificates.get_provider_certificates()
        held = {
            ca.authority_id(issuer)
            for issuer in {answer.ca for answer in standing}
            if self._vault.holds(issuer)
        }
        found = recovery.recovered(authorities, standing, held, wanted, now)
        for authority in found[len(authorities) :]:
            logger.warning("The record of CA %s was lost: taken from the relations", authority.id)
        return found

    def _sign(
        self, due: answers.Answers, authority: Authority, config: ProviderConfig
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


def _witnessed(
    requests: list[RequirerCertificateRequest], standing: list[ProviderCertificate]
) -> Iterator[tuple[ledger.Entry, bool]]:
    """Yield what stands in the relations as the ledger has it, and whether it is revoked there."""
    asked = {(r.relation_id, r.certificate_signing_request.raw): r for r in requests}
    for answer in standing:
        request = asked.get((answer.relation_id, answer.certificate_signing_request.raw))
        if request is not None:
            yield _entry(request, answer), bool(answer.revoked)


def _next_numbers(
    memory: Memory, authorities: Iterable[str], now: datetime.datetime
) -> dict[str, int]:
    return {i: crl.next_number(memory.crl_numbers.get(i), now) for i in authorities}
