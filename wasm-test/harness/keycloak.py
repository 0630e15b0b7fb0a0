"""A real Keycloak. Its realm is set up over REST, and each step of docs/presets/keycloak.md is one method here."""

from __future__ import annotations

import json
import secrets
import shutil
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from . import paths
from .envoy import run_directory
from .ports import free_ports
from .procs import Process, Server

Json = dict[str, Any]

AUDIENCE = "temporal-frontend"
SCOPE = "temporal-caller"
# The client for people at the command line, and the client whose roles are Temporal's permissions.
CLI, ROLES = "temporal-cli", "temporal"
# Without it, a top-level group that is named like a path cannot be told from a subgroup.
ESCAPE_SLASHES = "--spi-group--jpa--escape-slashes-in-group-path=true"


class Keycloak(Server):
    """A Keycloak with an empty realm `corp`, started with these options.

    The first start takes a minute, in which it builds itself. One that is `like` another needs not do that again.
    """

    def __init__(self, *options: str, token_lifetime: int | None = None, like: Keycloak | None = None) -> None:
        home: Path | None = like._home if like else paths.keycloak()
        assert home, "scripts/ui.sh keycloak"
        self.port, management = free_ports(2)
        self._server = f"http://127.0.0.1:{self.port}"
        self.issuer = f"{self._server}/realms/corp"
        self.oidc = f"{self.issuer}/protocol/openid-connect"
        self._lifetime = token_lifetime
        directory = run_directory("keycloak")
        # It writes into its own directory, and two runs must not meet there.
        self._home: Path = shutil.copytree(home, directory / "home", symlinks=True)
        self._password = secrets.token_urlsafe(16)
        argv = [str(self._home / "bin" / "kc.sh"), "start-dev", "--db=dev-mem", "--http-host=127.0.0.1"]
        argv += [f"--http-port={self.port}", f"--http-management-port={management}", *options]
        environment = {
            "KC_BOOTSTRAP_ADMIN_USERNAME": "root",
            "KC_BOOTSTRAP_ADMIN_PASSWORD": self._password,
            "JAVA_OPTS_KC_HEAP": "-Xmx512m",
        }
        self.process = Process("keycloak", argv, directory / "keycloak.log", env=environment)
        self._admin_token, self._admin_until = "", 0.0
        self._groups: dict[str, str] = {}

    def start(self) -> Self:
        self.process.start().wait_ready(self._answers, 120)
        realm: Json = {"realm": "corp", "enabled": True, "sslRequired": "none"}
        if self._lifetime:
            realm["accessTokenLifespan"] = self._lifetime
        self._send("POST", "", realm)
        return self

    def stop(self) -> None:
        self.process.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def _answers(self) -> bool:
        with urllib.request.urlopen(f"{self._server}/realms/master", timeout=5) as response:
            return bool(response.status == 200)

    # -- the steps of the page

    def add_scope(self) -> None:
        """The client scope with both mappers."""
        self.create("/client-scopes", {"name": SCOPE, "protocol": "openid-connect", "protocolMappers": [
            _mapper("audience", "oidc-audience-mapper", {"included.custom.audience": AUDIENCE}),
            _mapper("groups", "oidc-group-membership-mapper", {"claim.name": "groups", "full.path": "true"}),
        ]})

    def add_client_for_people(self) -> None:
        client = self.add_client(
            CLI, publicClient=True, standardFlowEnabled=False, attributes={"oauth2.device.authorization.grant.enabled": "true"}
        )
        self.remove_microprofile(client)

    def add_worker(self, name: str, *, scope: str = "default", **attributes: Any) -> str:
        """A client for a worker; returns its secret."""
        secret = secrets.token_urlsafe(16)
        self.add_client(
            name, secret=secret, scope=scope, serviceAccountsEnabled=True, standardFlowEnabled=False, attributes=attributes
        )
        return secret

    def add_web_ui(self, client: str, secret: str, callback: str) -> None:
        self.remove_microprofile(self.add_client(client, secret=secret, redirectUris=[callback]))

    def remove_microprofile(self, client: str) -> None:
        """With this scope, a client could ask for the roles of the realm among the groups."""
        self.delete(f"/clients/{client}/optional-client-scopes/{self.scope('microprofile-jwt')}")

    def add_client_roles(self, *roles: str) -> None:
        client = self.create("/clients", {"clientId": ROLES, "standardFlowEnabled": False})
        for role in roles:
            self.create(f"/clients/{client}/roles", {"name": role})

    # -- what the page leaves to the reader

    def add_client(self, name: str, *, scope: str = "default", **members: Any) -> str:
        """A client with the scope of the page: `default`, `optional`, or none if it is empty. Returns its id."""
        client = self.create("/clients", {"clientId": name, "directAccessGrantsEnabled": False} | members)
        if scope:
            self.put(f"/clients/{client}/{scope}-client-scopes/{self.scope(SCOPE)}")
        return client

    def add_person(
        self, name: str, password: str, *, groups: Sequence[str] = (), roles: Sequence[str] = (), client_roles: Sequence[str] = ()
    ) -> None:
        """`groups` are paths; `roles` are roles of the realm."""
        user = self.create("/users", {
            "username": name,
            "enabled": True,
            "email": f"{name}@example.com",
            "emailVerified": True,
            "firstName": name,
            "lastName": "Example",
            "credentials": [{"type": "password", "value": password, "temporary": False}],
        })
        for path in groups:
            self.join(user, self._group(path))
        if roles:
            self._send("POST", f"/corp/users/{user}/role-mappings/realm", [self.get(f"/roles/{_quoted(role)}") for role in roles])
        if client_roles:
            client = self.client(ROLES)
            found = [self.get(f"/clients/{client}/roles/{_quoted(role)}") for role in client_roles]
            self._send("POST", f"/corp/users/{user}/role-mappings/clients/{client}", found)

    def user(self, name: str) -> str:
        return str(self.get(f"/users?exact=true&username={_quoted(name)}")[0]["id"])

    def client(self, name: str) -> str:
        return str(self.get(f"/clients?clientId={_quoted(name)}")[0]["id"])

    def scope(self, name: str) -> str:
        return next(str(found["id"]) for found in self.get("/client-scopes") if found["name"] == name)

    def join(self, user: str, group: str) -> None:
        self.put(f"/users/{user}/groups/{group}")

    def _group(self, path: str) -> str:
        """The group with this path, which is created with those above it."""
        if path not in self._groups:
            above, _, name = path.rpartition("/")
            self._groups[path] = self.create(f"/groups/{self._group(above)}/children" if above else "/groups", {"name": name})
        return self._groups[path]

    def add_key(self, algorithm: str, priority: int) -> str:
        """A new key for this algorithm, used where none has a higher priority; returns the id of its provider."""
        kind, config = _KEYS[algorithm]
        return self.create("/components", {
            "name": f"{algorithm} {priority}",
            "providerId": kind,
            "providerType": "org.keycloak.keys.KeyProvider",
            "config": {name: [value] for name, value in config.items()} | {"priority": [str(priority)]},
        })

    def disable_key(self, kid: str) -> None:
        provider = next(key["providerId"] for key in self.get("/keys")["keys"] if key["kid"] == kid)
        component = self.get(f"/components/{provider}")
        component["config"] |= {"active": ["false"], "enabled": ["false"]}
        self.put(f"/components/{provider}", component)

    def sign_with(self, algorithm: str) -> None:
        self.put("", {"defaultSignatureAlgorithm": algorithm})

    # -- tokens

    def token(self, client: str, **form: str) -> Json:
        """The answer of the token endpoint."""
        request = urllib.request.Request(
            f"{self.oidc}/token", data=urllib.parse.urlencode({"client_id": client} | form).encode()
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            return dict(json.load(response))

    def worker_token(self, client: str, secret: str) -> str:
        return str(self.token(client, client_secret=secret, grant_type="client_credentials")["access_token"])

    # -- REST, below the realm

    def create(self, path: str, what: Json) -> str:
        """Returns the id of what was created."""
        return self._send("POST", f"/corp{path}", what)[1].rpartition("/")[2]

    def get(self, path: str) -> Any:
        return json.loads(self._send("GET", f"/corp{path}")[0])

    def put(self, path: str, what: Json | None = None) -> None:
        self._send("PUT", f"/corp{path}", what or {})

    def delete(self, path: str) -> None:
        self._send("DELETE", f"/corp{path}")

    def _send(self, method: str, path: str, what: Any = None) -> tuple[bytes, str]:
        """The body, and where the new thing is."""
        request = urllib.request.Request(
            f"{self._server}/admin/realms{path}",
            method=method,
            data=None if what is None else json.dumps(what).encode(),
            headers={"authorization": f"Bearer {self._admin()}", "content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.read(), response.headers.get("location", "")

    def _admin(self) -> str:
        if time.monotonic() > self._admin_until:
            form = {"grant_type": "password", "client_id": "admin-cli", "username": "root", "password": self._password}
            request = urllib.request.Request(
                f"{self._server}/realms/master/protocol/openid-connect/token", data=urllib.parse.urlencode(form).encode()
            )
            with urllib.request.urlopen(request, timeout=60) as response:
                answer = json.load(response)
            self._admin_token, self._admin_until = str(answer["access_token"]), time.monotonic() + answer["expires_in"] / 2
        return self._admin_token


# How Keycloak makes a key for an algorithm.
_KEYS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "RS256": ("rsa-generated", {"algorithm": "RS256", "keySize": "2048"}),
    "PS256": ("rsa-generated", {"algorithm": "PS256", "keySize": "2048"}),
    "ES256": ("ecdsa-generated", {"ecdsaEllipticCurveKey": "P-256"}),
    "ES512": ("ecdsa-generated", {"ecdsaEllipticCurveKey": "P-521"}),
    "EdDSA": ("eddsa-generated", {"eddsaEllipticCurveKey": "Ed25519"}),
}


def _mapper(name: str, kind: str, config: Json) -> Json:
    return {
        "name": name,
        "protocol": "openid-connect",
        "protocolMapper": kind,
        "config": {"access.token.claim": "true", "id.token.claim": "false"} | config,
    }


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="")
