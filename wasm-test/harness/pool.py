"""Running Envoys that test files use one after the other.

An Envoy needs some seconds of CPU to compile the module; a new listener in a running Envoy needs hundredths of a second.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from . import jws
from .envoy import Envoy
from .envoy_config import Settings
from .minter import Minter
from .policy import plugin

_RESTING = plugin(Minter("https://resting.test/", [jws.shared_key("ES256")]).config())


class Pool:
    """`lease` gives an Envoy to one user at a time; all Envoys are stopped at the end of the `with`."""

    def __init__(self) -> None:
        self._idle: list[Envoy] = []
        self._stack = contextlib.ExitStack()

    @contextlib.contextmanager
    def lease(self, settings: Settings, name: str) -> Iterator[Envoy]:
        self._idle = [envoy for envoy in self._idle if envoy.process.alive()]
        if self._idle:
            # The one that has rested longest.
            envoy = self._idle.pop(0)
            envoy.reuse(settings)
        else:
            envoy = self._stack.enter_context(Envoy(settings, name))
        yield envoy
        if envoy.process.alive():
            envoy.rest(_RESTING)
            self._idle.append(envoy)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def is_plain(settings: Settings) -> bool:
    """Whether an Envoy that runs already can take these settings over, and give the module's VM back as it was."""
    special = Settings(settings.clusters)
    return (settings.filters, settings.module, settings.capabilities, settings.concurrency, settings.dynamic) == (
        special.filters, special.module, special.capabilities, special.concurrency, special.dynamic
    )
