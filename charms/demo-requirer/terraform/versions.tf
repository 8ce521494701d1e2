terraform {
  required_version = ">= 1.6"
  required_providers {
    juju = {
      source = "juju/juju"
      # 1.0 is the first with model_uuid, 2.0 the first for Juju 4.
      version = ">= 1.0.0, < 3.0.0"
    }
  }
}
