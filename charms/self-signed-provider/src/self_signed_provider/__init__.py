"""A certificate authority for Juju models, over the tls-certificates interface.

`charm` hears Juju and answers it. What is then done is decided by pure functions of what was
observed and the time: `config` (what the operator asked for), `origin` and `ca` (what a
certificate authority is made from, and what becomes of it), `policy` (may a requirer have that
certificate), `constraints` (may its names be under that CA), `answers` (what each request is due),
`ledger` (what was issued, and what became of it), `recovery` (what is left after a loss). Thin
shells do it: `succession` for the authorities, `issuance` for the requests, `revocation` for the
lists, `trust` for the bundle. `records` and
`vault` are where all is kept between hooks: the peers' databag, and Juju secrets.
"""
