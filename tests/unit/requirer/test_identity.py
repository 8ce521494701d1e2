"""What is asked for, by the options and by who the unit is."""

from __future__ import annotations

from typing import Any

import pytest

from demo_requirer import identity
from demo_requirer.config import RequirerConfig
from demo_requirer.identity import Identity

WEB = Identity("web", "3", "prod", "10.0.0.7", "host.example")


def load(**options: Any) -> RequirerConfig:
    """Options as Juju gives them: texts."""
    return RequirerConfig(**options)


def unit(**options: Any) -> Any:
    return identity.unit_requests(load(**options), WEB)


def test_unit_defaults() -> None:
    """A unit asks for its names and its address."""
    (request,) = unit()
    assert request.common_name == "web-3"
    assert request.sans_dns == {"web-3", "web-3.web.prod", "host.example"}
    assert request.sans_ip == {"10.0.0.7"}


def test_options_take_the_place_of_defaults() -> None:
    """Names that the operator gives are all there are, with the common name among them."""
    (request,) = unit(common_name="a.example", sans_dns="b.example", sans_ip="10.0.0.8")
    assert request.common_name == "a.example"
    assert request.sans_dns == {"a.example", "b.example"}
    assert request.sans_ip == {"10.0.0.8"}


def test_common_name_that_is_no_host() -> None:
    """A common name for people is no DNS name, and does not become one."""
    (request,) = unit(common_name="Our web server")
    assert "Our web server" not in request.sans_dns
    assert request.problems == ()


def test_app_depends_on_no_unit() -> None:
    """Whichever unit leads, the application asks for the same."""
    (request,) = identity.app_requests(load(mode="app"), WEB)
    assert (request.common_name, request.sans_dns) == ("web", {"web"})
    assert not request.sans_ip


def test_both() -> None:
    """In app-and-unit mode the options' names are the application's; units have their own."""
    config = load(mode="app-and-unit", common_name="a.example")
    assert identity.slots(config, WEB) == ["unit web-3", "app a.example"]


def test_numbered() -> None:
    """Several certificates have a number in their names, and are told apart by them."""
    requests = unit(num_certificates=3, common_name="a.example")
    assert [one.common_name for one in requests] == ["a.example-1", "a.example-2", "a.example-3"]
    assert all(one.common_name in one.sans_dns for one in requests)
    assert len(set(requests)) == 3


def test_subject_options() -> None:
    """Every subject option gets into the request."""
    fields = {
        "organization": "Org",
        "organizational_unit": "Unit",
        "email_address": "me@a.example",
        "country_name": "DE",
        "state_or_province_name": "State",
        "locality_name": "Town",
    }
    (request,) = unit(**fields)
    assert {name: getattr(request, name) for name in fields} == fields


@pytest.mark.parametrize(
    ("found", "remembered", "used"),
    [
        pytest.param("web.example", None, "web.example", id="found"),
        pytest.param("Web.Example", None, "web.example", id="lower case"),
        pytest.param("web", "web.example", "web.example", id="resolver down"),
        pytest.param("web", None, None, id="there is none"),
        pytest.param("new.example", "web.example", "new.example", id="renamed"),
        pytest.param("localhost.localdomain", None, None, id="of every host"),
        pytest.param("a_b.example", None, None, id="no host name"),
        pytest.param("", None, None, id="nothing"),
    ],
)
def test_fqdn(found: str, remembered: str | None, used: str | None) -> None:
    """A resolver that fails for a while does not change what is asked for."""
    assert identity.usable_fqdn(found, remembered) == used


def test_no_address_yet() -> None:
    """Before Juju knows an address, there is none in the request."""
    (request,) = identity.unit_requests(RequirerConfig(), Identity("web", "3", "prod"))
    assert not request.sans_ip


def test_name_of_the_application_is_too_long() -> None:
    """A default that cannot be a common name is a problem, with the option that helps."""
    long = Identity("a" * 70, "0", "prod")
    (problem,) = identity.problems(RequirerConfig(), long)
    assert problem.startswith("set common-name to another: common_name ")
    assert identity.problems(RequirerConfig(common_name="short"), WEB) == []
