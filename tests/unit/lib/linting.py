"""Linters for certificates: OpenSSL's strict check and pkilint's PKIX linter."""

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from pkilint import loader, validation
from pkilint.pkix import certificate as pkix
from pkilint.pkix import extension, name

from charmlibs.interfaces.tls_certificates import Certificate

_LINTER = pkix.create_pkix_certificate_validator_container(
    pkix.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
    [
        pkix.create_issuer_validator_container([]),
        pkix.create_validity_validator_container(),
        pkix.create_subject_validator_container([]),
        pkix.create_extensions_validator_container([]),
        pkix.create_spki_validator_container([]),
    ],
)
# The linter knows public names only: RFC 5280 leaves wildcards to applications (section 4.2.1.6)
# and allows names of one label.
_PRIVATE_NAME = re.compile(r'Invalid domain name syntax: "(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*"')


def findings(certificate: Certificate) -> list[str]:
    """Return what pkilint finds, of level error or worse."""
    document = loader.load_pem_certificate(certificate.raw, "certificate")
    return [
        f"{finding.finding.code}: {finding.message}"
        for result in _LINTER.validate(document.root)
        for finding in result.finding_descriptions
        if finding.finding.severity <= validation.ValidationFindingSeverity.ERROR
        and not _PRIVATE_NAME.fullmatch(finding.message or "")
    ]


def openssl_verify(
    folder: Path, issuer: Certificate, certificates: Iterable[Certificate]
) -> subprocess.CompletedProcess[str]:
    """Verify certificates against the one that signed them, strictly."""
    files: list[Path] = []
    for number, one in enumerate([issuer, *certificates]):
        files.append(folder / f"{number}.pem")
        files[-1].write_text(one.raw + "\n")
    # Tests move the clock, which OpenSSL would not see.
    command = ["openssl", "verify", "-x509_strict", "-partial_chain", "-no_check_time"]
    return subprocess.run(
        [*command, "-trusted", *map(str, files)], capture_output=True, text=True, check=False
    )
