"""One owner of requests, keys and certificates: a unit, or the application on its leader.

The side of the requirer's shell that does what its plan says.
"""

import dataclasses
import logging
from collections.abc import Collection, Iterable
from datetime import datetime

import ops

from . import (
    _assignment,
    _attributes,
    _keys,
    _outgoing,
    _relations,
    _renewal,
    _requirer_plan,
    _requirer_state,
    _securitylog,
    _view,
    _wire,
)

_logger = logging.getLogger(__name__)


class Scope(_view.View):
    """One owner of requests, keys and certificates, and what is done for it.

    In the hook that changes a secret Juju goes on telling what was before: what was done is read
    again from the memory that both sides share.
    """

    def see_to_expiry(self, label: str, requested: Collection[str]) -> None:
        """Look after a secret of this owner whose expiry Juju tells of.

        One that belongs to no request was left behind, by an old version that renewed or by a
        refresh that was rolled back. Its expiry would come again and again: that is moved far
        away, and the secret joins those that wait to be removed.

        Args:
            label: Its label.
            requested: Every request, in PEM, in any databag that this unit writes.
        """
        held = self._store.find(label)
        csr = held.content.get("csr", "").strip() if held is not None else ""
        outgoing = self._outgoing()
        if csr and csr not in requested and csr not in {one.csr for one in outgoing.entries}:
            self._store.move_expiry(label, _renewal.FAR_AWAY)
            entries = (*outgoing.entries, _outgoing.OutgoingEntry(csr))
            self._write_outgoing(outgoing._replace(entries=entries))

    def ensure_key(
        self,
        relation: ops.Relation,
        wanted: Iterable[_attributes.CertificateRequestAttributes],
        now: datetime,
    ) -> None:
        """See to it that there is a key, and that none is stored when the charm passes one.

        Args:
            relation: To ask over.
            wanted: What the charm requests of this owner.
            now: Aware.
        """
        stored = self._stored_key()
        if self._settings.passed_key is None:
            if stored is None and not self.is_unreadable:
                self._store_key(self._made_key())
        elif stored is not None:
            seen = self.observe(relation, wanted, now)
            self._retain(dataclasses.replace(seen, key=stored))
            self.forget_key()

    def change_key(self, key: _keys.PrivateKey | None, seen: _requirer_state.Observed) -> None:
        """Put another key in the place of the one in force, or a new one.

        What was assigned stays in force, with its own key, until the new certificates are there.
        """
        if self.is_unreadable:
            _logger.warning("%s: the private key is not changed: not all can be read", self.name)
            return
        self._retain(seen)
        if key is not None:
            _securitylog.private_key_imported(self.name)
        self._store_key(key or self._made_key())

    def apply(
        self,
        plan: _requirer_plan.Plan,
        seen: _requirer_state.Observed,
        relation: ops.Relation | None,
    ) -> None:
        """Do what the plan says."""
        # First, so that an old version's secret makes room for ours.
        for csr in plan.remove:
            self._store.remove(self._certificate_label(csr))
        for store in plan.store:
            csr = store.answer.certificate_signing_request
            content = {"certificate": store.answer.certificate.raw, "csr": csr.raw}
            label = self._certificate_label(csr.raw)
            if self._store.put_if_it_fits(label, content, store.alarm):
                _logger.info("%s: certificate stored, its alarm at %s", self.name, store.alarm)
            else:
                _logger.warning(
                    "%s: %r is too large for a secret, and will not be renewed: "
                    "it is used as long as it is valid",
                    self.name,
                    store.answer.certificate,
                )
        for csr, alarm in plan.alarms.items():
            self._store.move_expiry(self._certificate_label(csr), alarm)
        if plan.outgoing != seen.outgoing:
            dropped = {one.csr.raw for one in plan.dropped}
            sent = {one.certificate_signing_request.raw for one in seen.sent}
            self._write_outgoing(plan.outgoing, staying=sent - dropped)
        if relation is not None:
            self._write_requests(plan, seen, relation)

    def leave(
        self,
        relation: ops.Relation,
        wanted: Iterable[_attributes.CertificateRequestAttributes],
        now: datetime,
        *,
        keep: bool,
    ) -> None:
        """Clear up after a relation that is gone.

        Args:
            relation: The relation, whose own databag can still be read.
            wanted: What the charm requests of this owner.
            now: Aware.
            keep: Whether what is assigned stays in force until it is replaced.
        """
        seen = self.observe(relation, wanted, now)
        if keep and not self.is_unreadable:
            self._retain(seen)
        elif not keep:
            # What older versions left is found by its request alone: a provider that is gone has
            # taken its answers along.
            sent = {one.certificate_signing_request.raw for one in seen.sent}
            for csr in {*seen.stored, *sent}:
                self._store.remove(self._certificate_label(csr))
            self._store.remove(self._labels.outgoing)

    def forget_key(self) -> None:
        """Remove the key that is stored."""
        self._store.remove(self._labels.private_key)

    def finish(self) -> None:
        """Carry out, at the end of the hook, what waits for it."""
        self._store.finish()

    def _made_key(self) -> _keys.PrivateKey:
        algorithm, size = self._settings.algorithm, self._settings.key_size
        key = _keys.PrivateKey.generate(key_size=size, key_algorithm=algorithm)
        _securitylog.private_key_made(self.name, algorithm.value, size)
        return key

    def _store_key(self, key: _keys.PrivateKey) -> None:
        self._store.put(self._labels.private_key, {_view.PRIVATE_KEY: key.raw})

    def _retain(self, seen: _requirer_state.Observed) -> None:
        self._write_outgoing(_assignment.retained(seen))

    def _write_outgoing(self, outgoing: _outgoing.Outgoing, staying: Collection[str] = ()) -> None:
        if not (outgoing.entries or outgoing.is_full):
            self._store.remove(self._labels.outgoing)
            return
        keep_key = outgoing.key != self._settings.passed_key
        label = self._labels.outgoing
        written = next(
            (
                one
                for one in (outgoing, *outgoing.smaller(staying))
                if self._store.put_if_it_fits(label, one.to_content(keep_key=keep_key))
            ),
            _outgoing.Outgoing(),
        )
        if written != outgoing:
            _logger.warning(
                "%s: what is to outlast its request is too large for a secret: "
                "of %s certificates, %s go on being assigned",
                self.name,
                len(outgoing.answers),
                len(written.answers),
            )

    def _write_requests(
        self,
        plan: _requirer_plan.Plan,
        seen: _requirer_state.Observed,
        relation: ops.Relation,
    ) -> None:
        for one in plan.dropped:
            _logger.info("%s: request %r dropped: %s", self.name, one.csr, one.reason.value)
        key = seen.key
        new = [one.generate_csr(key) for one in plan.send] if key is not None else []
        for csr in new:
            self._reader.know(csr)
            _securitylog.certificate_requested(self.name, csr)
        dropped = {one.csr.raw for one in plan.dropped}
        readable = {one.certificate_signing_request.raw for one in seen.sent}
        read = self._read_requests(relation)
        entries = (
            *(one for one in read.entries if one.csr in readable - dropped),
            *(
                _wire.RequestEntry(csr.raw, wanted.is_ca)
                for csr, wanted in zip(new, plan.send, strict=True)
            ),
        )
        if entries != read.entries or read.rejected:
            text = _wire.write_entries(entries)
            _relations.write(relation, self._entity, {_wire.REQUESTS: text})
