"""What becomes of the certificate authorities: keep, create, publish, switch, retire.

A rotation has phases, so that no client meets a certificate whose CA it has not been told of: a
new CA is *published* in the trust bundle beside the one in use; after the overlap it becomes
*active*, and every certificate is issued again under it; the *outgoing* one stays in the bundle
until the last certificate that it ever issued has expired.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateRequestAttributes,
    PrivateKey,
)

if TYPE_CHECKING:
    import datetime
    from collections.abc import Mapping, Sequence

    from .config import ProviderConfig


class Phase(enum.Enum):
    """Where a CA is in its life."""

    PUBLISHED = "published"
    ACTIVE = "active"
    OUTGOING = "outgoing"


@dataclasses.dataclass(frozen=True)
class Authority:
    """A CA, without its key."""

    certificate: Certificate
    chain: tuple[Certificate, ...]
    """What stands above it, up to the root; empty for a root."""
    origin: str
    """What it was made from: as long as that is what the operator wants, it is kept."""
    phase: Phase
    since: datetime.datetime
    """When it came into its phase."""

    @property
    def id(self) -> str:
        """A name for it that needs no parsing: the start of its fingerprint."""
        return authority_id(self.certificate)

    @property
    def anchor(self) -> Certificate:
        """The root that a client has to trust."""
        return self.chain[-1] if self.chain else self.certificate


@dataclasses.dataclass(frozen=True)
class Plan:
    """What to do with the authorities now."""

    keep: tuple[Authority, ...] = ()
    """The ones that stay, with the phase they have from now on."""
    create: Phase | None = None
    """Make a CA of what is wanted, in this phase."""
    remove: tuple[Authority, ...] = ()
    reasons: tuple[str, ...] = ()
    """A line for the log for each change."""


@dataclasses.dataclass(frozen=True)
class Timing:
    """How long things take, as the operator set it."""

    overlap: datetime.timedelta
    certificate_validity: datetime.timedelta


def authority_id(certificate: Certificate) -> str:
    """Return the name that the ledger and the vault have for a CA."""
    return certificate.sha256_fingerprint[:16]


def own_origin(config: ProviderConfig, default_name: str) -> str:
    """Return what a CA of this charm's own making is made from: its subject and its algorithm."""
    subject = _attributes(config, default_name)
    fields = (
        subject.common_name,
        subject.organization,
        subject.organizational_unit,
        subject.email_address,
        subject.country_name,
        subject.state_or_province_name,
        subject.locality_name,
    )
    return "|".join(["own", config.key_algorithm, *(field or "" for field in fields)])


def given_origin(certificate: Certificate) -> str:
    """Return what a CA that the operator brought is made from: itself."""
    return f"given|{certificate.sha256_fingerprint}"


def create(config: ProviderConfig, default_name: str) -> tuple[Certificate, PrivateKey]:
    """Make a root and its key, as the options want it."""
    algorithm, _, size = config.key_algorithm.partition("-")
    key = PrivateKey.generate(key_algorithm=algorithm, key_size=int(size.lstrip("p")))
    attributes = _attributes(config, default_name)
    root = Certificate.generate_self_signed_ca(attributes, key, config.root_ca_validity)
    return root, key


