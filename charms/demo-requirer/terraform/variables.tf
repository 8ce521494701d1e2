variable "app_name" {
  description = "Name of the application in the model."
  type        = string
  default     = "demo-requirer"
}

variable "base" {
  description = "The operating system that the units run on: ubuntu@22.04 or ubuntu@24.04."
  type        = string
  default     = "ubuntu@24.04"
}

variable "channel" {
  description = "The channel to deploy from."
  type        = string
  default     = "latest/stable"
}

variable "config" {
  description = "Options of the charm by their names, as they stand in its charmcraft.yaml."
  type        = map(string)
  default     = {}
}

variable "constraints" {
  description = "Constraints on the units, as in \"arch=amd64 mem=1G\"."
  type        = string
  default     = "arch=amd64"
}

variable "model_uuid" {
  description = "UUID of the model to deploy to."
  type        = string
  nullable    = false
}

variable "revision" {
  description = "Revision of the charm; that of the channel if null."
  type        = number
  default     = null
}

variable "units" {
  description = "How many units to deploy."
  type        = number
  default     = 1
}
