"""A provider charm under `ops.testing`, hook after hook, and the requirers' ends of relations."""

import dataclasses
import json
from collections.abc import Iterable
from typing import Any

import ops
from ops import testing

from charmlibs.interfaces.tls_certificates import (
    CertificateSigningRequest,
    ProviderCertificate,
    TLSCertificatesProvidesV4,
)
from tests.unit.lib.units import LibraryUnit

ENDPOINT = "certificates"


class Provider(LibraryUnit[TLSCertificatesProvidesV4]):
    """One unit of a provider, whose state goes from hook to hook.

    `writes` are the databag writes of the last hook, as pairs of relation and changed keys.
    """

    def __init__(self, *, leader: bool = True, **options: Any) -> None:
        super().__init__()
        self.options = options
        self.writes: list[tuple[int, frozenset[str]]] = []
        self.context = testing.Context(
            self._charm_type(),
            {"name": "ca", "provides": {ENDPOINT: {"interface": "tls-certificates"}}},
        )
        self.state = testing.State(leader=leader)

    def _charm_type(self) -> type[ops.CharmBase]:
        provider = self

        class Charm(ops.CharmBase):
            def __init__(self, framework: ops.Framework) -> None:
                super().__init__(framework)
                self.tls = TLSCertificatesProvidesV4(self, ENDPOINT, **provider.options)
                framework.observe(self.on.start, self._on_start)

            def _on_start(self, _: ops.StartEvent) -> None:
                provider.do(self.tls)

        return Charm

    def run(self, event: Any) -> testing.State:
        """Run a hook."""
        before = {one.id: dict(one.local_app_data) for one in self.state.relations}
        super().run(event)
        self.writes = [
            (one.id, frozenset(changed))
            for one in self.state.relations
            if (changed := _changed(before[one.id], one.local_app_data))
        ]
        return self.state

    def relate(self, relation_id: int = 1, **data: Any) -> testing.State:
        """Relate to a requirer, without its hooks."""
        relation = testing.Relation(ENDPOINT, id=relation_id, **data)
        self._put(relation)
        return self.state

    def receive(self, *units: Any, relation_id: int = 1, app: Any = None) -> testing.State:
        """Get the requests of units (and the application): entries, or text as it is."""
        if relation_id not in {one.id for one in self.state.relations}:
            self.relate(relation_id)
        relation = self.relation(relation_id)
        data = {number: _databag(entries) for number, entries in enumerate(units)}
        relation = dataclasses.replace(
            relation, remote_units_data=data, remote_app_data=_databag(app)
        )
        self._put(relation)
        return self.run(self.context.on.relation_changed(relation, remote_unit=0))

    def relation(self, relation_id: int = 1) -> testing.Relation:
        relation = self.state.get_relation(relation_id)
        assert isinstance(relation, testing.Relation)
        return relation

    def databag(self, relation_id: int = 1) -> dict[str, Any]:
        """Return what the provider wrote, out of JSON."""
        written = self.state.get_relation(relation_id).local_app_data
        return {key: json.loads(text) for key, text in written.items()}

    def get(self, name: str, *arguments: Any) -> list[Any]:
        """Call one of the getters in a hook of its own."""
        return self.call(lambda tls: getattr(tls, name)(*arguments))

    def set(self, *answers: ProviderCertificate) -> None:
        """Set certificates in bulk."""
        self.call(lambda tls: tls.set_relation_answers(answers))


def requests(csrs: Iterable[CertificateSigningRequest], **more: Any) -> list[dict[str, Any]]:
    """Return requests as a requirer writes them."""
    return [{"certificate_signing_request": csr.raw, "ca": False, **more} for csr in csrs]


def _databag(entries: Any) -> dict[str, str]:
    if entries is None:
        return {}
    text = entries if isinstance(entries, str) else json.dumps(entries)
    return {"certificate_signing_requests": text}


def _changed(before: dict[str, str], after: Any) -> set[str]:
    return {key for key in {*before, *after} if before.get(key) != after.get(key)}