def plan(
    authorities: Sequence[Authority],
    wanted: str | None,
    timing: Timing,
    last_expiry: Mapping[str, datetime.datetime | None],
    now: datetime.datetime,
) -> Plan:
    """Decide what becomes of each authority.

    Args:
        authorities: All there are.
        wanted: The origin of the CA that the operator wants now; `None` if that cannot be had, in
            which case nothing new is begun.
        timing: The operator's lengths of time.
        last_expiry: For each authority's id, when the last certificate expires that it issued.
        now: Aware.
    """
    active = next((a for a in authorities if a.phase is Phase.ACTIVE), None)
    waiting = next((a for a in authorities if a.phase is Phase.PUBLISHED), None)
    outgoing = [a for a in authorities if a.phase is Phase.OUTGOING]
    reasons: list[str] = []
    remove: list[Authority] = []
    make: Phase | None

    if active is not None and active.certificate.expiry_time <= now:
        # There is nothing left to overlap with: whoever trusted it trusts nothing now.
        reasons.append(f"CA {active.id} has expired")
        outgoing.append(dataclasses.replace(active, phase=Phase.OUTGOING, since=now))
        active = None

    if waiting is not None and not _is_due_successor(waiting, active, wanted, timing, now):
        reasons.append(f"CA {waiting.id} is not wanted any more, and never issued anything")
        remove.append(waiting)
        waiting = None

    if waiting is not None and (active is None or waiting.since + timing.overlap <= now):
        reasons.append(f"CA {waiting.id} takes over")
        if active is not None:
            outgoing.append(dataclasses.replace(active, phase=Phase.OUTGOING, since=now))
        active = dataclasses.replace(waiting, phase=Phase.ACTIVE, since=now)
        waiting = None

    if wanted is None:
        make = None
    elif active is None:
        reasons.append("A CA is made")
        make = Phase.ACTIVE
    elif waiting is None and _needs_successor(active, wanted, timing, now):
        reasons.append(f"A successor of CA {active.id} is made and published")
        make = Phase.PUBLISHED
    else:
        make = None

    for authority in list(outgoing):
        expiry = last_expiry.get(authority.id)
        if expiry is None or expiry < now:
            reasons.append(f"CA {authority.id} is retired: nothing that it issued is valid still")
            outgoing.remove(authority)
            remove.append(authority)

    kept = tuple(a for a in (active, waiting, *outgoing) if a is not None)
    return Plan(kept, make, tuple(remove), tuple(reasons))


def rotation_starts(active: Authority, timing: Timing) -> datetime.datetime:
    """Return when *active* has too little life left for one more certificate and an overlap."""
    return active.certificate.expiry_time - timing.certificate_validity - timing.overlap


def next_look(
    authorities: Sequence[Authority],
    timing: Timing,
    last_expiry: Mapping[str, datetime.datetime | None],
    now: datetime.datetime,
) -> datetime.datetime | None:
    """Return when the next step is due by the clock alone; arguments as for `plan`."""
    moments: list[datetime.datetime] = []
    for authority in authorities:
        if authority.phase is Phase.PUBLISHED:
            moments.append(authority.since + timing.overlap)
        elif authority.phase is Phase.ACTIVE and _is_own(authority):
            moments.append(rotation_starts(authority, timing))
        elif authority.phase is Phase.OUTGOING:
            expiry = last_expiry.get(authority.id)
            moments.extend([expiry] if expiry else [])
    return min((moment for moment in moments if moment > now), default=None)


def bundle(authorities: Sequence[Authority]) -> tuple[Certificate, ...]:
    """Return what a client has to trust, the CA in use first."""
    order = (Phase.ACTIVE, Phase.PUBLISHED, Phase.OUTGOING)
    ordered = sorted(authorities, key=lambda authority: order.index(authority.phase))
    return tuple(dict.fromkeys(authority.anchor for authority in ordered))


def in_use(authorities: Sequence[Authority]) -> Authority | None:
    """Return the CA that issues, if there is one."""
    return next((a for a in authorities if a.phase is Phase.ACTIVE), None)


def _needs_successor(
    active: Authority, wanted: str, timing: Timing, now: datetime.datetime
) -> bool:
    if active.origin != wanted:
        return True
    # What an operator brought, only the operator can renew.
    return _is_own(active) and rotation_starts(active, timing) <= now


def _is_own(authority: Authority) -> bool:
    return authority.origin.startswith("own|")


def _is_due_successor(
    waiting: Authority,
    active: Authority | None,
    wanted: str | None,
    timing: Timing,
    now: datetime.datetime,
) -> bool:
    if wanted is None:
        return True
    if waiting.origin != wanted:
        return False
    return active is None or _needs_successor(active, wanted, timing, now)


def _attributes(config: ProviderConfig, default_name: str) -> CertificateRequestAttributes:
    return CertificateRequestAttributes(
        common_name=config.ca_common_name or default_name[:64],
        organization=config.ca_organization,
        organizational_unit=config.ca_organizational_unit,
        email_address=config.ca_email_address,
        country_name=config.ca_country_name and config.ca_country_name.upper(),
        state_or_province_name=config.ca_state_or_province_name,
        locality_name=config.ca_locality_name,
        is_ca=True,
        add_unique_id_to_subject_name=False,
    )
