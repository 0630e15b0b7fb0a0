"""Running Envoys that test files use one after the other.

An Envoy needs some seconds of CPU to compile the module; a new listener in a running Envoy needs hundredths of a second.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from .envoy import Envoy
from .envoy_config import Settings


class Pool:
    """`lease` gives an Envoy to one user at a time; all Envoys are stopped at the end of the `with`."""

    def __init__(self) -> None:
        self._idle: list[Envoy] = []
        self._stack = contextlib.ExitStack()

    @contextlib.contextmanager
    def lease(self, settings: Settings, name: str) -> Iterator[Envoy]:
        envoy = next((idle for idle in self._idle if _may_become(idle, settings)), None)
        if envoy:
            self._idle.remove(envoy)
            envoy.reuse(settings)
        else:
            envoy = self._stack.enter_context(Envoy(settings, name))
        yield envoy
        self._idle.append(envoy)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def is_plain(settings: Settings) -> bool:
    """Whether these settings differ from the defaults only in the listener and the plugin's configuration.

    A fetched key set stays in the VM, so a test with an identity provider needs a VM of its own.
    """
    special = Settings(settings.clusters)
    return len(settings.clusters) == 1 and (
        (settings.filters, settings.module, settings.capabilities, settings.concurrency, settings.dynamic)
        == (special.filters, special.module, special.capabilities, special.concurrency, special.dynamic)
    )


def _may_become(envoy: Envoy, settings: Settings) -> bool:
    return envoy.process.alive() and dict(envoy.settings.clusters) == dict(settings.clusters)
