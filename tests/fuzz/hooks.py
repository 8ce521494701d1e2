"""Targets: whole hooks of both sides, under `ops.testing`: few, for each takes its time."""

import json

from hypothesis import strategies as st

from tests.fuzz import forge, sides, texts
from tests.fuzz.target import Target
from tests.unit.lib import keys
from tests.unit.lib.providers import Provider
from tests.unit.lib.requirers import A, Requirer, certificate_entry

MOST_LINES = 40


def check_provider_hook(bags: list[texts.Items]) -> None:
    """The good requests are offered, once answered they stay so, and the log is short."""
    written = [texts.written(one, sides.good_requests()) for one in bags]
    good = {forge.request(one).raw for bag in bags for one in texts.numbers(bag)}
    provider = Provider()
    provider.receive(*written)
    outstanding = provider.get("get_outstanding_certificate_requests")
    assert good <= {one.certificate_signing_request.raw for one in outstanding}
    assert len(provider.warnings()) < MOST_LINES
    answers = [keys.answer(forge.request(one)) for one in range(sides.GOOD)]
    provider.set(*(one for one in answers if one.certificate_signing_request.raw in good))
    before = provider.databag()
    provider.update_status()
    assert (provider.writes, provider.databag()) == ([], before)
    assert {
        one.certificate_signing_request.raw for one in provider.get("get_issued_certificates")
    } == good


def check_requirer_hook(case: tuple[texts.Items, texts.Items, str]) -> None:
    """The good answers are used, nothing is asked for again, and the log is short."""
    issued, refused, capabilities = case
    requirer = Requirer(
        certificate_requests=[A(common_name=f"host-{n}") for n in range(sides.GOOD)]
    )
    requirer.relate()
    sent = requirer.requests()
    answers = [json.dumps(certificate_entry(keys.answer(csr))) for csr in sent]
    requirer.receive(
        certificates=texts.written(issued, answers),
        request_errors=texts.written(refused, sides.good_errors()),
        capabilities=capabilities,
    )
    assert len(requirer.warnings()) < MOST_LINES
    requirer.call(lambda tls: tls.get_provider_capabilities())
    assigned, _ = requirer.assigned()
    assert {one.certificate_signing_request for one in assigned} == {
        sent[one] for one in texts.numbers(issued)
    }
    assert requirer.requests() == sent


_MORE = st.one_of(
    texts.HOSTILE, texts.request_entries, texts.certificate_entries, texts.error_entries
)
TARGETS = [
    Target(
        "provider-hook",
        st.lists(texts.items(_MORE, sides.GOOD), min_size=1, max_size=2),
        check_provider_hook,
        1,
    ),
    Target(
        "requirer-hook",
        st.tuples(
            texts.items(_MORE, sides.GOOD), texts.items(_MORE, sides.GOOD), texts.capabilities
        ),
        check_requirer_hook,
        1,
    ),
]
