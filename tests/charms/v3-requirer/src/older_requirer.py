"""A requirer as charms were before this library: what it shows to the provider, and what it keeps.

It makes its own key and its own request, and keeps each certificate in a secret of the unit. How
those secrets are labelled tells the versions apart, and stands in `charm.py`. What it has is
served by demo-requirer's own server, so that the endpoint goes on when the charm is refreshed.
"""

from __future__ import annotations

import abc
import datetime
import functools
import hashlib
import ipaddress
import json
import logging
import uuid
from typing import Any

import ops
import pydantic
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from demo_requirer import identity, plan, status, supervisor
from demo_requirer.config import RequirerConfig

logger = logging.getLogger(__name__)

LIBID = "afd8c2bccf834997afce12c2706d2ede"
CERTIFICATES = "certificates"
_REQUESTS = "certificate_signing_requests"


class Entry(pydantic.BaseModel, strict=True):
    """A certificate as the schema of before has it: null is refused, the chain is needed."""

    certificate: str
    certificate_signing_request: str
    ca: str
    chain: list[str]
    revoked: bool = False


class ProviderData(pydantic.BaseModel, strict=True):
    """The provider's databag: one bad entry spoils all of it. Other keys are not known."""

    certificates: list[Entry] = []


class OlderRequirerCharm(ops.CharmBase, abc.ABC):
    """Serves one certificate of its own."""

    renewal_share: float
    """Share of a certificate's lifetime after which it is renewed."""

    @abc.abstractmethod
    def key_label(self) -> str:
        """Return the label of the secret with the private key."""

    @abc.abstractmethod
    def certificate_label(self, digest: str) -> str:
        """Return the label of a certificate's secret, by the SHA-256 of its request's PEM."""

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        self._supervisor = supervisor.for_unit(self.unit.name, self.charm_dir)
        self._facts = status.Facts()
        certificates = self.on[CERTIFICATES]
        for event in (
            self.on.config_changed,
            self.on.start,
            self.on.update_status,
            self.on.upgrade_charm,
            certificates.relation_created,
            certificates.relation_changed,
            certificates.relation_broken,
        ):
            framework.observe(event, self._on_event)
        framework.observe(self.on.secret_expired, self._on_secret_expired)
        framework.observe(self.on.remove, self._on_remove)
        framework.observe(self.on.collect_unit_status, self._on_collect_unit_status)

    @functools.cached_property
    def _now(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.timezone.utc)

    @functools.cached_property
    def _config(self) -> RequirerConfig:
        return self.load_config(RequirerConfig)

    @functools.cached_property
    def _address(self) -> str | None:
        binding = self.model.get_binding(CERTIFICATES)
        address = binding.network.bind_address if binding else None
        is_ip = isinstance(address, (ipaddress.IPv4Address, ipaddress.IPv6Address))
        return str(address) if is_ip else None

    @functools.cached_property
    def _identity(self) -> identity.Identity:
        app, _, number = self.unit.name.partition("/")
        return identity.Identity(app, number, self.model.name, self._address)

    def _on_event(self, event: ops.EventBase) -> None:
        if self._address is None:
            return
        related = [one for one in self.model.relations[CERTIFICATES] if one.active]
        offers: list[plan.Offer] = []
        for relation in related:
            csr = self._request(relation)
            answer = self._answer(relation, csr)
            if answer is not None and not answer.revoked:
                offers.append(self._offer(answer, self._keep(answer)))
        self._serve(offers, renew_server=isinstance(event, ops.UpgradeCharmEvent))
        self._facts = status.Facts(
            is_related=bool(related), wanted=(self._slot,), pairs=self._facts.pairs
        )

    def _on_secret_expired(self, event: ops.SecretExpiredEvent) -> None:
        """Renew: the request leaves the databag, and one of the same key takes its place.

        The secret goes on until the certificate ends, and then goes.
        """
        for relation in self.model.relations[CERTIFICATES]:
            csr = self._find_request(relation)
            if csr is None or event.secret.label != self.certificate_label(_digest(csr)):
                continue
            self._write_request(relation, self._new_request())
            ends = x509.load_pem_x509_certificate(
                event.secret.get_content()["certificate"].encode()
            ).not_valid_after_utc
            if ends > self._now:
                event.secret.set_info(expire=ends)
                return
        event.secret.remove_all_revisions()

    def _on_remove(self, _event: ops.RemoveEvent) -> None:
        self._supervisor.remove()

    def _on_collect_unit_status(self, event: ops.CollectStatusEvent) -> None:
        event.add_status(status.status_of(self._facts, self._now))

    # The key and the request.

    @functools.cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        """The unit's key, made on first use."""
        try:
            pem = self.model.get_secret(label=self.key_label()).get_content()["private-key"]
        except ops.SecretNotFoundError:
            key = rsa.generate_private_key(65537, 2048)
            self.unit.add_secret({"private-key": _key_pem(key)}, label=self.key_label())
            return key
        key = serialization.load_pem_private_key(pem.encode(), password=None)
        assert isinstance(key, rsa.RSAPrivateKey)
        return key

    def _request(self, relation: ops.Relation) -> str:
        """Return the request that stands in the databag; one is put there if there is none."""
        csr = self._find_request(relation)
        if csr is None:
            csr = self._new_request()
            self._write_request(relation, csr)
        return csr

    def _find_request(self, relation: ops.Relation) -> str | None:
        """Return the request that is in the databag and of this unit's key."""
        entries = json.loads(relation.data[self.unit].get(_REQUESTS, "[]"))
        own = self._key.public_key()
        for entry in entries:
            csr: str = entry["certificate_signing_request"]
            if x509.load_pem_x509_csr(csr.encode()).public_key() == own:
                return csr
        return None

    def _write_request(self, relation: ops.Relation, csr: str) -> None:
        """Put one request in the place of all that are there."""
        entries = [{"certificate_signing_request": csr, "ca": False}]
        relation.data[self.unit][_REQUESTS] = json.dumps(entries)

    def _new_request(self) -> str:
        """Return a request for what demo-requirer asks for; no two have the same text."""
        (wanted,) = identity.unit_requests(self._config, self._identity)
        subject = [
            x509.NameAttribute(x509.NameOID.COMMON_NAME, wanted.common_name),
            x509.NameAttribute(x509.NameOID.X500_UNIQUE_IDENTIFIER, str(uuid.uuid4())),
        ]
        names = [
            *map(x509.DNSName, sorted(wanted.sans_dns or ())),
            *(x509.IPAddress(ipaddress.ip_address(ip)) for ip in sorted(wanted.sans_ip or ())),
        ]
        csr = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(x509.Name(subject))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return csr.public_bytes(serialization.Encoding.PEM).decode().strip()

    # The certificate.

    def _answer(self, relation: ops.Relation, csr: str) -> Entry | None:
        """Return the certificate for a request; None as well if anything in the databag is bad."""
        bag = relation.data[relation.app]
        try:
            data = ProviderData(
                **{key: json.loads(bag[key]) for key in ProviderData.model_fields if key in bag}
            )
        except (ValueError, pydantic.ValidationError) as error:
            logger.warning("the provider's data are not valid: %s", error)
            return None
        found = (one for one in data.certificates if one.certificate_signing_request == csr)
        return next(found, None)

    def _keep(self, answer: Entry) -> datetime.datetime | None:
        """Keep a certificate in a secret whose expiry is the alarm; return when that goes off."""
        content = {
            "certificate": answer.certificate,
            "csr": answer.certificate_signing_request,
        }
        label = self.certificate_label(_digest(answer.certificate_signing_request))
        alarm = self._alarm(answer.certificate)
        try:
            secret = self.model.get_secret(label=label)
        except ops.SecretNotFoundError:
            self.unit.add_secret(content, label=label, expire=alarm)
            return alarm
        if secret.get_content(refresh=True) != content:
            secret.set_content(content)
            secret.set_info(expire=alarm)
        return secret.get_info().expires

    def _alarm(self, certificate: str) -> datetime.datetime:
        leaf = x509.load_pem_x509_certificate(certificate.encode())
        begin, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
        # An alarm that has passed would go off at once, and so again and again where a certificate
        # that ends with its CA lives for a moment only.
        soonest = self._now + datetime.timedelta(seconds=1)
        return max(begin + (end - begin) * self.renewal_share, soonest)

    def _offer(self, answer: Entry, renewal_time: datetime.datetime | None) -> plan.Offer:
        return plan.Offer(self._slot, tuple(answer.chain), _key_pem(self._key), renewal_time)

    # The server.

    @functools.cached_property
    def _slot(self) -> str:
        """The place in the store that demo-requirer has for this certificate too."""
        (slot,) = identity.slots(self._config, self._identity)
        return slot

    def _serve(self, offers: list[plan.Offer], *, renew_server: bool) -> None:
        store = self._supervisor.make_store()
        before = store.read()
        held = before.pairs if before else ()
        serving = plan.what_to_serve(offers, held, [self._slot], plan.Revoked(), self._now)
        content: dict[str, Any] = {"title": self.unit.name, "trusted": ()}
        store.write(plan.next_content(before, serving.pairs, self._now, **content))
        assert self._address is not None
        listen = supervisor.Listen(self._address, self._config.port)
        self._supervisor.ensure(listen, renew=renew_server)
        self.unit.set_ports(self._config.port)
        self._facts = status.Facts(pairs=serving.pairs)


def _digest(csr: str) -> str:
    return hashlib.sha256(csr.encode()).hexdigest()


def _key_pem(key: rsa.RSAPrivateKey) -> str:
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return pem.decode().strip()
