resource "juju_application" "self_signed_provider" {
  name       = var.app_name
  model_uuid = var.model_uuid

  charm {
    name     = "self-signed-provider"
    base     = var.base
    channel  = var.channel
    revision = var.revision
  }

  config      = var.config
  constraints = var.constraints
  units       = var.units
}
