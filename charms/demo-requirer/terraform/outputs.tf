output "app_name" {
  description = "Name of the application."
  value       = juju_application.demo_requirer.name
}

output "provides" {
  description = "Names of the endpoints that it provides."
  value       = {}
}

output "requires" {
  description = "Names of the endpoints that it requires."
  value = {
    certificates    = "certificates"
    charm_tracing   = "charm-tracing"
    receive_ca_cert = "receive-ca-cert"
  }
}
