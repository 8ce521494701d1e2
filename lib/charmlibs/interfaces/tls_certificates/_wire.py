"""The wire format of the ``tls-certificates`` relation, version 1: databag texts and values.

Every value in a databag is a JSON text. What comes in is judged entry by entry: a bad one is
rejected alone, with the reason, and nothing here raises for what a remote side wrote. PEM texts
are parsed only where they are asked for, and each distinct one once for each `Reader`.

It is longer than other modules: how an entry is written and what is tolerated when it is read
stand side by side, since neither changes without the other.
"""

import hashlib
import json
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

import pydantic

from . import _errors, _lists, _values, _x509

REQUESTS = "certificate_signing_requests"
"""The requirer's key, in a unit's or an application's databag."""
CERTIFICATES = "certificates"
"""The provider's key for certificates, in its application databag."""
ERRORS = "request_errors"
"""The provider's key for refusals, in its application databag."""
CAPABILITIES = "capabilities"
"""The provider's key for what it can do, in its application databag."""
NOTHING: Mapping[str, Any] = MappingProxyType({})
"""What an entry holds beside its own, when it was not read."""
MOST_TOLD = 10
"""How many things of one kind are told of one by one: a stranger may write a million."""
_MOST_REASONS = 3


def _stripped(text: str) -> str:
    stripped = text.strip()
    if not stripped:
        raise ValueError("there is no text")
    # JSON can hold half of a surrogate pair, which nothing else takes.
    stripped.encode()
    return stripped


_PEM = Annotated[str, pydantic.AfterValidator(_stripped)]


class RequestEntry(NamedTuple):
    """One entry of `REQUESTS`."""

    csr: str
    """PEM."""
    is_ca: bool
    """Whether a CA certificate is asked for."""
    fields: Mapping[str, Any] = NOTHING
    """The entry as it was read, with what else it holds."""

    def to_json(self) -> dict[str, Any]:
        """Return the entry as it is written."""
        # v3 checks with a JSON schema that refuses null; v4 wrote a boolean always.
        return {**self.fields, "certificate_signing_request": self.csr, "ca": self.is_ca}


class CertificateEntry(NamedTuple):
    """One entry of `CERTIFICATES`: the answer to a request."""

    csr: str
    """The request, in PEM: its text is the correlation id."""
    certificate: str
    """PEM."""
    ca: str
    """PEM."""
    chain: tuple[str, ...]
    """PEM texts, in the order in which they were sent."""
    revoked: bool = False
    """Whether the provider revoked the certificate."""
    fields: Mapping[str, Any] = NOTHING
    """The entry as it was read, with what else it holds."""

    def to_json(self) -> dict[str, Any]:
        """Return the entry as it is written."""
        # v3's schema refuses `revoked: null`, and wants a chain.
        rest = {key: value for key, value in self.fields.items() if key != "revoked"}
        return {
            **rest,
            "ca": self.ca,
            "certificate_signing_request": self.csr,
            "certificate": self.certificate,
            "chain": list(self.chain),
            **({"revoked": True} if self.revoked else {}),
        }

    @classmethod
    def from_value(cls, answer: _values.ProviderCertificate) -> "CertificateEntry":
        """Return a certificate as an entry."""
        return cls(
            csr=answer.certificate_signing_request.raw,
            certificate=answer.certificate.raw,
            ca=answer.ca.raw,
            chain=tuple(certificate.raw for certificate in answer.chain),
            revoked=bool(answer.revoked),
        )


class ErrorEntry(NamedTuple):
    """One entry of `ERRORS`: the refusal of a request."""

    csr: str
    """The request, in PEM."""
    error: _values.CertificateError
    """Why it was refused."""
    fields: Mapping[str, Any] = NOTHING
    """The entry as it was read, with what else it holds."""

    def to_json(self) -> dict[str, Any]:
        """Return the entry as it is written."""
        return {
            **self.fields,
            # Every released library reads `csr`; the published schema has the other name.
            "csr": self.csr,
            "certificate_signing_request": self.csr,
            "error": self.error.model_dump(mode="json", exclude_none=True),
        }


class Rejected(NamedTuple):
    """What could not be read."""

    where: str
    """The key and the entry's number in it, as in ``certificates[3]``."""
    why: str
    """The reason, without the text itself."""


_Entry = TypeVar("_Entry", RequestEntry, CertificateEntry, ErrorEntry)


@dataclass(frozen=True)
class Read(Generic[_Entry]):
    """What was read from one key of a databag."""

    entries: tuple[_Entry, ...] = ()
    """The good ones, in their order."""
    rejected: tuple[Rejected, ...] = ()
    """The bad ones."""


