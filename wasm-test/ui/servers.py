"""The demo's identity provider with people who log in, and a client that has no browser."""

from __future__ import annotations

import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import parts
from harness.envoy import run_directory
from harness.ports import free_port
from harness.procs import Process, Server, tcp_answers
from harness.web_ui import Login, callback


@dataclass(frozen=True)
class Person:
    groups: Sequence[str]
    password: str = field(default_factory=lambda: secrets.token_urlsafe(8))


class Provider(Server):
    """The demo's identity provider, a certified one, with people who have passwords."""

    def __init__(
        self,
        people: Mapping[str, Person],
        web_uis: Sequence[int],
        *,
        services: Mapping[str, Any] | None = None,
        ttl: int = 600,
        port: int | None = None,
    ) -> None:
        """`web_uis` are the ports of the Web UIs that send people here."""
        self.port = port or free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.people = dict(people)
        self.login = Login(self.issuer, secrets.token_urlsafe(16))
        self.services = {
            name: {**service, "secret": secrets.token_urlsafe(16)} for name, service in (services or {}).items()
        }
        settings = {
            "port": self.port,
            "ttl": ttl,
            "clients": self.services,
            "web_ui": {"secret": self.login.secret, "callbacks": [callback(port) for port in web_uis]},
            "people": {name: {"password": person.password, "groups": list(person.groups)} for name, person in people.items()},
        }
        directory = run_directory("idp")
        file = directory / "idp.json"
        file.touch(0o600)
        file.write_text(json.dumps(settings))
        self.process = Process("idp", ["node", str(parts.IDP), str(file)], directory / "idp.log")

    def start(self) -> Self:
        self.process.start().wait_ready(tcp_answers(self.port))
        return self

    def stop(self) -> None:
        self.process.stop()


def get(address: str, **headers: str) -> tuple[int, str]:
    """What somebody without a browser gets: status and body."""
    request = urllib.request.Request(address, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
