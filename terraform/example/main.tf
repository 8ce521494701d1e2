# Both charms in a model of their own, with an authority of three units.

terraform {
  required_version = ">= 1.6"
  required_providers {
    juju = {
      source  = "juju/juju"
      version = ">= 1.0.0, < 3.0.0"
    }
  }
}

provider "juju" {}

resource "juju_model" "tls" {
  name = "tls"
}

module "tls" {
  source = "../"

  model_uuid = juju_model.tls.uuid

  self_signed_provider = {
    channel = "latest/edge"
    config = {
      ca-common-name       = "Example CA"
      certificate-validity = "30d"
      key-algorithm        = "ecdsa-p256"
    }
    units = 3
  }

  demo_requirer = {
    channel = "latest/edge"
    config = {
      key-algorithm = "ecdsa"
    }
  }
}

output "applications" {
  description = "What was deployed."
  value       = module.tls.app_names
}
