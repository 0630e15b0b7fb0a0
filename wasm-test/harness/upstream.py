"""The lightest gRPC server there is: an Envoy that answers every call at once, with trailers only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from .envoy import envoy_argv, run_directory
from .ports import free_ports
from .procs import Process, Server, tcp_answers

CONFIGURATION = Path(__file__).with_name("upstream.yaml")


class Upstream(Server):
    """`with Upstream() as upstream:` listens on `port`. `wrap` may change the command line."""

    def __init__(self, wrap: Callable[[list[str]], Sequence[str]] = list) -> None:
        self.port, admin_port = free_ports(2)
        directory = run_directory("upstream")
        config = directory / "envoy.yaml"
        config.write_text(CONFIGURATION.read_text().replace("ADMIN_PORT", str(admin_port)).replace("PORT", str(self.port)))
        self._process = Process("upstream", list(wrap(envoy_argv(config))), directory / "envoy.log")

    def start(self) -> Self:
        self._process.start().wait_ready(tcp_answers(self.port))
        return self

    def stop(self) -> None:
        self._process.stop()
