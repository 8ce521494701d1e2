"""The last good configuration: what goes on being in force while an option is wrong."""

from __future__ import annotations

import ops
import pydantic

from .config import RequirerConfig

LABEL = "last-good-configuration"
_FIELD = "configuration"


class LastGood:
    """Keeps a configuration over hooks and, while it stands in for a wrong one, over pods.

    The charm's stored state is a file, which a new pod does not have. A secret of the unit's own
    is what Juju keeps for a unit without peers; there is one only while it is needed.

    Args:
        stored: The charm's; `config` and `parked` in it are this class's.
        unit: The charm's own.
        model: The charm's.
    """

    def __init__(self, stored: ops.BoundStoredState, unit: ops.Unit, model: ops.Model) -> None:
        self._stored = stored
        self._unit = unit
        self._model = model
        stored.set_default(config=None, parked=False)

    def keep(self, config: RequirerConfig) -> None:
        """Take a configuration for the last good one, by which no other stands in any more."""
        text = config.model_dump_json()
        if self._stored.config != text:
            self._stored.config = text
        if self._stored.parked:
            secret = self._find()
            if secret is not None:
                secret.remove_all_revisions()
            self._stored.parked = False

    def recall(self) -> RequirerConfig | None:
        """Return the last good configuration, to stand in for a wrong one; None if there is none.

        There was never any, or an earlier version, which accepted what this one does not, kept it.
        """
        text: object = self._stored.config
        if text is None:
            secret = self._find()
            text = secret.get_content().get(_FIELD) if secret is not None else None
        try:
            config = RequirerConfig.model_validate_json(str(text)) if text else None
        except pydantic.ValidationError:
            return None
        if config is not None and not self._stored.parked:
            self._park(config.model_dump_json())
        return config

    def _park(self, text: str) -> None:
        secret = self._find()
        if secret is None:
            self._unit.add_secret({_FIELD: text}, label=LABEL)
        elif secret.get_content().get(_FIELD) != text:
            secret.set_content({_FIELD: text})
            secret.get_content(refresh=True)
        self._stored.config = text
        self._stored.parked = True

    def _find(self) -> ops.Secret | None:
        try:
            return self._model.get_secret(label=LABEL)
        except ops.SecretNotFoundError:
            return None
