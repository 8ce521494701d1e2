"""The provider's decisions as tables: what is outstanding, what stays, what changes."""

from typing import Any

import pytest

from charmlibs.interfaces.tls_certificates import (
    CertificateError,
    ProviderCertificate,
    _provider_plan,
    _wire,
)
from tests.unit.lib.at_rest import (
    ANSWER,
    CSR,
)

ISSUED = _wire.CertificateEntry("csr", "x", "ca", ())
REISSUED = _wire.CertificateEntry("csr", "y", "ca", ())
REVOKED_ENTRY = ISSUED._replace(revoked=True)
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
    refused = REFUSED._replace(csr="no")
    before = {"no", "csr", "gone"}
    answers = _split([ISSUED, OTHER, refused])
    found = _provider_plan.unexplained(answers, ["csr"], before, occasion)
    assert found == unexplained


def test_chain_of_provider_certificate_is_kept_in_its_order() -> None:
    """What others send is kept in their order."""
    given = ProviderCertificate(1, ANSWER.certificate, CSR, ANSWER.ca, ANSWER.chain[::-1])
    entry = _wire.CertificateEntry.from_value(given)
    assert _wire.Reader().certificate_value(entry, 1).chain == ANSWER.chain[::-1]


def test_settle_says_what_it_left_out_and_refused() -> None:
    """What is removed, and what is answered because it is forged, is told by its request."""
    forged = {"forged": _provider_plan.Flaw.NO_PROOF_OF_POSSESSION}
    settled = _provider_plan.settle(_split([ISSUED, OTHER]), ["csr", "forged"], forged.get)
    assert settled.unsolicited == ("other",)
    assert settled.forged == ("forged",)
    assert settled.answers.certificates == (ISSUED,)
    (refused,) = settled.answers.errors
    assert refused.csr == "forged"
    assert refused.error == CertificateError(
        code=999,
        name="other",
        message="The certificate request is not accepted.",
        reason="The signature of the certificate request does not hold.",
    )


def test_settle_keeps_what_may_be_unseen() -> None:
    """An answer stays although its request is not seen, when it is one of those to keep."""
    refused = REFUSED._replace(csr="no")
    settled = _provider_plan.settle(_split([ISSUED, OTHER, refused]), [], {}.get, {"other", "no"})
    assert settled.answers == _split([OTHER, refused])
    assert settled.unsolicited == ("csr",)


def test_unsolicited() -> None:
    """Certificates without a request are unsolicited, but for those that may be there unseen."""
    answers = _split([ISSUED, OTHER])
    assert _provider_plan.unsolicited(answers, []) == (ISSUED, OTHER)
    assert _provider_plan.unsolicited(answers, ["csr"]) == (OTHER,)
    assert _provider_plan.unsolicited(answers, ["csr"], ["other"]) == ()


def test_with_revoked() -> None:
    """The chosen certificates are marked; what is marked already, and what is not, stays as is."""
    chosen = {"csr"}
    answers = _split([ISSUED, OTHER, REFUSED])
    after = _provider_plan.with_revoked(answers, lambda one: one.csr in chosen)
    assert after == _split([REVOKED_ENTRY, OTHER, REFUSED])
    again = _provider_plan.with_revoked(after, lambda one: one.csr in chosen)
    assert all(a is b for a, b in zip(again.certificates, after.certificates, strict=True))


@pytest.mark.parametrize(
    ("after", "keys_written"),
    [
        pytest.param([ISSUED, REFUSED], set[str](), id="nothing"),
        pytest.param([REISSUED, REFUSED], {"certificates"}, id="certificate"),
        pytest.param([ISSUED], {"request_errors"}, id="error gone"),
        pytest.param([], {"certificates", "request_errors"}, id="both gone"),
    ],
)
def test_changes(after: list[Any], keys_written: set[str]) -> None:
    """What changed is written, and nothing else; the empty text deletes a key."""
    changed = _provider_plan.changes(_split([ISSUED, REFUSED]), _split(after))
    assert set(changed) == keys_written
    certificates, errors = _lists(after)
    expected = {
        "certificates": _wire.write_entries(certificates),
        "request_errors": _wire.write_entries(errors),
    }
    assert changed == {key: expected[key] for key in keys_written}


def test_same_answer_keeps_what_else_it_holds() -> None:
    """An answer that says the same leaves the entry as it was read, with what else it has."""
    read = ISSUED._replace(fields={"more": 1})
    refused = REFUSED._replace(csr="no", fields={"more": 2})
    before = _split([read, refused])
    found = _provider_plan.with_answers(before, [ISSUED], [REFUSED._replace(csr="no")])
    assert found.certificates[0].fields == {"more": 1}
    assert found.errors[0].fields == {"more": 2}
