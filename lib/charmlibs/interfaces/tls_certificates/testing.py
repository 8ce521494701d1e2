"""A kit for charms that use this library: ready-made relations and secrets for ``ops.testing``.

A scene is what a unit finds in Juju at one moment: a relation, and secrets. It begins with what
was requested and goes on from there, each step a new scene::

    scene = RequirerScene.requested("certificates", [attributes])
    context.run(context.on.update_status(), scene.state())
    scene = scene.issued()
    context.run(context.on.relation_changed(scene.relation), scene.state())

`RequirerScene` is for a charm that asks for certificates, `ProviderScene` for one that issues
them. What a charm wrote is read by `requests_in`, `certificates_in` and `errors_in`.

It needs the extra ``testing``: ``pip install charmlibs-interfaces-tls-certificates[testing]``. No
other module of the library imports this one.
"""

import dataclasses
import json
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from ops import testing

from . import (
    _attributes,
    _errors,
    _keys,
    _secrets,
    _throwaway,
    _values,
    _wire,
)

__all__ = [
    "Authority",
    "ProviderScene",
    "RequirerScene",
    "certificates_in",
    "errors_in",
    "requests_in",
]

Authority = _throwaway.Authority
_Mode = _values.Mode
_DAY = _throwaway.DAY


@dataclasses.dataclass(frozen=True)
class RequirerScene:
    """What a unit of a charm that asks for certificates finds; begin with `requested`."""

    relation: testing.Relation
    """The relation to the provider."""
    secrets: frozenset[testing.Secret]
    """The library's secrets: of the private key, and of each certificate that was seen."""
    requests: tuple[_values.RequirerCertificateRequest, ...]
    """What is requested, in the order of the attributes."""
    private_key: _keys.PrivateKey
    """The key that the requests are made with."""
    mode: _Mode = _Mode.UNIT
    """Whose certificates they are, `Mode.UNIT` or `Mode.APP`."""
    unit_id: int = 0
    """The number of the unit under test, as in ``Context(unit_id=...)``."""
    certificates: tuple[_values.ProviderCertificate, ...] = ()
    """What was issued."""

    @classmethod
    def requested(
        cls,
        endpoint: str,
        attributes: Iterable[_attributes.CertificateRequestAttributes],
        *,
        mode: _Mode = _Mode.UNIT,
        unit_id: int = 0,
        private_key: _keys.PrivateKey | None = None,
    ) -> "RequirerScene":
        """Return the scene in which the charm has asked, and there is no answer.

        Args:
            endpoint: The endpoint's name.
            attributes: What the charm passes to the library as its requests.
            mode: `Mode.UNIT`, or `Mode.APP` for the leader of such a charm.
            unit_id: The number of the unit under test.
            private_key: The key; a new one (ECDSA) if it is not given.

        Raises:
            TLSCertificatesError: If *mode* is another one, or some attributes are not valid.
        """
        if mode not in {_Mode.UNIT, _Mode.APP}:
            raise _errors.InvalidArgument(f"mode must be Mode.UNIT or Mode.APP, not {mode}")
        key = private_key or _keys.PrivateKey.generate(key_algorithm=_keys.KeyAlgorithm.ECDSA)
        asked = [(one.generate_csr(key), one.is_ca) for one in attributes]
        text = _wire.write_entries(_wire.RequestEntry(csr.raw, is_ca) for csr, is_ca in asked)
        databag = "local_unit_data" if mode is _Mode.UNIT else "local_app_data"
        data: dict[str, Any] = {databag: {_wire.REQUESTS: text}}
        relation = testing.Relation(endpoint, **data)
        return cls(
            relation=relation,
            secrets=_secrets_for(_labels(endpoint, mode, unit_id), key),
            requests=tuple(
                _values.RequirerCertificateRequest(relation.id, csr, is_ca) for csr, is_ca in asked
            ),
            private_key=key,
            mode=mode,
            unit_id=unit_id,
        )

    def issued(
        self,
        by: Authority | None = None,
        *,
        validity: timedelta = 90 * _DAY,
        is_new: bool = False,
        as_v3: bool = False,
    ) -> "RequirerScene":
        """Return the scene in which every request has its certificate.

        Args:
            by: Who issues; a new CA if it is not given.
            validity: Of the certificates.
            is_new: Whether the charm has not seen them yet: ``relation-changed`` is to come.
            as_v3: Whether the provider has version 3 of the library, and writes as that does.
        """
        return self._answered(by or Authority(), validity, is_new=is_new, as_v3=as_v3)

    def expiring(
        self, by: Authority | None = None, *, validity: timedelta = 90 * _DAY
    ) -> "RequirerScene":
        """Return the scene in which the certificates are valid, and due for renewal."""
        return self._answered(by or Authority(), validity, age=validity * 0.95)

    def revoked(
        self, by: Authority | None = None, *, validity: timedelta = 90 * _DAY
    ) -> "RequirerScene":
        """Return the scene in which what was in use has been revoked: the charm is to be told."""
        return self._answered(by or Authority(), validity, is_revoked=True)

    def denied(self, error: _values.CertificateError | None = None) -> "RequirerScene":
        """Return the scene in which every request was refused.

        Args:
            error: Why; that the domain is not allowed, if it is not given.
        """
        data = {_wire.ERRORS: _throwaway.errors_text(self.requests, error)}
        relation = dataclasses.replace(self.relation, remote_app_data=data)
        return self._with(relation)

    def state(self, **more: Any) -> testing.State:
        """Return the scene as a state; *more* is for `ops.testing.State`, and adds to it."""
        more.setdefault("leader", self.mode is _Mode.APP)
        relations = {self.relation, *more.pop("relations", ())}
        secrets = {*self.secrets, *more.pop("secrets", ())}
        return testing.State(relations=relations, secrets=secrets, **more)

    def secret_of(self, request: _values.RequirerCertificateRequest) -> testing.Secret:
        """Return the secret of the certificate for a request: for ``secret-expired``.

        Raises:
            KeyError: If there is none.
        """
        label = self._labels.certificate(_wire.digest(request.certificate_signing_request.raw))
        return {one.label: one for one in self.secrets}[label]

    def _answered(
        self,
        by: Authority,
        validity: timedelta,
        *,
        age: timedelta = timedelta(0),
        is_new: bool = False,
        is_revoked: bool = False,
        as_v3: bool = False,
    ) -> "RequirerScene":
        answers = _throwaway.issued(self.requests, by, validity, age, is_revoked=is_revoked)
        data = {_wire.CERTIFICATES: _throwaway.certificates_text(answers, as_v3=as_v3)}
        relation = dataclasses.replace(self.relation, remote_app_data=data)
        return self._with(relation, answers, () if is_new else answers)

    def _with(
        self,
        relation: testing.Relation,
        answers: tuple[_values.ProviderCertificate, ...] = (),
        stored: Iterable[_values.ProviderCertificate] = (),
    ) -> "RequirerScene":
        secrets = _secrets_for(self._labels, self.private_key, stored)
        return dataclasses.replace(self, relation=relation, certificates=answers, secrets=secrets)

    @property
    def _labels(self) -> _secrets.Labels:
        return _labels(self.relation.endpoint, self.mode, self.unit_id)


