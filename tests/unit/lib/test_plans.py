"""The decisions of both sides as tables: what is dropped and why, when it is due, what is set."""

import dataclasses
from datetime import datetime, timedelta
from typing import Any

import pytest

from charmlibs.interfaces.tls_certificates import (
    CertificateError,
    CertificateRequestAttributes,
    ProviderCertificate,
    RequirerCertificateRequest,
    _provider_plan,
    _requirer_plan,
    _requirer_state,
    _wire,
)
from charmlibs.interfaces.tls_certificates._requirer_plan import DropReason
from charmlibs.interfaces.tls_certificates._requirer_state import Flaw
from tests.unit.lib import keys

A = CertificateRequestAttributes
DAY = timedelta(days=1)
CSR = keys.csr_of()
REQUEST = RequirerCertificateRequest(1, CSR, False)
ANSWER = keys.answer(CSR)
# By the clock, as the certificate is: it was made just now.
START = ANSWER.certificate.expiry_time - 90 * DAY


def _seen(**changes: Any) -> _requirer_state.Observed:
    """Return a requirer at rest, but for the changes."""
    stored = _requirer_state.Stored(ANSWER.certificate, START + 81 * DAY)
    seen = _requirer_state.Observed(
        now=START + DAY,
        wanted=(A(common_name="a"),),
        key=keys.key(),
        sent=(REQUEST,),
        answers={CSR.raw: ANSWER},
        stored={CSR.raw: stored},
    )
    return dataclasses.replace(seen, **changes)


REVOKED = {CSR.raw: dataclasses.replace(ANSWER, revoked=True)}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({}, None, id="at rest"),
        pytest.param({"wanted": ()}, DropReason.NOT_REQUESTED, id="not requested"),
        pytest.param(
            {"wanted": (A(common_name="a", is_ca=True),)}, DropReason.NOT_REQUESTED, id="now a CA"
        ),
        pytest.param({"key": keys.key("b")}, DropReason.KEY_CHANGED, id="key changed"),
        pytest.param({"answers": REVOKED}, None, id="revoked"),
        pytest.param(
            {"answers": REVOKED, "key": keys.key("b")}, DropReason.REVOKED, id="revoked, new key"
        ),
        pytest.param({"asked": frozenset([CSR.raw])}, DropReason.RENEWAL_ASKED, id="asked for"),
        pytest.param({"now": START + 81 * DAY}, DropReason.RENEWAL_DUE, id="due"),
        pytest.param(
            {"now": START + 81 * DAY - timedelta(seconds=50), "hinted": frozenset([CSR.raw])},
            DropReason.RENEWAL_DUE,
            id="alarm a little early",
        ),
        pytest.param(
            {"now": START + 81 * DAY - timedelta(seconds=70), "hinted": frozenset([CSR.raw])},
            None,
            id="alarm much too early",
        ),
        pytest.param({"now": START + 95 * DAY}, DropReason.RENEWAL_DUE, id="expired"),
        pytest.param({"now": START + 82 * DAY, "answers": REVOKED}, None, id="due, but revoked"),
        pytest.param(
            {"now": START + 82 * DAY, "answers": {}}, DropReason.RENEWAL_DUE, id="withdrawn, due"
        ),
        pytest.param({"now": START + 82 * DAY, "stored": {}}, None, id="no alarm"),
        pytest.param(
            {"now": START + 82 * DAY, "answers": {CSR.raw: keys.answer(CSR, 200 * DAY)}},
            None,
            id="due, and answered anew",
        ),
    ],
)
def test_why_drop(changes: dict[str, Any], reason: DropReason | None) -> None:
    """A request leaves the databag for one of these reasons, and for no other."""
    assert _requirer_plan.why_drop(REQUEST, _seen(**changes)) is reason


def test_duplicates_are_dropped() -> None:
    """Of two requests for the same, the first stays."""
    again = RequirerCertificateRequest(1, keys.csr_of(), False)
    plan = _requirer_plan.plan(_seen(sent=(REQUEST, again)))
    ((dropped),) = plan.dropped
    assert dropped.reason is DropReason.DUPLICATE
    assert dropped.csr == again.certificate_signing_request


@pytest.mark.parametrize(
    ("request_is_ca", "key", "revoked", "now", "flaw"),
    [
        pytest.param(False, "a", None, START, None, id="good"),
        pytest.param(False, "a", True, START, Flaw.REVOKED, id="revoked"),
        pytest.param(False, "b", None, START, Flaw.OTHER_KEY, id="other key"),
        pytest.param(True, "a", None, START, Flaw.NOT_A_CA, id="no CA"),
        pytest.param(False, "a", None, START + 91 * DAY, Flaw.EXPIRED, id="expired"),
    ],
)
def test_why_flawed(
    request_is_ca: bool, key: str, revoked: bool | None, now: datetime, flaw: Flaw | None
) -> None:
    """An answer is not used for one of these reasons."""
    asked = RequirerCertificateRequest(1, CSR, request_is_ca)
    given = dataclasses.replace(ANSWER, revoked=revoked)
    assert _requirer_state.why_flawed(asked, given, keys.key(key), now) is flaw


