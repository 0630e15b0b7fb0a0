"""A real Keycloak, set up as docs/presets/keycloak.md says."""

from __future__ import annotations

import json
import secrets
import shutil
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any, Self

import parts
from harness.envoy import run_directory
from harness.ports import free_ports
from harness.procs import Process, Server
from harness.web_ui import CLIENT, Login, callback
from servers import Person

Json = dict[str, Any]
SCOPE = "temporal-caller"


class Keycloak(Server):
    """A realm `corp` with these people, whose groups are below `/teams`, and a client for the Web UI at this port."""

    def __init__(self, people: Mapping[str, Person], web_ui: int, *, token_lifetime: int = 300) -> None:
        self._people, self._web_ui, self._lifetime = people, web_ui, token_lifetime
        home = parts.keycloak()
        assert home, "scripts/ui.sh test"
        port, management = free_ports(2)
        self._server = f"http://127.0.0.1:{port}"
        self.login = Login(f"{self._server}/realms/corp", secrets.token_urlsafe(16))
        directory = run_directory("keycloak")
        # It writes into its own directory, and two runs must not meet there.
        self._home = shutil.copytree(home, directory / "home", symlinks=True)
        self._password = secrets.token_urlsafe(16)
        argv = [str(self._home / "bin" / "kc.sh"), "start-dev", "--db=dev-mem", "--http-host=127.0.0.1"]
        argv += [f"--http-port={port}", f"--http-management-port={management}"]
        environment = {
            "KC_BOOTSTRAP_ADMIN_USERNAME": "root",
            "KC_BOOTSTRAP_ADMIN_PASSWORD": self._password,
            "JAVA_OPTS_KC_HEAP": "-Xmx512m",
        }
        self.process = Process("keycloak", argv, directory / "keycloak.log", env=environment)

    def start(self) -> Self:
        self.process.start().wait_ready(self._answers, 120)
        self._fill()
        return self

    def stop(self) -> None:
        self.process.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def _answers(self) -> bool:
        with urllib.request.urlopen(f"{self._server}/realms/master", timeout=5) as response:
            return bool(response.status == 200)

    def _fill(self) -> None:
        token = self._token()

        def create(path: str, what: Json) -> None:
            request = urllib.request.Request(
                f"{self._server}/admin/realms{path}",
                data=json.dumps(what).encode(),
                headers={"authorization": f"Bearer {token}", "content-type": "application/json"},
            )
            urllib.request.urlopen(request, timeout=60).close()

        create("", {"realm": "corp", "enabled": True, "sslRequired": "none", "accessTokenLifespan": self._lifetime})
        create("/corp/clients", {"clientId": "temporal", "standardFlowEnabled": False})
        create("/corp/client-scopes", {"name": SCOPE, "protocol": "openid-connect", "protocolMappers": [
            _mapper("audience", "oidc-audience-mapper", {"included.client.audience": "temporal"}),
            _mapper("groups", "oidc-group-membership-mapper", {"claim.name": "groups", "full.path": "true"}),
        ]})
        create("/corp/clients", {
            "clientId": CLIENT,
            "secret": self.login.secret,
            "redirectUris": [callback(self._web_ui)],
            "defaultClientScopes": ["basic", "profile", "email", "roles", SCOPE],
        })
        # Groups come before the people who are in them.
        teams = sorted({group for person in self._people.values() for group in person.groups})
        create("/corp/partialImport", {"ifResourceExists": "FAIL", "groups": [
            {"name": "teams", "path": "/teams", "subGroups": [{"name": team, "path": f"/teams/{team}"} for team in teams]}
        ]})
        for name, person in self._people.items():
            create("/corp/users", {
                "username": name,
                "enabled": True,
                "email": f"{name}@example.com",
                "emailVerified": True,
                "firstName": name,
                "lastName": "Example",
                "credentials": [{"type": "password", "value": person.password, "temporary": False}],
                "groups": [f"/teams/{group}" for group in person.groups],
            })

    def _token(self) -> str:
        form = {"grant_type": "password", "client_id": "admin-cli", "username": "root", "password": self._password}
        request = urllib.request.Request(
            f"{self._server}/realms/master/protocol/openid-connect/token", data=urllib.parse.urlencode(form).encode()
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            return str(json.load(response)["access_token"])


def _mapper(name: str, kind: str, config: Json) -> Json:
    return {
        "name": name,
        "protocol": "openid-connect",
        "protocolMapper": kind,
        "config": {"access.token.claim": "true", "id.token.claim": "false"} | config,
    }
