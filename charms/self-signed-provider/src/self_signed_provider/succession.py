"""Taking the certificate authorities through their phases, and what that needs of Juju's secrets.

What is decided is in `ca` and, after a loss, in `recovery`.
"""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

from . import ca, origin, recovery
from .ca import Authority, Phase
from .ledger import Revocation

if TYPE_CHECKING:
    import datetime

    from charmlibs.interfaces.tls_certificates import TLSCertificatesProvidesV4

    from .config import ProviderConfig
    from .given import GivenCA
    from .origin import Origin
    from .records import Memory
    from .revocation import RevocationLists
    from .vault import Vault

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The CA that the operator wants."""

    origin: Origin
    given: GivenCA | None = None
    """The CA itself, if the operator brought it."""


class Succession:
    """The authorities, one after the other. Only the leader may use it.

    Args:
        certificates: The relations, which still show an authority whose record was lost.
        vault: Where the authorities' keys are.
        lists: Makes their revocation lists.
        app_name: The common name of the CA, if the operator gives none.
    """

    def __init__(
        self,
        certificates: TLSCertificatesProvidesV4,
        vault: Vault,
        lists: RevocationLists,
        app_name: str,
    ) -> None:
        self._certificates = certificates
        self._vault = vault
        self._lists = lists
        self._app_name = app_name

    def run(
        self, memory: Memory, config: ProviderConfig, wanted: Wanted | None, now: datetime.datetime
    ) -> Memory:
        """Take the authorities one step on, and set the alarm for the next.

        Args:
            memory: What is remembered.
            config: The configuration in force.
            wanted: The CA to come to; `None` if it cannot be had, and the one in use goes on.
            now: Aware.
        """
        wish = wanted.origin if wanted else None
        authorities = self._with_keys(memory.authorities, wanted, now)
        if ca.in_use(authorities) is None:
            authorities = self._recovered(authorities, wish, now)
        timing = ca.Timing(config.overlap, config.certificate_validity)
        plan = ca.plan(authorities, wish, timing, now)
        for reason in plan.reasons:
            logger.info("%s", reason)
        kept = plan.keep
        if plan.create is not None and wanted is not None:
            kept = (*kept, self._create(config, wanted, plan.create, now))
        for authority in plan.remove:
            self._vault.remove(authority)
        self._vault.wake_at(ca.next_look(kept, timing, now), now)
        return dataclasses.replace(memory, authorities=kept)

    def replace_compromised(
        self, memory: Memory, config: ProviderConfig, wanted: Wanted, now: datetime.datetime
    ) -> Memory:
        """Put a new CA in place of all there are, at once: their keys may be in other hands.

        Every certificate that they issued is revoked, in a last list that each old key signs
        before it is destroyed.
        """
        book = memory.ledger.revoke(lambda _: True, Revocation.CA_COMPROMISED, now)
        memory = self._lists.last(dataclasses.replace(memory, ledger=book), now)
        successor = self._create(config, wanted, Phase.ACTIVE, now)
        for authority in memory.authorities:
            # What the operator brings in its place may have been published already.
            if authority.id != successor.id:
                self._vault.remove(authority)
        return dataclasses.replace(memory, authorities=(successor,))

    def _create(
        self, config: ProviderConfig, wanted: Wanted, phase: Phase, now: datetime.datetime
    ) -> Authority:
        if wanted.given is not None:
            for warning in wanted.given.warnings():
                logger.warning("ca-secret: %s", warning)
            certificate, chain, key = (
                wanted.given.certificate,
                wanted.given.chain,
                wanted.given.key,
            )
        else:
            certificate, key = origin.create(config, self._app_name)
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
        self, authorities: tuple[Authority, ...], wanted: Origin | None, now: datetime.datetime
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
