"""Honest callers that keep calling while a test does something else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from .grpc_client import Reply
from .poll import until


class Traffic:
    """Repeats the calls, one after another, until the `with` ends. `failures` are the calls that did not succeed."""

    def __init__(self, calls: Mapping[str, Callable[[], Reply]], excused: Callable[[Reply], bool] = lambda _: False) -> None:
        self.failures: list[str] = []
        self.calls = 0
        self._each, self._excused = calls, excused
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._done.is_set():
            for name, call in self._each.items():
                began = time.monotonic()
                failure = self._failure(call)
                self.calls += 1
                if failure:
                    self.failures.append(f"{name}: {failure} after {time.monotonic() - began:.1f} s")

    def _failure(self, call: Callable[[], Reply]) -> str:
        """Why the call did not succeed. Empty if it did."""
        try:
            reply = call()
        except OSError as error:
            return str(error)
        return "" if reply.grpc_status == 0 or self._excused(reply) else str(reply)

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def more(self, count: int = 20, timeout: float = 20) -> None:
        target = self.calls + count
        until(lambda: self.calls >= target, timeout, "more traffic")

    def all_succeeded(self) -> None:
        assert not self.failures, f"{len(self.failures)} of {self.calls}: {self.failures[:3]}"
