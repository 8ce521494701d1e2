"""Defects of the published library's requirers, each as a test that fails with it.

The numbers are those of the list in the documentation.
"""

import dataclasses
import logging
from datetime import datetime, timedelta, timezone
from typing import Any

import ops
import pytest
from ops import testing

from charmlibs.interfaces.tls_certificates import (
    CertificateRequestAttributes,
    Mode,
)
from tests.unit.lib import keys
from tests.unit.lib.requirers import (
    NOW,
    A,
    Requirer,
    certificate_entry,
    certificates,
    error_entry,
    related,
    served,
)

DAY = timedelta(days=1)


def test_defect_03_bad_answers_leave_the_good_ones() -> None:
    """A malformed certificate and an error of the published schema do not hide a good answer."""
    requirer = related(certificate_requests=[A(common_name="a"), A(common_name="b")])
    one, two = requirer.requests()
    bad = certificate_entry(keys.answer(two), certificate="no PEM")
    error = error_entry(two)
    error["certificate_signing_request"] = error.pop("csr")
    requirer.receive(
        certificates=[bad, certificate_entry(keys.answer(one))], request_errors=[error]
    )
    assert requirer.names_told() == ["certificate_available", "certificate_denied"]


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param({"sans_ip": ["2001:DB8::0001"]}, id="IPv6"),
        pytest.param({"sans_dns": ["A.Example", "b"]}, id="DNS"),
        pytest.param({"sans_oid": ["1.2.03"]}, id="OID"),
        pytest.param({"common_name": "", "sans_dns": ["a"]}, id="empty text"),
    ],
)
def test_defect_04_non_canonical_name_does_not_request_again(attributes: dict[str, Any]) -> None:
    """A name in another spelling is the same name: one request, hook after hook."""
    options: dict[str, Any] = {"common_name": "a", **attributes}
    made = A(**options)
    requirer = related(certificate_requests=[made])
    before = requirer.request
    requirer.update_status()
    assert requirer.request == before


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param({"common_name": "x" * 65}, id="long common name"),
        pytest.param({"common_name": "a", "country_name": "GBR"}, id="country"),
    ],
)
def test_defect_05_invalid_attributes_do_not_raise(attributes: dict[str, Any]) -> None:
    """What no certificate can hold is not valid, and fails no hook."""
    assert not A(**attributes).is_valid()
    requirer = related(certificate_requests=[A(**attributes)])
    assert requirer.requests() == []


def test_defect_05_names_alone_without_unique_id() -> None:
    """Alternative names without a subject make a request."""
    csr = A(sans_dns=["a"], add_unique_id_to_subject_name=False).generate_csr(keys.key())
    assert csr.sans_dns == {"a"}


def test_defect_06_revoked_is_not_assigned_and_told() -> None:
    """A revoked certificate is not assigned any more, and the charm hears of it."""
    requirer = served()
    (before,), _ = requirer.assigned()
    requirer.receive(certificates=[certificate_entry(before, revoked=True)])
    assert requirer.assigned()[0] == []
    assert requirer.names_told() == ["certificate_invalidated"]


def test_defect_07_renewal_has_no_gap(clock: Any) -> None:
    """Between a renewal's request and its answer, however long, the old one is assigned."""
    requirer = served()
    before = requirer.assigned()
    clock.shift(82 * DAY)
    for _ in range(5):
        requirer.update_status()
        clock.shift(DAY)
        assert requirer.assigned() == before


def test_defect_08_demoted_leader_does_not_lose_the_certificate(clock: Any) -> None:
    """An expiry on a unit that was demoted changes nothing; the new leader renews."""
    leader = served(mode=Mode.APP, leader=True)
    asked = leader.requests("app")
    clock.shift(82 * DAY)
    secrets = leader.labels()
    leader.state = dataclasses.replace(leader.state, leader=False)
    leader.expire(leader.secret("certificate"))
    assert leader.labels() == secrets
    leader.state = dataclasses.replace(leader.state, leader=True)
    leader.run(leader.context.on.leader_elected())
    assert leader.requests("app") != asked


def test_defect_09_safety_net_takes_expired_ones(clock: Any) -> None:
    """A certificate that has expired is renewed on `update-status`, without any alarm."""
    requirer = served()
    before = requirer.request
    clock.shift(91 * DAY)
    requirer.update_status()
    assert requirer.request != before


