"""An ordinary ops charm of the requiring side, deployed by the tests of localjuju."""

import ops


class TakerCharm(ops.CharmBase):
    """Reads the secret that it is given, and says in its status what it has."""

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        framework.observe(self.on.secret_changed, self._refresh)
        framework.observe(self.on.collect_unit_status, self._status)

    def _refresh(self, event: ops.SecretChangedEvent) -> None:
        event.secret.get_content(refresh=True)

    def _status(self, event: ops.CollectStatusEvent) -> None:
        relation = self.model.get_relation("door")
        uri = relation.data[relation.app].get("secret") if relation else None
        if uri is None:
            event.add_status(ops.BlockedStatus("no password yet"))
            return
        password = self.model.get_secret(id=uri, label="door").get_content()["password"]
        event.add_status(ops.ActiveStatus(f"has {password}"))


if __name__ == "__main__":
    ops.main(TakerCharm)
