"""The filter recognizes names of Temporal's own in all spellings that a database treats as equal, and allows honest names in any script."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from harness import requests
from harness.frontend import Frontend
from harness.gate import Gate, OpenGate, allowed
from harness.minter import Minter
from harness.policy import plugin
from harness.temporal import Temporal

w = requests.workflow
GRANTS: list[dict[str, Any]] = [
    {"name": "writers", "who": {"issuer": "corp", "claims": {"role": "writer"}}, "role": "admin", "namespaces": ["*"]},
    {"name": "teams", "who": {"issuer": "corp", "claims": {"groups": "team-{team}"}}, "role": "reader", "namespaces": ["{team}"]},
    {"name": "platform", "who": {"issuer": "corp", "claims": {"role": "platform"}}, "role": "admin", "system": True},
]
DENIALS = [
    {"name": "not-in-zurich", "who": {"claims": {"denied": True}}, "effects": ["read"], "namespaces": ["zürich-*"]},
    {"name": "not-in-berne", "who": {"claims": {"denied": True}}, "effects": ["read"], "namespaces": ["bern"]},
]


@pytest.fixture(scope="module")
def shop(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    return open_shared_gate(plugin(corp.config(), GRANTS, denials=DENIALS), rich_temporal.port)


HONEST = ("заказ-17", "παραγγελία-17", "คำสั่งซื้อ-17", "注文-17", "订单-17", "주문-17", "طلب-١٧", "🧾🧾🧾🧾🧾🧾", "ééééé-1", "télécharger", "naïve-tempo")


@pytest.mark.parametrize("name", HONEST)
def test_honest_names(shop: Gate, corp: Minter, name: str) -> None:
    """As an id, as a queue and as a type; and a worker polls there."""
    unique, token = f"{name}-{uuid.uuid4()}", corp.token(role="writer")
    start = requests.start_workflow("payroll", unique)
    start.request_id, start.task_queue.name, start.workflow_type.name = str(uuid.uuid4()), unique, name
    allowed(shop.call("StartWorkflowExecution", start, token=token))
    task = Frontend(shop.port, token=token).workflow_task(unique)
    assert (task.workflow_execution.workflow_id, task.workflow_type.name) == (unique, name)


TAKEN_FOR_IT = ("témporal-sys-x", "TEMPORAL-SYS-x", "tempora\u0308l-sys-x", "ｔｅｍｐｏｒａｌ-ｓｙｓ-x", "\u200btemporal-sys-x", "temporal-\u017fys-x")


@pytest.mark.parametrize("name", TAKEN_FOR_IT, ids=ascii)
def test_spellings_of_temporals_own(shop: Gate, straight: Frontend, corp: Minter, name: str) -> None:
    def signal(workflow_id: str) -> Any:
        request = w.SignalWorkflowExecutionRequest(namespace="payroll", signal_name="patch")
        request.workflow_execution.workflow_id = workflow_id
        return request

    by_queue = requests.start_workflow("payroll", f"w-{uuid.uuid4()}")
    by_queue.task_queue.name = name
    for method, request in (("SignalWorkflowExecution", signal(name)), ("StartWorkflowExecution", by_queue)):
        mark = shop.envoy.log_mark()
        shop.refused_by_us(method, request, token=corp.token(role="writer"), status=7)
        assert "Temporal's own" in shop.envoy.decision(mark)["reason"]
    assert not straight.exists(by_queue.workflow_id)
    # In this database no such workflow exists, as a caller who may look finds.
    assert shop.call("SignalWorkflowExecution", signal(name), token=corp.token(role="platform")).grpc_status == 5


@pytest.mark.parametrize("name", ["temporal-system", "TEMPORAL-System", "temporal-system ", "témporal-system", "temporal-system\u200b"], ids=ascii)
def test_temporals_own_namespace(shop: Gate, corp: Minter, name: str) -> None:
    """A grant for every namespace does not cover that namespace."""
    shop.refused_by_us("StartWorkflowExecution", requests.start_workflow(name), token=corp.token(role="writer"), status=7)
    reply = shop.call("StartWorkflowExecution", requests.start_workflow("temporal-systems"), token=corp.token(role="writer"))
    assert reply.grpc_status == 5, f"there is no such namespace, says the server: {reply}"


@pytest.mark.parametrize(
    ("namespace", "denied"),
    [("zürich-a", True), ("zurich-a", True), ("ZURICH-A", True), ("zürich-", True), ("zuerich-a", True), ("zug-a", False),
     ("bern", True), ("Bern ", True), ("bérn", True), ("berne", False)],
)
def test_a_denial_with_accents(shop: Gate, corp: Minter, namespace: str, denied: bool) -> None:
    """The denial matches names that MySQL would treat as its namespace; any text may stand for a letter with an accent."""
    assert (shop.count(namespace, token=corp.token(role="writer", denied=True)).grpc_status == 7) is denied
    assert shop.count(namespace, token=corp.token(role="writer")).grpc_status == 5


def test_what_a_capture_matches_keeps_its_spelling(shop: Gate, corp: Minter) -> None:
    """The policy ends here: on MySQL, the group `team-Payroll` would get the namespace `payroll` under the name `Payroll`."""
    allowed(shop.count("payroll", token=corp.token(groups=["team-payroll"])))
    shouting = corp.token(groups=["team-Payroll"])
    assert shop.count("payroll", token=shouting).grpc_status == 7
    assert shop.count("Payroll", token=shouting).grpc_status == 5, "no such namespace on this database"