_BUILT_LATE = pydantic.ConfigDict(defer_build=True)
"""For most hooks do without most models, and to build them takes a tenth of the import."""


class _RequestModel(pydantic.BaseModel):
    model_config = _BUILT_LATE

    certificate_signing_request: _PEM
    ca: bool | None = None


class _CertificateModel(pydantic.BaseModel):
    model_config = _BUILT_LATE

    certificate_signing_request: _PEM
    certificate: _PEM
    ca: _PEM
    chain: list[_PEM] | None = None
    revoked: bool | None = None


class _ErrorModel(pydantic.BaseModel):
    model_config = _BUILT_LATE

    csr: _PEM
    error: _values.CertificateError


def _request_entry(fields: dict[str, Any]) -> RequestEntry:
    model = _RequestModel.model_validate(fields)
    return RequestEntry(model.certificate_signing_request, bool(model.ca), fields)


def _certificate_entry(fields: dict[str, Any]) -> CertificateEntry:
    model = _CertificateModel.model_validate(fields)
    return CertificateEntry(
        csr=model.certificate_signing_request,
        certificate=model.certificate,
        ca=model.ca,
        chain=tuple(model.chain or ()),
        revoked=bool(model.revoked),
        fields=fields,
    )


def _error_entry(fields: dict[str, Any]) -> ErrorEntry:
    # Either name will do; who knows both may write null for the one that it does not use.
    if isinstance(fields, dict) and fields.get("csr") is None:  # pyright: ignore[reportUnnecessaryIsInstance] - JSON.
        fields = {**fields, "csr": fields.get("certificate_signing_request")}
    model = _ErrorModel.model_validate(fields)
    return ErrorEntry(model.csr, model.error, fields)


class Reader:
    """Reads databag texts, and remembers what it has parsed.

    One reader lives as long as its owner, which is one hook.
    """

    def __init__(self) -> None:
        self._certificates: dict[str, _x509.Certificate | _errors.TLSCertificatesError] = {}
        self._requests: dict[
            str, _x509.CertificateSigningRequest | _errors.TLSCertificatesError
        ] = {}
        self._read: dict[tuple[str, Hashable], tuple[str, Read[Any]]] = {}

    def forget(self) -> None:
        """Let go of all that was parsed, at the end of a hook: what is read later is parsed anew.

        In a process that runs many hooks, as tests of charms do, it would otherwise be kept for
        as long as the garbage collector lets the charm be, whose objects refer to each other.
        """
        self._certificates.clear()
        self._requests.clear()
        self._read.clear()

    def requests(self, text: str | None, source: Hashable = None) -> Read[RequestEntry]:
        """Read the value of `REQUESTS`; the latest of each source is remembered."""
        return self._entries(REQUESTS, text, source, _request_entry)

    def certificates(self, text: str | None, source: Hashable = None) -> Read[CertificateEntry]:
        """Read the value of `CERTIFICATES`; the latest of each source is remembered."""
        return self._entries(CERTIFICATES, text, source, _certificate_entry)

    def errors(self, text: str | None, source: Hashable = None) -> Read[ErrorEntry]:
        """Read the value of `ERRORS`; the latest of each source is remembered."""
        return self._entries(ERRORS, text, source, _error_entry)

    def know_entries(
        self, key: str, text: str, source: Hashable, entries: tuple[CertificateEntry, ...]
    ) -> None:
        """Remember what was written, so that it need not be read."""
        self._read[key, source] = (text, Read(entries))

    def certificate(self, pem: str) -> _x509.Certificate:
        """Parse a certificate.

        Raises:
            InvalidPEM: If it is none.
        """
        return _remembered(self._certificates, pem, _x509.Certificate.from_string)

    def request(self, pem: str) -> _x509.CertificateSigningRequest:
        """Parse a certificate signing request.

        Raises:
            InvalidPEM: If it is none.
        """
        return _remembered(self._requests, pem, _x509.CertificateSigningRequest.from_string)

    def know(self, csr: _x509.CertificateSigningRequest) -> None:
        """Remember a request that was parsed, or made, elsewhere."""
        self._requests.setdefault(csr.raw, csr)

    def certificate_value(
        self, entry: CertificateEntry, relation_id: int
    ) -> _values.ProviderCertificate:
        """Parse an entry with all its certificates.

        Raises:
            InvalidPEM: If one of its texts is not what it should be.
        """
        return _values.ProviderCertificate(
            relation_id=relation_id,
            certificate=self.certificate(entry.certificate),
            certificate_signing_request=self.request(entry.csr),
            ca=self.certificate(entry.ca),
            chain=[self.certificate(pem) for pem in entry.chain],
            revoked=True if entry.revoked else None,
        )

    def error_value(self, entry: ErrorEntry, relation_id: int) -> _values.ProviderCertificateError:
        """Parse the request that an entry refuses.

        Raises:
            InvalidPEM: If it is none.
        """
        return _values.ProviderCertificateError(
            relation_id=relation_id,
            certificate_signing_request=self.request(entry.csr),
            error=entry.error,
        )

    def _entries(
        self,
        key: str,
        text: str | None,
        source: Hashable,
        parse: Callable[[dict[str, Any]], _Entry],
    ) -> Read[_Entry]:
        if not text:
            return Read()
        known = self._read.get((key, source))
        if known is not None and known[0] == text:
            return known[1]
        read = _read_list(key, text, parse)
        self._read[key, source] = (text, read)
        return read


