"""A certificate authority for Juju models, over the tls-certificates interface.

`charm` hears Juju and answers it; what it then does is decided by pure functions of what was
observed and the time: `config` (what the operator asked for), `ca` (what becomes of the
certificate authorities), `policy` (may a requirer have that certificate), `answers` (what each
request is due), `ledger` (what was issued, and what became of it). `records` and `vault` are
where that is kept between hooks: the peers' databag, and Juju secrets.
"""
