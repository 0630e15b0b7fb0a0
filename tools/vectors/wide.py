"""Claims as denials read them, and as grants and `unless` do. Temporal has nothing like it, so it is not asked."""

from functools import partial
from typing import Any

from .case import ISSUER, Case, request, ruled

STOP = "TerminateWorkflowExecution"
CONFIGURATION: dict[str, Any] = {
    "version": 1,
    "issuers": {"corp": ISSUER | {"service_when": [{"bots": "true"}, {"kinds": "service*"}]}},
    "grants": [
        {"name": "everybody", "who": {"issuer": "corp"}, "role": "writer", "namespaces": ["orders"]},
        {"name": "by-group", "who": {"issuer": "corp", "claims": {"groups": "red*"}}, "role": "writer", "namespaces": ["red"]},
        {"name": "people", "who": {"issuer": "corp", "kind": "human"}, "role": "reader", "namespaces": ["people"]},
        {"name": "machines", "who": {"issuer": "corp", "kind": "service"}, "role": "reader", "namespaces": ["machines"]},
    ],
    "denials": [
        {"name": "contractors", "effects": ["terminate"], "who": {"claims": {"groups": ["contractor*", "dev ops"]}}, "unless": {"issuer": "corp", "claims": {"roles": "lead*"}}},
        {"name": "nested", "effects": ["terminate"], "who": {"claims": {"/realm_access/roles": "temp"}}},
        {"name": "level", "effects": ["terminate"], "who": {"claims": {"level": 7}}},
        {"name": "by-subject", "effects": ["terminate"], "who": {"subject": "temp-*"}},
        {"name": "no-people", "effects": ["query"], "who": {"kind": "human"}},
        {"name": "no-machines", "effects": ["signal"], "who": {"kind": "service"}},
    ],
}
DENIALS = {"contractors", "nested", "level", "by-subject", "no-people", "no-machines"}
NONE = "default-deny"
MANY = [f"g{place}" for place in range(1025)]


def of(method: str, namespace: str = "orders") -> tuple[str, Any]:
    return method, request(method, namespace=namespace)


# name, groups, whether the denial of contractors matches them
GROUPS: list[tuple[str, Any, bool]] = [
    ("a list", ["contractors"], True), ("a list of others", ["contracts"], False), ("no text after the star", ["contractor"], True),
    ("one text", "contractors", True), ("commas", "a,contractors,b", True), ("semicolons", "a;contractors", True), ("spaces", "a contractors", True),
    ("comma and space", "a, contractors", True), ("a comma before it", ",contractors", True), ("within a word", "a,subcontractors", False),
    ("bars", "a|contractors", True), ("a tab", "a\tcontractors", True), ("a list written as text", '["a", "contractors"]', True), ("quotes", "'contractors'", True), ("braces", "{a,contractors}", True),
    ("a group with a space, in a list", ["dev ops"], True), ("a group with a space, behind a comma", "x,dev ops", True), ("two groups of one text", "dev;ops", False),
    ("other case", ["CONTRACTORS"], True), ("spaces around it", [" contractors "], True), ("a list within a list", [["contractors"]], True),
    ("an object", {"contractors": True}, True), ("an object of objects", {"a": {"b": ["contractors"]}}, True), ("objects in a list", [{"name": "contractors"}], True),
    ("a text within an object is not split", {"a": "x,contractors"}, False), ("an element is not split", ["x contractors"], False), ("null", None, False),
    ("1,024 others", MANY[:1024], False), ("1,025 others", MANY, True), ("a number", 7, False),
]
# name, method, claims, rule
ROWS: list[tuple[str, tuple[str, Any], dict[str, Any], str]] = [
    ("no groups at all", of(STOP), {}, "everybody"),
    ("spared by a list", of(STOP), {"groups": "contractors", "roles": ["leader"]}, "everybody"),
    ("spared by one text", of(STOP), {"groups": "contractors", "roles": "leader"}, "everybody"),
    ("not spared by a star that takes nothing", of(STOP), {"groups": "contractors", "roles": ["lead"]}, "contractors"),
    ("not spared by a text within", of(STOP), {"groups": "contractors", "roles": [["leader"]]}, "contractors"),
    ("not spared by the beginning of a text", of(STOP), {"groups": "contractors", "roles": "lead,contractor"}, "contractors"),
    ("not spared by case", of(STOP), {"groups": "contractors", "roles": ["LEADER"]}, "contractors"),
    ("a pointer to one text", of(STOP), {"realm_access": {"roles": "perm temp"}}, "nested"),
    ("a pointer to another", of(STOP), {"realm_access": {"roles": "perm"}}, "everybody"),
    ("a pointer into the objects of a list", of(STOP), {"realm_access": [{"roles": "temp"}]}, "nested"),
    ("a pointer that ends before", of(STOP), {"realm_access": "temp"}, "nested"),
    ("a pointer to something else", of(STOP), {"realm_access": {"role": "temp"}}, "everybody"),
    ("a number with a fraction of nothing", of(STOP), {"level": 7.0}, "level"),
    ("a number in a list", of(STOP), {"level": [1, 7]}, "level"),
    ("a number as text", of(STOP), {"level": "1;7"}, "level"),
    ("another number", of(STOP), {"level": 77}, "everybody"),
    ("a subject", of(STOP), {"sub": "TEMP-1"}, "by-subject"),
    ("a subject is not split", of(STOP), {"sub": "alice,temp-1"}, "everybody"),
    ("a grant does not split", of(STOP, "red"), {"groups": "blue,red-1"}, NONE),
    ("a grant does not match by the beginning of a text", of(STOP, "red"), {"groups": "red-1,blue"}, NONE),
    ("a grant does not match what its star takes nothing of", of(STOP, "red"), {"groups": ["red"]}, NONE),
    ("a grant matches one text", of(STOP, "red"), {"groups": "red-1"}, "by-group"),
    ("a human", of("CountWorkflowExecutions", "people"), {}, "people"),
    ("a human is denied what humans are", of("QueryWorkflow"), {}, "no-people"),
    ("a human may what machines may not", of("SignalWorkflowExecution"), {}, "everybody"),
    ("a service", of("CountWorkflowExecutions", "machines"), {"bots": True}, "machines"),
    ("a service is no human", of("CountWorkflowExecutions", "people"), {"bots": True}, NONE),
    ("a service may what humans may not", of("QueryWorkflow"), {"bots": True}, "everybody"),
    ("a service is denied what machines are", of("SignalWorkflowExecution"), {"bots": True}, "no-machines"),
    ("in doubt, no human", of("CountWorkflowExecutions", "people"), {"kinds": "x,service-1"}, NONE),
    ("in doubt, no service", of("CountWorkflowExecutions", "machines"), {"kinds": "service-1,x"}, NONE),
    ("in doubt, denied what humans are", of("QueryWorkflow"), {"kinds": {"service": 1}}, "no-people"),
    ("in doubt, denied what machines are", of("SignalWorkflowExecution"), {"kinds": {"service": 1}}, "no-machines"),
    ("in doubt, allowed the rest", of("CountWorkflowExecutions"), {"kinds": {"service": 1}}, "everybody"),
]
case = partial(ruled, denials=DENIALS)

CASES: list[Case] = [
    case(f"groups: {name}", *of(STOP), {"groups": groups}, "contractors" if meant else "everybody") for name, groups, meant in GROUPS
] + [case(name, method, message, claims, rule) for name, (method, message), claims, rule in ROWS]
