"""docs/tokens.md on a real Keycloak: its commands get tokens, and `temporal-auth whoami` says whose they are."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from harness.cli import temporal_auth
from harness.envoy_yaml import blocks
from harness.keycloak import Keycloak
from realm import ISSUER, PAGE, Realm
from test_the_page import shell

TOKENS = "docs/tokens.md"


@pytest.fixture
def policy(realm: Realm, tmp_path: Path) -> Path:
    """The policy of the Keycloak page."""
    [text] = blocks(PAGE, "yaml")
    path = tmp_path / "policy.yaml"
    path.write_text(text.replace(ISSUER, realm.keycloak.issuer))
    return path


def commands(keycloak: Keycloak, contains: str) -> str:
    """The only commands of the page that have this text."""
    [found] = [block for block in blocks(TOKENS, "sh") if contains in block]
    return found.replace(ISSUER, keycloak.issuer)


def in_directory(text: str, directory: Path) -> str:
    return f"cd '{directory}'\n{text}"


def keys(realm: Realm, directory: Path) -> None:
    """Fetches the keys as the page says, without the command that follows."""
    fetch, _ = commands(realm.keycloak, "/certs").splitlines()
    with shell(in_directory(fetch, directory), directory) as running:
        out, _ = running.communicate(timeout=60)
    assert running.returncode == 0, out


def whoami(policy: Path, *more: str) -> subprocess.CompletedProcess[str]:
    directory = policy.parent
    done = temporal_auth("whoami", policy, "--token-file", directory / "token", "--jwks", directory / "keys.json", *more)
    token = (directory / "token").read_text().strip()
    assert token not in done.stdout + done.stderr and token.split(".")[1] not in done.stdout + done.stderr
    return done


def test_a_program_by_client_credentials(realm: Realm, policy: Path, tmp_path: Path) -> None:
    command = commands(realm.keycloak, "client_credentials").replace("SECRET", realm.secrets["orders-worker"])
    with shell(in_directory(command, tmp_path), tmp_path) as running:
        out, _ = running.communicate(timeout=60)
    assert running.returncode == 0, out
    assert (tmp_path / "token").stat().st_mode & 0o077 == 0
    keys(realm, tmp_path)
    said = whoami(policy)
    assert said.returncode == 0, said.stderr + said.stdout
    for line in ("kind       service\n", "signature  checked, by a key in ", '  workers: role worker\n    where    namespaces "orders"\n'):
        assert line in said.stdout
    assert "teams:" not in said.stdout


def test_a_person_by_the_device_flow(realm: Realm, policy: Path, tmp_path: Path) -> None:
    with shell(in_directory(commands(realm.keycloak, "device_code"), tmp_path), tmp_path) as running:
        assert running.stdin and running.stdout
        line = running.stdout.readline()
        realm.visitor("alice").confirms_device(next(word for word in line.split() if word.startswith("http")))
        rest, _ = running.communicate("\n", timeout=60)
    assert running.returncode == 0, rest
    keys(realm, tmp_path)
    said = whoami(policy)
    assert said.returncode == 0, said.stderr + said.stdout
    for part in ("kind       human\n", "signature  checked, by a key in ", '  teams: role client\n    where    namespaces "orders"\n'):
        assert part in said.stdout
    assert "workers:" not in said.stdout


def test_a_token_that_keycloak_did_not_sign(realm: Realm, policy: Path, tmp_path: Path) -> None:
    keys(realm, tmp_path)
    signed, signature = realm.person("alice").rsplit(".", 1)
    forged = f"{signed}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
    (tmp_path / "token").write_text(forged)
    said = whoami(policy)
    assert said.returncode == 1 and "refused    the signature does not match\n" in said.stdout, said.stdout
