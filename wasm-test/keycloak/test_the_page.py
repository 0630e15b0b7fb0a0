"""docs/presets/keycloak.md on a real Keycloak: the page's policy in envoy.yaml, its steps, its commands, and what it says of both."""

from __future__ import annotations

import os
import subprocess
import urllib.error
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import grpc_client, paths, requests
from harness.envoy_yaml import EnvoyYaml, blocks
from harness.gate import allowed, refused
from harness.grpc_client import Reply
from harness.keycloak import AUDIENCE, CLI, Keycloak
from harness.keycloak_login import Visitor
from harness.poll import until
from harness.temporal import Temporal
from realm import ISSUER, PAGE, Realm, part, with_the_page

w = requests.workflow
CALLS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "count": ("CountWorkflowExecutions", lambda namespace: w.CountWorkflowExecutionsRequest(namespace=namespace)),
    "start": ("StartWorkflowExecution", lambda namespace: requests.start_workflow(namespace, grpc_client.test_id())),
    "describe": ("DescribeNamespace", lambda namespace: w.DescribeNamespaceRequest(namespace=namespace)),
    "clusters": ("ListClusters", lambda _: requests.operator.ListClustersRequest()),
}


def call(door: EnvoyYaml, token: str, name: str, namespace: str = "orders") -> Reply:
    method, message = CALLS[name]
    return grpc_client.call(door.port, requests.path(method), message(namespace).SerializeToString(), token=token, gzip=True)


def refusal(door: EnvoyYaml, token: str) -> str:
    """The reason for which this token is refused."""
    before = len(door.decisions())
    refused(call(door, token, "count"), 16)
    decision = until(lambda: next(iter(door.decisions()[before:]), None), 5, "a line in the decision log")
    assert decision["status"] == 16 and decision["subject"] is None, decision
    return str(decision["reason"])


# Who may do what: the calls that are allowed, and their twins, which are not.
PEOPLE = {
    "alice": (["count orders", "start orders"], ["count payments", "clusters"]),
    "lead": ([], ["count orders", "count payments"]),
    "boss": (["clusters", "count payments"], []),
    "carl": (["start orders", "count payments"], ["start payments", "clusters"]),
    "service-account-evil-worker": ([], ["count orders", "describe orders"]),
    # Their group is named like the path `/teams/payments`, and their role of the realm like it, too.
    "named": ([], ["count payments"]),
    "sly": ([], ["count payments"]),
}


@pytest.mark.parametrize("person", PEOPLE)
def test_people(realm: Realm, door: EnvoyYaml, person: str) -> None:
    may, may_not = PEOPLE[person]
    token = realm.person(person)
    for words in may:
        allowed(call(door, token, *words.split()))
    for words in may_not:
        refused(call(door, token, *words.split()), 7)


def test_workers(realm: Realm, door: EnvoyYaml) -> None:
    token = realm.worker("orders-worker")
    allowed(call(door, token, "describe"))
    for name in ("count", "start"):
        refused(call(door, token, name), 7)
    refused(call(door, token, "describe", "payments"), 7)


def test_a_login_at_the_web_ui(realm: Realm, door: EnvoyYaml) -> None:
    tokens = realm.login("alice")
    allowed(call(door, tokens["access_token"], "count"))
    refused(call(door, tokens["access_token"], "count", "payments"), 7)
    assert part(tokens["id_token"], 1)["typ"] == "ID"
    assert "aud has no accepted audience" in refusal(door, tokens["id_token"])


def test_an_app_of_the_realm_gets_no_token_for_temporal(realm: Realm, door: EnvoyYaml) -> None:
    """Keycloak adds the clients to `aud` whose roles a person has; no client is named like our audience."""
    token = realm.by_password("carl", "wiki")
    claims = part(token, 1)
    assert "temporal" in claims["aud"] and claims["azp"] == "wiki"
    assert claims["resource_access"]["temporal"]["roles"] == ["orders:write", "payments:read"]
    assert "aud has no accepted audience" in refusal(door, token)
    # The same person with the same roles, through the client for people.
    assert AUDIENCE in part(realm.person("carl"), 1)["aud"]
    allowed(call(door, realm.person("carl"), "start"))


def test_the_tokens_of_admin_cli_and_of_an_optional_scope_are_refused(realm: Realm, door: EnvoyYaml) -> None:
    admin_cli = realm.by_password("alice", "admin-cli")
    assert "sub" not in part(admin_cli, 1)
    assert "aud" in refusal(door, admin_cli)
    assert "aud has no accepted audience" in refusal(door, realm.worker("optional-worker"))
    # With the scope, the token is good; there is no namespace `optional`.
    asked = realm.keycloak.token(
        "optional-worker",
        client_secret=realm.secrets["optional-worker"],
        grant_type="client_credentials",
        scope="temporal-caller",
    )["access_token"]
    assert call(door, asked, "describe", "optional").grpc_status == 5
    refused(call(door, asked, "describe"), 7)


def test_nobody_logs_in_through_the_client_of_a_worker(realm: Realm) -> None:
    client, secret = "orders-worker", realm.secrets["orders-worker"]
    with pytest.raises(urllib.error.HTTPError) as by_password:
        realm.keycloak.token(client, client_secret=secret, grant_type="password", username="alice", password="x")
    assert "unauthorized_client" in by_password.value.read().decode()
    with pytest.raises(urllib.error.HTTPError) as by_device:
        realm.visitor("alice").token_by_device(client, client_secret=secret)
    assert "unauthorized_client" in by_device.value.read().decode()


