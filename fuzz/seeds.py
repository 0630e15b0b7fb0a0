#!/usr/bin/env python3
"""Writes initial inputs for the fuzz targets: seeds.py DIRECTORY < cases of the oracle, one line of JSON each (or none)."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import sys
import zlib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OUT = Path(sys.argv[1])

# A configuration with every field.
CONFIG: dict[str, Any] = {
    "version": 1,
    "applies_to": {"clusters": ["outbound|7233||temporal*"]},
    "issuers": {
        "corp": {
            "issuer": "https://idp.example.com/", "audiences": ["temporal"], "algorithms": ["RS256", "EdDSA"], "subject": "sub",
            "keys": {"discovery": True, "cluster": "idp", "jwks_cluster": "idp", "refresh": "10m", "max_stale": "24h", "wait": "5s",
                     "timeout": "500ms", "retry": "1s", "refetch": "2s"},
            "service_when": [{"gty": "client-credentials"}, {"/realm_access/roles": ["service", True, 7]}],
            "token": {"headers": ["authorization"], "typ": ["JWT"], "leeway": "60s", "max_lifetime": "24h", "require": {"token_use": "access"}},
        },
        "other": {"issuer": "http://o/", "audiences": "any", "keys": {"jwks_uri": "https://o/keys", "cluster": "idp"}},
        "inline": {"issuer": "i", "audiences": "any", "keys": {"inline": {"keys": [
            {"kty": "OKP", "crv": "Ed25519", "kid": "e", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}}},
    },
    "roles": {"developer": {"from": "writer", "minus": ["terminate", "QueryWorkflow"]}, "more": {"from": "developer", "plus": ["terminate", "NewMethod"]}},
    "grants": [
        {"name": "a", "who": {"issuer": ["corp", "other"], "claims": {"groups": "team-{team}"}}, "role": "developer", "namespaces": ["{team}-*"]},
        {"name": "b", "who": {"issuer": "corp", "kind": "human", "subject": "{team}-worker"}, "role": "worker", "namespaces": ["{team}", "\\*\\{"]},
        {"name": "c", "who": {"issuer": "corp"}, "permissions_claim": "permissions", "may_register": True},
        {"name": "d", "who": {"issuer": "corp"}, "role": "admin", "system": True},
        {"name": "e", "who": {"issuer": "corp", "claims": {"groups": "{team}-clients"}}, "role": "client", "namespaces": ["*"], "until": "2027-12-24T18:00:00Z",
         "task_queues": ["{team}-*"], "workflow_types": ["A*"], "nexus_endpoints": ["tax"], "workflow_ids": ["{team}-*"], "schedule_ids": ["{team}-*"],
         "signals": ["go"], "queries": ["__*"], "updates": ["*"]},
        {"name": "f", "who": {"peer": "spiffe://td/*"}, "role": "more", "namespaces": ["a"], "may_call_back": True, "shadow": True},
    ],
    "denials": [
        {"name": "g", "effects": ["start", "compute"], "who": {"claims": {"groups": ["contractor*", "team a"]}}, "unless": {"issuer": "corp", "kind": "service"}, "namespaces": ["pay*"], "commands": True},
        {"name": "h", "who": {"subject": "repo:acme/*"}, "outside": {"signals": ["go"], "workflow_ids": ["a-*"]}, "shadow": True},
    ],
    "anonymous": ["grpc.health.v1.Health/Check", "GetSystemInfo"],
    "authenticated": ["GetClusterInfo"],
    "methods": [{"name": "/temporal.api.workflowservice.v1.WorkflowService/NewMethod", "scope": "namespace", "namespace_field": 1, "effects": ["read"]}],
    "admin_service": True, "forward_token": False, "log": {"allowed": True}, "access_log_state": False,
    "explain_to_client": True, "hide_namespaces": True, "mode": "enforce", "newer_fields": "refuse", "peers": {"xfcc": True, "gateways": ["spiffe://td/gw"]},
}
# Valid public keys: the generators of P-256 and P-384 (SEC 2), and a key of RFC 8037.
P256 = bytes.fromhex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296" "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")
P384 = bytes.fromhex("aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7"
                     "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f")
ED25519 = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")

# Gzip data with a distance that reaches back before its start, where there is only content of an earlier message. Go refuses it.
DISTANCE_TOO_FAR_BACK = bytes.fromhex("1f8b08000000000000ff035efeefe4ec02004261396806000000")


def write(target: str, *parts: bytes) -> None:
    data = b"".join(parts)
    directory = OUT / target
    directory.mkdir(parents=True, exist_ok=True)
    (directory / hashlib.sha1(data).hexdigest()).write_bytes(data)


def method_indexes() -> dict[str, int]:
    rows = (ROOT / "data/temporal/effects.tsv").read_text().splitlines()[1:]
    return {"/" + "/".join(row.split("\t")[:2]): index for index, row in enumerate(rows)}


def from_case(case: dict[str, Any], methods: dict[str, int]) -> None:
    body = base64.b64decode(case["body"])
    is_gzip = case.get("grpc_encoding") == "gzip"
    sizes = bytes(size % 256 for size in case.get("chunks") or [0])[:4].ljust(4, b"\0")
    method = bytes([methods.get(case["path"], 0)])
    write("grpc_frames", bytes([is_gzip]), sizes, bytes(3), body)
    # The body as it is, with the method and the sizes of pieces; and the message alone, which the target frames.
    write("call", bytes([1 | is_gzip << 1]), method, b"\0", sizes, b"\0", body)
    message = body[5:]
    if body[:1] == b"\x01":
        write("gunzip", b"\0", sizes, bytes(3), message)
        write("gunzip", b"\1", sizes, bytes(3), message[10:-8])
        try:
            message = gzip.decompress(message)
        except (OSError, EOFError, zlib.error):
            return
    write("protobuf", sizes, bytes(4), message)
    write("target", method, sizes, bytes(3), message)
    write("call", bytes([is_gzip << 1]), method, b"\0", sizes, b"\0", message)
    # Also times of expiry near the target's time.
    near = 1_800_000_000 - 100 + zlib.crc32(body) % 200
    claims = case["claims"] | {"iss": "https://idp/"} | ({"exp": near, "nbf": near} if near % 2 else {})
    write("token", b'\0{"alg":"ES256","kid":"k","typ":"JWT"}\n', json.dumps(claims).encode(), b"\nsignature")


def words(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(words, value.values()))
    if isinstance(value, list):
        return set().union(*map(words, value))
    return {value} if isinstance(value, str) else set()


def field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + bytes([len(content)]) + content


def answers() -> None:
    """Task tokens of each method that has one, and inputs of operations at Temporal's own endpoint."""
    named = [b"payday", b"temporal-sys-scheduler:x", "t\u00e9mporal-sys-x".encode(), b"/_sys/payroll-q/2", b"/_sys/temporal-sys-q/3", b"7@h:0f8fad5b-d9cb-469f-a165-70867728950e", b"", b"\xff"]
    for method in range(3):
        for name in named:
            token = field(1, b"ns") + field(2, name) + field(3, b"r") + b"\x28\x01"
            for more in (b"", field(14, b"x"), field(14, b"x") * 2, field(2, name), b"\xff"):
                write("answer", bytes([method]), bytes(7), token + more)
    request = field(1, b"payroll") + field(2, b"w") + field(3, field(1, b"T")) + field(4, field(1, b"q")) + b"\x58\x04" + field(12, b"go")
    encoding = field(1, field(1, b"encoding") + field(2, b"binary/protobuf"))
    kind = field(1, field(1, b"messageType") + field(2, b"x"))
    for payload in (encoding + field(2, request), field(2, request) + encoding, kind + field(2, request) + encoding, field(2, request), encoding * 2, encoding,
                    field(1, field(2, b"binary/protobuf") + field(1, b"encoding")) + field(2, request), encoding + field(2, request) * 2, encoding + field(2, b"\xff"),
                    field(1, field(1, b"encoding") + field(2, b"json/plain")) + field(2, b"{}"), encoding + field(2, field(1, b"other") + request[9:])):
        write("answer", b"\3", bytes(7), payload)


