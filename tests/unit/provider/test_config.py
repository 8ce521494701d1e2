"""What the options accept, and what is said of the rest."""

from __future__ import annotations

import datetime
from typing import Any

import pydantic
import pytest

from self_signed_provider.config import ProviderConfig, describe, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("30s", 30, id="seconds"),
        pytest.param("90m", 5400, id="minutes"),
        pytest.param("36h", 129600, id="hours"),
        pytest.param("2d", 172800, id="days"),
        pytest.param("2w", 1209600, id="weeks"),
        pytest.param("7", 604800, id="a bare number is days"),
        pytest.param(" 7 d ", 604800, id="white space"),
    ],
)
def test_duration_read(text: str, seconds: int) -> None:
    """A length of time is read in each of its forms."""
    assert parse_duration(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "d", "0", "0s", "-5d", "1.5h", "5y", "five", "99999999w"])
def test_duration_refused(text: str) -> None:
    """Zero, negative, absurd and unreadable lengths of time are refused."""
    with pytest.raises(ValueError, match="must be"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        pytest.param({"certificate_validity": "-5d"}, "certificate-validity must", id="negative"),
        pytest.param(
            {"ca_overlap": "soon"}, "ca-overlap must be a length of time", id="no length"
        ),
        pytest.param(
            {"certificate_validity": False}, "certificate-validity must be a length", id="no text"
        ),
        pytest.param({"ca_country_name": "DEU"}, "ca-country-name must be two letters", id="land"),
        pytest.param({"ca_common_name": "x" * 65}, "ca-common-name must have at most 64", id="cn"),
        pytest.param({"ca_email_address": "é@b"}, "ca-email-address must be", id="e-mail"),
        pytest.param({"key_algorithm": "dsa"}, "key-algorithm must be one of rsa-2048", id="key"),
        pytest.param({"certificate_limit": -2}, "certificate-limit must be -1", id="limit"),
        pytest.param({"allowed_domains": "a b"}, "allowed-domains must be domain", id="domain"),
        pytest.param({"certificate_validity": "200d"}, "at most half of root-ca", id="too long"),
    ],
)
def test_wrong_option_named(options: dict[str, Any], named: str) -> None:
    """The message names the option and what it accepts."""
    with pytest.raises(pydantic.ValidationError) as caught:
        ProviderConfig.model_validate(options)
    assert named in describe(caught.value)


def test_empty_text_is_none() -> None:
    """An option that was set to nothing is as if it had never been set."""
    assert ProviderConfig.model_validate({"ca_organization": " "}) == ProviderConfig()


def test_kept_configuration_reads_back() -> None:
    """What is kept as the last good configuration is the same when it is read again."""
    options = {
        "certificate_validity": "90s",
        "allowed_domains": "example.com, Test",
        "ca_country_name": "de",
    }
    config = ProviderConfig.model_validate(options)
    assert ProviderConfig.model_validate_json(config.model_dump_json()) == config


def test_overlap_leaves_room_for_a_short_lived_ca() -> None:
    """However long the overlap is said to be, a CA issues long before it must be rotated."""
    options = {"root_ca_validity": "10m", "certificate_validity": "2m", "ca_overlap": "1h"}
    config = ProviderConfig.model_validate(options)
    issuing = config.root_ca_validity - config.certificate_validity - 2 * config.overlap
    assert issuing >= datetime.timedelta(minutes=4)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        pytest.param("ca_common_name", "a\tb", "printable", id="control character"),
        pytest.param("ca_common_name", "ü" * 33, "64 bytes", id="long when encoded"),
        pytest.param("allowed_domains", "münchen.de", "xn--mnchen-3ya.de", id="U-label"),
        pytest.param("allowed_domains", "*", "example.com", id="wildcard"),
        pytest.param("allowed_domains", [""], "in a text", id="list of domains"),
    ],
)
def test_refused_with_what_is_accepted(option: str, value: object, said: str) -> None:
    """What could not stand in a certificate is refused here, before a CA is made of it."""
    with pytest.raises(pydantic.ValidationError) as caught:
        ProviderConfig.model_validate({option: value})
    message = describe(caught.value)
    assert option.replace("_", "-") in message
    assert said in message


def test_domains_in_any_spelling() -> None:
    """Case, spaces and the dot at a name's end say nothing."""
    config = ProviderConfig.model_validate({"allowed_domains": " Example.COM. ,b.test"})
    assert config.allowed_domains == ("example.com", "b.test")
