"""The work that is measured: hooks of a provider and of a requirer, under `ops.testing`.

Runs under any interpreter that has a `tls-certificates` library and `ops.testing`, and uses what
every version of the library has. Prints one JSON object: seconds of processor time by the work's
name, and the peak of this process's memory in MiB when each kind of work had been done once: how
often it is done again, to time it, depends on how long it takes, and `ops.testing` keeps every
hook's events.

    python work.py provider 100
"""

import dataclasses
import json
import logging
import resource
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import ops
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from ops import testing

from charmlibs.interfaces.tls_certificates import (
    Certificate,
    CertificateRequestAttributes,
    CertificateSigningRequest,
    PrivateKey,
    ProviderCertificate,
    TLSCertificatesProvidesV4,
    TLSCertificatesRequiresV4,
)

ENDPOINT = "certificates"
INTERFACE = {"interface": "tls-certificates"}
VALIDITY = timedelta(days=90)
Done = tuple[dict[str, float], float]
"""Seconds by the work's name, and the peak of memory in MiB."""
KEY = PrivateKey.generate()
CA_KEY = PrivateKey.generate()
CA = Certificate.generate_self_signed_ca(
    CertificateRequestAttributes(common_name="ca", is_ca=True), CA_KEY, timedelta(days=3650)
)


class Provider(ops.CharmBase):
    """Answers every outstanding request, as a charm written for the published library does."""

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        self.tls = TLSCertificatesProvidesV4(self, ENDPOINT)
        framework.observe(self.on[ENDPOINT].relation_changed, self._on_changed)

    def _on_changed(self, _: ops.EventBase) -> None:
        answers = [
            answer(one.certificate_signing_request, one.relation_id)
            for one in self.tls.get_outstanding_certificate_requests()
        ]
        if hasattr(self.tls, "set_relation_answers"):
            self.tls.set_relation_answers(answers)
        else:
            for one in answers:
                self.tls.set_relation_certificate(one)


class Requirer(ops.CharmBase):
    """Asks for `number` certificates."""

    number = 1

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        wanted = [
            CertificateRequestAttributes(common_name=f"name-{number}")
            for number in range(self.number)
        ]
        self.tls = TLSCertificatesRequiresV4(self, ENDPOINT, wanted)


def answer(csr: CertificateSigningRequest, relation_id: int) -> ProviderCertificate:
    certificate = Certificate.generate(csr, CA, CA_KEY, VALIDITY)
    return ProviderCertificate(relation_id, certificate, csr, CA, [certificate, CA])


def timed(hook: Callable[[], testing.State]) -> tuple[float, testing.State]:
    """Time a hook: the seconds of this process, whatever else the machine does meanwhile."""
    start = time.process_time()
    state = hook()
    return time.process_time() - start, state


def peak() -> float:
    """Return the most memory that this process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed_best(hook: Callable[[], testing.State]) -> tuple[float, float]:
    """Time a hook that changes nothing: the best of ten runs, or of as many as a second has.

    Returns:
        The seconds, and the peak of memory after the first run.
    """
    best, _ = timed(hook)
    after_one = peak()
    spent = best
    for _ in range(9):
        if spent > 1:
            break
        seconds, _ = timed(hook)
        best, spent = min(best, seconds), spent + seconds
    return best, after_one


def provider(number: int) -> Done:
    """Issue `number` certificates in one hook, and look at them in the next."""
    context = testing.Context(Provider, {"name": "ca", "provides": {ENDPOINT: INTERFACE}})
    requests = [
        {
            "certificate_signing_request": CertificateRequestAttributes(common_name=f"name-{one}")
            .generate_csr(KEY)
            .raw,
            "ca": False,
        }
        for one in range(number)
    ]
    data = {"certificate_signing_requests": json.dumps(requests)}
    state = testing.State(
        leader=True, relations={testing.Relation(ENDPOINT, id=1, remote_units_data={0: data})}
    )

    def changed() -> testing.State:
        relation: Any = state.get_relation(1)
        return context.run(context.on.relation_changed(relation, remote_unit=0), state)

    issuing, state = timed(changed)
    steady, after = timed_best(changed)
    return {"provider, issuing": issuing, "provider, steady": steady}, after


def requirer(number: int) -> Done:
    """Accept `number` certificates in one hook, and look at them in the next."""
    Requirer.number = number
    context = testing.Context(Requirer, {"name": "req", "requires": {ENDPOINT: INTERFACE}})
    relation = testing.Relation(ENDPOINT, id=1)
    state = context.run(context.on.relation_created(relation), testing.State(relations={relation}))
    asked: Any = state.get_relation(1)
    entries: list[dict[str, Any]] = []
    for one in json.loads(asked.local_unit_data["certificate_signing_requests"]):
        csr = CertificateSigningRequest.from_string(one["certificate_signing_request"])
        made = answer(csr, 1)
        entries.append(
            {
                "certificate": made.certificate.raw,
                "certificate_signing_request": csr.raw,
                "ca": CA.raw,
                "chain": [certificate.raw for certificate in made.chain],
            }
        )
    answered = dataclasses.replace(asked, remote_app_data={"certificates": json.dumps(entries)})
    state = dataclasses.replace(state, relations={answered})

    def changed() -> testing.State:
        relation: Any = state.get_relation(1)
        return context.run(context.on.relation_changed(relation, remote_unit=0), state)

    accepting, state = timed(changed)
    steady, after = timed_best(changed)
    return {"requirer, accepting": accepting, "requirer, steady": steady}, after


def bare(number: int) -> Done:
    """Do the cryptography of issuing, and nothing else: parse, verify and sign each once."""
    asked = [
        CertificateRequestAttributes(common_name=f"name-{one}").generate_csr(KEY).raw
        for one in range(number)
    ]
    key: Any = serialization.load_pem_private_key(CA_KEY.raw.encode(), password=None)
    issuer = x509.load_pem_x509_certificate(CA.raw.encode())
    start = time.process_time()
    for pem in asked:
        csr = x509.load_pem_x509_csr(pem.encode())
        if not csr.is_signature_valid:
            raise SystemExit("a request that was just made does not verify")
        builder = (
            x509.CertificateBuilder()
            .subject_name(csr.subject)
            .issuer_name(issuer.subject)
            .public_key(csr.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(issuer.not_valid_before_utc)
            .not_valid_after(issuer.not_valid_after_utc)
        )
        builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return {"bare cryptography": time.process_time() - start}, peak()


WORK = {"provider": provider, "requirer": requirer, "bare": bare}

if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    # The first hook in a process pays for imports and caches.
    WORK[sys.argv[1]](1)
    seconds, most = WORK[sys.argv[1]](int(sys.argv[2]))
    print(json.dumps({"seconds": seconds, "peak": most}))