@dataclasses.dataclass(frozen=True)
class ProviderScene:
    """What the leader of a charm that issues certificates finds; begin with `requested`."""

    relation: testing.Relation
    """The relation to the requirer."""
    requests: tuple[_values.RequirerCertificateRequest, ...]
    """What is requested."""
    private_key: _keys.PrivateKey
    """The requirer's key."""
    certificates: tuple[_values.ProviderCertificate, ...] = ()
    """What was issued."""

    @classmethod
    def requested(
        cls,
        endpoint: str,
        attributes: Sequence[_attributes.CertificateRequestAttributes],
        *,
        mode: _Mode = _Mode.UNIT,
        as_v3: bool = False,
    ) -> "ProviderScene":
        """Return the scene in which a requirer has asked, and there is no answer.

        Args:
            endpoint: The endpoint's name.
            attributes: What is asked for.
            mode: `Mode.UNIT` if the remote unit 0 asks, `Mode.APP` if its application does.
            as_v3: Whether the requirer has version 3 of the library, and writes as that does.

        Raises:
            TLSCertificatesError: If *mode* is another one, or some attributes are not valid.
        """
        asking = RequirerScene.requested(endpoint, attributes, mode=mode)
        local = asking.relation.local_unit_data if mode is _Mode.UNIT else None
        data = dict(local or asking.relation.local_app_data)
        if as_v3:
            # Version 3 says nothing of CAs.
            entries = json.loads(data[_wire.REQUESTS])
            data[_wire.REQUESTS] = json.dumps(
                [{key: one[key] for key in one if key != "ca"} for one in entries]
            )
        relation = testing.Relation(
            endpoint,
            remote_units_data={0: data if mode is _Mode.UNIT else {}},
            remote_app_data=data if mode is _Mode.APP else {},
        )
        name = relation.remote_app_name + ("/0" if mode is _Mode.UNIT else "")
        requests = tuple(
            dataclasses.replace(one, relation_id=relation.id, requirer=name)
            for one in asking.requests
        )
        return cls(relation, requests, asking.private_key)

    def issued(
        self,
        by: Authority | None = None,
        *,
        validity: timedelta = 90 * _DAY,
        as_v3: bool = False,
    ) -> "ProviderScene":
        """Return the scene in which every request has its certificate.

        Args:
            by: Who issued; a new CA if it is not given.
            validity: Of the certificates.
            as_v3: Whether the charm wrote them when it had version 3 of the library.
        """
        answers = _throwaway.issued(self.requests, by or Authority(), validity)
        return self._with_certificates(answers, as_v3=as_v3)

    def expiring(
        self, by: Authority | None = None, *, validity: timedelta = 90 * _DAY
    ) -> "ProviderScene":
        """Return the scene in which the certificates are valid, and soon will not be."""
        return self._with_certificates(
            _throwaway.issued(self.requests, by or Authority(), validity, validity * 0.95)
        )

    def revoked(
        self, by: Authority | None = None, *, validity: timedelta = 90 * _DAY
    ) -> "ProviderScene":
        """Return the scene in which every certificate was revoked: its request is outstanding."""
        return self._with_certificates(
            _throwaway.issued(self.requests, by or Authority(), validity, is_revoked=True)
        )

    def denied(self, error: _values.CertificateError | None = None) -> "ProviderScene":
        """Return the scene in which every request was refused.

        Args:
            error: Why; that the domain is not allowed, if it is not given.
        """
        data = {_wire.ERRORS: _throwaway.errors_text(self.requests, error)}
        relation = dataclasses.replace(self.relation, local_app_data=data)
        return dataclasses.replace(self, relation=relation, certificates=())

    def state(self, **more: Any) -> testing.State:
        """Return the scene as a leader's state; *more* is for `ops.testing.State`, and adds."""
        more.setdefault("leader", True)
        relations = {self.relation, *more.pop("relations", ())}
        return testing.State(relations=relations, **more)

    def _with_certificates(
        self, answers: tuple[_values.ProviderCertificate, ...], *, as_v3: bool = False
    ) -> "ProviderScene":
        data = {_wire.CERTIFICATES: _throwaway.certificates_text(answers, as_v3=as_v3)}
        relation = dataclasses.replace(self.relation, local_app_data=data)
        return dataclasses.replace(self, relation=relation, certificates=answers)


