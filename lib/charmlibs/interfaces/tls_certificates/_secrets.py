"""Juju secrets: their labels, their expiry, and who owns them. What is in them is decided above.

Labels outlive a refresh of the charm, and so they are a contract with every version before and
after this one.
"""

import contextlib
import logging
import re
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import ops

from . import _renewal

LIBID = "afd8c2bccf834997afce12c2706d2ede"
"""The library's identifier on Charmhub."""

_logger = logging.getLogger(__name__)


class Labels(NamedTuple):
    """The labels of one owner's secrets for one relation name."""

    relation_name: str
    """The endpoint's name."""
    unit_number: str | None
    """The number of the unit that owns them; None if the application does."""
    endpoints: frozenset[str] = frozenset()
    """The names of the charm's endpoints."""

    @property
    def private_key(self) -> str:
        """Label of the private key."""
        return f"{LIBID}-private-key-{self._owner}-{self.relation_name}"

    @property
    def of_other_endpoints(self) -> frozenset[str]:
        """Labels of the application's private keys of the charm's other endpoints."""
        return frozenset(
            f"{LIBID}-private-key-app-{name}" for name in self.endpoints - {self.relation_name}
        )

    @property
    def outgoing(self) -> str:
        """Label of what is being replaced."""
        return f"{LIBID}-outgoing-{self._owner}-{self.relation_name}"

    def certificate(self, digest: str) -> str:
        """Label of a certificate, by the SHA-256 of its request's PEM in hex."""
        return f"{self._certificate_prefix}{digest}"

    def is_ours(self, label: str | None) -> bool:
        """Tell whether a label is one of these."""
        if not label:
            return False
        if label in {self.private_key, self.outgoing}:
            return True
        prefix = re.escape(self._certificate_prefix)
        return re.fullmatch(f"{prefix}[0-9a-f]{{64}}", label) is not None

    @property
    def _owner(self) -> str:
        return "app" if self.unit_number is None else self.unit_number

    @property
    def _certificate_prefix(self) -> str:
        # The application's certificates have no 'app' in their labels: v4 wrote them so.
        if self.unit_number is None:
            return f"{LIBID}-certificate-{self.relation_name}-"
        return f"{LIBID}-certificate-{self.unit_number}-{self.relation_name}-"


@dataclass
class Held:
    """A secret that this unit may change, as it is known in this hook."""

    label: str
    """Its label."""
    content: dict[str, str]
    """The content of its latest revision."""
    expiry: datetime | None
    """When it expires, aware."""
    began_far_away: bool
    """Whether its expiry was the far-away mark when the hook began."""
    revision: int
    """The latest revision when the hook began."""
    secret: ops.Secret
    """The secret."""
    id: str | None
    """Its identifier."""


class SecretStore:
    """The secrets of one owner.

    What it has read or written it remembers: in the hook that changes a secret, Juju goes on
    telling what was before.

    Args:
        model: The model.
        owner: Who owns the secrets that are made: the unit, or the application on its leader.
    """

    def __init__(self, model: ops.Model, owner: ops.Unit | ops.Application) -> None:
        self._model = model
        self._owner = owner
        self._known: dict[str, Held | None] = {}
        self._leaving: dict[str, Held] = {}
        self.unreadable: set[str] = set()
        """Labels of secrets that may be there, and that Juju did not let us read in this hook."""

    def find(self, label: str) -> Held | None:
        """Return the secret with this label, or None if there is none that is ours to change."""
        if label not in self._known:
            self._known[label] = self._read(label)
        return self._known[label]

    def put(self, label: str, content: dict[str, str], expiry: datetime | None = None) -> None:
        """Write a secret: make it, or give it new content; nothing for equal content.

        Args:
            label: Its label.
            content: Its content; keys have three characters or more.
            expiry: When it expires; None for never. It belongs to the revision, and so is written
                with it.
        """
        held = self._known[label] = self._leaving.pop(label, None) or self.find(label)
        if held is not None and held.content != content and not self._renew(held, content):
            held = None
        if held is None:
            secret = self._owner.add_secret(content, label=label, expire=expiry)
            self._known[label] = Held(label, content, expiry, False, 1, secret, secret.id)
        elif expiry is not None:
            self.move_expiry(label, expiry)

    def put_if_it_fits(
        self, label: str, content: dict[str, str], expiry: datetime | None = None
    ) -> bool:
        """Write a secret as `put` does, unless its content is larger than Juju takes.

        Returns:
            Whether it was written.
        """
        try:
            self.put(label, content, expiry)
        except ops.ModelError as error:
            # There is no other sign of it. Every other error is as temporary as a backend's, and
            # Juju runs the hook again.
            if "too large" not in str(error):
                raise
            return False
        return True

    def _renew(self, held: Held, content: dict[str, str]) -> bool:
        """Give a secret new content; False if it is gone by now."""
        try:
            held.secret.set_content(content)
            # Without this the owner would track the old revision, and Juju would keep it.
            held.secret.get_content(refresh=True)
        except ops.SecretNotFoundError:
            return False
        held.content = content
        held.expiry = None
        return True

    def move_expiry(self, label: str, expiry: datetime) -> None:
        """Set when a secret expires; nothing if it is that already, or there is no such secret."""
        held = self.find(label)
        if held is None or held.expiry == expiry:
            return
        try:
            held.secret.set_info(expire=expiry)
        except ops.SecretNotFoundError:
            self._known[label] = None
            return
        held.expiry = expiry
        held.began_far_away = False

    def remove(self, label: str) -> None:
        """Let a secret go with all its revisions; nothing if there is no such secret.

        It is removed when the hook ends, and until then may be put again: Juju makes the new
        secrets of a hook before it removes the old ones, and refuses a label that is in use.
        """
        held = self.find(label)
        if held is not None:
            self._leaving[label] = held
            self._known[label] = None

    def finish(self) -> None:
        """Remove what was let go: at the end of the hook."""
        while self._leaving:
            _, held = self._leaving.popitem()
            with contextlib.suppress(ops.SecretNotFoundError):
                held.secret.remove_all_revisions()

    def _read(self, label: str) -> Held | None:
        try:
            secret = self._model.get_secret(label=label)
            # Only who may change a secret is told about it.
            info = secret.get_info()
            # The owner may track an old revision; of one there is only the latest.
            content = secret.get_content(refresh=info.revision > 1)
        except ops.SecretNotFoundError:
            return None
        except ops.ModelError as error:
            _logger.warning("cannot read the secret %s: %s", label, error)
            self.unreadable.add(label)
            return None
        return Held(
            label=label,
            content=content,
            expiry=info.expires,
            began_far_away=_renewal.is_far_away(info.expires),
            revision=info.revision,
            secret=secret,
            id=info.id,
        )


def read_shared(model: ops.Model, label: str) -> dict[str, str] | None:
    """Return the latest content of a secret that the application owns, on any of its units."""
    try:
        return model.get_secret(label=label).get_content(refresh=True)
    except ops.SecretNotFoundError:
        return None
    except ops.ModelError as error:
        _logger.warning("cannot read the secret %s: %s", label, error)
        return None


def remove_revision(secret: ops.Secret, revision: int) -> None:
    """Remove an old revision of a secret; nothing if it is gone already."""
    try:
        secret.remove_revision(revision)
    except ops.ModelError as error:
        _logger.warning("cannot remove revision %s of %s: %s", revision, secret.label, error)
