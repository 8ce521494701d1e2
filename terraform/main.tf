module "self_signed_provider" {
  source = "../charms/self-signed-provider/terraform"

  app_name    = var.self_signed_provider.app_name
  base        = var.self_signed_provider.base
  channel     = var.self_signed_provider.channel
  config      = var.self_signed_provider.config
  constraints = var.self_signed_provider.constraints
  model_uuid  = var.model_uuid
  revision    = var.self_signed_provider.revision
  units       = var.self_signed_provider.units
}

module "demo_requirer" {
  source = "../charms/demo-requirer/terraform"

  app_name    = var.demo_requirer.app_name
  base        = var.demo_requirer.base
  channel     = var.demo_requirer.channel
  config      = var.demo_requirer.config
  constraints = var.demo_requirer.constraints
  model_uuid  = var.model_uuid
  revision    = var.demo_requirer.revision
  units       = var.demo_requirer.units
}

resource "juju_integration" "certificates" {
  model_uuid = var.model_uuid

  application {
    name     = module.self_signed_provider.app_name
    endpoint = module.self_signed_provider.provides.certificates
  }

  application {
    name     = module.demo_requirer.app_name
    endpoint = module.demo_requirer.requires.certificates
  }
}

resource "juju_integration" "trust" {
  model_uuid = var.model_uuid

  application {
    name     = module.self_signed_provider.app_name
    endpoint = module.self_signed_provider.provides.send_ca_cert
  }

  application {
    name     = module.demo_requirer.app_name
    endpoint = module.demo_requirer.requires.receive_ca_cert
  }
}
