"""Where the authorities' keys are: one secret of the application for each, and no other place.

Any unit that becomes leader finds them by label. A secret's content has the form in which an
operator brings a CA of their own, so that what `juju show-secret --reveal` prints of it brings
the CA back in another model.
"""

from __future__ import annotations

import datetime
import logging
from typing import TYPE_CHECKING

import ops

from charmlibs.interfaces.tls_certificates import Certificate, PrivateKey

from .ca import authority_id

if TYPE_CHECKING:
    from .ca import Authority

logger = logging.getLogger(__name__)

_ALARM = "next-look"
_SLACK = datetime.timedelta(minutes=1)
"""Juju's expiry worker rounds to minutes: an alarm may ring this much early."""
_FAR = datetime.timedelta(days=3650)


class Vault:
    """The application's own secrets. Only the leader may use it.

    Args:
        charm: Whose application it is.
    """

    def __init__(self, charm: ops.CharmBase) -> None:
        self._model = charm.model
        self._app = charm.app

    def put(
        self, certificate: Certificate, chain: tuple[Certificate, ...], key: PrivateKey
    ) -> None:
        """Keep an authority's key, with what belongs to it."""
        content = {"certificate": certificate.raw, "private-key": key.raw}
        if chain:
            content["chain"] = "\n".join(link.raw for link in chain)
        self._app.add_secret(
            content,
            label=_label(certificate),
            description=f"Certificate authority {certificate.subject_rfc4514}",
        )

    def key(self, certificate: Certificate) -> PrivateKey | None:
        """Return the key of an authority, or `None` if it is not here any more."""
        secret = self._find(_label(certificate))
        if secret is None:
            return None
        return PrivateKey.from_string(secret.get_content()["private-key"])

    def holds(self, certificate: Certificate) -> bool:
        """Return whether an authority's key is here, without reading it."""
        return self._find(_label(certificate)) is not None

    def remove(self, authority: Authority) -> None:
        """Forget an authority's key, every revision of it."""
        secret = self._find(_label(authority.certificate))
        if secret is not None:
            secret.remove_all_revisions()

    def given(self, secret_id: str) -> dict[str, str]:
        """Return what the operator's secret holds now.

        Raises:
            ops.SecretNotFoundError: If there is no such secret.
            ops.ModelError: If it was not granted to this application.
        """
        return self._model.get_secret(id=secret_id).get_content(refresh=True)

    def wake_at(self, moment: datetime.datetime | None, now: datetime.datetime) -> None:
        """Have a hook run at *moment*, however far apart `update-status` is.

        A secret that holds nothing expires then. It is moved, never removed: a secret that was
        removed with its expiry pending makes Juju 4.0 run that hook for ever.
        """
        secret = self._find(_ALARM)
        if secret is None:
            if moment is not None:
                self._app.add_secret(
                    {"purpose": "expires when the authority is due to be looked at"},
                    label=_ALARM,
                    description="An alarm clock; it holds nothing secret.",
                    expire=moment,
                )
            return
        current = secret.get_info().expires
        if moment is None:
            moment = now + _FAR if current is None or current < now + _FAR / 2 else current
        # An alarm that rang early is set again, to a moment that cannot be early.
        moment = max(moment, now + _SLACK / 2)
        if current is None or abs(current - moment) > _SLACK / 2:
            secret.set_info(expire=moment)

    def _find(self, label: str) -> ops.Secret | None:
        try:
            return self._model.get_secret(label=label)
        except ops.SecretNotFoundError:
            return None


def _label(certificate: Certificate) -> str:
    return f"ca-{authority_id(certificate)}"
