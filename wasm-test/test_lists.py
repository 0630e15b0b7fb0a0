"""Lists over all namespaces, of which a caller sees what they may describe: on a real Temporal."""

from __future__ import annotations

import subprocess
import uuid
from typing import Any

import pytest

from harness import paths, requests
from harness.envoy import ConfigurationRejected
from harness.frontend import Frontend
from harness.gate import Gate, OpenGate, allowed, refused
from harness.minter import Minter
from harness.policy import BY_PERMISSIONS, Json, plugin
from harness.poll import until
from harness.temporal import Temporal
from test_nexus import nexus

w, operator = requests.workflow, requests.operator

GRANTS: list[Json] = [
    *BY_PERMISSIONS,
    {"name": "teams", "who": {"issuer": "corp", "claims": {"groups": "team-{team}"}}, "role": "reader", "namespaces": ["{team}"]},
    {"name": "developers", "who": {"issuer": "corp", "claims": {"groups": "developers"}}, "role": "client", "namespaces": ["payroll"]},
    {"name": "starters", "who": {"issuer": "corp", "claims": {"groups": "starters"}}, "role": "starter", "namespaces": ["payroll"]},
    {"name": "former", "who": {"issuer": "corp", "claims": {"groups": "former"}}, "role": "reader", "namespaces": ["*"],
     "until": "2020-01-01T00:00:00Z"},
    {"name": "tried", "who": {"issuer": "corp", "claims": {"groups": "tried"}}, "role": "reader", "namespaces": ["*"], "shadow": True},
    {"name": "everything", "who": {"issuer": "corp", "claims": {"groups": "everything"}}, "role": "reader", "namespaces": ["*"]},
]
ROLES: Json = {"starter": {"plus": ["start"]}}
DENIALS: list[Json] = [
    {"name": "no-finance", "who": {"claims": {"groups": "everything"}}, "namespaces": ["finance-*"]},
    {"name": "no-lists", "who": {"claims": {"groups": "banned"}}, "effects": ["ListNamespaces"]},
]
LISTS = ["GetClusterInfo", "ListNamespaces", "ListNexusEndpoints"]
OTHERS = {"default", "finance-reports", "bitovi-project", "temporal-system"}


