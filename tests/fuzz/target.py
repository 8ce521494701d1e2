"""What a target is, and how one of its cases is judged."""

import contextlib
import logging
import signal
import warnings
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass
from types import FrameType
from typing import Any

from cryptography import x509
from hypothesis import strategies as st


@dataclass(frozen=True)
class Target:
    """Something that takes what strangers write."""

    name: str
    """For the command line."""
    cases: st.SearchStrategy[Any]
    """Of plain values, so that what fails can be pasted into a test."""
    check: Callable[[Any], None]
    """Raises for what must not be: an undocumented error among them."""
    weight: int = 10
    """How many cases of it there are among all."""


class TooSlow(BaseException):
    """A case used up its time. No library catches this by mistake."""


def judge(target: Target, case: Any, patience: float | None = None) -> None:
    """Run one case.

    Args:
        target: What takes it.
        case: What is taken.
        patience: Seconds of this process's own time after which the case fails: a text costs time
            in proportion to its length, and the longest have ten million characters. None has no
            limit, so that a busy machine fails no test.

    Raises:
        AssertionError: If it is not dealt with as it should be; the cause says what happened.
    """
    try:
        with _limited(patience), _quiet():
            target.check(case)
    except (KeyboardInterrupt, SystemExit):
        raise
    # Not Exception alone: what panics in Rust is none.
    except BaseException as error:
        what = f"{type(error).__name__}: {error}"
        raise AssertionError(f"{target.name}: {what[:500]}") from error


@contextlib.contextmanager
def _limited(patience: float | None) -> Generator[None]:
    if patience is None:
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TooSlow(f"over {patience} s")

    before = signal.signal(signal.SIGVTALRM, stop)
    # Again and again: an error raised in a callback of the garbage collector is lost.
    signal.setitimer(signal.ITIMER_VIRTUAL, patience, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@contextlib.contextmanager
def _quiet() -> Generator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            # Of what a certificate should not have, as a negative serial number.
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextlib.contextmanager
def parses() -> Generator[Counter[bytes]]:
    """Count how often each PEM text is parsed, as a request or as a certificate."""
    counted: Counter[bytes] = Counter()
    loaders = {
        name: getattr(x509, name) for name in ("load_pem_x509_csr", "load_pem_x509_certificate")
    }

    def counting(load: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
        def counted_load(pem: bytes) -> Any:
            counted[load.__name__.encode() + pem] += 1
            return load(pem)

        return counted_load

    try:
        for name, load in loaders.items():
            setattr(x509, name, counting(load))
        yield counted
    finally:
        for name, load in loaders.items():
            setattr(x509, name, load)
