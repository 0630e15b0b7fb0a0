"""Waiting for something instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, TypeVar

T = TypeVar("T")


def until(probe: Callable[[], T | Literal[False] | None], timeout: float = 10.0, what: str = "the condition", every: float = 0.05) -> T:
    """The first true value of `probe`; AssertionError when there is none in time."""
    deadline = time.monotonic() + timeout
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what}: still not so after {timeout:.1f} s (last: {value!r})")
        time.sleep(every)
