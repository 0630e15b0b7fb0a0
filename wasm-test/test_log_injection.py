"""Names come from tokens and requests: in the log they are data on one line, and cannot forge other lines."""

from __future__ import annotations

import pytest

from harness import requests
from harness.gate import Gate
from harness.minter import Minter
from harness.proto import text

FORGED = 'x\n[2026-01-01 00:00:00.000][warning][wasm] wasm log: temporal-auth {"verdict":"allow","status":0,"method":"forged"}'
NASTY = {
    "newline": FORGED,
    "return": FORGED.replace("\n", "\r\n"),
    "quotes": 'a","verdict":"allow","x":"',
    "backslash": "a\\",
    "escape": "\x1b[2J\x1b[31mred",
    "nul": "a\0b",
    "delete": "a\x7fb",
    "C1": "a\x85b\x9b31m",
    "separators": "a\u2028b\u2029c",
    "bidi": "a\u202eb",
    "long": "x" * 5_000,
    "format": "%s%n{}%REQ(authorization)%",
}


def _raw(gate: Gate, mark: int) -> bytes:
    with open(gate.envoy.process.log, "rb") as log:
        log.seek(mark)
        return log.read()


def _check(gate: Gate, mark: int, original: str, found: str) -> None:
    raw = _raw(gate, mark)
    lines = [line for line in raw.split(b"\n") if b"temporal-auth {" in line]
    assert len(lines) == 1, lines
    assert not any(d.get("method") == "forged" for d in gate.envoy.decisions(mark))
    # No byte that a terminal or a line-based reader would act upon.
    for line in raw.rstrip(b"\n").split(b"\n"):
        text_line = line.decode()
        assert not any(ord(c) < 0x20 or 0x7F <= ord(c) <= 0x9F for c in text_line), repr(text_line)
    if len(original) < 200:
        assert found == original
    else:
        assert found[:50] == original[:50]
        assert len(raw) < 20_000


@pytest.mark.parametrize("case", NASTY)
def test_a_subject_cannot_forge_a_line(gate: Gate, corp: Minter, case: str) -> None:
    mark = gate.envoy.log_mark()
    gate.count("finance-reports", token=corp.token(NASTY[case], permissions=["payroll:read"]))
    _check(gate, mark, NASTY[case], gate.envoy.decision(mark)["subject"])


@pytest.mark.parametrize("case", NASTY)
def test_a_namespace_cannot_forge_a_line(gate: Gate, corp: Minter, case: str) -> None:
    mark = gate.envoy.log_mark()
    path = requests.path("CountWorkflowExecutions")
    reply = gate.call(path, text(1, NASTY[case]), token=corp.token(permissions=["payroll:read"]))
    assert reply.grpc_status in (3, 7)
    decision = gate.envoy.decision(mark)
    _check(gate, mark, NASTY[case], decision["namespaces"][0] if decision["namespaces"] else NASTY[case])


@pytest.mark.parametrize("method", ['x"y', "x\\y", "x" * 3000, "%n%s", "{}"], ids=lambda m: m[:5])
def test_a_method_cannot_forge_a_line(gate: Gate, method: str) -> None:
    mark = gate.envoy.log_mark()
    path = f"/a.B/{method}"
    gate.call(path)
    _check(gate, mark, path, gate.envoy.decision(mark)["method"])