def peers() -> None:
    for mode in range(2):
        for own in (b"", b"URI=spiffe://a/x", b'By=a;Hash=1;Subject="CN=a,O=\\"b\\"";URI=spiffe://a;DNS=b', b'X="', b'X="\\', b"URI=a;URI=b,URI=c", b'Cert="-----BEGIN%20";Chain=""', b"A =b ; C=d", b",", b";"):
            for subject in (b"", b"\nCN=cli", b'\nO="a"', b"\na\\b,URI=spiffe://forged", b'\n",URI=spiffe://admin,X="'):
                write("peer", bytes([mode]), own, subject)


def lists() -> None:
    """Answers with two entries and a token: of the caller's namespace, of another, and such as could be read in two ways."""
    def described(*names: bytes) -> bytes:
        return field(1, b"".join(field(1, name) for name in names) + field(6, b"id")) + field(2, b"")

    def endpoint(*targets: bytes) -> bytes:
        return field(2, b"id") + field(3, field(1, b"e") + field(3, b"".join(targets)))

    worker = {name: field(1, field(1, name) + field(2, b"q")) for name in (b"payroll", b"other")}
    namespaces = [described(b"payroll"), described(b"other"), described(b"payroll", b"other"), described(b"payroll") + described(b"other"), b"", b"\xff"]
    endpoints = [endpoint(worker[b"payroll"]), endpoint(worker[b"other"]), endpoint(field(2, field(1, b"https://a"))), endpoint(worker[b"payroll"], worker[b"other"]),
                 endpoint(worker[b"payroll"], field(2, b"")), endpoint()]
    for mode in range(4):
        entry, token, entries = (2, 1, endpoints) if mode & 1 else (1, 2, namespaces)
        for one in entries:
            for other in entries:
                write("list", bytes([mode]), field(entry, one) + field(token, b"next") + field(entry, other) + field(9, b"newer"))


