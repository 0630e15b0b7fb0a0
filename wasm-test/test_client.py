"""A stock Python client connects, is allowed, and is denied with the error that its code knows."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from harness.gate import Gate
from harness.minter import Minter


def _run(gate: Gate, token: str | None, body: Callable[[Client], Awaitable[Any]], namespace: str = "payroll") -> Any:
    async def main() -> Any:
        client = await Client.connect(f"127.0.0.1:{gate.port}", namespace=namespace, api_key=token, tls=False)
        return await asyncio.wait_for(body(client), 30)

    return asyncio.run(main())


async def _start(client: Client) -> str:
    handle = await client.start_workflow("Some", id=f"client-{uuid.uuid4()}", task_queue="nobody-polls-here")
    return handle.id


async def _terminate_own(client: Client) -> None:
    await client.get_workflow_handle(await _start(client)).terminate()


async def _list(client: Client) -> int:
    return len([w async for w in client.list_workflows(page_size=10)])


async def _count(client: Client) -> int:
    return (await client.count_workflows()).count


def test_a_writer_may_write(gate: Gate, corp: Minter) -> None:
    token = corp.token(permissions=["payroll:write"])
    assert _run(gate, token, _start)
    _run(gate, token, _terminate_own)
    assert _run(gate, token, _list) >= 1


def test_a_reader_may_only_read(gate: Gate, corp: Minter) -> None:
    token = corp.token(permissions=["payroll:read"])
    assert _run(gate, token, _count) >= 0
    _denied(gate, token, _start, RPCStatusCode.PERMISSION_DENIED)


def _denied(gate: Gate, token: str | None, body: Callable[[Client], Awaitable[Any]], status: RPCStatusCode, **options: str) -> RPCError:
    with pytest.raises(RPCError) as caught:
        _run(gate, token, body, **options)
    assert caught.value.status == status
    return caught.value


def test_denied_is_typed(gate: Gate, corp: Minter) -> None:
    error = _denied(gate, corp.token(permissions=["payroll:read"]), _count, RPCStatusCode.PERMISSION_DENIED, namespace="finance-reports")
    assert error.message == "Request unauthorized."
    assert error.grpc_status.details[0].type_url.endswith("PermissionDeniedFailure")


def test_connects_without_a_good_token(gate: Gate, corp: Minter) -> None:
    """GetSystemInfo is open to everybody, so the error comes with the first real call."""
    for token in (None, "garbage", corp.token(exp=1)):
        _denied(gate, token, _count, RPCStatusCode.UNAUTHENTICATED)


def test_a_new_token_is_used_at_once(gate: Gate, corp: Minter) -> None:
    async def body(client: Client) -> tuple[int, bool]:
        before = await _count(client)
        client.api_key = corp.token(permissions=[])
        try:
            await _count(client)
        except RPCError as error:
            return before, error.status == RPCStatusCode.PERMISSION_DENIED
        return before, False

    assert _run(gate, corp.token(permissions=["payroll:read"]), body)[1]
