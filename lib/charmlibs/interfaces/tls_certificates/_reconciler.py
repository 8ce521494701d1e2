"""One relation name's requests, kept up to date: gather, plan, apply, for each owner in turn."""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone

import ops

from . import (
    _attributes,
    _keys,
    _relations,
    _requests,
    _requirer_plan,
    _requirer_state,
    _scope,
    _secrets,
    _values,
    _view,
    _wire,
)

_logger = logging.getLogger(__name__)
_Mode = _values.Mode
_Wanted = dict[_Mode, tuple[_attributes.CertificateRequestAttributes, ...]]


class Reconciler:
    """What the requirer has under one relation name, and how it is brought up to date.

    Args:
        charm: The charm.
        relation_name: The endpoint's name.
        requests: What the charm requests, checked.
        settings: What the charm says once for all owners.
        is_leaving: Whether this unit is being removed: it acts for itself alone then.
        empty: The owners not in force that an earlier hook found without anything.
    """

    def __init__(
        self,
        charm: ops.CharmBase,
        relation_name: str,
        requests: _requests.Given,
        settings: _view.Settings,
        *,
        is_leaving: bool = False,
        empty: frozenset[_Mode] = frozenset(),
    ) -> None:
        self.reader = _wire.Reader()
        self._charm = charm
        self._relation_name = relation_name
        self._requests = requests
        self._settings = settings
        self._is_leaving = is_leaving
        self.empty = empty - frozenset(requests.owners)
        """Owners not in force that have nothing to clear up: each look-up is a hook tool."""
        self._warned: set[str] = set()
        self._wanted: _Wanted | None = None
        number = charm.unit.name.rpartition("/")[2]
        owners = ((_Mode.APP, charm.app, None), (_Mode.UNIT, charm.unit, number))
        self._scopes = {
            owner: _scope.Scope(
                charm.model,
                entity,
                _secrets.Labels(relation_name, unit_number, frozenset(charm.model.relations)),
                settings,
                self.reader,
            )
            for owner, entity, unit_number in owners
        }

    # Who and what we are

    def _relations(self) -> list[ops.Relation]:
        return _relations.active(self._charm.model, self._relation_name)

    def relation(self) -> ops.Relation | None:
        """Return the relation to ask over: the oldest, if there are several."""
        relations = self._relations()
        if len(relations) > 1:
            self.warn(f"there are {len(relations)} relations: only {relations[0].id} is used")
        return relations[0] if relations else None

    def _keeps(self) -> bool:
        """Tell whether what is in force is to outlive its relation.

        Where another one of that name can take over, it does: that is a move, too.
        """
        return self._settings.keep or len(self._relations()) > 1

    def is_follower(self) -> bool:
        """Tell whether the application has requests that this unit may not change."""
        return _Mode.APP in self._requests.owners and not self._charm.unit.is_leader()

    def own_scopes(self) -> Iterator[tuple[_Mode, _scope.Scope]]:
        """Yield the owners that this unit may act for, in force or not."""
        for owner, scope in self._scopes.items():
            if self._acts_for(owner):
                yield owner, scope

    def scopes_in_force(self) -> Iterator[tuple[_Mode, _scope.Scope]]:
        """Yield the owners that this unit acts for in this mode."""
        for owner, scope in self._scopes.items():
            if owner in self._requests.owners and self._acts_for(owner):
                yield owner, scope

    def _scopes_to_look_after(self) -> Iterator[tuple[_Mode, _scope.Scope]]:
        """Yield the owners that may have something to be kept up to date, or cleared up."""
        for owner, scope in self._scopes.items():
            if owner not in self.empty and self._acts_for(owner):
                yield owner, scope

    def _acts_for(self, owner: _Mode) -> bool:
        if owner is _Mode.UNIT:
            return True
        return not self._is_leaving and self._charm.unit.is_leader()

    def scope_of(self, owner: _Mode) -> _scope.Scope | None:
        """Return an owner (`Mode.APP` or `Mode.UNIT`) if this unit acts for it, or None."""
        return dict(self.scopes_in_force()).get(owner)

    @property
    def application(self) -> _scope.Scope:
        """The application as an owner: on followers to read from, no more."""
        return self._scopes[_Mode.APP]

    def capabilities(self) -> _values.ProviderCapabilities | None:
        """Return what the provider says that it can do; None if it says nothing."""
        relation = self.relation()
        if relation is None:
            return None
        text = _relations.read(relation, relation.app, _wire.CAPABILITIES)
        capabilities, rejected = _wire.read_capabilities(text)
        self.warn_of(rejected)
        return capabilities

    def wanted(self) -> _Wanted:
        """Return what the charm requests and a certificate can satisfy, by whose it is.

        A callable is called once in each reconcile: what it said then holds until the next.
        """
        if self._wanted is None:
            wanted = self._requests.resolve(self.capabilities)
            self._wanted = {
                owner: _requests.valid(listed, self.warn) for owner, listed in wanted.items()
            }
        return self._wanted

    def see_to_expiry(self, label: str) -> bool:
        """Tell whether a secret, whose expiry Juju tells of, is ours; see to one left behind."""
        owners = [scope for _, scope in self.own_scopes() if scope.may_be_ours(label)]
        if not owners:
            # Most are a charm's own, or gone: no databag is read for them.
            return False
        # Version 3 has no endpoint in its labels: a secret of its may belong to another endpoint.
        requested = {
            csr
            for relations in self._charm.model.relations.values()
            for relation in relations
            for _, scope in self.own_scopes()
            for csr in scope.request_texts(relation)
        }
        for scope in owners:
            scope.see_to_expiry(label, requested)
        return True

    def observe(self, owner: _Mode, scope: _scope.Scope) -> _requirer_state.Observed:
        """Return how things are for one owner."""
        return scope.observe(self.relation(), self.wanted().get(owner, ()), now())

    # What is done

    def reconcile(
        self,
        *,
        asked: frozenset[str] = frozenset(),
        asks_again: bool = False,
        hinted_label: str | None = None,
    ) -> list[_requirer_plan.Plan]:
        """Bring everything up to date, and return what was done and is to be announced.

        Args:
            asked: The requests whose renewal the charm asked for, in PEM.
            asks_again: Whether to ask anew for what came too late to be used.
            hinted_label: The label of the secret whose expiry Juju told of in this hook.
        """
        self._wanted = None
        relation, wanted, moment = self.relation(), self.wanted(), now()
        if relation is not None:
            self._warn_of_answers(relation)
        plans: list[_requirer_plan.Plan] = []
        for owner, scope in self._scopes_to_look_after():
            is_in_force = owner in self._requests.owners
            requested = wanted.get(owner, ())
            if is_in_force and relation is not None:
                scope.ensure_key(relation, requested, moment)
            seen = scope.observe(
                relation,
                requested,
                moment,
                keeps=self._keeps(),
                asked=asked,
                asks_again=asks_again,
                hinted_label=hinted_label,
            )
            if scope.is_unreadable:
                self.warn(f"{scope.name}: left as it is: not all of its secrets can be read")
                continue
            plan = _requirer_plan.plan(seen)
            if not is_in_force and scope.has_nothing(seen):
                self.empty |= {owner}
            scope.apply(plan, seen, relation)
            if not is_in_force:
                scope.forget_key()
            self._tell(plan)
            plans.append(plan)
        return plans

    def leave(self, relation: ops.Relation) -> None:
        """Clear up after a relation that is gone."""
        wanted = self.wanted()
        is_last = self.relation() is None
        keep = self._settings.keep or not is_last
        for owner, scope in self.own_scopes():
            scope.leave(relation, wanted.get(owner, ()), now(), keep=keep)
            if is_last:
                scope.forget_key()

    def finish(self) -> None:
        """Carry out, at the end of the hook, what waits for it."""
        for scope in self._scopes.values():
            scope.finish()
        self.reader.forget()

    def change_keys(self, key: _keys.PrivateKey | None, owner: _Mode | None) -> None:
        """Put a key in the place of the one in force, for one owner or for all in force.

        Args:
            key: The key, or None to make one.
            owner: `Mode.APP` or `Mode.UNIT`, or None for all.
        """
        for one, scope in self.scopes_in_force():
            if owner in {None, one}:
                scope.change_key(key, self.observe(one, scope))

    # What is said

    def warn_of(self, rejected: Sequence[_wire.Rejected]) -> None:
        """Warn of what could not be read in the provider's databag."""
        for text in _wire.told(rejected, "the provider"):
            self.warn(text)

    def _warn_of_answers(self, relation: ops.Relation) -> None:
        for key, read in (
            (_wire.CERTIFICATES, self.reader.certificates),
            (_wire.ERRORS, self.reader.errors),
        ):
            self.warn_of(read(_relations.read(relation, relation.app, key)).rejected)

    def warn(self, text: str) -> None:
        """Warn of something, once in a hook."""
        if text not in self._warned:
            self._warned.add(text)
            _logger.warning("%s: %s", self._relation_name, text)

    def _tell(self, plan: _requirer_plan.Plan) -> None:
        for answer, flaw in plan.flawed:
            self.warn(f"{answer.certificate!r} is not used: {flaw.value}")
        for store in plan.store:
            for difference in _requirer_state.differences(store.answer):
                self.warn(f"{store.answer.certificate!r}: {difference}")


def now() -> datetime:
    """Return the time, aware."""
    return datetime.now(timezone.utc)
