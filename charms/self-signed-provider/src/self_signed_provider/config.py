"""The charm's options: a `ProviderConfig` that exists is one that can be worked under."""

from __future__ import annotations

import datetime
import re
from typing import Annotated, Any

import pydantic

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"\s*(\d{1,9})\s*([smhdw]?)\s*")
_DURATION_FORM = "30s, 90m, 36h, 90d or 2w, or a bare number of days"
_LONGEST = datetime.timedelta(days=36500)
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")

KEY_ALGORITHMS = ("rsa-2048", "rsa-3072", "rsa-4096", "ecdsa-p256", "ecdsa-p384")


def parse_duration(text: str) -> datetime.timedelta:
    """Return the length of time that *text* gives.

    Args:
        text: A whole number, then `s`, `m`, `h`, `d` or `w`; a bare number is days.

    Raises:
        ValueError: If *text* is nothing of the kind, is zero, or is more than a hundred years.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"must be a length of time: {_DURATION_FORM}")
    number, unit = match.groups()
    length = datetime.timedelta(**{_UNITS[unit or "d"]: int(number)})
    if not datetime.timedelta() < length <= _LONGEST:
        raise ValueError("must be more than zero and at most 36500d")
    return length


def _read_duration(value: Any) -> Any:
    if isinstance(value, datetime.timedelta):
        return value
    # A number, and so false and true, is nothing that Juju hands on or that was written down.
    if not isinstance(value, str):
        raise ValueError(f"must be a length of time: {_DURATION_FORM}")  # noqa: TRY004 - pydantic
    return parse_duration(value)


def _write_duration(length: datetime.timedelta) -> str:
    return f"{int(length.total_seconds())}s"


def _text(longest: int, pattern: str = ".*", accepted: str = "text") -> pydantic.BeforeValidator:
    """Read text; the empty one, which is how an option is cleared, as no value at all.

    The lengths are the upper bounds of RFC 5280, appendix A.1.
    """

    def read(value: Any) -> str | None:
        text = str(value or "").strip()
        if text and not re.fullmatch(pattern, text):
            raise ValueError(f"must be {accepted}")
        if not text.isprintable():
            raise ValueError("must be printable, in one line")
        # `cryptography` counts the bytes of the text as it is encoded.
        length = len(text.encode())
        if length > longest:
            raise ValueError(f"must have at most {longest} bytes in UTF-8, and has {length}")
        return text or None

    return pydantic.BeforeValidator(read)


def _one_of(*accepted: str) -> pydantic.AfterValidator:
    def check(value: str) -> str:
        if value not in accepted:
            raise ValueError(f"must be one of {', '.join(accepted)}")
        return value

    return pydantic.AfterValidator(check)


def _domains(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError(  # noqa: TRY004 - pydantic takes no other.
            f"must be domain names separated by commas in a text, not {value!r}"
        )
    # A dot at the end says that a name is complete, which these are anyhow.
    names = tuple(
        name.strip().lower().removesuffix(".") for name in value.split(",") if name.strip()
    )
    for name in names:
        if not name.isascii():
            raise ValueError(f"must be ASCII; for {name!r} give its A-label{_a_label_of(name)}")
        if not _DOMAIN.fullmatch(name):
            raise ValueError(
                f"must be domain names separated by commas, as example.com; {name!r} is none"
            )
    return names


def _a_label_of(name: str) -> str:
    try:
        return f", {name.encode('idna').decode()}"
    except UnicodeError:
        return ""


Duration = Annotated[
    datetime.timedelta,
    pydantic.BeforeValidator(_read_duration),
    pydantic.PlainSerializer(_write_duration),
]


class ProviderConfig(pydantic.BaseModel):
    """What the operator asked for.

    Field names are the options' names with `_` for `-`. `model_dump_json` gives a text that
    `model_validate_json` reads back: the last good configuration is kept so.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="ignore")

    ca_common_name: Annotated[str | None, _text(64)] = None
    ca_organization: Annotated[str | None, _text(64)] = None
    ca_organizational_unit: Annotated[str | None, _text(64)] = None
    ca_email_address: Annotated[
        str | None, _text(255, r"[!-?A-~]+@[!-?A-~]+", "an ASCII e-mail address")
    ] = None
    ca_country_name: Annotated[
        str | None, _text(2, "[A-Za-z]{2}", "two letters (ISO 3166-1 alpha-2)")
    ] = None
    ca_state_or_province_name: Annotated[str | None, _text(128)] = None
    ca_locality_name: Annotated[str | None, _text(128)] = None
    root_ca_validity: Duration = datetime.timedelta(days=365)
    certificate_validity: Duration = datetime.timedelta(days=90)
    ca_overlap: Duration = datetime.timedelta(hours=1)
    key_algorithm: Annotated[str, _one_of(*KEY_ALGORITHMS)] = KEY_ALGORITHMS[0]
    certificate_limit: int = 99
    """How many certificates one requirer may hold; -1 is as many as it likes."""
    allowed_domains: Annotated[
        tuple[str, ...], pydantic.BeforeValidator(_domains), pydantic.PlainSerializer(",".join)
    ] = ()
    """Names outside of these are denied; none given, none is denied."""
    allow_wildcards: bool = True
    allow_ip_sans: bool = True
    allow_subdomains: bool = True
    allow_ca_certificates: bool = False
    ca_secret: Annotated[str | None, _text(200)] = None
    """The id of a secret, as the operator gave it."""

    @pydantic.field_validator("certificate_limit")
    @classmethod
    def _check_limit(cls, value: int) -> int:
        if value < -1:
            raise ValueError("must be -1 for no limit, 0 for none, or a number of certificates")
        return value

    @pydantic.model_validator(mode="after")
    def _check_validities(self) -> ProviderConfig:
        if self.certificate_validity > self.root_ca_validity / 2:
            raise ValueError("certificate-validity must be at most half of root-ca-validity")
        return self

    @property
    def overlap(self) -> datetime.timedelta:
        """How long a new CA is only published before it issues.

        At most a quarter of what a root's life leaves beside a certificate's: with short lives, as
        in tests, a CA must still come to issue well before it is itself due for rotation.
        """
        return min(self.ca_overlap, (self.root_ca_validity - self.certificate_validity) / 4)


def describe(error: pydantic.ValidationError) -> str:
    """Say in one line which option is wrong and what it accepts, for the unit's status."""
    first = error.errors(include_url=False, include_input=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    return " ".join([*(str(part).replace("_", "-") for part in first["loc"]), message])
