variable "model_uuid" {
  description = "UUID of the model to deploy to."
  type        = string
  nullable    = false
}

variable "self_signed_provider" {
  description = "The authority: the variables of its own module."
  type = object({
    app_name    = optional(string, "self-signed-provider")
    base        = optional(string, "ubuntu@24.04")
    channel     = optional(string, "latest/stable")
    config      = optional(map(string), {})
    constraints = optional(string, "arch=amd64")
    revision    = optional(number)
    units       = optional(number, 1)
  })
  default = {}
}

variable "demo_requirer" {
  description = "The HTTPS server: the variables of its own module."
  type = object({
    app_name    = optional(string, "demo-requirer")
    base        = optional(string, "ubuntu@24.04")
    channel     = optional(string, "latest/stable")
    config      = optional(map(string), {})
    constraints = optional(string, "arch=amd64")
    revision    = optional(number)
    units       = optional(number, 1)
  })
  default = {}
}
