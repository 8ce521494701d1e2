"""What old versions of the library left, and by which labels it is found.

| label | who wrote it | what becomes of it |
|---|---|---|
| `LIBID-private-key-<relation name>` | v4 in APP mode, before 1.9 | the key is taken over |
| `LIBID-certificate-<unit number>-<SHA-256>` | the oldest v4 | used |
| `LIBID-certificate-<SHA-256>` | the oldest v4 in APP mode | used |
| `LIBID-<SHA-256>` | v3 | removed: v4 orphaned it, and its expiry came again and again |

The SHA-256 is that of the request's PEM text, in hex. These can go when no charm is refreshed from
a version of before 2025 any more.
"""

import re

from . import _secrets


def private_key_label(labels: _secrets.Labels) -> str | None:
    """Return the label under which an old version kept this owner's private key."""
    if labels.unit_number is not None:
        return None
    return f"{_secrets.LIBID}-private-key-{labels.relation_name}"


def certificate_label(labels: _secrets.Labels, digest: str) -> str:
    """Return the label of a certificate without the relation's name."""
    if labels.unit_number is None:
        return f"{_secrets.LIBID}-certificate-{digest}"
    return f"{_secrets.LIBID}-certificate-{labels.unit_number}-{digest}"


def v3_label(digest: str) -> str:
    """Return the label of a certificate of v3."""
    return f"{_secrets.LIBID}-{digest}"


def is_certificate_label(labels: _secrets.Labels, label: str) -> bool:
    """Tell whether an old version could have given this label to a certificate of this owner."""
    prefixes = [certificate_label(labels, "")]
    if labels.unit_number is not None:
        prefixes.append(v3_label(""))
    return any(re.fullmatch(f"{re.escape(prefix)}[0-9a-f]{{64}}", label) for prefix in prefixes)


def find_certificate(
    store: _secrets.SecretStore, labels: _secrets.Labels, digest: str
) -> _secrets.Held | None:
    """Return the secret of a certificate, under its own label or an older one."""
    for label in (labels.certificate(digest), certificate_label(labels, digest), v3_label(digest)):
        held = store.find(label)
        if held is not None:
            return held
    return None


def adopt_private_key(store: _secrets.SecretStore, labels: _secrets.Labels) -> None:
    """Take over the private key that an old version kept under another label."""
    old_label = private_key_label(labels)
    if old_label is None or store.find(labels.private_key) is not None:
        return
    if old_label in labels.of_other_endpoints:
        # An endpoint `app-x` had what an endpoint `x` has today.
        return
    old = store.find(old_label)
    if old is not None:
        store.put(labels.private_key, old.content)
        store.remove(old_label)