def http() -> None:
    """Calls over HTTP, and lists as the HTTP API answers them."""
    paths = ["/api/v1/namespaces/payroll/workflows/w", "/namespaces/%70ayroll/workflows/a%20b", "/namespaces/payroll%2Fx/workflows/w", "/namespaces/../x"]
    bodies = ['{"workflowType":{"name":"T"},"workflowIdConflictPolicy":3}', '{"workflow_type":{"name":"T\\u0041"},"workflow_id_conflict_policy":"TerminateExisting"}',
              '{"namespace":"payroll","workflowId":"w","taskQueue":{"name":"q","kind":"TASK_QUEUE_KIND_STICKY","normalName":"n"}}', '{"input":[1,{"a":[]}],"memo":{"fields":{"x":null}}}',
              '{"completionCallbacks":[{"nexus":{"url":"temporal://system"}}],"onConflictOptions":{}}', '{"a":1,"a":2}', "{} {}", "", " \n"]
    for path in paths:
        for body in bodies:
            write("http", f"POST {path}\n{body}".encode())
    for line in ("GET /cluster/namespaces/payroll?id=x&pretty", "GET /namespaces/payroll/task-queues/q?taskQueue.kind=2&task_queue.normal_name=n", "DELETE /namespaces/payroll/schedules/s?identity=a+b",
                 "POST /namespaces/payroll/task-queues/q%2Fr/nexus-services/s/o?callback=temporal://system", "POST /nexus/endpoints/id/services/s/o", "POST /namespaces/payroll/nexus/callback"):
        write("http", line.encode())
    for token in ("EgJ3Zg", "EgJ3Zg==", "*", "-_8"):
        write("http", f'POST /namespaces/payroll/activity-complete\n{{"taskToken":"{token}"}}'.encode())
    for operation in ('"terminationOperation":{}', '"signalOperation":{"signal":"s"}', '"signalOperation":{},"resetOperation":{}', '"future":{}'):
        write("http", f'POST /namespaces/payroll/batch-operations/b\n{{{operation}}}'.encode())
    for entry in ('{"namespaceInfo":{"name":"payroll"}}', '{"namespaceInfo":{"name":"payroll","name":"other"}}', "{}"):
        write("http", f'\n{{"namespaces":[{entry},{{"namespaceInfo":{{"name":"other"}}}}],"nextPageToken":"AA=="}}'.encode())
    for target in ('"worker":{"namespace":"payroll"}', '"worker":{"namespace":"other"},"external":{}', '"external":{"url":"https://a"}'):
        write("http", f'\n{{"endpoints":[{{"spec":{{"target":{{{target}}}}}}}]}}'.encode())


