"""The charm's actions: parameters in, JSON out; never a private key."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Literal

import ops
import pydantic

from charmlibs.interfaces.tls_certificates import (
    Mode,
    PrivateKey,
    ProviderCertificate,
    TLSCertificatesError,
    TLSCertificatesRequiresV4,
)

from . import offers
from .config import CertificateMode
from .pairs import serial_hex

if TYPE_CHECKING:
    from collections.abc import Callable

    from .config import RequirerConfig
    from .status import Facts

KEY_FIELD = "private-key"
_FORGOTTEN = "It is kept as long as `certificates` is related, and forgotten with the relation."
_UNRELATED = "No provider of certificates is related"


class ActionError(Exception):
    """The action cannot do what is asked; the text is its failure message."""


@dataclasses.dataclass(frozen=True)
class Scene:
    """What actions work on."""

    tls: TLSCertificatesRequiresV4
    config: RequirerConfig
    model: ops.Model
    facts: Facts


class RenewParams(pydantic.BaseModel):
    """Parameters of `renew-certificate`."""

    common_name: str | None = None


class KeyParams(pydantic.BaseModel):
    """Parameters of `regenerate-private-key`."""

    mode: Literal["unit", "app"] | None = None


class ImportParams(KeyParams):
    """Parameters of `import-private-key`."""

    secret_id: str


def run(event: ops.ActionEvent, scene: Scene) -> None:
    """Do what *event* asks for, and put the outcome into it."""
    try:
        _ACTIONS[event.handle.kind.removesuffix("_action")](event, scene)
    except (ActionError, TLSCertificatesError) as error:
        event.fail(str(error))
    except pydantic.ValidationError as error:
        event.fail("; ".join(problem["msg"] for problem in error.errors(include_input=False)))


def _get_certificate(event: ops.ActionEvent, scene: Scene) -> None:
    answers = [answer for mode in _modes(scene.config) for answer in _answers(scene, mode)]
    if not answers:
        raise ActionError("No certificate has been received yet")
    everything = [
        {"common-name": answer.certificate.common_name, **offers.as_pem(answer)}
        for answer in answers
    ]
    event.set_results({**offers.as_pem(answers[0]), "certificates": json.dumps(everything)})


def _renew_certificate(event: ops.ActionEvent, scene: Scene) -> None:
    wanted = event.load_params(RenewParams).common_name
    answers = [
        answer
        for mode in _modes(scene.config)
        if mode is Mode.UNIT or scene.model.unit.is_leader()
        for answer in scene.tls.get_assigned_certificates(mode)[0]
    ]
    chosen = [one for one in answers if wanted in {None, one.certificate.common_name}]
    if chosen and not scene.facts.is_related:
        raise ActionError(f"{_UNRELATED}: nobody can renew what is held; it is served meanwhile")
    if not chosen:
        held = ", ".join(one.certificate.common_name for one in answers)
        raise ActionError(
            f"This unit has no certificate of its own for {wanted!r}; it has: {held or 'none'}"
            if wanted
            else "This unit has no certificate of its own to renew"
        )
    for answer in chosen:
        scene.tls.renew_certificate(answer)
    event.set_results({"renewing": json.dumps([one.certificate.common_name for one in chosen])})


def _regenerate_private_key(event: ops.ActionEvent, scene: Scene) -> None:
    mode = _key_mode(scene, event.load_params(KeyParams).mode)
    scene.tls.regenerate_private_key(mode)
    event.set_results({"result": f"A new key is in place. {_when_asked_for(scene)}"})


def _import_private_key(event: ops.ActionEvent, scene: Scene) -> None:
    params = event.load_params(ImportParams)
    mode = _key_mode(scene, params.mode)
    try:
        content = scene.model.get_secret(id=params.secret_id).get_content(refresh=True)
    except (ops.SecretNotFoundError, ops.ModelError) as error:
        raise ActionError(
            f"The secret {params.secret_id} cannot be read; "
            f"does it exist, and is it granted to {scene.model.app.name}?"
        ) from error
    if KEY_FIELD not in content:
        raise ActionError(f"The secret {params.secret_id} has no field `{KEY_FIELD}`")
    try:
        key = PrivateKey.from_string(content[KEY_FIELD])
    except (TLSCertificatesError, ValueError):
        # Without the cause, which may quote the text.
        raise ActionError(f"`{KEY_FIELD}` of {params.secret_id} is no PEM private key") from None
    scene.tls.import_private_key(key, mode)
    event.set_results({"result": f"The key is in place. {_when_asked_for(scene)} {_FORGOTTEN}"})


def _get_status(event: ops.ActionEvent, scene: Scene) -> None:
    facts = scene.facts
    report = {
        "mode": scene.config.mode.value,
        "provider": facts.provider or None,
        "serving": [
            {
                "slot": pair.slot,
                "common-name": pair.common_name,
                "serial-number": serial_hex(pair.serial_number),
                "issuer": pair.issuer,
                "not-after": pair.not_after.isoformat(),
                "renewal-time": pair.renewal_time and pair.renewal_time.isoformat(),
            }
            for pair in facts.pairs
        ],
        "waiting-for": [
            slot for slot in facts.wanted if slot not in {pair.slot for pair in facts.pairs}
        ],
        "denied": list(facts.denials),
        "not-served": list(facts.refused),
        "problems": list(
            filter(None, [facts.config_problem, facts.server_problem, facts.trust_problem])
        ),
    }
    event.set_results({"status": json.dumps(report)})


_ACTIONS: dict[str, Callable[[ops.ActionEvent, Scene], None]] = {
    "get_certificate": _get_certificate,
    "renew_certificate": _renew_certificate,
    "regenerate_private_key": _regenerate_private_key,
    "import_private_key": _import_private_key,
    "get_status": _get_status,
}


def _modes(config: RequirerConfig) -> list[Mode]:
    return {
        CertificateMode.UNIT: [Mode.UNIT],
        CertificateMode.APP: [Mode.APP],
        CertificateMode.APP_AND_UNIT: [Mode.UNIT, Mode.APP],
    }[config.mode]


def _answers(scene: Scene, mode: Mode) -> list[ProviderCertificate]:
    if mode is Mode.APP:
        return scene.tls.get_application_certificates()[0]
    return scene.tls.get_assigned_certificates(mode)[0]


def _when_asked_for(scene: Scene) -> str:
    if scene.facts.is_related:
        return "Certificates for it are asked for."
    return f"{_UNRELATED}: certificates for it are asked for when one is."


def _key_mode(scene: Scene, wanted: str | None) -> Mode | None:
    """Return whose key an action is about; None is all that this unit has a say in."""
    modes = _modes(scene.config)
    mode = Mode[wanted.upper()] if wanted else modes[0] if len(modes) == 1 else None
    if mode is not None and mode not in modes:
        raise ActionError(f"In {scene.config.mode.value} mode there is no key of the {wanted}")
    if mode is Mode.APP and not scene.model.unit.is_leader():
        raise ActionError("The key is the application's: run this on its leader")
    if mode is None and not scene.model.unit.is_leader():
        return Mode.UNIT
    return mode