def test_ca_that_was_not_asked_for() -> None:
    """A CA certificate is not used for a leaf's request."""
    given = keys.answer(CSR, is_ca=True)
    now = given.certificate.validity_start_time
    assert _requirer_state.why_flawed(REQUEST, given, keys.key(), now) is Flaw.UNWANTED_CA


ISSUED = _wire.CertificateEntry("csr", "x", "ca", ())
REISSUED = _wire.CertificateEntry("csr", "y", "ca", ())
REVOKED_ENTRY = dataclasses.replace(ISSUED, revoked=True)
REFUSED = _wire.ErrorEntry("csr", CertificateError(code=1, name="n", message="m"))
OTHER = _wire.CertificateEntry("other", "x", "ca", ())


@pytest.mark.parametrize(
    ("before", "given", "after"),
    [
        pytest.param([], [ISSUED], [ISSUED], id="first"),
        pytest.param([ISSUED], [REISSUED], [REISSUED], id="again"),
        pytest.param([ISSUED], [REFUSED], [REFUSED], id="certificate, then error"),
        pytest.param([REFUSED], [ISSUED], [ISSUED], id="error, then certificate"),
        pytest.param([REVOKED_ENTRY], [REFUSED], [REVOKED_ENTRY, REFUSED], id="revoked, error"),
        pytest.param([REVOKED_ENTRY], [REISSUED], [REISSUED], id="revoked, then certificate"),
        pytest.param([], [REFUSED, ISSUED], [ISSUED], id="both at once"),
        pytest.param([], [ISSUED, REISSUED], [REISSUED], id="two at once"),
        pytest.param([OTHER], [ISSUED], [OTHER, ISSUED], id="neighbour"),
    ],
)
def test_with_answers(before: list[Any], given: list[Any], after: list[Any]) -> None:
    """Each request has one answer, the latest; a mark of revocation stays beside an error."""
    found = _provider_plan.with_answers(_split(before), *_lists(given))
    assert found == _split(after)


def _lists(entries: list[Any]) -> tuple[list[Any], list[Any]]:
    certificates = [one for one in entries if isinstance(one, _wire.CertificateEntry)]
    return certificates, [one for one in entries if one not in certificates]


def _split(entries: list[Any]) -> _provider_plan.Answers:
    certificates, errors = _lists(entries)
    return _provider_plan.Answers(tuple(certificates), tuple(errors))


@pytest.mark.parametrize(
    ("answers", "is_outstanding"),
    [
        pytest.param([], True, id="none"),
        pytest.param([ISSUED], False, id="issued"),
        pytest.param([REVOKED_ENTRY], True, id="revoked"),
        pytest.param([REFUSED], True, id="refused"),
        pytest.param([OTHER], True, id="of another"),
    ],
)
def test_outstanding(answers: list[Any], is_outstanding: bool) -> None:
    """A request is outstanding until a certificate that is not revoked answers it."""
    assert _provider_plan.outstanding(_split(answers), ["csr"]) == ("csr",) * is_outstanding


@pytest.mark.parametrize(
    ("answers", "requested", "flaws", "left", "forged"),
    [
        pytest.param([ISSUED, OTHER], ["csr"], {}, [ISSUED], 0, id="unsolicited"),
        pytest.param([REFUSED], [], {}, [], 0, id="stale error"),
        pytest.param([ISSUED] * 4, [], {}, [], 0, id="a run of equal ones"),
        pytest.param(
            [], ["csr"], {"csr": _provider_plan.Flaw.NOT_A_REQUEST}, [], 0, id="not a request"
        ),
        pytest.param(
            [ISSUED],
            ["csr"],
            {"csr": _provider_plan.Flaw.NO_PROOF_OF_POSSESSION},
            [ISSUED],
            0,
            id="forged, but issued before",
        ),
    ],
)
def test_settle(
    answers: list[Any], requested: list[str], flaws: dict[str, Any], left: list[Any], forged: int
) -> None:
    """What no one waits for goes, and a forged request gets an answer, once."""
    settled = _provider_plan.settle(_split(answers), requested, flaws.get)
    assert settled.answers == _split(left)
    assert len(settled.forged) == forged


@pytest.mark.parametrize(
    ("occasion", "unexplained"),
    [
        pytest.param(_provider_plan.Occasion.TAKING_OVER, {"other", "no"}, id="taking over"),
        pytest.param(_provider_plan.Occasion.AT_WORK, {"no"}, id="at work"),
        pytest.param(_provider_plan.Occasion.ALL_MET, set[str](), id="all met"),
    ],
)
def test_unexplained(occasion: _provider_plan.Occasion, unexplained: set[str]) -> None:
    """Of answers without a request: all when taking over, those remembered at work, or none."""
    refused = dataclasses.replace(REFUSED, csr="no")
    before = {"no", "csr", "gone"}
    answers = _split([ISSUED, OTHER, refused])
    found = _provider_plan.unexplained(answers, ["csr"], before, occasion)
    assert found == unexplained


def test_chain_of_provider_certificate_is_kept_in_its_order() -> None:
    """What others send is kept in their order."""
    given = ProviderCertificate(1, ANSWER.certificate, CSR, ANSWER.ca, ANSWER.chain[::-1])
    entry = _wire.CertificateEntry.from_value(given)
    assert _wire.Reader().certificate_value(entry, 1).chain == ANSWER.chain[::-1]