def told(rejected: Sequence[Rejected], whose: str) -> Iterator[str]:
    """Yield, as texts for the log, what could not be read in somebody's databag."""
    for one in rejected[:MOST_TOLD]:
        yield f"{one.where} of {whose} is not used: {one.why}"
    if (more := len(rejected) - MOST_TOLD) > 0:
        yield f"{more} more entries of {whose} are not used"


def digest(csr: str) -> str:
    """Return the SHA-256 of a request's text, in hex."""
    return hashlib.sha256(csr.encode(errors="replace")).hexdigest()


def short_digest(csr: str) -> str:
    """Return enough of the digest to tell requests apart: remote texts are not put into logs."""
    return digest(csr)[:16]


def read_capabilities(
    text: str | None,
) -> tuple[_values.ProviderCapabilities | None, tuple[Rejected, ...]]:
    """Read the value of `CAPABILITIES`; a field that is not what it should be is 'not said'."""
    if not text:
        return None, ()
    fields = _lists.load(text)
    if not isinstance(fields, dict):
        return None, (Rejected(CAPABILITIES, "not a JSON object"),)
    good: dict[str, Any] = {}
    rejected: list[Rejected] = []
    for name in _values.ProviderCapabilities.model_fields:
        if name not in fields:
            continue
        try:
            _values.ProviderCapabilities.model_validate({name: fields[name]})
        except pydantic.ValidationError as error:
            rejected.append(Rejected(f"{CAPABILITIES}.{name}", _reason(error)))
        else:
            good[name] = fields[name]
    return _values.ProviderCapabilities.model_validate(good), tuple(rejected)


def write_capabilities(capabilities: _values.ProviderCapabilities | None) -> str:
    """Return the value of `CAPABILITIES`; the empty text, which deletes the key, for None."""
    if capabilities is None:
        return ""
    return json.dumps(capabilities.model_dump(exclude_none=True))


def write_entries(entries: Iterable[RequestEntry | CertificateEntry | ErrorEntry]) -> str:
    """Return entries as a databag's value; the empty text, which deletes the key, for none."""
    written = [entry.to_json() for entry in entries]
    return json.dumps(written) if written else ""


def _read_list(key: str, text: str, parse: Callable[[dict[str, Any]], _Entry]) -> Read[_Entry]:
    items = _lists.load_list(text)
    if items is None:
        return Read(rejected=(Rejected(key, "not a JSON list"),))
    entries: list[_Entry] = []
    rejected: list[Rejected] = []
    for index, item in enumerate(items):
        entry = _read_entry(item, parse)
        if isinstance(entry, str):
            rejected.append(Rejected(f"{key}[{index}]", entry))
        else:
            entries.append(entry)
    return Read(tuple(entries), tuple(rejected))


def _read_entry(item: Any, parse: Callable[[dict[str, Any]], _Entry]) -> _Entry | str:
    """Return an entry, or what is wrong with it."""
    try:
        return parse(item)
    except pydantic.ValidationError as error:
        return _reason(error)


def _reason(error: pydantic.ValidationError) -> str:
    """Say what is wrong without the input, which may be anything, and be of any length."""
    details = error.errors()
    reasons = [
        f"{'.'.join(map(str, detail['loc'])) or 'entry'}: {detail['msg']}"
        for detail in details[:_MOST_REASONS]
    ]
    if more := len(details) - len(reasons):
        reasons.append(f"and {more} more")
    return "; ".join(reasons)


_Parsed = TypeVar("_Parsed", _x509.Certificate, _x509.CertificateSigningRequest)


def _remembered(
    memory: dict[str, _Parsed | _errors.TLSCertificatesError],
    pem: str,
    parse: Callable[[str], _Parsed],
) -> _Parsed:
    """Parse a text that was not parsed before; what failed once fails again with its error."""
    known = memory.get(pem)
    if known is None:
        try:
            known = parse(pem)
        except _errors.TLSCertificatesError as error:
            known = error
        memory[pem] = known
    if isinstance(known, _errors.TLSCertificatesError):
        raise known
    return known
