"""The requirer: observe, gather, plan, apply, emit.

It is long because it is one public class, whose methods are the published ones with what they
promise: most of it is signatures and docstrings, and what is done is below, in `_reconciler`.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import ops

from . import (
    _assignment,
    _attributes,
    _errors,
    _events,
    _keys,
    _reconciler,
    _relations,
    _renewal,
    _requests,
    _requirer_plan,
    _secrets,
    _values,
    _view,
    _wire,
    _x509,
)

_logger = logging.getLogger(__name__)
_Mode = _values.Mode
_Entry = TypeVar("_Entry", _wire.CertificateEntry, _wire.ErrorEntry)
_Value = TypeVar("_Value")


class TLSCertificatesRequiresV4(ops.Object):
    """A class to manage the TLS certificates interface for a unit or app.

    It asks for certificates, keeps their keys in Juju secrets, and renews them.

    Args:
        charm: The charm.
        relationship_name: The endpoint's name, as in ``certificates``.
        certificate_requests: What to request in mode UNIT or APP, or a callable that returns it
            for what the provider says it can do (None if it says nothing); it is called once in
            each reconcile.
        mode: Who the certificates are for.
        refresh_events: Events on which to look at everything again, as in ``config_changed``.
        private_key: The key to use in place of one that the library makes and keeps. It is never
            stored.
        renewal_relative_time: The share of a certificate's lifetime after which it is renewed, in
            (0.5, 1.0].
        certificate_requests_by_mode: What to request in mode APP_AND_UNIT, by ``Mode.APP`` and
            ``Mode.UNIT``, or a callable as above.
        key_algorithm: Of new keys. A key that exists is kept, whatever this says.
        key_size: Of new keys, in bits: 2048 (the default), 3072 or 4096 for RSA, 256 (the
            default) or 384 for ECDSA.
        keep_until_replaced: Whether what is assigned goes on being assigned, until it expires,
            when the relation is removed, and when the provider takes it away without revoking it:
            for moving to another provider without a gap.

    Raises:
        TLSCertificatesError: If an argument is not what it should be; the message names it.
    """

    # ops declares `on` as the events of every object.
    on = _events.CertificatesRequirerCharmEvents()  # pyright: ignore[reportAssignmentType, reportIncompatibleUnannotatedOverride]

    _stored = ops.StoredState()

    def __init__(  # noqa: PLR0917
        self,
        charm: ops.CharmBase,
        relationship_name: str,
        certificate_requests: _requests.Requests | None = None,
        mode: _Mode = _Mode.UNIT,
        refresh_events: list[ops.BoundEvent] | None = None,
        private_key: _keys.PrivateKey | None = None,
        renewal_relative_time: float = 0.9,
        certificate_requests_by_mode: _requests.RequestsByMode | None = None,
        key_algorithm: _keys.KeyAlgorithm | str = _keys.KeyAlgorithm.RSA,
        key_size: int | None = None,
        *,
        keep_until_replaced: bool = False,
    ) -> None:
        try:
            super().__init__(charm, relationship_name)
        except RuntimeError as error:
            raise _errors.InvalidArgument.of_taken_endpoint(relationship_name) from error
        requests = _requests.Given(mode, certificate_requests, certificate_requests_by_mode)
        if private_key is not None:
            _check_private_key(private_key)
        algorithm, size = _keys.check_algorithm(key_algorithm, key_size)
        fraction = _renewal.check_fraction(renewal_relative_time)
        self.charm = charm
        self.relationship_name = relationship_name
        self.mode = mode
        self._passed_key = private_key
        self._stored.set_default(is_leaving=False, empty=[])
        self._reconciler = _reconciler.Reconciler(
            charm,
            relationship_name,
            requests,
            _view.Settings(private_key, algorithm, size, fraction, keep_until_replaced),
            is_leaving=bool(self._stored.is_leaving),
            empty=frozenset(_Mode[name] for name in self._stored.empty),
        )
        self._remember_empty()
        self._asked: frozenset[str] = frozenset()
        self._is_reconciling = False
        self._is_wanted_again = False
        self._observe(refresh_events or [])

    def _observe(self, refresh_events: list[ops.BoundEvent]) -> None:
        on = self.charm.on
        relation = on[self.relationship_name]
        for event in (
            relation.relation_created,
            relation.relation_changed,
            on.update_status,
            on.leader_elected,
            on.upgrade_charm,
            *refresh_events,
        ):
            self.framework.observe(event, self._on_event)
        self.framework.observe(relation.relation_departed, self._on_relation_departed)
        self.framework.observe(relation.relation_broken, self._on_relation_broken)
        self.framework.observe(on.secret_expired, self._on_secret_expired)
        self.framework.observe(on.secret_remove, self._on_secret_remove)
        self.framework.observe(on.secret_changed, self._on_secret_changed)
        self.framework.observe(self.framework.on.pre_commit, self._on_end_of_hook)

    # Events

    def _on_event(self, event: ops.EventBase) -> None:
        if isinstance(event, (ops.LeaderElectedEvent, ops.UpgradeCharmEvent)):
            # Another leader, or other code, may have left something that this unit has not seen.
            self._reconciler.empty = frozenset()
        # Now and then: an answer that is over each time would otherwise make hooks without end.
        self._reconcile(asks_again=isinstance(event, ops.UpdateStatusEvent))

    def _remember_empty(self) -> None:
        names = sorted(owner.name for owner in self._reconciler.empty)
        if names != list(self._stored.empty):
            self._stored.empty = names

    def _on_relation_departed(self, event: ops.RelationDepartedEvent) -> None:
        if event.departing_unit == self.charm.unit:
            # The relation breaks for this unit alone. What is the application's is not this
            # unit's to clear up, though it may lead to the last: its successor needs it.
            self._stored.is_leaving = True

    def _on_relation_broken(self, event: ops.RelationBrokenEvent) -> None:
        self._reconciler.leave(event.relation)
        self._reconcile()

    def _on_secret_expired(self, event: ops.SecretExpiredEvent) -> None:
        label = event.secret.label
        if label is None or self._is_of_old_revision(event):
            return
        # An event is a hint: it may be early, late, or of a secret that is gone.
        if self._reconciler.see_to_expiry(label):
            self._reconciler.empty = frozenset()
            self._reconcile(hinted_label=label)

    def _is_of_old_revision(self, event: ops.SecretExpiredEvent) -> bool:
        """Remove a revision that was replaced: its expiry says nothing any more."""
        for _, scope in self._reconciler.own_scopes():
            if scope.is_old_revision(event.secret.label, event.revision):
                _secrets.remove_revision(event.secret, event.revision)
                return True
        return False

    def _on_secret_remove(self, event: ops.SecretRemoveEvent) -> None:
        label = event.secret.label
        if any(scope.is_ours(label) for _, scope in self._reconciler.own_scopes()):
            _secrets.remove_revision(event.secret, event.revision)

    def _on_secret_changed(self, event: ops.SecretChangedEvent) -> None:
        is_ours = self._reconciler.application.is_ours(event.secret.label)
        if is_ours and self._reconciler.is_follower():
            self._reconcile()

    def _on_end_of_hook(self, _: ops.EventBase) -> None:
        self._reconciler.finish()

    # What is done

    def sync(self) -> None:
        """Sync TLS Certificates Relation Data.

        This method allows the requirer to sync the TLS certificates relation data without waiting
        for the refresh events to be triggered. Called from a handler of this library's events, it
        takes effect after that event and its siblings.
        """
        self._reconcile()

    def renew_certificate(self, certificate: _values.ProviderCertificate) -> None:
        """Request the renewal of the provided certificate.

        It goes on being assigned until the new one is there.
        """
        self._asked |= {certificate.certificate_signing_request.raw}
        self._reconcile()

    def _reconcile(self, *, asks_again: bool = False, hinted_label: str | None = None) -> None:
        """Bring everything up to date; asked for within itself, that is done afterwards, once."""
        if self._is_reconciling:
            self._is_wanted_again = True
            return
        self._is_reconciling = True
        try:
            self._reconcile_and_tell(asks_again=asks_again, hinted_label=hinted_label)
            if self._is_wanted_again:
                self._reconcile_and_tell()
        finally:
            self._is_reconciling = self._is_wanted_again = False

    def _reconcile_and_tell(
        self, *, asks_again: bool = False, hinted_label: str | None = None
    ) -> None:
        asked, self._asked = self._asked, frozenset()
        for plan in self._reconciler.reconcile(
            asked=asked, asks_again=asks_again, hinted_label=hinted_label
        ):
            self._emit(plan)
        self._remember_empty()
        if self._reconciler.is_follower():
            self.on.application_certificates_changed.emit()

    def _emit(self, plan: _requirer_plan.Plan) -> None:
        for one in plan.invalidated:
            self.on.certificate_invalidated.emit(
                certificate=one.certificate,
                certificate_signing_request=self._reconciler.reader.request(one.csr),
                reason=one.reason,
            )
        for answer in plan.available:
            self.on.certificate_available.emit(
                certificate=answer.certificate,
                certificate_signing_request=answer.certificate_signing_request,
                ca=answer.ca,
                chain=answer.chain,
            )
        for refusal in plan.denied:
            self.on.certificate_denied.emit(
                certificate_signing_request=refusal.certificate_signing_request,
                error=refusal.error,
            )

    # Keys

    @property
    def private_key(self) -> _keys.PrivateKey | None:
        """Return the private key.

        In APP_AND_UNIT mode, this property returns the UNIT private key. Use
        get_private_key(mode) to access the APP key.
        """
        return self.get_private_key()

    def get_private_key(self, mode: _Mode | None = None) -> _keys.PrivateKey | None:
        """Get the private key for a specific mode.

        Args:
            mode: The mode to get the private key for. In APP_AND_UNIT mode: defaults to Mode.UNIT
                if not specified. In UNIT/APP mode: this parameter is ignored (uses self.mode).

        Returns:
            The private key for the specified mode, or None if not available: it is not made yet,
            or this unit is not the leader, whose the application's key is.
        """
        scope = self._reconciler.scope_of(self._owner(mode))
        return scope.key() if scope is not None else self._passed_key

    def get_private_key_secret_id(self, mode: _Mode | None = None) -> str | None:
        """Get the secret ID for the library-generated private key.

        The secret's content or metadata must never be modified directly.

        Args:
            mode: In APP_AND_UNIT mode, whose key: without it the answer is None.

        Returns:
            The secret ID as a string if a library-generated private key secret exists, None
            otherwise: the charm passes the key, there is none yet, or this unit is not the leader,
            whose the application's secret is.
        """
        if self.mode is _Mode.APP_AND_UNIT and mode is None:
            return None
        scope = self._reconciler.scope_of(self._owner(mode))
        return scope.key_secret_id() if scope is not None else None

    def regenerate_private_key(self, mode: _Mode | None = None) -> None:
        """Regenerate the private key.

        Generate a new private key, remove old certificate requests and send new ones. What is
        assigned stays in force, with its own key, until the new certificates are there.

        Args:
            mode: Optional mode when using APP_AND_UNIT. If None, regenerates both.

        Raises:
            TLSCertificatesError: If the private key is passed by the charm using the private_key
                parameter.
        """
        self._change_keys(None, mode)

    def import_private_key(self, private_key: _keys.PrivateKey, mode: _Mode | None = None) -> None:
        """Import a private key, and manage it like one that the library generated.

        It is stored, old certificate requests are removed and new ones sent. What is assigned
        stays in force, with its own key, until the new certificates are there.

        Args:
            private_key: The private key to import: RSA of 2048 bits or more, or ECDSA.
            mode: Optional mode when using APP_AND_UNIT. If None both will be rotated.

        Raises:
            TLSCertificatesError: If private_key was provided during initialization, or if the
                provided key is invalid.
        """
        _check_private_key(private_key)
        self._change_keys(private_key, mode)

    def _change_keys(self, key: _keys.PrivateKey | None, mode: _Mode | None) -> None:
        if self._passed_key is not None:
            raise _errors.TLSCertificatesError(
                "The private key is passed by the charm: pass another one to change it"
            )
        self._reconciler.change_keys(key, None if mode is None else self._owner(mode))
        self._reconcile()

    # What there is

    def get_csrs_from_requirer_relation_data(self) -> list[_values.RequirerCertificateRequest]:
        """Return list of requirer's CSRs from relation data.

        App csrs can only be accessed by the leader unit.
        """
        relation = self._reconciler.relation()
        if relation is None:
            return []
        scopes = [scope for _, scope in self._reconciler.scopes_in_force()]
        return [one for scope in scopes for one in scope.requests(relation)]

    def get_provider_certificates(self) -> list[_values.ProviderCertificate]:
        """Return list of certificates from the provider's relation data, for whomever they are.

        Entries that cannot be read are left out.
        """
        reader = self._reconciler.reader
        return self._read(_wire.CERTIFICATES, reader.certificates, reader.certificate_value)

    def get_request_errors(self) -> list[_values.ProviderCertificateError]:
        """Get all request errors from the provider's relation data.

        Returns:
            List of ProviderCertificateError objects representing failed certificate requests.
        """
        reader = self._reconciler.reader
        return self._read(_wire.ERRORS, reader.errors, reader.error_value)

    def _read(
        self,
        key: str,
        read: Callable[[str | None], _wire.Read[_Entry]],
        value_of: Callable[[_Entry, int], _Value],
    ) -> list[_Value]:
        """Return the entries of the provider's databag that can be read, as values."""
        relation = self._reconciler.relation()
        if relation is None:
            return []
        entries = read(_relations.read(relation, relation.app, key))
        self._reconciler.warn_of(entries.rejected)
        values: list[_Value] = []
        for entry in entries.entries:
            try:
                values.append(value_of(entry, relation.id))
            except _errors.InvalidPEM as error:
                self._reconciler.warn(f"an entry of {key} of the provider is not used: {error}")
        return values

    def get_request_error(
        self, csr: _x509.CertificateSigningRequest
    ) -> _values.ProviderCertificateError | None:
        """Get the request error for a specific CSR.

        Args:
            csr: The certificate signing request to look up.

        Returns:
            ProviderCertificateError if an error exists for this CSR, None otherwise.
        """
        errors = self.get_request_errors()
        return next((one for one in errors if one.certificate_signing_request == csr), None)

    def get_provider_capabilities(self) -> _values.ProviderCapabilities | None:
        """Return what the provider says that it can do; None if it says nothing."""
        return self._reconciler.capabilities()

    def get_assigned_certificate(
        self, certificate_request: _attributes.CertificateRequestAttributes
    ) -> tuple[_values.ProviderCertificate | None, _keys.PrivateKey | None]:
        """Get the certificate that was assigned to the given certificate request.

        While it is being renewed, or its key changed, that is the certificate before, with its
        own key, as long as it is valid.
        """
        key: _keys.PrivateKey | None = None
        for owner, scope in self._reconciler.scopes_in_force():
            seen = self._reconciler.observe(owner, scope)
            found, key = _assignment.assigned_to(certificate_request, seen)
            if found is not None:
                return found, key
        return None, key

    def get_assigned_certificates(
        self, mode: _Mode | None = None
    ) -> tuple[list[_values.ProviderCertificate], _keys.PrivateKey | None]:
        """Get certificates for a specific mode with the appropriate private key.

        Args:
            mode: Which mode's certificates to return. In APP_AND_UNIT mode: defaults to Mode.UNIT
                if not specified. In UNIT or APP mode: ignored (returns all certificates for
                self.mode).

        Returns:
            A tuple of (certificates, private_key): the list of assigned certificates for the
            specified mode, and the private key of all of them. After a change of the key, that is
            the set before, until every new certificate is there.
        """
        owner = self._owner(mode)
        scope = self._reconciler.scope_of(owner)
        if scope is None:
            return [], None
        assigned = _assignment.assigned(self._reconciler.observe(owner, scope))
        return list(assigned.certificates), assigned.private_key

    def get_application_certificates(
        self,
    ) -> tuple[list[_values.ProviderCertificate], _keys.PrivateKey | None]:
        """Get the application's certificates and their key, on any of its units.

        Only the leader can change them. The event ``application_certificates_changed`` tells the
        other units when to look.

        Returns:
            A tuple of (certificates, private_key), as of ``get_assigned_certificates``; empty in
            mode UNIT.
        """
        if not self._reconciler.is_follower():
            if self.mode is _Mode.UNIT:
                return [], None
            return self.get_assigned_certificates(_Mode.APP)
        application = self._reconciler.application
        key, outgoing = application.shared_keys()
        assigned = _assignment.of_application(
            self.get_provider_certificates(),
            key,
            outgoing,
            self._reconciler.wanted().get(_Mode.APP, ()),
            _reconciler.now(),
        )
        return list(assigned.certificates), assigned.private_key

    def get_renewal_time(self, certificate: _values.ProviderCertificate) -> datetime | None:
        """Return when the library will renew a certificate, aware.

        Returns:
            The time; None if the certificate is not assigned here, or is being replaced already.
        """
        for owner, scope in self._reconciler.scopes_in_force():
            seen = self._reconciler.observe(owner, scope)
            alarm = _assignment.renewal_time(certificate, seen)
            if alarm is not None:
                return alarm
        return None

    def _owner(self, mode: _Mode | None) -> _Mode:
        """Return whose certificates a caller means: `Mode.APP` or `Mode.UNIT`."""
        if self.mode is not _Mode.APP_AND_UNIT:
            return self.mode
        return _Mode.APP if mode is _Mode.APP else _Mode.UNIT


def _check_private_key(key: object) -> None:
    # What is no key at all may be the text of one: it is not shown.
    if not isinstance(key, _keys.PrivateKey):
        raise _errors.InvalidArgument(
            f"private_key must be a PrivateKey, not a {type(key).__name__}"
        )
    if not key.is_valid():
        raise _errors.InvalidArgument(f"private_key must be {_keys.ACCEPTED}, not {key!r}")
