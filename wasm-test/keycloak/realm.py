"""The realm of the page with people in it, and the policy of the page."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable
from typing import Any

from harness.envoy_yaml import blocks, pasted
from harness.keycloak import Keycloak
from harness.keycloak_login import Visitor
from harness.web_ui import CLIENT, callback

PAGE = "docs/presets/keycloak.md"
# What the page calls the realm.
ISSUER = "https://sso.example.com/realms/corp"
CALLBACK = callback(9)


class Realm:
    def __init__(self, keycloak: Keycloak) -> None:
        self.keycloak = keycloak
        self._passwords: dict[str, str] = {}
        self._tokens: dict[str, str] = {}
        keycloak.add_scope()
        keycloak.add_client_for_people()
        self.secrets = {name: keycloak.add_worker(name) for name in ("orders-worker", "payroll-worker")}
        self._web_ui_secret = secrets.token_urlsafe(16)
        keycloak.add_web_ui(CLIENT, self._web_ui_secret, CALLBACK)
        keycloak.add_client_roles("orders:write", "payments:read")
        for role in ("temporal-admin", "/teams/payments"):
            keycloak.create("/roles", {"name": role})
        self.add("alice", groups=["/teams/orders"])
        self.add("lead", groups=["/teams/orders/leads"])
        self.add("boss", roles=["temporal-admin"])
        self.add("carl", client_roles=["orders:write", "payments:read"])
        # Names chosen to pass for something else.
        self.add("sly", roles=["/teams/payments"])
        self.add("service-account-evil-worker")
        self.add("named")
        keycloak.join(keycloak.user("named"), keycloak.create("/groups", {"name": "teams/payments"}))
        # An app that has nothing to do with Temporal, and one that got the scope in the wrong way.
        keycloak.add_client("wiki", scope="", publicClient=True, directAccessGrantsEnabled=True)
        self.secrets["optional-worker"] = keycloak.add_worker("optional-worker", scope="optional")

    def add(self, name: str, **member_of: list[str]) -> None:
        self._passwords[name] = secrets.token_urlsafe(8)
        self.keycloak.add_person(name, self._passwords[name], **member_of)

    def visitor(self, name: str) -> Visitor:
        return Visitor(self.keycloak, name, self._passwords[name])

    def person(self, name: str) -> str:
        """This person's token, by the device flow; always the same one."""
        if name not in self._tokens:
            self._tokens[name] = self.visitor(name).token_by_device()
        return self._tokens[name]

    def login(self, name: str) -> dict[str, Any]:
        """The tokens that the Web UI gets when this person logs in."""
        return self.visitor(name).logs_in(CLIENT, self._web_ui_secret, CALLBACK)

    def by_password(self, name: str, client: str) -> str:
        answer = self.keycloak.token(client, grant_type="password", username=name, password=self._passwords[name])
        return str(answer["access_token"])

    def worker(self, name: str) -> str:
        return self.keycloak.worker_token(name, self.secrets[name])


def with_the_page(keycloak: Keycloak, edit: Callable[[str], str] = lambda policy: policy) -> Callable[[str], str]:
    """Pastes the policy of the page into envoy.yaml, as it is printed, with the address of this Keycloak."""
    [policy] = blocks(PAGE, "yaml")
    assert policy.count(ISSUER) == 1
    return lambda text: pasted(text, edit(policy.replace(ISSUER, keycloak.issuer)))


def part(token: str, number: int) -> dict[str, Any]:
    """The header (0) or the claims (1)."""
    text = token.split(".")[number]
    return dict(json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))))
