output "app_name" {
  description = "Name of the application."
  value       = juju_application.self_signed_provider.name
}

output "provides" {
  description = "Names of the endpoints that it provides."
  value = {
    certificates = "certificates"
    send_ca_cert = "send-ca-cert"
  }
}

output "requires" {
  description = "Names of the endpoints that it requires."
  value = {
    charm_tracing = "charm-tracing"
  }
}
