"""The charm: hears Juju, asks the library, and puts on disk what the server serves."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
import ipaddress
import logging
import os
import socket
from typing import TYPE_CHECKING, Any

import ops
import pydantic

from charmlibs.interfaces.tls_certificates import (
    CertificateInvalidatedEvent,
    CertificateInvalidationReason,
    Mode,
    TLSCertificatesRequiresV4,
)

from . import identity, last_good, offers, pairs, plan, status, supervisor
from .config import CertificateMode, RequirerConfig, describe
from .store import Content, Store, StoreDamagedError

if TYPE_CHECKING:
    from charmlibs.interfaces.certificate_transfer import CertificateTransferRequires

logger = logging.getLogger(__name__)

CERTIFICATES = "certificates"
TRUST = "receive-ca-cert"
TRACING = "charm-tracing"
NAMES_MAY_CHANGE = frozenset({"config-changed", "start", "upgrade-charm"})
"""Hooks in which the unit's address and host name are looked at.

Juju runs config-changed when an address changes, and start in a pod that is new. Elsewhere the
question would cost a process, and a look-up that lasts as long as a resolver's patience.
"""
STATUS_MAY_DIFFER = NAMES_MAY_CHANGE | {"install", "leader-elected"}
"""Hooks before which somebody else may have set the status of the unit or the application."""


class DemoRequirerCharm(ops.CharmBase):
    """Asks for certificates, and serves them over HTTPS."""

    _stored = ops.StoredState()

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        self._stored.set_default(address=None, fqdn=None, port=None, code=None)
        self._stored.set_default(unit_status=None, app_status=None)
        self._last_good = last_good.LastGood(self._stored, self.unit, self.model)
        self.tracing = ops.tracing.Tracing(self, TRACING, ca_relation_name=TRUST)
        self._trust = self._requirer_of_trust()
        self._supervisor = supervisor.for_unit(self.unit.name, self.charm_dir)
        # Before this charm's own observers: in each hook the library has done its work by then.
        self._tls = self._requirer()
        self._facts: status.Facts | None = None

        certificates, trust = self.on[CERTIFICATES], self.on[TRUST]
        for event in (
            self.on.config_changed,
            self.on.leader_elected,
            self.on.secret_changed,
            self.on.secret_expired,
            self.on.secret_remove,
            self.on.start,
            self.on.update_status,
            self.on.upgrade_charm,
            certificates.relation_created,
            certificates.relation_joined,
            certificates.relation_changed,
            certificates.relation_departed,
            certificates.relation_broken,
            trust.relation_changed,
            trust.relation_broken,
        ):
            framework.observe(event, self._on_event)
        if self._tls is not None:
            framework.observe(self._tls.on.certificate_invalidated, self._on_invalidated)
        framework.observe(self.on.remove, self._on_remove)
        framework.observe(self.on.collect_unit_status, self._on_collect_unit_status)
        framework.observe(self.on.collect_app_status, self._on_collect_app_status)
        for name in self.meta.actions:
            framework.observe(self.on[name].action, self._on_action)

    # What is known before anything is decided.

    @functools.cached_property
    def _now(self) -> datetime.datetime:
        """The time, read once: two readings may lie on two sides of any limit."""
        return datetime.datetime.now(datetime.timezone.utc)

    @functools.cached_property
    def _asked(self) -> tuple[RequirerConfig | None, str | None]:
        """The options as they are, or what is wrong with them, each by itself or together."""
        try:
            config = self.load_config(RequirerConfig)
        except pydantic.ValidationError as error:
            return None, describe(error)
        problems = identity.problems(config, self._identity)
        if problems:
            return None, "; ".join(problems)
        self._last_good.keep(config)
        return config, None

    @functools.cached_property
    def _config(self) -> RequirerConfig | None:
        """The options in force: the last good ones where there is something wrong with them."""
        asked, _ = self._asked
        return asked or self._last_good.recall()

    @functools.cached_property
    def _identity(self) -> identity.Identity:
        """Who this unit is; what cannot be found out just now is as it last was."""
        if self._stored.address is None or _hook_name() in NAMES_MAY_CHANGE:
            self._look_at_names()
        app, _, number = self.unit.name.partition("/")
        address, fqdn = _text(self._stored.address), _text(self._stored.fqdn)
        return identity.Identity(app, number, self.model.name, address, fqdn)

    def _look_at_names(self) -> None:
        with contextlib.suppress(ops.ModelError, ops.RelationNotFoundError):
            binding = self.model.get_binding(CERTIFICATES)
            address = binding.network.bind_address if binding else None
            if isinstance(address, (ipaddress.IPv4Address, ipaddress.IPv6Address)):
                self._remember("address", str(address))
        self._remember("fqdn", identity.usable_fqdn(socket.getfqdn(), _text(self._stored.fqdn)))

    def _requirer_of_trust(self) -> CertificateTransferRequires | None:
        """Return the other library, which is imported only where its relation is there."""
        if not self.model.relations[TRUST]:
            return None
        from charmlibs.interfaces.certificate_transfer import (  # noqa: PLC0415
            CertificateTransferRequires,
        )

        return CertificateTransferRequires(self, TRUST)

    def _requirer(self) -> TLSCertificatesRequiresV4 | None:
        """Return the library, told what to ask for; None before there was any good option.

        Without it nothing is asked for, and nothing that was is taken back.
        """
        config = self._config
        if config is None:
            return None
        ask: dict[CertificateMode, tuple[str, Any]] = {
            CertificateMode.UNIT: ("certificate_requests", identity.unit_requests),
            CertificateMode.APP: ("certificate_requests", identity.app_requests),
            CertificateMode.APP_AND_UNIT: (
                "certificate_requests_by_mode",
                identity.requests_by_mode,
            ),
        }
        parameter, requests = ask[config.mode]
        asking: dict[str, Any] = {parameter: requests(config, self._identity)}
        return TLSCertificatesRequiresV4(
            self,
            CERTIFICATES,
            **asking,
            mode=config.mode.for_library,
            refresh_events=[self.on.config_changed],
            renewal_relative_time=config.renewal_relative_time,
            key_algorithm=config.key_algorithm,
            key_size=config.key_size,
            keep_until_replaced=True,
        )

    # What is done.

    def _on_event(self, event: ops.EventBase) -> None:
        self._reconcile(renew_server=isinstance(event, ops.UpgradeCharmEvent))

    def _on_invalidated(self, event: CertificateInvalidatedEvent) -> None:
        """Make a new key for a certificate that was revoked: the old one is refused for good."""
        assert self._tls is not None  # noqa: S101 - it is the library that emits this
        if event.reason is not CertificateInvalidationReason.REVOKED:
            return
        for mode in (Mode.UNIT, Mode.APP):
            key = self._tls.get_private_key(mode)
            if key is not None and event.certificate.matches_private_key(key):
                self._tls.regenerate_private_key(mode)
                return

    def _on_remove(self, _event: ops.RemoveEvent) -> None:
        """Leave no process and no file."""
        self._supervisor.remove()

    def _on_action(self, event: ops.ActionEvent) -> None:
        from . import actions  # noqa: PLC0415

        self._reconcile()
        if self._tls is None or self._config is None:
            event.fail(f"No option was ever right: {self._asked[1]}")
            return
        facts = self._facts or self._related_facts()
        actions.run(event, actions.Scene(self._tls, self._config, self.model, facts))
        # What it did may change what is served.
        self._reconcile()

    def _reconcile(self, *, renew_server: bool = False) -> None:
        """Bring store and server to where they should be, whatever it was that happened."""
        config, tls = self._config, self._tls
        facts = self._related_facts()
        if config is not None and tls is not None:
            try:
                facts = self._fill_store(self._supervisor.make_store(), config, tls, facts)
                self._run_server(config, renew=renew_server)
            except supervisor.ServerError as error:
                facts = dataclasses.replace(facts, server_problem=str(error))
            except OSError as error:
                path = error.filename or self._supervisor.folder
                problem = f"cannot write {path}: {error.strerror or error}"
                facts = dataclasses.replace(facts, server_problem=problem)
        self._facts = facts

    def _fill_store(
        self,
        store: Store,
        config: RequirerConfig,
        tls: TLSCertificatesRequiresV4,
        facts: status.Facts,
    ) -> status.Facts:
        """Put into the store what is to be served; return what is known then."""
        before = self._read(store)
        held = before.pairs if before else ()
        wanted = identity.slots(config, self._identity)
        revoked = offers.revoked(tls)
        serving = plan.what_to_serve(
            offers.gather(tls, config.mode, held), held, wanted, revoked, self._now
        )
        trusted = pairs.certificates_in(sorted(self._given_authorities()))
        facts = dataclasses.replace(
            facts,
            denials=offers.denials(tls),
            refused=(*serving.refused, *offers.unfit(tls, self._now)),
            wanted=tuple(wanted),
            pairs=serving.pairs,
            waits_for_leader=config.mode is CertificateMode.APP and not self.unit.is_leader(),
        )
        content = plan.next_content(
            before,
            serving.pairs,
            self._now,
            title=self.unit.name,
            trusted=trusted,
        )
        facts = dataclasses.replace(
            facts,
            gap=plan.why_empty(content, wanted, revoked, self._now),
            trust_problem=_trust_problem(content),
        )
        content = dataclasses.replace(content, notice=status.notice_of(facts))
        if store.write(content):
            known = {pair.fingerprint for pair in held}
            for pair in content.pairs:
                if pair.fingerprint not in known:
                    serial = pairs.serial_hex(pair.serial_number)
                    logger.info("serving %s, serial number %s", pair.slot, serial)
        return facts

    def _given_authorities(self) -> set[str]:
        """Return what this unit was told to trust, by whom Juju still knows."""
        if self._trust is None:
            return set()
        known = [one for one in self.model.relations[TRUST] if one.active and one.app]
        given = (self._trust.get_all_certificates(relation.id) for relation in known)
        return set[str]().union(*given)

    def _run_server(self, config: RequirerConfig, *, renew: bool) -> None:
        address, code = self._identity.address, self._code
        if address is not None:
            # After an upgrade-charm that failed, which may be skipped (`juju resolve --no-retry`),
            # a later hook renews it.
            renew = renew or self._stored.code not in {None, code}
            self._supervisor.ensure(supervisor.Listen(address, config.port), renew=renew)
            self._remember("code", code)
            self._open_port(config.port)

    @property
    def _code(self) -> str:
        """What tells the code of one refresh from that of another: Juju writes all files anew."""
        try:
            return str((self.charm_dir / "dispatch").stat().st_mtime_ns)
        except OSError:
            return ""

    def _open_port(self, port: int) -> None:
        """Have Juju open the port, and ask no more once it was seen open.

        What is stored stays also when the hook fails in the end, and what it opened does not.
        """
        if self._stored.port == port:
            return
        if {opened.port for opened in self.unit.opened_ports()} == {port}:
            self._stored.port = port
            return
        try:
            self.unit.set_ports(port)
        except ops.ModelError as error:
            # Another unit on this machine may have it open: Juju looks at no address.
            reason = " ".join(str(error).removeprefix("ERROR").split())
            raise supervisor.ServerError(f"Juju does not open port {port}: {reason}") from error

    def _related_facts(self) -> status.Facts:
        """Return what is known without the library."""
        related = [one for one in self.model.relations[CERTIFICATES] if one.active]
        return status.Facts(
            config_problem=self._asked[1],
            is_related=bool(related),
            # The application at the other end of a relation that is dead has no name any more.
            provider=next((one.app.name for one in related if one.app), ""),
        )

    def _read(self, store: Store) -> Content | None:
        try:
            return store.read()
        except StoreDamagedError as error:
            # What it should hold stands in Juju's secrets too, and is written anew.
            logger.warning("the store is written anew: %s", error)
            return None

    def _remember(self, key: str, value: str | None) -> None:
        """Keep a value for later hooks; setting one costs a write even where it is the same."""
        if getattr(self._stored, key) != value:
            setattr(self._stored, key, value)

    # What is said.

    # A hook that looked at nothing has nothing to say: the status stays as it is.

    def _on_collect_unit_status(self, event: ops.CollectStatusEvent) -> None:
        if self._facts is not None:
            self._say(event, "unit_status", status.status_of(self._facts, self._now))

    def _on_collect_app_status(self, event: ops.CollectStatusEvent) -> None:
        if self._facts is None:
            return
        mode = self._config.mode.value if self._config else CertificateMode.UNIT.value
        self._say(event, "app_status", status.app_status_of(self._facts, mode, self._now))

    def _say(self, event: ops.CollectStatusEvent, key: str, now: ops.StatusBase) -> None:
        """Say it, unless it stands there already: to say it again would cost a process.

        Around its own beginnings Juju sets the status itself, and another leader may have set the
        application's: there it is always said.
        """
        text = f"{now.name}: {now.message}"
        if _hook_name() in STATUS_MAY_DIFFER or getattr(self._stored, key) != text:
            event.add_status(now)
        self._remember(key, text)


def _hook_name() -> str:
    """Return the name of the hook that runs: what is asked for is settled before its event is."""
    return os.environ.get("JUJU_DISPATCH_PATH", "").rpartition("/")[2].replace("_", "-")


def _text(value: object) -> str | None:
    """Read one value of the stored state, which has no types."""
    return value if isinstance(value, str) else None


def _trust_problem(content: Content) -> str | None:
    if not content.trusted:
        return None
    for pair in content.pairs:
        if not pairs.trusted_by(pair, content.trusted):
            return f"its chain leads to no CA of `{TRUST}`"
    return None
