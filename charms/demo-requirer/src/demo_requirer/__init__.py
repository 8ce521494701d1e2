"""A charm that asks for TLS certificates and serves them over HTTPS.

Two programs share this package and meet only in the store on disk: the charm (`charm`, `config`,
`last_good`, `identity`, `plan`, `status`, `supervisor`), which runs for a moment in each hook, and
the server (`server`, `page`), which runs all the time and knows nothing of Juju. `pairs` and
`store` are what both read.
"""
