"""The charm's options: a `RequirerConfig` that exists is one that can be worked under."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Annotated, Any

import pydantic

from charmlibs.interfaces.tls_certificates import (
    CertificateRequestAttributes,
    KeyAlgorithm,
    Mode,
)

if TYPE_CHECKING:
    from collections.abc import Callable

KEY_SIZES = {KeyAlgorithm.RSA: (2048, 3072, 4096), KeyAlgorithm.ECDSA: (256, 384)}
MOST_CERTIFICATES = 100


class CertificateMode(str, enum.Enum):
    """Whose certificates are served."""

    UNIT = "unit"
    APP = "app"
    APP_AND_UNIT = "app-and-unit"

    @property
    def for_library(self) -> Mode:
        """The same in the library's words."""
        return Mode[self.name]


def _one_of(accepted: type[enum.Enum]) -> pydantic.BeforeValidator:
    def read(value: Any) -> Any:
        if value not in {member.value for member in accepted}:
            raise ValueError(f"must be one of {', '.join(str(one.value) for one in accepted)}")
        return value

    return pydantic.BeforeValidator(read)


_attributes: Callable[..., CertificateRequestAttributes] = CertificateRequestAttributes


def _refuse_problems(**fields: Any) -> None:
    """Raise what keeps the library from sending a request with these fields."""
    problems = _attributes(**{"common_name": "x", **fields}).problems
    if problems:
        raise ValueError("; ".join(problems))


class RequirerConfig(pydantic.BaseModel):
    """What the operator asked for.

    Field names are the options' names with `_` for `-`. `model_dump_json` gives a text that
    `model_validate_json` reads back: the last good configuration is kept so.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="ignore")

    mode: Annotated[CertificateMode, _one_of(CertificateMode)] = CertificateMode.UNIT
    common_name: str | None = None
    sans_dns: tuple[str, ...] = ()
    sans_ip: tuple[str, ...] = ()
    organization: str | None = None
    organizational_unit: str | None = None
    email_address: str | None = None
    country_name: str | None = None
    state_or_province_name: str | None = None
    locality_name: str | None = None
    key_algorithm: Annotated[KeyAlgorithm, _one_of(KeyAlgorithm)] = KeyAlgorithm.RSA
    key_size: int | None = None
    """In bits; None is the algorithm's smallest, which is the one to use."""
    renewal_relative_time: float = 0.9
    """Share of a certificate's lifetime after which it is renewed."""
    num_certificates: int = 1
    port: int = 8443

    @pydantic.field_validator(
        "common_name",
        "organization",
        "organizational_unit",
        "email_address",
        "country_name",
        "state_or_province_name",
        "locality_name",
        mode="before",
    )
    @classmethod
    def _read_text(cls, value: Any, info: pydantic.ValidationInfo) -> str | None:
        """Read text for the subject; the empty one, which is how an option is cleared, as none."""
        text = str(value or "").strip()
        if not text:
            return None
        _refuse_problems(**{str(info.field_name): text})
        return text

    @pydantic.field_validator("sans_dns", "sans_ip", mode="before")
    @classmethod
    def _read_names(cls, value: Any, info: pydantic.ValidationInfo) -> Any:
        """Read names separated by commas."""
        if not isinstance(value, str):
            return value
        names = tuple(name.strip() for name in value.split(",") if name.strip())
        try:
            _refuse_problems(**{str(info.field_name): names})
        except ValueError as error:
            raise ValueError(f"must be names separated by commas: {error}") from None
        return names

    @pydantic.field_validator("renewal_relative_time")
    @classmethod
    def _check_renewal(cls, value: float) -> float:
        if not 0.5 < value <= 1.0:  # noqa: PLR2004  # The library's bounds.
            raise ValueError("must be more than 0.5 and at most 1.0")
        return value

    @pydantic.field_validator("num_certificates")
    @classmethod
    def _check_number(cls, value: int) -> int:
        if not 1 <= value <= MOST_CERTIFICATES:
            raise ValueError(f"must be from 1 to {MOST_CERTIFICATES}")
        return value

    @pydantic.field_validator("port")
    @classmethod
    def _check_port(cls, value: int) -> int:
        if not 1 <= value <= 65535:  # noqa: PLR2004  # 16 bits (RFC 9293, section 3.1).
            raise ValueError("must be from 1 to 65535")
        return value

    @pydantic.model_validator(mode="after")
    def _check_key_size(self) -> RequirerConfig:
        sizes = KEY_SIZES[self.key_algorithm]
        if self.key_size is not None and self.key_size not in sizes:
            accepted = ", ".join(map(str, sizes))
            raise ValueError(f"key-size must be one of {accepted} for {self.key_algorithm.value}")
        return self


def describe(error: pydantic.ValidationError) -> str:
    """Say in one line which options are wrong and what they accept, for the unit's status."""
    return "; ".join(
        " ".join(
            [
                *(str(part).replace("_", "-") for part in problem["loc"]),
                problem["msg"].removeprefix("Value error, "),
            ]
        )
        for problem in error.errors(include_url=False, include_input=False)
    )