def test_a_person_can_take_the_name_of_a_service_account(realm: Realm) -> None:
    """Then no client of that name can be created."""
    with pytest.raises(urllib.error.HTTPError) as conflict:
        realm.keycloak.add_worker("evil-worker")
    assert conflict.value.code == 409
    realm.keycloak.add_worker("good-worker")


def test_a_role_of_the_realm_passes_for_a_group_by_microprofile_jwt(realm: Realm, door: EnvoyYaml) -> None:
    """Unless the scope is removed from the client, as the page says."""
    keycloak, client = realm.keycloak, realm.keycloak.client(CLI)
    scope = keycloak.scope("microprofile-jwt")
    token = realm.visitor("sly").token_by_device(scope="microprofile-jwt")
    assert "groups" not in part(token, 1)
    refused(call(door, token, "count", "payments"), 7)
    keycloak.put(f"/clients/{client}/optional-client-scopes/{scope}")
    try:
        token = realm.visitor("sly").token_by_device(scope="microprofile-jwt")
    finally:
        keycloak.remove_microprofile(client)
    assert "/teams/payments" in part(token, 1)["groups"]
    allowed(call(door, token, "count", "payments"))


def test_the_commands_for_a_person(realm: Realm, door: EnvoyYaml, tmp_path: Path) -> None:
    person, _ = blocks(PAGE, "sh")
    for namespace, works in (("orders", True), ("payments", False)):
        command = printed(person, realm.keycloak, door).replace("--namespace orders", f"--namespace {namespace}")
        with shell(command, tmp_path) as running:
            assert running.stdin and running.stdout
            line = running.stdout.readline()
            realm.visitor("alice").confirms_device(next(word for word in line.split() if word.startswith("http")))
            rest, _ = running.communicate("\n", timeout=60)
        assert (running.returncode == 0) == works, rest
        assert ("Total" if works else "Request unauthorized.") in rest


def test_the_commands_for_a_worker(realm: Realm, door: EnvoyYaml, tmp_path: Path) -> None:
    _, worker = blocks(PAGE, "sh")
    for namespace, works in (("orders", True), ("payments", False)):
        command = printed(worker, realm.keycloak, door).replace("--namespace orders", f"--namespace {namespace}")
        assert command.count("SECRET") == 1
        with shell(command.replace("SECRET", realm.secrets["orders-worker"]), tmp_path) as running:
            rest, _ = running.communicate(timeout=60)
        assert (running.returncode == 0) == works, rest
        assert ("NamespaceInfo.Name" if works else "Request unauthorized.") in rest


def printed(commands: str, keycloak: Keycloak, door: EnvoyYaml) -> str:
    assert commands.count(ISSUER) == 1 and commands.count("HOST:7533") == 1 and commands.count("--namespace orders") == 1
    return commands.replace(ISSUER, keycloak.issuer).replace("HOST:7533", f"127.0.0.1:{door.port}")


def shell(commands: str, home: Path) -> subprocess.Popen[str]:
    """Runs commands as a reader would, with the command line of Temporal, and nothing of this user's configuration."""
    path = f"{paths.temporal_binary().parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", commands], stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True, env=environment
    )


def test_a_token_lives_for_five_minutes(realm: Realm) -> None:
    claims = part(realm.worker("orders-worker"), 1)
    assert claims["exp"] - claims["iat"] == 300


def test_subject_by_name(realm: Realm, door: EnvoyYaml, temporal: Temporal) -> None:
    """With `subject: preferred_username`, the log names people and workers as Keycloak does; without it, by a UUID."""

    def named(policy: str) -> str:
        return policy.replace("    audiences:", "    subject: preferred_username\n    audiences:", 1)

    def subject(envoy: EnvoyYaml, token: str) -> str:
        before = len(envoy.decisions())
        refused(call(envoy, token, "clusters"), 7)
        return str(until(lambda: next(iter(envoy.decisions()[before:]), None), 5, "a line in the decision log")["subject"])

    alice, worker = realm.person("alice"), realm.worker("orders-worker")
    with EnvoyYaml(temporal, realm.keycloak.port, with_the_page(realm.keycloak, named)) as envoy:
        assert subject(envoy, alice) == "alice"
        assert subject(envoy, worker) == "service-account-orders-worker"
        allowed(call(envoy, alice, "count"))
        # The same name through another app is still refused.
        refused(call(envoy, realm.by_password("carl", "wiki"), "count"), 16)
    assert subject(door, alice) == part(alice, 1)["sub"]


def test_without_the_option_a_group_passes_for_a_path(realm: Realm, temporal: Temporal) -> None:
    with Keycloak(like=realm.keycloak) as keycloak:
        keycloak.add_scope()
        keycloak.add_client_for_people()
        keycloak.add_person("named", "a password")
        keycloak.join(keycloak.user("named"), keycloak.create("/groups", {"name": "teams/payments"}))
        token = Visitor(keycloak, "named", "a password").token_by_device()
        assert part(token, 1)["groups"] == ["/teams/payments"]
        with EnvoyYaml(temporal, keycloak.port, with_the_page(keycloak)) as envoy:
            allowed(call(envoy, token, "count", "payments"))
            refused(call(envoy, token, "count", "orders"), 7)
    assert part(realm.person("named"), 1)["groups"] == ["/teams~/payments"]
