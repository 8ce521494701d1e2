resource "juju_application" "demo_requirer" {
  name       = var.app_name
  model_uuid = var.model_uuid

  charm {
    name     = "demo-requirer"
    base     = var.base
    channel  = var.channel
    revision = var.revision
  }

  config      = var.config
  constraints = var.constraints
  units       = var.units
}
