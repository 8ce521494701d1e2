"""The charm: hears Juju, hands the work to those who do it, and says how things stand."""

from __future__ import annotations

import dataclasses
import datetime
import functools

import ops
import pydantic

from charmlibs.interfaces.tls_certificates import ProviderCapabilities, TLSCertificatesProvidesV4

from . import actions, ca, given, ledger, origin, policy, records, status
from .config import ProviderConfig, describe
from .issuance import Issuance
from .revocation import RevocationLists, unlisted
from .succession import Succession, Wanted
from .trust import TrustBundle
from .vault import Vault

CERTIFICATES = "certificates"
TRUST = "send-ca-cert"
LEDGER = "ledger"
TRACING = "charm-tracing"


class SelfSignedProviderCharm(ops.CharmBase):
    """A certificate authority."""

    _stored = ops.StoredState()

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        self.tracing = ops.tracing.Tracing(self, TRACING)
        self._stored.set_default(leaving=False, ledger=None)
        self._vault = Vault(self)
        self._trust = TrustBundle(self, TRUST)
        self._certificates = TLSCertificatesProvidesV4(self, CERTIFICATES, self._capabilities)
        self._lists = RevocationLists(self._vault)
        self._succession = Succession(self._certificates, self._vault, self._lists, self.app.name)
        self._issuance = Issuance(self._certificates, self._vault)

        certificates, trust, peers = self.on[CERTIFICATES], self.on[TRUST], self.on[LEDGER]
        for event in (
            self.on.config_changed,
            self.on.leader_elected,
            self.on.secret_changed,
            self.on.secret_expired,
            self.on.start,
            self.on.update_status,
            self.on.upgrade_charm,
            certificates.relation_created,
            certificates.relation_changed,
            certificates.relation_departed,
            certificates.relation_broken,
            trust.relation_created,
            trust.relation_changed,
            peers.relation_created,
            peers.relation_changed,
        ):
            framework.observe(event, self._on_event)
        framework.observe(self.on.collect_unit_status, self._on_collect_unit_status)
        framework.observe(self.on.collect_app_status, self._on_collect_app_status)
        framework.observe(self.on.get_ca_certificate_action, self._on_get_ca_certificate)
        framework.observe(self.on.get_issued_certificates_action, self._on_get_issued_certificates)
        framework.observe(self.on.rotate_private_key_action, self._on_rotate_private_key)
        framework.observe(self.on.revoke_certificate_action, self._on_revoke_certificate)
        framework.observe(self.on.get_crl_action, self._on_get_crl)

    # What is known before anything is decided.

    @functools.cached_property
    def _now(self) -> datetime.datetime:
        """The time, read once: two readings may lie on two sides of any limit."""
        return datetime.datetime.now(datetime.timezone.utc)

    @property
    def _peers(self) -> ops.Relation | None:
        return self.model.get_relation(LEDGER)

    @functools.cached_property
    def _remembered(self) -> records.Memory:
        """What was remembered when this hook began."""
        return records.read(self._peers.data[self.app]) if self._peers else records.Memory()

    @functools.cached_property
    def _asked(self) -> tuple[ProviderConfig | None, str | None]:
        """The options as they are, or what is wrong with them."""
        # Not by `load_config`, which fails where a secret option is empty text: so options are
        # cleared. Its text is all that is wanted of it here.
        options = {name.replace("-", "_"): value for name, value in self.config.items()}
        try:
            return ProviderConfig.model_validate(options), None
        except pydantic.ValidationError as error:
            return None, describe(error)

    @property
    def _config_in_force(self) -> ProviderConfig | None:
        """The options, or the last good ones if there is something wrong with them."""
        return self._asked[0] or self._remembered.config

    @functools.cached_property
    def _wanted(self) -> tuple[Wanted | None, str | None]:
        """The CA that the operator wants, or why it cannot be had."""
        config = self._config_in_force
        if config is None:
            return None, None
        if config.ca_secret is None:
            return Wanted(origin.origin_of_own(config, self.app.name)), None
        try:
            content = self._vault.given(config.ca_secret)
            found = given.read(content, self._now)
        except given.WrongCA as error:
            return None, f"ca-secret {error}"
        except ops.SecretNotFoundError:
            return None, f"ca-secret {config.ca_secret} does not exist, or is not granted"
        except ops.ModelError as error:
            return None, f"ca-secret cannot be read; grant it to {self.app.name}: {error}"
        return Wanted(origin.origin_of_given(found.certificate), found), None

    @property
    def _problem(self) -> str | None:
        """What is wrong with the options; what only the leader may look at, it alone tells."""
        return self._asked[1] or (self._wanted[1] if self.unit.is_leader() else None)

    @property
    def _capabilities(self) -> ProviderCapabilities | None:
        """What requirers may ask for, of the CA in use."""
        config, authority = self._config_in_force, ca.in_use(self._remembered.authorities)
        if config is None:
            return None
        may_sign = authority is None or policy.may_sign_authorities(authority)
        return ProviderCapabilities(
            supports_ip_sans=config.allow_ip_sans,
            supports_wildcard_dns=config.allow_wildcards,
            supports_subdomain=config.allow_subdomains,
            supports_ca_certificates=config.allow_ca_certificates and may_sign,
            allowed_domains=list(config.allowed_domains) or None,
            provider_type="self-signed",
        )

    # What is done.

    def _on_event(self, event: ops.EventBase) -> None:
        """Bring everything to where it should be, whatever it was that happened."""
        if isinstance(event, ops.RelationDepartedEvent) and event.departing_unit == self.unit:
            # This unit is being removed. Others seem to leave, one by one, and do not.
            self._stored.leaving = True
        if self._stored.leaving:
            # Nor may it write into relations any more: Juju 4 says "relation unit not found".
            return
        self._look_for_ledger(event)
        self._lead(event)
        self._trust.publish(ca.bundle(self._remembered.authorities))

    def _look_for_ledger(self, event: ops.EventBase) -> None:
        """Remember whether Juju made the peers' relation, which is there before these hooks run.

        It makes none for an application that was deployed as a charm without such an endpoint. Of
        a unit that is being removed the relation goes again.
        """
        if self._peers is not None:
            if not self._stored.ledger:
                self._stored.ledger = True
        elif self._stored.ledger is None and isinstance(
            event, (ops.ConfigChangedEvent, ops.UpdateStatusEvent)
        ):
            self._stored.ledger = False

    def _lead(self, event: ops.EventBase) -> None:
        """Do what the leader alone may do."""
        if not self.unit.is_leader() or self._peers is None:
            return
        config = self._config_in_force
        if config is None:
            return
        memory = dataclasses.replace(
            self._remembered,
            ledger=ledger.revoke_departed(
                self._remembered.ledger, self._departures(event), self._now
            ),
        )
        if isinstance(event, ops.UpgradeCharmEvent):
            # Another version of the charm may decide otherwise.
            memory = dataclasses.replace(memory, left=frozenset())
        memory = self._succession.run(memory, config, self._wanted[0], self._now)
        memory = self._issuance.run(memory, config, self._now)
        self._remember(memory)

    def _remember(self, memory: records.Memory) -> None:
        """Keep *memory*, and the options in force, for the hooks to come and the rest of this."""
        assert self._peers is not None  # noqa: S101 - asked for before anything was decided
        memory = dataclasses.replace(memory, config=self._config_in_force)
        records.write(memory, self._peers.data[self.app])
        self._remembered = memory
        # Another CA may have come to issue.
        self._certificates.set_provider_capabilities(self._capabilities)

    def _departures(self, event: ops.EventBase) -> ledger.Departures:
        """Return who has gone for certain.

        Only who is seen to go has gone: a new unit that is leader already has not met everybody
        yet. By the time of an `update-status`, it has.
        """
        certificates = self.model.relations[CERTIFICATES]
        if isinstance(event, ops.RelationBrokenEvent) and event.relation.name == CERTIFICATES:
            return ledger.Departures(relations=frozenset([event.relation.id]))
        if isinstance(event, ops.RelationDepartedEvent) and event.departing_unit is not None:
            unit = (event.relation.id, event.departing_unit.name)
            return ledger.Departures(units=frozenset([unit]))
        if isinstance(event, ops.UpdateStatusEvent):
            present = {
                (relation.id, member.name)
                for relation in certificates
                # Of one that is ending, Juju may not tell any more who is at the other end.
                if relation.active and relation.app
                for member in (relation.app, *relation.units)
            }
            return ledger.Departures(present=frozenset(present))
        return ledger.Departures()

    # What is said.

    def _on_collect_unit_status(self, event: ops.CollectStatusEvent) -> None:
        event.add_status(self._status)

    def _on_collect_app_status(self, event: ops.CollectStatusEvent) -> None:
        event.add_status(self._status)

    @functools.cached_property
    def _status(self) -> ops.StatusBase:
        """How things stand when all is done, of the unit and, on the leader, the application."""
        config = self._config_in_force
        exchanges = self._certificates.get_exchanges()
        facts = status.Facts(
            problem=self._problem,
            lacks_ledger=self._lacks_ledger,
            is_leader=self.unit.is_leader(),
            authorities=self._remembered.authorities,
            overlap=config.overlap if config else None,
            issued=sum(one.certificate is not None and not one.revoked for one in exchanges),
            denied=sum(one.error is not None for one in exchanges),
        )
        return status.status_of(facts, self._now)

    def _on_get_ca_certificate(self, event: ops.ActionEvent) -> None:
        results = actions.ca_certificate(self._remembered.authorities)
        if results is None:
            event.fail(self._why_no_ca)
            return
        _tell(event, results)

    def _on_get_issued_certificates(self, event: ops.ActionEvent) -> None:
        if self._peers is None:
            # It cannot know, and must not say that there are none.
            event.fail(self._why_no_ca)
            return
        _tell(event, actions.issued_certificates(self._remembered.ledger, self._now))

    def _on_rotate_private_key(self, event: ops.ActionEvent) -> None:
        if not self._may_act(event):
            return
        config = self._config_in_force
        wanted, problem = self._wanted
        if config is None or wanted is None:
            event.fail(f"There is no CA to make: {problem or self._problem}")
            return
        if ca.is_key_in_use(
            self._remembered.authorities, wanted.given and wanted.given.certificate
        ):
            event.fail("The CA is that of ca-secret: bring one with another key there first")
            return
        memory = self._succession.replace_compromised(self._remembered, config, wanted, self._now)
        self._remember(self._issuance.run(memory, config, self._now))
        self._trust.publish(ca.bundle(self._remembered.authorities))
        _tell(event, actions.ca_certificate(self._remembered.authorities) or {})

    def _on_revoke_certificate(self, event: ops.ActionEvent) -> None:
        config = self._config_in_force
        chosen = event.load_params(actions.RevokeCertificate, errors="fail")
        if not self._may_act(event):
            return
        if config is None:
            event.fail(f"There is no good configuration to answer under: {self._problem}")
            return
        before = self._remembered
        book = before.ledger.revoke(chosen.picks, ledger.Revocation.OPERATOR, self._now)
        revoked = [entry for entry in book if entry != before.ledger.entries.get(entry.serial)]
        if not revoked:
            event.fail("No certificate that is valid and not revoked has that serial or relation")
            return
        memory = dataclasses.replace(before, ledger=book)
        self._remember(self._issuance.run(memory, config, self._now))
        _tell(event, actions.revoked_certificates(revoked))

    def _on_get_crl(self, event: ops.ActionEvent) -> None:
        if not self._may_act(event):
            return
        memory, lists = self._lists.next(self._remembered, self._now)
        self._remember(memory)
        missing = unlisted(memory, lists, self._now)
        for authority in missing:
            event.log(f"CA {authority} has no list here. {actions.WHY_UNLISTED}")
        _tell(event, actions.revocation_lists(memory, lists, missing))

    def _may_act(self, event: ops.ActionEvent) -> bool:
        """Say no to an action that only the leader can carry out."""
        if not self.unit.is_leader():
            event.fail(f"Only the leader can do this: run it on {self.app.name}/leader")
            return False
        if not self._remembered.authorities:
            event.fail(self._why_no_ca)
            return False
        return True

    @property
    def _lacks_ledger(self) -> bool:
        return self._peers is None and self._stored.ledger is False

    @property
    def _why_no_ca(self) -> str:
        """Why this unit knows no CA; one that is being removed may still be the leader."""
        if self._lacks_ledger:
            return status.NO_LEDGER
        if self._peers is None:
            return f"{self.unit.name} has left the ledger, it is being removed: ask another unit"
        return "There is no CA yet"


def _tell(event: ops.ActionEvent, results: dict[str, str]) -> None:
    for part in actions.parts(results):
        event.set_results(part)
