"""The repository's envoy.yaml itself, on other ports, and what operators do with it: uncomment and paste."""

from __future__ import annotations

import http.client
import re
from collections.abc import Callable
from typing import Any, Self

from . import grpc_client, paths, requests
from .envoy import decisions_in, envoy_argv, render_envoy_yaml, run_directory
from .grpc_client import Reply
from .ports import free_ports
from .procs import Process, Server
from .temporal import Temporal

LISTENER, ADMIN, TEMPORAL, TEMPORAL_HTTP, IDP = 7533, 9901, 7233, 7243, 7535
# Where the configuration of the filter begins, and how deep it is.
_VALUE = "                  value:\n"
_DEPTH = " " * 20


class EnvoyYaml(Server):
    """`edit` is what an operator does to the file, whose ports are replaced already; `merged` is YAML to merge into it."""

    def __init__(
        self, temporal: Temporal, idp: int, edit: Callable[[str], str] = lambda text: text, merged: Callable[[Self], str] | None = None
    ) -> None:
        self.port, self.admin_port = free_ports(2)
        ports = {
            LISTENER: self.port,
            ADMIN: self.admin_port,
            TEMPORAL: temporal.port,
            TEMPORAL_HTTP: temporal.http_port,
            IDP: idp,
        }
        directory = run_directory("envoy-yaml")
        config = directory / "envoy.yaml"
        config.write_text(edit(render_envoy_yaml((paths.ROOT / "envoy.yaml").read_text(), ports, module=paths.MODULE)))
        extra = ["--config-yaml", merged(self)] if merged else []
        self.process = Process("envoy.yaml", envoy_argv(config, extra=extra), directory / "envoy.log", cwd=paths.ROOT)

    def start(self) -> Self:
        self.process.start().wait_ready(self._live)
        return self

    def stop(self) -> None:
        self.process.stop()

    def count(self, namespace: str, token: str) -> Reply:
        """A read."""
        message = requests.workflow.CountWorkflowExecutionsRequest(namespace=namespace)
        path = requests.path("CountWorkflowExecutions")
        return grpc_client.call(self.port, path, message.SerializeToString(), token=token, gzip=True)

    def decisions(self) -> list[dict[str, Any]]:
        return decisions_in(self.process.log_text())

    def _live(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=2)
        try:
            connection.request("GET", "/ready")
            return connection.getresponse().read().strip() == b"LIVE"
        finally:
            connection.close()


def pasted(text: str, configuration: str) -> str:
    """The file with this configuration of the filter in place of its own, indented as it must be."""
    before, value, after = text.partition(_VALUE)
    assert value, "no configuration of the filter in the file"
    lines = after.splitlines(keepends=True)
    own = next(number for number, line in enumerate(lines) if line.strip() and not line.startswith(_DEPTH))
    indented = "".join(f"{_DEPTH}{line}" if line.strip() else line for line in configuration.splitlines(keepends=True))
    return before + value + indented.rstrip("\n") + "\n" + "".join(lines[own:])


def with_tls(text: str, comment: Callable[[str], str] = lambda text: text) -> str:
    """The file with the comment at the cluster `idp`, as `comment` returns it, in place of the line that it says."""
    found = re.search(r"  # Where keys come from.*\n((?:  #   .*\n)+)(  - name: idp\n)    type: STATIC\n", text)
    assert found, "no comment about TLS before the cluster idp"
    members = "".join(line.replace("  #   ", "    ", 1) for line in found[1].splitlines(keepends=True))
    return text[: found.start()] + found[2] + comment(members) + text[found.end() :]


def blocks(page: str, language: str) -> list[str]:
    """The blocks of a page of the documentation that are fenced as this language."""
    text = (paths.ROOT / page).read_text()
    return [rest.partition("\n```")[0] + "\n" for rest in text.split(f"\n```{language}\n")[1:]]
