"""What a hook costs is linear in the entries: parses, signatures, verifications, writes."""

import gc
import json
from collections import Counter
from typing import Any

import ops
import pytest
from cryptography import x509

from charmlibs.interfaces.tls_certificates import ProviderCertificate, _x509
from tests.unit.counting import Calls
from tests.unit.lib import keys
from tests.unit.lib.providers import Provider, requests
from tests.unit.lib.requirers import A, Requirer, certificates

MANY = 40


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count what is dear: parses of PEM texts, signatures, databag writes, secret calls."""
    calls = Calls()
    calls.watch(monkeypatch, x509, "load_pem_x509_csr")
    calls.watch(monkeypatch, x509, "load_pem_x509_certificate")
    calls.watch(monkeypatch, x509.CertificateBuilder, "sign")
    calls.watch(monkeypatch, x509.CertificateSigningRequestBuilder, "sign")
    calls.watch(monkeypatch, _x509.Certificate, "is_signed_by")
    calls.watch(monkeypatch, ops.RelationDataContent, "update")
    for name in ("get_content", "get_info", "set_content", "set_info", "remove_all_revisions"):
        calls.watch(monkeypatch, ops.Secret, name)
    return calls


def _provider() -> Provider:
    provider = Provider()
    csrs = [keys.csr_of(str(number)) for number in range(MANY)]
    provider.receive(requests(csrs))
    provider.set(*(keys.answer(csr) for csr in csrs))
    return provider


def _requirer(**options: Any) -> Requirer:
    wanted = [A(common_name=str(number)) for number in range(MANY)]
    requirer = Requirer(certificate_requests=wanted, **options)
    requirer.relate()
    requirer.receive(certificates=certificates(keys.answer(csr) for csr in requirer.requests()))
    return requirer


def test_provider_in_steady_state(counted: Counter[str]) -> None:
    """A hook in which every request has its answer parses nothing, and writes nothing."""
    provider = _provider()
    counted.clear()
    provider.update_status()
    assert counted == {}


def test_what_stands_is_seen_unparsed(counted: Counter[str]) -> None:
    """Of many requests, all but one answered, the one is found, and it alone is parsed."""
    provider = Provider()
    standing = [keys.csr_of(str(number)) for number in range(MANY)]
    new = keys.csr_of("new")
    provider.receive(requests(standing))
    provider.set(*(keys.answer(csr) for csr in standing))
    provider.receive(requests([*standing, new]))
    counted.clear()

    def load(tls: Any) -> Any:
        todo = {one.csr for one in tls.get_exchanges() if one.certificate is None}
        return tls.get_certificate_requests(csrs=todo)

    [found] = provider.call(load)
    assert found.certificate_signing_request == new
    assert counted == {"load_pem_x509_csr": 1}


def test_answers_are_sorted_by_relation_once() -> None:
    """Each answer of a bulk call is looked at a fixed number of times, however many relations."""
    looked: Counter[int] = Counter()

    class Answer(ProviderCertificate):
        def __getattribute__(self, name: str) -> Any:
            if name == "relation_id":
                looked[id(self)] += 1
            return super().__getattribute__(name)

    def looks(relations: int) -> int:
        looked.clear()
        provider = Provider()
        answers: list[Answer] = []
        for relation_id in range(1, relations + 1):
            csr = keys.csr_of(str(relation_id))
            provider.receive(requests([csr]), relation_id=relation_id)
            made = keys.answer(csr)
            answers.append(Answer(relation_id, made.certificate, csr, made.ca, made.chain))
        provider.call(lambda tls: tls.set_relation_answers(answers))
        assert len({one.id for one in provider.state.relations}) == relations
        return max(looked.values())

    assert looks(2) == looks(12)


def test_provider_issues_in_bulk(counted: Counter[str]) -> None:
    """Issuing takes one signature for each certificate, and one write."""
    provider = Provider()
    csrs = [keys.csr_of(str(number)) for number in range(MANY)]
    provider.receive(requests(csrs))
    ca, key = keys.authority(), keys.key("ca")
    counted.clear()

    def issue(tls: Any) -> None:
        tls.set_relation_answers(
            [
                keys.answer(one.certificate_signing_request)
                for one in tls.get_outstanding_certificate_requests()
            ]
        )

    provider.call(issue)
    assert (ca, key) == (keys.authority(), keys.key("ca"))
    assert counted == {"load_pem_x509_csr": MANY, "sign": MANY, "update": 1}


@pytest.mark.parametrize(("keeps", "secrets"), [(False, MANY + 1), (True, MANY + 2)])
def test_requirer_in_steady_state(keeps: bool, secrets: int, counted: Counter[str]) -> None:
    """A hook in which nothing is to be done parses each text once, and writes nothing.

    The events that ops restores are parsed from texts that it has seen. To hold what is in force
    costs no parse, and two questions about one secret more.
    """
    requirer = _requirer(keep_until_replaced=keeps)
    requirer.update_status()
    counted.clear()
    requirer.update_status()
    assert counted == {
        "load_pem_x509_csr": MANY,
        # The certificates, and their CA.
        "load_pem_x509_certificate": MANY + 1,
        "get_info": secrets,
        "get_content": secrets,
    }


def test_hooks_of_one_process_do_not_pile_up() -> None:
    """What a hook has parsed is gone when it ends, without waiting for the garbage collector."""
    requirer = _requirer()
    requirer.call(lambda _: None)
    gc.collect()
    gc.disable()
    try:
        before = _alive()
        for _ in range(3):
            requirer.update_status()
        requirer.told.clear()
        # `ops.testing` keeps the events of every hook, and they hold what they tell of.
        requirer.context.emitted_events.clear()
        assert _alive() - before <= 2 * MANY
    finally:
        gc.enable()


def _alive() -> int:
    kinds = (_x509.Certificate, _x509.CertificateSigningRequest)
    # By type alone: `isinstance` asks what a weak proxy stands for, which may be gone.
    return sum(type(one) in kinds for one in gc.get_objects())


def test_requirer_asks_in_one_write(counted: Counter[str]) -> None:
    """However many requests are sent, the databag is written once."""
    wanted = [A(common_name=str(number)) for number in range(MANY)]
    requirer = Requirer(certificate_requests=wanted)
    requirer.relate()
    assert (counted["sign"], counted["update"]) == (MANY, 1)


def test_requirer_parses_its_own_answers_only(counted: Counter[str]) -> None:
    """Of a databag with many answers, a unit with one request parses its own."""
    requirer = Requirer()
    requirer.relate()
    others = [keys.answer(keys.csr_of(str(number))) for number in range(MANY)]
    answer = keys.answer(requirer.request)
    counted.clear()
    requirer.receive(certificates=certificates([*others, answer]))
    # The certificate and the CA, by the hook and from the event that it emits.
    assert counted["load_pem_x509_certificate"] <= 4


def test_getters_cost_no_more(counted: Counter[str]) -> None:
    """What a charm asks of the library in a hook is not parsed again."""
    requirer = _requirer()
    counted.clear()

    def ask(tls: Any) -> None:
        for _ in range(5):
            tls.get_assigned_certificates()
            tls.get_provider_certificates()

    requirer.call(ask)
    assert counted["load_pem_x509_certificate"] == MANY + 1
    assert counted["get_info"] <= MANY + 1


def test_size_of_databag_is_linear() -> None:
    """An answer is written once, with its chain and nothing else."""
    text = _provider().state.get_relation(1).local_app_data["certificates"]
    assert len(json.loads(text)) == MANY
