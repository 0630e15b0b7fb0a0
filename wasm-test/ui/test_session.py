"""How long one stays logged in, and what reaches Temporal of the login."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from browser import Visitor
from harness.poll import until
from harness.ports import free_port
from office import PEOPLE, Door, Office, policy
from record import Record
from servers import Provider, get

Visit = Callable[[Door], Visitor]

# How long a token is good here, in seconds.
SHORT = 10


@pytest.fixture(scope="module")
def hasty(office: Office) -> Iterator[Door]:
    """A door whose tokens expire at once: the filter allows no leeway."""
    port = free_port()
    with Provider(PEOPLE, [port], ttl=SHORT) as provider:
        configuration = policy(provider.issuer, hide_namespaces=True)
        configuration["issuers"]["idp"]["token"] = {"leeway": "0s"}
        with Door(office.hop.port, provider.login, configuration, "hasty", port=port, default_namespace="payroll") as door:
            yield door


def expire() -> None:
    """The only test that waits for time to pass: a token's."""
    time.sleep(SHORT + 2)


def test_an_expired_token_is_refreshed_without_losing_a_form(office: Office, hasty: Door, visit: Visit) -> None:
    visitor = visit(hasty)
    visitor.visits("/namespaces/payroll/workflows/start-workflow")
    visitor.logs_in("alice", PEOPLE["alice"])
    workflow = f"form-{time.monotonic_ns()}"
    visitor.fills("workflowId", workflow)
    visitor.fills("taskQueue", "payroll")
    visitor.fills("workflowType", "PrintSlip")
    expire()
    asked = len(visitor.statuses)
    visitor.clicks(visitor.page.get_by_test_id("start-workflow-button").and_(visitor.page.get_by_role("button")))
    until(lambda: office.has_workflow(workflow), 20, "the workflow")
    assert (200, "/auth/refresh") in visitor.statuses[asked:] and not visitor.is_at_login()


def test_a_page_that_was_left_open_goes_on(hasty: Door, visit: Visit) -> None:
    visitor = visit(hasty)
    visitor.visits("/")
    visitor.logs_in("bob", PEOPLE["bob"])
    expire()
    visitor.opens("schedules-button")
    visitor.sees("payroll-schedule")
    expire()
    visitor.visits("/namespaces/bitovi-project/workflows")
    visitor.sees("bitovi-project-run")


def test_without_the_refresh_cookie_one_logs_in_again(hasty: Door, visit: Visit) -> None:
    visitor = visit(hasty)
    visitor.visits("/namespaces/payroll/schedules")
    visitor.logs_in("bob", PEOPLE["bob"])
    visitor.page.context.clear_cookies(name="refresh")
    expire()
    visitor.visits("/namespaces/payroll/schedules")
    visitor.eventually(visitor.is_at_login, "the login page")
    # The provider still knows him.
    visitor.continues_to_sso()
    assert visitor.path == "/namespaces/payroll/schedules"
    visitor.sees("payroll-schedule")


def test_a_history_needs_a_login(office: Office) -> None:
    """The Web UI's server asks for this address without any token, whoever is logged in."""
    run = office.run_of("payroll", "payroll-run")
    path = f"/api/v1/namespaces/payroll/workflows/payroll-run/run/{run}/history.json"
    since = office.door.envoy.log_mark()
    status, text = get(office.door.web_ui.address + path)
    assert "Request unauthenticated." in text and "WorkflowExecutionStarted" not in text and "ann" not in text, (status, text)
    decision = office.door.envoy.decision(since, lambda line: line["method"].endswith("/GetWorkflowExecutionHistory"))
    assert (decision["verdict"], decision["status"]) == ("deny", 16)


def test_the_id_token_counts_where_its_audience_is_configured(office: Office, visit: Visit, record: Record) -> None:
    visitor = visit(office.id_token_door)
    visitor.visits("/")
    with record.step(office.id_token_door, visitor, "alice", "login by ID token") as step:
        visitor.logs_in("alice", PEOPLE["alice"])
    assert step.at == "/namespaces/payroll/workflows" and not step.denied
    visitor.sees("payroll-run")
    assert visitor.choice() == ["payroll"]


def test_the_id_token_does_not_count_elsewhere(office: Office, visit: Visit) -> None:
    """Nobody gets in, and the log says why."""
    door = office.id_token_door
    right = door.envoy.settings.plugin
    since = door.envoy.log_mark()
    door.envoy.push(plugin=policy(office.provider.issuer))
    try:
        visitor = visit(door)
        visitor.visits("/")
        visitor.logs_in("ops", PEOPLE["ops"])
        visitor.eventually(visitor.is_at_login, "the login page")
        decision = door.envoy.decision(since, lambda line: line["method"].endswith("/GetClusterInfo"))
        assert decision["status"] == 16 and "aud" in decision["reason"]
    finally:
        door.envoy.push(plugin=right)


def test_without_cluster_info_nobody_but_system_callers_gets_in(office: Office, visit: Visit) -> None:
    door = office.plain_door
    right = door.envoy.settings.plugin
    door.envoy.push(plugin=policy(office.provider.issuer, authenticated=["ListNamespaces"]))
    try:
        for name, gets_in in (("alice", False), ("ops", True)):
            visitor = visit(door)
            visitor.visits("/")
            visitor.logs_in(name, PEOPLE[name])
            assert visitor.is_at_login() != gets_in, name
    finally:
        door.envoy.push(plugin=right)


def test_nothing_of_the_login_reaches_temporal(office: Office, visit: Visit) -> None:
    """Neither the tokens, nor the browser's cookies, nor any header that speaks for somebody."""
    visitor = visit(office.door)
    before, after = office.door.envoy.log_mark(), office.hop.log_mark()
    visitor.visits("/")
    visitor.logs_in("alice", PEOPLE["alice"])
    visitor.opens("schedules-button")
    visitor.visits("/namespaces/payroll/workflows")
    cookies = {cookie["name"]: cookie["value"] for cookie in visitor.page.context.cookies(office.door.web_ui.address)}
    refresh = cookies["refresh"]
    came, went = (notes(log) for log in (office.door.envoy.log_since(before), office.hop.log_since(after)))
    sent = ("authorization", "authorization-extras", "grpcgateway-authorization", "grpcgateway-cookie", "caller-type")
    for name in sent:
        assert any(note.startswith(f"{name}: ") for note in came), f"the Web UI no longer sends {name}"
        assert not any(note.startswith(f"{name}: ") for note in went), name
    assert any(refresh in note for note in came) and not any(refresh in note for note in went)
    # All tokens here are JWTs, which begin so, but for the refresh token.
    assert any("eyJ" in note for note in came) and not any("eyJ" in note for note in went)
    assert not [note for note in went if note.startswith(("grpcgateway-", "grpc-metadata-", "cookie"))]
    assert any("ListSchedules" in note for note in went)


def notes(log: str) -> list[str]:
    return [line.split("note ", 1)[1] for line in log.splitlines() if "script log: note " in line]
