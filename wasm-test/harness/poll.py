"""Waiting for something instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, TypeVar

T = TypeVar("T")

# Timeouts are the maximum for an idle machine. They only end waits that would never succeed, so a busy machine gets more.
PATIENCE = 5


def until(probe: Callable[[], T | Literal[False] | None], timeout: float = 10.0, what: str = "the condition", every: float = 0.05) -> T:
    """The first true value of `probe`; AssertionError if there is none in time."""
    deadline = time.monotonic() + timeout * PATIENCE
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what}: still not so after {timeout * PATIENCE:.1f} s (last: {value!r})")
        time.sleep(every)


def prompt(call: Callable[[], T], seconds: float, tries: int = 10) -> T:
    """The result of the first `call` that takes less than `seconds`.

    A busy machine delays some of the calls. A server that waits, or works for too long, delays each of them.
    """
    took = []
    for _ in range(tries):
        began = time.monotonic()
        result = call()
        took.append(time.monotonic() - began)
        if took[-1] < seconds:
            return result
    raise AssertionError(f"each try took {seconds} s or more: {', '.join(f'{each:.2f}' for each in took)}")