def instants() -> None:
    for text in ("2026-12-24T18:00:00Z", "2026-12-24t18:00:00.123456+05:30", "2000-02-29T23:59:59-00:00", "1970-01-01T00:00:00Z", "2100-02-29T00:00:00Z", "9999-12-31T23:59:59.9z", "2026-13-01T00:00:00Z",
                 "1970-01-01T00:00:00+00:01", "2026-12-24 18:00:00Z", "2026-12-24T24:00:00Z", "2026-12-24T18:00:60Z", "2026-12-24", "2026-12-24T18:00:00", "2026-12-24T18:00:00.Z"):
        write("until", text.encode())


def claims() -> None:
    forms: list[object] = [["dev", "contractors"], "dev,contractors", "dev; contractors", "[\"dev\", 'contractors']", "dev|contractors", {"contractors": True}, {"a": "contractors"}, [["contractors"]],
                           [{"a": ["x", "contractors"]}], "CONTRACTORS ", 7, 7.0, True, None, ["x y", "contractors"], list(range(1025)), " ".join(map(str, range(400)))]
    for index, name in enumerate(("groups", "sub", "email", "scope", "groups", "iss")):
        for form in forms:
            for pattern in ("contractors", "contractor*", "*", "7", "x y", "con*s"):
                write("wide", bytes([index]), pattern.encode(), b"\n", json.dumps({name: form, "email_verified": index == 2}).encode())


def main() -> None:
    answers()
    peers()
    lists()
    http()
    instants()
    claims()
    # Valid keys of the four types, which mutation would hardly find.
    modulus = b"".join(hashlib.sha256(bytes([n])).digest() for n in range(8))
    for kind, first, second in [(0, b"\xc5" + modulus[:-2] + b"\x01", b"\1\0\1"), (1, P256[:32], P256[32:]), (2, P384[:48], P384[48:]), (3, ED25519, b"")]:
        signature = modulus if kind == 0 else bytes(63 + 32 * (kind == 2)) + b"\1"
        if kind in (1, 2):
            write("keys", bytes([3, kind, 0, len(signature) // 4]), signature, first)
        write("keys", bytes([1, kind, len(second), len(signature) // 4]), signature, second, first)
    # A key of 4096 bits, whose signature is the longest.
    write("keys", bytes([1, 0, 3, 128]), modulus + modulus, b"\1\0\1", b"\xc5" + modulus + modulus[:-2] + b"\x01")
    key_set = json.dumps(CONFIG["issuers"]["inline"]["keys"]["inline"]).replace('"e"', '"k"').encode()
    write("keys", bytes([0, 0, 0, 16]), bytes(64), key_set)
    for url in (b"https://idp/keys?a=b", b"https://idp", b"http://idp/keys", b"https://user@idp/keys", b"https://idp/keys\nhttps://other/"):
        write("discovery", bytes([0, 0]), len(url).to_bytes(2), url, key_set)
    found = b'{"issuer":"https://idp/","jwks_uri":"https://idp:443/keys"}'
    write("discovery", bytes([1, 0]), len(found).to_bytes(2), found, key_set)
    for headers in ([(0, b"Bearer a.b.c")], [(0, b"bEARER a-_"), (2, b"x")], [(1, b"a.b.c")], [(1, b"Bearer a.b.c")], [(0, b"Bearer a"), (1, b"b")], [(0, b"Bearer a,Bearer b")], [(0, b"Basic a"), (1, b"")]):
        write("bearer", b"\0", b"".join(bytes([name, len(value)]) + value for name, value in headers))
    write("bearer", b"\1", (1).to_bytes(4, "little"), (13).to_bytes(4, "little"), (8).to_bytes(4, "little"), b"authorization\0Bearer a\0")
    write("gunzip", bytes(8), DISTANCE_TOO_FAR_BACK)
    write("grpc_frames", b"\1", bytes(7), b"\1", len(DISTANCE_TOO_FAR_BACK).to_bytes(4), DISTANCE_TOO_FAR_BACK)
    write("config", json.dumps(CONFIG).encode())
    write("config", (ROOT / "src/config/struct_example.bin").read_bytes())
    for left_out in CONFIG:
        write("config", json.dumps({name: value for name, value in CONFIG.items() if name != left_out}).encode())
    texts = sorted(json.dumps(word) for word in words(CONFIG) if '\\' not in word)
    (OUT / "config.dict").write_text("".join('"' + text.replace('"', '\\"') + '"\n' for text in texts))
    methods = method_indexes()
    for line in sys.stdin:
        from_case(json.loads(line), methods)


if __name__ == "__main__":
    main()
