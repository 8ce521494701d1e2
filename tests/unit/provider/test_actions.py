"""What the actions return can be handed to Juju, however long it is."""

from __future__ import annotations

from self_signed_provider.actions import parts

LINUX_ALLOWS = 128 * 1024
"""Bytes of one word of a command line (MAX_ARG_STRLEN)."""


def test_long_result_comes_in_parts() -> None:
    """Each part fits a command line; put together in order they are the text."""
    text = "x1" * 150_000
    told = list(parts({"certificates": text, "short": "y"}))
    assert all(len(f"{k}={v}") < LINUX_ALLOWS for part in told for k, v in part.items())
    *pieces, short = told
    assert [list(piece) for piece in pieces] == [
        [f"certificates-{n}"] for n in range(1, len(pieces) + 1)
    ]
    assert "".join(text for piece in pieces for text in piece.values()) == text
    assert short == {"short": "y"}
