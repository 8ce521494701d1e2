"""A requirer that is at rest, as its plan sees it, and what its plan says after changes."""

import dataclasses
from datetime import timedelta
from typing import Any

from charmlibs.interfaces.tls_certificates import (
    CertificateRequestAttributes,
    RequirerCertificateRequest,
    _requirer_plan,
    _requirer_state,
)
from tests.unit.lib import keys

A = CertificateRequestAttributes
DAY = timedelta(days=1)
CSR = keys.csr_of()
REQUEST = RequirerCertificateRequest(1, CSR, False)
ANSWER = keys.answer(CSR)
# By the clock, as the certificate is: it was made just now.
START = ANSWER.certificate.expiry_time - 90 * DAY


def seen_at_rest(**changes: Any) -> _requirer_state.Observed:
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


def plan_of(**changes: Any) -> _requirer_plan.Plan:
    """Return what a requirer plans that is at rest, but for the changes."""
    return _requirer_plan.plan(seen_at_rest(**changes))
