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

from . import answers, ca, crl, ledger, policy
from .ca import Authority, Phase
from .ledger import Revocation

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable

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

    origin: str
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
        authorities = memory.authorities or self._recover(now)
        active = ca.in_use(authorities)
        if active is not None and not self._vault.holds(active.certificate):
            logger.error("The secret of CA %s is gone: it issues no more", active.id)
            authorities = tuple(
                dataclasses.replace(a, phase=Phase.OUTGOING, since=now) if a is active else a
                for a in authorities
            )
        timing = ca.Timing(config.overlap, config.certificate_validity)
        expiries = {a.id: memory.ledger.last_expiry(a.id) for a in authorities}
        plan = ca.plan(
            authorities,
            wanted.origin if wanted else None,
            timing,
            expiries,
            now,
        )
        for reason in plan.reasons:
            logger.info("%s", reason)
        kept = plan.keep
        if plan.create is not None and wanted is not None:
            kept = (*kept, self._create(config, wanted, plan.create, now))
        for authority in plan.remove:
            self._vault.remove(authority)
        self._vault.wake_at(ca.next_look(kept, timing, expiries, now), now)
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
        book = _recorded(memory.ledger, requests, standing, now).prune(now)
        due = answers.decide(
            requests,
            standing,
            policy.policy_from(config, book.refused_keys()),
            book.revoked_serials(),
            authority.certificate,
        )
        issued, errors = self._sign(due, authority, config)
        if issued or errors:
            self._certificates.set_relation_answers(
                [certificate for _, certificate in issued], errors
            )
        if due.revoke:
            self._certificates.revoke_certificates(due.revoke)
        book = book.add(_entry(request, certificate) for request, certificate in issued)
        return dataclasses.replace(memory, ledger=book)

    def replace_compromised(
        self, memory: Memory, config: ProviderConfig, wanted: Wanted, now: datetime.datetime
    ) -> Memory:
        """Put a new CA in place of all there are, at once: their keys may be in other hands.

        Every certificate that they issued is revoked, in a last list that each old key signs
        before it is destroyed.
        """
        book = memory.ledger.revoke(lambda _: True, Revocation.CA_COMPROMISED, now)
        memory = dataclasses.replace(memory, ledger=book)
        last = {a.id: self._revocation_list(memory, a, now) for a in memory.authorities}
        for authority in memory.authorities:
            self._vault.remove(authority)
        successor = self._create(config, wanted, Phase.ACTIVE, now)
        return dataclasses.replace(
            memory,
            authorities=(successor,),
            last_crls=memory.last_crls | {i: pem for i, pem in last.items() if pem is not None},
            crl_numbers=memory.crl_numbers | {i: memory.crl_numbers.get(i, 0) + 1 for i in last},
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
        numbers = {i: memory.crl_numbers.get(i, 0) + 1 for i in lists}
        final = {i: pem for i, pem in memory.last_crls.items() if memory.ledger.last_expiry(i)}
        memory = dataclasses.replace(
            memory, crl_numbers=memory.crl_numbers | numbers, last_crls=final
        )
        return memory, lists | final

    def _revocation_list(
        self, memory: Memory, authority: Authority, now: datetime.datetime
    ) -> str | None:
        key = self._vault.key(authority.certificate)
        if key is None:
            return None
        return crl.build(
            authority.certificate,
            key,
            memory.ledger.revoked_under(authority.id),
            number=memory.crl_numbers.get(authority.id, 0) + 1,
            now=now,
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

    def _recover(self, now: datetime.datetime) -> tuple[Authority, ...]:
        """Find the CA again from the certificates in the relations, if its record was lost."""
        standing = self._certificates.get_provider_certificates()
        issuers = {answer.ca: tuple(answer.chain[2:]) for answer in standing}
        found = {root: chain for root, chain in issuers.items() if self._vault.holds(root)}
        if found:
            logger.warning("The record of the CA was lost: taken from the relations, and rotated")
        newest = max(found, key=lambda c: c.validity_start_time, default=None)
        return tuple(
            Authority(
                certificate,
                chain,
                origin="own|recovered",
                phase=Phase.ACTIVE if certificate is newest else Phase.OUTGOING,
                since=now,
            )
            for certificate, chain in found.items()
        )

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


def _recorded(
    book: ledger.Ledger,
    requests: Iterable[RequirerCertificateRequest],
    standing: Iterable[ProviderCertificate],
    now: datetime.datetime,
) -> ledger.Ledger:
    """Return the ledger with every certificate that stands in a relation.

    It lacks one only after damage, and then the relation is the better witness: also of a
    revocation, for only an operator's leaves a mark there.
    """
    asked = {(r.relation_id, r.certificate_signing_request.raw): r for r in requests}
    for answer in standing:
        request = asked.get((answer.relation_id, answer.certificate_signing_request.raw))
        serial = answer.certificate.serial_number
        if request is None or serial in book.entries:
            continue
        book = book.add([_entry(request, answer)])
        if answer.revoked:
            book = book.revoke(
                lambda entry, serial=serial: entry.serial == serial, Revocation.OPERATOR, now
            )
    return book
