"""What a charm passes as its requests: checked, and resolved into what each owner wants."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from . import _attributes, _errors, _values

_Owner: TypeAlias = Literal[_values.Mode.APP, _values.Mode.UNIT]
_List: TypeAlias = list[_attributes.CertificateRequestAttributes]
Requests: TypeAlias = _List | Callable[[_values.ProviderCapabilities | None], _List]
_ByMode: TypeAlias = Mapping[_Owner, Requests]
RequestsByMode: TypeAlias = _ByMode | Callable[[_values.ProviderCapabilities | None], _ByMode]

_OWNERS: dict[_values.Mode, tuple[_values.Mode, ...]] = {
    _values.Mode.UNIT: (_values.Mode.UNIT,),
    _values.Mode.APP: (_values.Mode.APP,),
    _values.Mode.APP_AND_UNIT: (_values.Mode.APP, _values.Mode.UNIT),
}


@dataclass(frozen=True)
class Given:
    """The requests as the charm passes them, in the argument that its mode reads.

    Raises:
        TLSCertificatesError: If they are in the other one, or are no requests.
    """

    mode: _values.Mode
    """The mode."""
    requests: Requests | None
    """For mode UNIT or APP."""
    by_mode: RequestsByMode | None
    """For mode APP_AND_UNIT: all of it may be a callable, and so may each owner's part."""

    def __post_init__(self) -> None:
        """Check what can be checked before a callable is called."""
        if not isinstance(self.mode, _values.Mode):  # pyright: ignore[reportUnnecessaryIsInstance]
            accepted = ", ".join(map(str, _values.Mode))
            raise _errors.InvalidArgument(f"mode must be one of {accepted}, not {self.mode!r}")
        if self.mode is _values.Mode.APP_AND_UNIT:
            if self.requests is not None or self.by_mode is None:
                raise _errors.InvalidArgument(
                    "mode APP_AND_UNIT needs certificate_requests_by_mode, "
                    "and certificate_requests must be None"
                )
        elif self.by_mode is not None:
            raise _errors.InvalidArgument(
                "certificate_requests_by_mode must be None when the mode is UNIT or APP: "
                "use certificate_requests"
            )
        if self.requests is not None and not callable(self.requests):
            _check_list("certificate_requests", self.requests)
        if self.by_mode is not None and not callable(self.by_mode):
            _check_mapping(self.by_mode)

    @property
    def owners(self) -> tuple[_values.Mode, ...]:
        """Whose requests are in force: `Mode.APP`, `Mode.UNIT` or both."""
        return _OWNERS[self.mode]

    def resolve(
        self, capabilities: Callable[[], _values.ProviderCapabilities | None]
    ) -> Mapping[_values.Mode, tuple[_attributes.CertificateRequestAttributes, ...]]:
        """Return what is wanted, by whose it is.

        Args:
            capabilities: Reads what the provider can do, for callables.

        Raises:
            TLSCertificatesError: If a callable returns something else than requests.
        """
        if self.mode is _values.Mode.APP_AND_UNIT:
            by_mode = self.by_mode(capabilities()) if callable(self.by_mode) else self.by_mode
            return {
                owner: _resolved(f"certificate_requests_by_mode[{owner}]", requests, capabilities)
                for owner, requests in _check_mapping(by_mode).items()
            }
        return {self.mode: _resolved("certificate_requests", self.requests or [], capabilities)}


def valid(
    wanted: Iterable[_attributes.CertificateRequestAttributes], warn: Callable[[str], None]
) -> tuple[_attributes.CertificateRequestAttributes, ...]:
    """Return the requests that a certificate can satisfy, each once; warn of the others."""
    good: list[_attributes.CertificateRequestAttributes] = []
    for one in dict.fromkeys(wanted):
        if one.is_valid():
            good.append(one)
        else:
            warn(f"not requested: {one!r}: {'; '.join(one.problems)}")
    return tuple(good)


def _resolved(
    argument: str,
    requests: Requests,
    capabilities: Callable[[], _values.ProviderCapabilities | None],
) -> tuple[_attributes.CertificateRequestAttributes, ...]:
    listed = requests(capabilities()) if callable(requests) else requests
    return tuple(_check_list(argument, listed))


def _check_list(argument: str, listed: object) -> _List:
    if isinstance(listed, (list, tuple)):
        items = cast("list[object] | tuple[object, ...]", listed)
        if all(isinstance(one, _attributes.CertificateRequestAttributes) for one in items):
            return cast("_List", list(items))
    raise _errors.InvalidArgument(
        f"{argument} must be a list of CertificateRequestAttributes, not {listed!r}"
    )


def _check_mapping(by_mode: object) -> _ByMode:
    owners = {_values.Mode.APP, _values.Mode.UNIT}
    if not isinstance(by_mode, Mapping):
        raise _errors.InvalidArgument(
            f"certificate_requests_by_mode must be a dict, not {by_mode!r}"
        )
    checked = cast("_ByMode", by_mode)
    if not owners.issuperset(checked):
        raise _errors.InvalidArgument(
            "certificate_requests_by_mode must have Mode.APP and Mode.UNIT as keys, "
            f"not {list(checked)}"
        )
    for owner, requests in checked.items():
        if not callable(requests):
            _check_list(f"certificate_requests_by_mode[{owner}]", requests)
    return checked
