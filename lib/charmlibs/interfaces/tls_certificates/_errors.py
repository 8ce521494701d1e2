"""The errors of this library: one base, named leaves, the cause kept."""


class TLSCertificatesError(Exception):
    """Base class for custom errors raised by this library."""


class DataValidationError(TLSCertificatesError):
    """Raised when data validation fails."""


class InvalidPEM(TLSCertificatesError, ValueError):  # noqa: N818 - named after what was found.
    """A text is not the PEM of what it should be.

    It is a ``ValueError`` too, because earlier versions of the library raised that.

    Args:
        what: What was expected, as in ``'certificate request'``.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"not the PEM text of a {what}")


class InvalidArgument(TLSCertificatesError, ValueError):  # noqa: N818 - as `InvalidPEM`.
    """The author of a charm passed something that no deployment could make right."""

    @classmethod
    def of_taken_endpoint(cls, relationship_name: object) -> "InvalidArgument":
        """Return the error of a second object for one endpoint: `ops` has room for one.

        Both would write the same databag and secrets, and each undo what the other did.
        """
        return cls(
            f"relationship_name: there is an object for {relationship_name!r} already; "
            "make one for each endpoint, with all of its requests"
        )


class ChainError(TLSCertificatesError):
    """Certificates do not form a chain in which each one is signed by the next."""


class IssuingError(TLSCertificatesError):
    """A certificate cannot be issued as asked; the message says why and is fit to be sent."""
