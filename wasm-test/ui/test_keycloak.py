"""The same with a real Keycloak, set up as its preset says."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from browser import Visitor
from harness import paths
from harness.keycloak import AUDIENCE, Keycloak
from harness.ports import free_port
from harness.web_ui import CLIENT, Login, callback
from office import FOREIGN, OPEN_TO_ALL, Door, Office
from servers import Person
from test_session import SHORT, expire

pytestmark = pytest.mark.skipif(paths.keycloak() is None, reason="Keycloak is not installed: scripts/ui.sh test")

PEOPLE = {"alice": Person(["payroll"]), "carol": Person([])}


def as_in_the_preset(issuer: str) -> dict[str, Any]:
    """docs/presets/keycloak.md, without its workers and admins."""
    return {
        "version": 1,
        "issuers": {
            "keycloak": {
                "issuer": issuer,
                "audiences": [AUDIENCE],
                "keys": {"discovery": True, "cluster": "idp"},
                "token": {"require": {"typ": "Bearer"}, "leeway": "0s"},
                "service_when": [{"preferred_username": "service-account-*"}],
            }
        },
        "grants": [
            {
                "name": "teams",
                "who": {"issuer": "keycloak", "kind": "human", "claims": {"groups": "/teams/{team}"}},
                "role": "client",
                "namespaces": ["{team}"],
            }
        ],
        "authenticated": OPEN_TO_ALL,
        "hide_namespaces": True,
        "log": {"allowed": True},
    }


@pytest.fixture(scope="module")
def door(office: Office) -> Iterator[Door]:
    port = free_port()
    with Keycloak(token_lifetime=SHORT) as keycloak:
        login = Login(keycloak.issuer, secrets.token_urlsafe(16))
        keycloak.add_scope()
        keycloak.add_web_ui(CLIENT, login.secret, callback(port))
        for name, person in PEOPLE.items():
            keycloak.add_person(name, person.password, groups=[f"/teams/{group}" for group in person.groups])
        configuration = as_in_the_preset(keycloak.issuer)
        with Door(office.hop.port, login, configuration, "keycloak", port=port, default_namespace="payroll") as door:
            yield door


def test_one_logs_in_and_stays_logged_in(door: Door, visit: Callable[[Door], Visitor]) -> None:
    """Keycloak sends a refresh token without `offline_access`."""
    visitor = visit(door)
    visitor.visits("/")
    visitor.logs_in("alice", PEOPLE["alice"])
    assert visitor.path == "/namespaces/payroll/workflows"
    visitor.sees("payroll-run")
    assert visitor.choice() == ["payroll"]
    expire()
    visitor.opens("schedules-button")
    visitor.sees("payroll-schedule")
    assert (200, "/auth/refresh") in visitor.statuses
    visitor.visits(f"/namespaces/{FOREIGN}/workflows")
    visitor.sees(f"Namespace {FOREIGN} is not found.")


def test_who_is_in_no_group_sees_nothing(door: Door, visit: Callable[[Door], Visitor]) -> None:
    visitor = visit(door)
    visitor.visits("/")
    visitor.logs_in("carol", PEOPLE["carol"])
    assert not visitor.is_at_login()
    visitor.sees("Namespace payroll is not found.")