def test_defect_10_due_by_lifetime_not_by_what_is_left(clock: Any) -> None:
    """A certificate that is first seen at 60 % of its life is renewed at 90 % of it."""
    requirer = related()
    answer = keys.answer(requirer.request, 100 * DAY)
    clock.shift(60 * DAY)
    requirer.receive(certificates=certificates([answer]))
    expiry = requirer.secret("certificate").expire
    assert expiry is not None
    assert abs(expiry - (NOW + 90 * DAY)) < timedelta(minutes=5)


def test_defect_10_expired_one_is_not_announced(clock: Any) -> None:
    """A certificate that had expired when it came is not announced, nor due in the past."""
    requirer = related()
    answer = keys.answer(requirer.request, DAY)
    clock.shift(2 * DAY)
    requirer.receive(certificates=certificates([answer]))
    assert requirer.told == []
    expiry = requirer.secret("certificate").expire
    assert expiry is not None
    assert expiry > datetime.now(timezone.utc)


def test_defect_11_dead_remote_application(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relation whose other end cannot be read any more fails no hook."""
    requirer = served()

    def dead(*_: Any, **__: Any) -> Any:
        raise ops.ModelError("permission denied")

    read = ops.RelationDataContent.get

    def get(self: Any, key: str, default: Any = None) -> Any:
        return dead() if "remote" in self._entity.name else read(self, key, default)

    monkeypatch.setattr(ops.RelationDataContent, "get", get)
    requirer.update_status()
    assert requirer.assigned()[0] == []


def test_defect_11_two_relations() -> None:
    """With two relations under one name, the older one is used, and the log says so."""
    requirer = served()
    second = testing.Relation("certificates", id=2)
    requirer.state = dataclasses.replace(
        requirer.state, relations={*requirer.state.relations, second}
    )
    requirer.update_status()
    assert requirer.names_told() == ["certificate_available"]
    assert any("2 relations" in line for line in requirer.warnings())


def test_defect_11_second_relation_takes_over() -> None:
    """When the older of two relations goes, the other is asked, without a gap."""
    requirer = served()
    before = requirer.assigned()
    second = testing.Relation("certificates", id=2)
    requirer.state = dataclasses.replace(
        requirer.state, relations={*requirer.state.relations, second}
    )
    requirer.leave()
    assert len(requirer.requests()) == 1
    assert requirer.assigned() == before
    requirer.answer_all()
    assert requirer.assigned()[0][0].certificate_signing_request == requirer.request


def test_defect_20_followers_do_not_read_their_application() -> None:
    """A unit that is not the leader reconciles both modes without an error."""
    follower = related(
        leader=False,
        certificate_requests=None,
        mode=Mode.APP_AND_UNIT,
        certificate_requests_by_mode={
            Mode.APP: [A(common_name="app")],
            Mode.UNIT: [A(common_name="unit")],
        },
    )
    follower.update_status()
    found = follower.call(lambda tls: tls.get_csrs_from_requirer_relation_data())
    assert len(found) == 1


def test_defect_21_import_before_the_first_key() -> None:
    """A key that is imported before there is one is kept."""
    requirer = Requirer()
    requirer.call(lambda tls: tls.import_private_key(keys.key("imported")))
    assert requirer.call(lambda tls: tls.private_key) == keys.key("imported")


def test_defect_22_nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """No key and no databag is logged, at any level, whatever comes in."""
    caplog.set_level(logging.DEBUG)
    requirer = served()
    key = requirer.secret("private-key").latest_content["private-key"]
    requirer.receive(certificates='[{"certificate": "SECRETIVE", "chain": 7}]')
    assert "SECRETIVE" not in caplog.text
    assert key.splitlines()[1] not in caplog.text
    assert key.splitlines()[1] not in f"{keys.key()}"


def test_defect_24_other_names_are_said() -> None:
    """A certificate for other names, or of an unrelated CA, is used and warned of."""
    requirer = related(certificate_requests=[A(common_name="a", sans_dns=["a.example"])])
    key = requirer.call(lambda tls: tls.private_key)
    other = CertificateRequestAttributes(common_name="b").generate_csr(key)
    entry = certificate_entry(
        keys.answer(other),
        certificate_signing_request=requirer.request.raw,
        ca=keys.authority("unrelated").raw,
    )
    requirer.receive(certificates=[entry])
    assert requirer.names_told() == ["certificate_available"]
    said = "\n".join(requirer.warnings())
    assert "'b'" in said
    assert "a.example" in said
    assert "CN=unrelated" in said
