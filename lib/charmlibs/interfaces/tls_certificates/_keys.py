"""Private keys: RSA and ECDSA, held in memory and never shown."""

import enum
import functools
import hashlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from . import _errors

_DEFAULT_RSA_EXPONENT = 65537
_MINIMUM_RSA_SIZE = 2048
ACCEPTED = "a sound RSA key of 2048 bits or more, or an ECDSA key on P-256 or P-384"
"""What `PrivateKey.is_valid` accepts, in words."""


class KeyAlgorithm(str, enum.Enum):
    """The algorithm of a private key."""

    RSA = "rsa"
    ECDSA = "ecdsa"


_SIZES = {KeyAlgorithm.RSA: (2048, 3072, 4096), KeyAlgorithm.ECDSA: (256, 384)}
_CURVES: dict[int, type[ec.EllipticCurve]] = {256: ec.SECP256R1, 384: ec.SECP384R1}


def check_algorithm(algorithm: KeyAlgorithm | str, size: int | None) -> tuple[KeyAlgorithm, int]:
    """Return the algorithm and size that a charm asked for, with the default size filled in.

    Args:
        algorithm: ``'rsa'`` or ``'ecdsa'``, or the enum's member.
        size: In bits; ``None`` is 2048 for RSA and 256 for ECDSA.

    Raises:
        TLSCertificatesError: If there is no such algorithm or size; the message lists them.
    """
    try:
        algorithm = KeyAlgorithm(algorithm)
    except ValueError as error:
        accepted = ", ".join(repr(member.value) for member in KeyAlgorithm)
        raise _errors.InvalidArgument(
            f"key_algorithm must be one of {accepted}, not {algorithm!r}"
        ) from error
    sizes = _SIZES[algorithm]
    if size is None:
        return algorithm, sizes[0]
    if type(size) is not int or size not in sizes:
        accepted = ", ".join(map(str, sizes))
        raise _errors.InvalidArgument(
            f"key_size of an {algorithm.value} key must be one of {accepted}, not {size!r}"
        )
    return algorithm, size


class PrivateKey:
    """A private key, RSA or ECDSA.

    Any RSA or elliptic-curve key can be held, a weak one too; :meth:`is_valid` tells them apart.
    Neither ``str()`` nor ``repr()`` shows the key: only :attr:`raw` does.

    Args:
        raw: The key as unencrypted PEM.
        x509_object: The key as an object of ``cryptography``, in place of *raw*.

    Raises:
        TLSCertificatesError: If neither is given, or *raw* is no RSA or EC key. Also a
            ``ValueError``.
    """

    def __init__(
        self,
        raw: str | None = None,
        x509_object: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | None = None,
    ) -> None:
        if x509_object is not None:
            self._key = _check_kind(x509_object)
            self._raw = _to_pem(x509_object)
        elif raw is not None:
            self._key = _load(raw, check=False)
            self._raw = raw.strip()
        else:
            raise _errors.InvalidArgument("PrivateKey needs raw or x509_object")

    @property
    def raw(self) -> str:
        """Return the PEM-formatted string representation of the private key."""
        return self._raw

    @property
    def algorithm(self) -> KeyAlgorithm:
        """The algorithm of the key."""
        return KeyAlgorithm.RSA if isinstance(self._key, rsa.RSAPrivateKey) else KeyAlgorithm.ECDSA

    @property
    def key_size(self) -> int:
        """The size of the key in bits."""
        return self._key.key_size

    @property
    def x509_object(self) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
        """The key as an object of ``cryptography``, for signing."""
        return self._key

    @property
    def signature_hash(self) -> hashes.SHA256 | hashes.SHA384:
        """The hash to sign with: SHA-384 for P-384, whose strength it matches, else SHA-256."""
        if self.algorithm is KeyAlgorithm.ECDSA and self.key_size == 384:  # noqa: PLR2004
            return hashes.SHA384()
        return hashes.SHA256()

    @functools.cached_property
    def public_key_sha256(self) -> str:
        """The SHA-256 of the public key (its SubjectPublicKeyInfo in DER), in hex."""
        return public_key_sha256(self._key.public_key())

    @classmethod
    def from_string(cls, private_key: str) -> "PrivateKey":
        """Create a PrivateKey object from a private key in PEM.

        Raises:
            TLSCertificatesError: If the text is no RSA or EC private key. Also a ``ValueError``.
        """
        return cls(raw=private_key)

    def is_valid(self) -> bool:
        """Tell whether the key is sound and strong enough to be used.

        RSA keys have 2048 bits or more, elliptic-curve keys are on P-256 or P-384.
        """
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            return isinstance(self._key.curve, tuple(_CURVES.values()))
        if self._key.key_size < _MINIMUM_RSA_SIZE:
            return False
        try:
            _load(self._raw, check=True)
        except _errors.InvalidPEM:
            return False
        return True

    @classmethod
    def generate(
        cls,
        key_size: int | None = None,
        public_exponent: int = _DEFAULT_RSA_EXPONENT,
        key_algorithm: KeyAlgorithm | str = KeyAlgorithm.RSA,
    ) -> "PrivateKey":
        """Generate a new private key.

        Args:
            key_size: In bits: 2048 (the default), 3072 or 4096 for RSA, 256 (the default) or 384
                for ECDSA.
            public_exponent: Of an RSA key.
            key_algorithm: RSA or ECDSA.

        Raises:
            TLSCertificatesError: If there is no such algorithm or size.
        """
        algorithm, size = check_algorithm(key_algorithm, key_size)
        if algorithm is KeyAlgorithm.ECDSA:
            return cls(x509_object=ec.generate_private_key(_CURVES[size]()))
        return cls(x509_object=rsa.generate_private_key(public_exponent, size))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PrivateKey):
            return NotImplemented
        return self.public_key_sha256 == other.public_key_sha256

    def __hash__(self) -> int:
        return hash(self.public_key_sha256)

    def __repr__(self) -> str:
        return f"<PrivateKey {self.algorithm.value} {self.key_size}>"

    def __str__(self) -> str:
        return repr(self)


def public_key_sha256(key: PublicKeyTypes) -> str:
    """Return the SHA-256 over a public key's SubjectPublicKeyInfo in DER, in hex."""
    return hashlib.sha256(
        key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    ).hexdigest()


def _load(pem: str, *, check: bool) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    # Checking that an RSA key's numbers fit together (are prime, and so on) takes some 30 ms,
    # and keys are read in every hook: it is done where a key comes from outside, by `is_valid`.
    try:
        key = serialization.load_pem_private_key(
            pem.encode(), password=None, unsafe_skip_rsa_key_validation=not check
        )
    # TypeError: the PEM is encrypted. UnsupportedAlgorithm is no ValueError. The cause is left
    # out, because it may quote what it could not read.
    except Exception:  # noqa: BLE001
        raise _errors.InvalidPEM("private key") from None
    return _check_kind(key)


def _check_kind(key: object) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    if not isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        raise _errors.InvalidPEM("private key of type RSA or EC")
    return key


def _to_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return (
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        .decode()
        .strip()
    )