@pytest.fixture(scope="module", params=[False, True], ids=["A", "B"])
def lists(request: pytest.FixtureRequest, open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    configuration = plugin(corp.config(), GRANTS, roles=ROLES, denials=DENIALS, authenticated=LISTS)
    return open_shared_gate(configuration, rich_temporal.port, header_stop=request.param)


@pytest.fixture(scope="module")
def closed(open_shared_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> Gate:
    """The same policy without `authenticated`."""
    return open_shared_gate(plugin(corp.config(), GRANTS, roles=ROLES, denials=DENIALS), rich_temporal.port)


def listed(gate: Gate, token: str | None, **options: Any) -> Any:
    request = w.ListNamespacesRequest(page_size=100)
    return w.ListNamespacesResponse.FromString(allowed(gate.call("ListNamespaces", request, token=token, **options)).message)


def names(answer: Any) -> set[str]:
    return {entry.namespace_info.name for entry in answer.namespaces}


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("claims", [{"permissions": ["payroll:read"]}, {"groups": ["team-payroll"]}, {"groups": ["developers"]}], ids=str)
def test_a_caller_sees_their_own_namespaces(lists: Gate, straight: Frontend, corp: Minter, claims: Json, gzip: bool) -> None:
    reply = allowed(lists.call("ListNamespaces", w.ListNamespacesRequest(page_size=100), token=corp.token(**claims), gzip=gzip))
    answer = w.ListNamespacesResponse.FromString(reply.message)
    whole = straight.ask("ListNamespaces", w.ListNamespacesRequest(page_size=100))
    assert names(whole) >= OTHERS | {"payroll"}, "there is something to hide"
    assert list(answer.namespaces) == [entry for entry in whole.namespaces if entry.namespace_info.name == "payroll"]
    hidden = [entry.namespace_info for entry in whole.namespaces if entry.namespace_info.name != "payroll"]
    for text in [text for info in hidden for text in (info.name, info.id, info.owner_email) if text]:
        assert text.encode() not in reply.body


@pytest.mark.parametrize("groups", [[], ["starters"], ["former"], ["tried"]], ids=str)
def test_a_caller_who_may_describe_nothing_sees_nothing(lists: Gate, corp: Minter, groups: list[str]) -> None:
    assert listed(lists, corp.token(groups=groups)) == w.ListNamespacesResponse()


@pytest.mark.parametrize("permissions", [[], ["temporal-system:admin"]], ids=["reader", "system admin"])
def test_a_denial_hides_its_namespaces(lists: Gate, corp: Minter, permissions: list[str]) -> None:
    seen = names(listed(lists, corp.token(groups=["everything"], permissions=permissions)))
    assert seen == {"payroll", "default", "bitovi-project", "temporal-system"}


def test_a_denial_of_the_list_itself_holds(lists: Gate, corp: Minter) -> None:
    refused(lists.call("ListNamespaces", w.ListNamespacesRequest(), token=corp.token(groups=["banned", "team-payroll"])), 7)


def test_a_system_reader_sees_the_list_as_it_is(lists: Gate, straight: Frontend, corp: Minter) -> None:
    request = w.ListNamespacesRequest(page_size=100)
    whole = allowed(straight.call("ListNamespaces", request))
    assert allowed(lists.call("ListNamespaces", request, token=corp.token(permissions=["temporal-system:read"]))).body == whole.body


def test_nobody_sees_it_without_a_good_token(lists: Gate, corp: Minter) -> None:
    request = w.ListNamespacesRequest()
    for token in (None, "garbage", corp.token(exp=1)):
        refused(lists.call("ListNamespaces", request, token=token), 16)


@pytest.mark.parametrize("method", ["ListNamespaces", "ListNexusEndpoints"])
def test_without_being_open_only_system_callers_see_it(closed: Gate, corp: Minter, method: str) -> None:
    request = b""
    refused(closed.call(method, request, token=corp.token(permissions=["payroll:admin"])), 7)
    allowed(closed.call(method, request, token=corp.token(permissions=["temporal-system:admin"])))


def test_pages_stay_as_they_are(lists: Gate, straight: Frontend, corp: Minter) -> None:
    """A page may be empty, and its token leads on. The token is the server's: the id of the last entry, seen or not."""
    token, page, mine, pages = corp.token(permissions=["payroll:read"]), b"", set(), 0
    while True:
        request = w.ListNamespacesRequest(page_size=1, next_page_token=page)
        answer = w.ListNamespacesResponse.FromString(allowed(lists.call("ListNamespaces", request, token=token)).message)
        assert answer.next_page_token == straight.ask("ListNamespaces", request).next_page_token
        mine |= names(answer)
        pages, page = pages + 1, answer.next_page_token
        if not page:
            break
    assert mine == {"payroll"} and pages > len(OTHERS)


def test_the_command_line_lists_them(lists: Gate, corp: Minter, tmp_path: Any) -> None:
    argv = [str(paths.temporal_binary()), "operator", "namespace", "list", "--address", f"127.0.0.1:{lists.port}",
            "--api-key", corp.token(permissions=["payroll:read"]), "--tls=false", "--output", "json"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, env={"HOME": str(tmp_path)}, check=True)
    assert '"payroll"' in done.stdout and not [name for name in OTHERS if f'"{name}"' in done.stdout]


def test_endpoints_of_ones_own_namespaces(lists: Gate, straight: Frontend, corp: Minter) -> None:
    prefix = f"e{uuid.uuid4().hex}"
    for name, namespace in {"mine": "payroll", "other": "finance-reports"}.items():
        allowed(straight.call("CreateNexusEndpoint", nexus.endpoint_to(namespace, "queue", f"{prefix}-{name}")))
    external = operator.CreateNexusEndpointRequest()
    external.spec.name = f"{prefix}-external"
    external.spec.target.external.url = "https://example.com/secret"
    allowed(straight.call("CreateNexusEndpoint", external))

    def seen(**claims: Any) -> set[str]:
        request = operator.ListNexusEndpointsRequest(page_size=100)
        reply = allowed(lists.call("ListNexusEndpoints", request, token=corp.token(**claims)))
        found = operator.ListNexusEndpointsResponse.FromString(reply.message).endpoints
        return {endpoint.spec.name.removeprefix(prefix) for endpoint in found if endpoint.spec.name.startswith(prefix)}

    assert seen(permissions=["payroll:read"]) == {"-mine"}
    assert seen(permissions=["payroll:read", "finance-reports:read"]) == {"-mine", "-other"}
    assert seen(groups=["everything"]) == {"-mine"}
    assert seen(permissions=["temporal-system:admin"]) == {"-mine", "-other", "-external"}
    assert seen(permissions=["temporal-system:admin"], groups=["everything"]) == {"-mine", "-external"}
    assert seen() == set()


def test_in_shadow_the_list_is_whole_and_the_log_says_what_would_vanish(
    open_gate: OpenGate, rich_temporal: Temporal, straight: Frontend, corp: Minter
) -> None:
    gate = open_gate(plugin(corp.config(), GRANTS, roles=ROLES, authenticated=LISTS, mode="shadow"), rich_temporal.port)
    request = w.ListNamespacesRequest(page_size=100)
    whole, mark = allowed(straight.call("ListNamespaces", request)), gate.envoy.log_mark()
    assert allowed(gate.call("ListNamespaces", request, token=corp.token(permissions=["payroll:read"]))).body == whole.body
    count = len(w.ListNamespacesResponse.FromString(whole.message).namespaces)
    line = f"ListNamespaces: {count - 1} of {count} entries would be removed"
    until(lambda: line in gate.envoy.log_since(mark), 5, f"{line!r} in the log")


def test_the_lean_module_refuses_to_open_lists(open_gate: OpenGate, rich_temporal: Temporal, corp: Minter) -> None:
    """It is never called for answers, so callers would get the whole list."""
    policy = plugin(corp.config(), GRANTS, roles=ROLES, authenticated=["GetClusterInfo"])
    gate = open_gate(policy, rich_temporal.port, module=paths.LEAN_MODULE)
    allowed(gate.call("GetClusterInfo", token=corp.token()))
    refused(gate.call("ListNamespaces", token=corp.token(permissions=["payroll:read"])), 7)
    for method in ("ListNamespaces", "ListNexusEndpoints"):
        with pytest.raises(ConfigurationRejected, match="lean module"):
            gate.envoy.push(plugin=policy | {"authenticated": ["GetClusterInfo", method]})
    refused(gate.call("ListNamespaces", token=corp.token(permissions=["payroll:read"])), 7)
