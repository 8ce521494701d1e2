"""A requirer charm under `ops.testing`, hook after hook, and a provider's end of the relation."""

import dataclasses
import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from typing import Any

import ops
from ops import testing

from charmlibs.interfaces.tls_certificates import (
    CertificateError,
    CertificateRequestAttributes,
    CertificateSigningRequest,
    Mode,
    ProviderCertificate,
    TLSCertificatesRequiresV4,
)
from tests.unit.lib import keys
from tests.unit.lib.units import LibraryUnit

NOW = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
"""What the time is where a test sets the clock."""
LIBID = "afd8c2bccf834997afce12c2706d2ede"
ENDPOINT = "certificates"
# `ops.testing` counts more revisions than Juju does: this is later than any.
LATEST = 100
A = CertificateRequestAttributes
BOTH: dict[str, Any] = {
    "certificate_requests": None,
    "mode": Mode.APP_AND_UNIT,
    "certificate_requests_by_mode": {
        Mode.APP: [A(common_name="app")],
        Mode.UNIT: [A(common_name="unit")],
    },
}
"""Requests of an application and of its units."""
DEFAULT = {"certificate_requests": [A(common_name="a")], "key_algorithm": "ecdsa"}


class Requirer(LibraryUnit[TLSCertificatesRequiresV4]):
    """One unit of a requirer, whose state goes from hook to hook.

    `options` are passed to the library; they may be changed between hooks. `told` are the events
    that the last hook emitted, as pairs of name and event. `warnings` are its log lines.
    """

    def __init__(self, *, leader: bool = False, unit_id: int = 0, **options: Any) -> None:
        super().__init__()
        self.options: dict[str, Any] = {**DEFAULT, **options}
        self.told: list[tuple[str, Any]] = []
        self.handlers: dict[str, Callable[[TLSCertificatesRequiresV4, Any], None]] = {}
        self.context = testing.Context(
            self._charm_type(),
            {
                "name": "req",
                "requires": {
                    ENDPOINT: {"interface": "tls-certificates"},
                    "other": {"interface": "tls-certificates"},
                },
            },
            unit_id=unit_id,
        )
        self.state = testing.State(leader=leader)
        self.relation_id = 1

    def _charm_type(self) -> type[ops.CharmBase]:
        requirer = self

        class Charm(ops.CharmBase):
            def __init__(self, framework: ops.Framework) -> None:
                super().__init__(framework)
                self.tls = TLSCertificatesRequiresV4(self, ENDPOINT, **requirer.options)
                for name in (
                    "certificate_available",
                    "certificate_denied",
                    "certificate_invalidated",
                    "application_certificates_changed",
                ):
                    framework.observe(getattr(self.tls.on, name), self._on_told)
                framework.observe(self.on.start, self._on_start)

            def _on_told(self, event: ops.EventBase) -> None:
                name = event.handle.kind
                requirer.told.append((name, event))
                if name in requirer.handlers:
                    requirer.handlers[name](self.tls, event)

            def _on_start(self, _: ops.StartEvent) -> None:
                requirer.do(self.tls)

        return Charm

    # Hooks

    def run(self, event: Any) -> testing.State:
        """Run a hook."""
        self.told.clear()
        return super().run(event)

    def relate(self, **data: Any) -> testing.State:
        """Relate to a provider."""
        relation = testing.Relation(ENDPOINT, id=self.relation_id, **data)
        self.state = dataclasses.replace(self.state, relations={*self.state.relations, relation})
        return self.run(self.context.on.relation_created(relation))

    def receive(self, **databag: Any) -> testing.State:
        """Get new data from the provider: values are JSON, or text as it is."""
        written = {
            key: value if isinstance(value, str) else json.dumps(value)
            for key, value in databag.items()
        }
        relation = dataclasses.replace(self.relation, remote_app_data=written)
        self._put(relation)
        return self.run(self.context.on.relation_changed(relation, remote_unit=0))

    def answer_all(
        self, validity: timedelta = timedelta(days=90), ca: str = "ca"
    ) -> testing.State:
        """Get a certificate for each of the requests, and nothing else."""
        csrs = [*self.requests("unit"), *self.requests("app")]
        answers = [keys.answer(one, validity, ca=ca) for one in csrs]
        return self.receive(certificates=certificates(answers))

    def leave(self) -> testing.State:
        """Lose the relation."""
        relation = self.relation
        self.run(self.context.on.relation_broken(relation))
        rest = {one for one in self.state.relations if one.id != relation.id}
        self.state = dataclasses.replace(self.state, relations=rest)
        self.relation_id += 1
        return self.state

    def expire(self, secret: testing.Secret) -> testing.State:
        """Tell that the latest revision of a secret has expired."""
        return self.run(self.context.on.secret_expired(secret, revision=LATEST))

    # What there is

    @property
    def relation(self) -> testing.Relation:
        relation = self.state.get_relation(self.relation_id)
        assert isinstance(relation, testing.Relation)
        return relation

    def requests(self, databag: str = "unit") -> list[CertificateSigningRequest]:
        """Return the requests in the unit's or the application's databag."""
        bags = {"unit": self.relation.local_unit_data, "app": self.relation.local_app_data}
        entries = json.loads(bags[databag].get("certificate_signing_requests", "[]"))
        return [
            CertificateSigningRequest.from_string(one["certificate_signing_request"])
            for one in entries
        ]

    @property
    def request(self) -> CertificateSigningRequest:
        """The one request there is, in the unit's databag."""
        (request,) = self.requests()
        return request

    def labels(self) -> set[str]:
        """Return the labels of all secrets, without the library's identifier."""
        return {str(one.label).removeprefix(f"{LIBID}-") for one in self.state.secrets}

    def secret(self, kind: str) -> testing.Secret:
        """Return the one secret of a kind, as in ``certificate``."""
        (secret,) = (
            one for one in self.state.secrets if str(one.label).startswith(f"{LIBID}-{kind}-")
        )
        return secret

    def secret_of(self, csr: CertificateSigningRequest) -> testing.Secret | None:
        """Return the secret of the certificate for a request."""
        digest = csr.get_sha256_hex()
        found = [one for one in self.state.secrets if str(one.label).endswith(digest)]
        return found[0] if found else None

    def assigned(self, *arguments: Any) -> tuple[list[ProviderCertificate], Any]:
        """Return what is assigned, as a charm in the next hook sees it."""
        with self.context(self.context.on.start(), self.state) as manager:
            charm: Any = manager.charm
            return charm.tls.get_assigned_certificates(*arguments)

    def names_told(self) -> list[str]:
        """Return the names of the events that the last hook emitted."""
        return [name for name, _ in self.told]


def related(**options: Any) -> Requirer:
    """Return a requirer that has asked for its certificates."""
    requirer = Requirer(**options)
    requirer.relate()
    return requirer


def served(validity: timedelta = timedelta(days=90), **options: Any) -> Requirer:
    """Return a requirer with its certificates."""
    requirer = related(**options)
    requirer.answer_all(validity)
    return requirer


def certificate_entry(answer: ProviderCertificate, **more: Any) -> dict[str, Any]:
    """Return a certificate as a provider writes it."""
    return {
        "certificate": answer.certificate.raw,
        "certificate_signing_request": answer.certificate_signing_request.raw,
        "ca": answer.ca.raw,
        "chain": [one.raw for one in answer.chain],
        **more,
    }


def certificates(answers: Iterable[ProviderCertificate]) -> list[dict[str, Any]]:
    """Return certificates as a provider writes them."""
    return [certificate_entry(one) for one in answers]


def error_entry(csr: CertificateSigningRequest, **more: Any) -> dict[str, Any]:
    """Return a refusal as released libraries write it."""
    error = CertificateError(code=102, name="domain_not_allowed", message="No.")
    return {"csr": csr.raw, "error": error.model_dump(exclude_none=True), **more}
