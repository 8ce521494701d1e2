output "app_names" {
  description = "Names of the applications, by their charms."
  value = {
    self_signed_provider = module.self_signed_provider.app_name
    demo_requirer        = module.demo_requirer.app_name
  }
}

output "provides" {
  description = "Names of the endpoints that the authority provides, for others to integrate with."
  value       = module.self_signed_provider.provides
}
