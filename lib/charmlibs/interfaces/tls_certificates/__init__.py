"""Manage TLS certificates using the tls-certificates interface (V1), on both of its sides.

A charm that needs certificates makes a `TLSCertificatesRequiresV4`, one that issues them a
`TLSCertificatesProvidesV4`. What is listed in ``__all__`` is public; the modules are not.
"""

from charmlibs.interfaces.tls_certificates._attributes import CertificateRequestAttributes
from charmlibs.interfaces.tls_certificates._chains import chain_has_valid_order
from charmlibs.interfaces.tls_certificates._deprecated import (
    generate_ca,
    generate_certificate,
    generate_csr,
    generate_private_key,
)
from charmlibs.interfaces.tls_certificates._errors import DataValidationError, TLSCertificatesError
from charmlibs.interfaces.tls_certificates._events import (
    ApplicationCertificatesChangedEvent,
    CertificateAvailableEvent,
    CertificateDeniedEvent,
    CertificateInvalidatedEvent,
    CertificatesRequirerCharmEvents,
)
from charmlibs.interfaces.tls_certificates._keys import KeyAlgorithm, PrivateKey
from charmlibs.interfaces.tls_certificates._provider import TLSCertificatesProvidesV4
from charmlibs.interfaces.tls_certificates._renewal import calculate_relative_datetime
from charmlibs.interfaces.tls_certificates._requirer import TLSCertificatesRequiresV4
from charmlibs.interfaces.tls_certificates._values import (
    CertificateError,
    CertificateInvalidationReason,
    CertificateRequestErrorCode,
    Exchange,
    Mode,
    ProviderCapabilities,
    ProviderCertificate,
    ProviderCertificateError,
    RequirerCertificateRequest,
)
from charmlibs.interfaces.tls_certificates._x509 import Certificate, CertificateSigningRequest

__all__ = [
    "ApplicationCertificatesChangedEvent",
    "Certificate",
    "CertificateAvailableEvent",
    "CertificateDeniedEvent",
    "CertificateError",
    "CertificateInvalidatedEvent",
    "CertificateInvalidationReason",
    "CertificateRequestAttributes",
    "CertificateRequestErrorCode",
    "CertificateSigningRequest",
    "CertificatesRequirerCharmEvents",
    "DataValidationError",
    "Exchange",
    "KeyAlgorithm",
    "Mode",
    "PrivateKey",
    "ProviderCapabilities",
    "ProviderCertificate",
    "ProviderCertificateError",
    "RequirerCertificateRequest",
    "TLSCertificatesError",
    "TLSCertificatesProvidesV4",
    "TLSCertificatesRequiresV4",
    "calculate_relative_datetime",
    "chain_has_valid_order",
    "generate_ca",
    "generate_certificate",
    "generate_csr",
    "generate_private_key",
]
