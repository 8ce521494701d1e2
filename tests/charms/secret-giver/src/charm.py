"""An ordinary ops charm of the providing side, deployed by the tests of localjuju."""

import ops


class GiverCharm(ops.CharmBase):
    """Keeps one secret for each relation and grants it."""

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        for event in (
            self.on.door_relation_created,
            self.on.door_relation_changed,
            self.on.config_changed,
            self.on.leader_elected,
        ):
            framework.observe(event, self._give)
        framework.observe(self.on.change_action, self._change)
        framework.observe(self.on.collect_unit_status, self._status)

    def _give(self, _: ops.EventBase) -> None:
        if not self.unit.is_leader():
            return
        for relation in self.model.relations["door"]:
            self._secret(relation, str(self.config["prefix"]))

    def _secret(self, relation: ops.Relation, password: str) -> None:
        label = f"password-{relation.id}"
        content = {"password": password}
        try:
            secret = self.model.get_secret(label=label)
            if secret.peek_content() != content:
                secret.set_content(content)
        except ops.SecretNotFoundError:
            secret = self.app.add_secret(content, label=label)
            secret.grant(relation)
            relation.data[self.app]["secret"] = str(secret.id)

    def _change(self, event: ops.ActionEvent) -> None:
        if not self.unit.is_leader():
            event.fail("run this on the leader")
            return
        for relation in self.model.relations["door"]:
            self._secret(relation, f"{self.config['prefix']}-{event.params['word']}")
        event.log("changed")
        event.set_results({"relations": len(self.model.relations["door"])})

    def _status(self, event: ops.CollectStatusEvent) -> None:
        event.add_status(ops.ActiveStatus(f"{len(self.model.relations['door'])} doors"))


if __name__ == "__main__":
    ops.main(GiverCharm)