def requests_in(relation: testing.RelationBase) -> list[_values.RequirerCertificateRequest]:
    """Return what a requirer under test asks for, of its unit first, then of its application."""
    reader = _wire.Reader()
    return [
        _values.RequirerCertificateRequest(relation.id, reader.request(one.csr), one.is_ca)
        for databag in (relation.local_unit_data, relation.local_app_data)
        for one in reader.requests(databag.get(_wire.REQUESTS)).entries
    ]


def certificates_in(relation: testing.RelationBase) -> list[_values.ProviderCertificate]:
    """Return what a provider under test has issued, the revoked ones among them."""
    reader = _wire.Reader()
    entries = reader.certificates(relation.local_app_data.get(_wire.CERTIFICATES)).entries
    return [reader.certificate_value(one, relation.id) for one in entries]


def errors_in(relation: testing.RelationBase) -> list[_values.ProviderCertificateError]:
    """Return what a provider under test has refused."""
    reader = _wire.Reader()
    entries = reader.errors(relation.local_app_data.get(_wire.ERRORS)).entries
    return [reader.error_value(one, relation.id) for one in entries]


def _labels(endpoint: str, mode: _Mode, unit_id: int) -> _secrets.Labels:
    return _secrets.Labels(endpoint, str(unit_id) if mode is _Mode.UNIT else None)


def _secrets_for(
    labels: _secrets.Labels,
    key: _keys.PrivateKey,
    answers: Iterable[_values.ProviderCertificate] = (),
) -> frozenset[testing.Secret]:
    """Return the library's secrets with a key and certificates."""
    owner = "app" if labels.unit_number is None else "unit"
    secrets = {testing.Secret({"private-key": key.raw}, label=labels.private_key, owner=owner)}
    for one in answers:
        csr = one.certificate_signing_request.raw
        secrets.add(
            testing.Secret(
                {"certificate": one.certificate.raw, "csr": csr},
                label=labels.certificate(_wire.digest(csr)),
                owner=owner,
                expire=_throwaway.due(one.certificate),
            )
        )
    return frozenset(secrets)
