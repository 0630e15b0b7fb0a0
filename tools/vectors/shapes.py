"""Claims in the forms of providers, where the configuration says how an issuer writes them. Temporal has nothing like it, so it is
not asked."""

from functools import partial
from typing import Any

from .case import ISSUER, Case, request, ruled

ROLES = "urn:zitadel:iam:org:project:roles"
COUNT = "CountWorkflowExecutions"


def grant(name: str, **who: Any) -> dict[str, Any]:
    return {"name": name, "who": {"issuer": "corp"} | who, "role": "reader", "namespaces": [name]}


CONFIGURATION: dict[str, Any] = {
    "version": 1,
    "issuers": {
        "corp": ISSUER
        | {
            "subject": ["sub", "client_id"],
            "email": "trusted",
            "claims": {ROLES: {"names": True}, "groups": {"split": ","}, "departments": {"split": "none"}, "access": {"split": ";"}, "/units/*/name": {"split": ","}},
        }
    },
    "grants": [
        grant("names", claims={ROLES: "operator"}),
        grant("pieces", claims={"groups": "red*"}),
        {"name": "teams", "who": {"issuer": "corp", "claims": {"groups": "team-{team}"}}, "role": "reader", "namespaces": ["{team}"]},
        grant("objects", claims={"/orgs/*/name": "acme"}),
        grant("whole", claims={"departments": "R and D"}),
        grant("mail", claims={"email": "*@corp.test"}),
        grant("machines", subject="worker-*"),
        {"name": "permissions", "who": {"issuer": "corp"}, "permissions_claim": "access"},
    ],
    "denials": [
        {"name": "contractors", "effects": ["read"], "who": {"claims": {"groups": "contractors"}}},
        {"name": "banned", "effects": ["read"], "who": {"claims": {ROLES: "banned"}}},
        {"name": "competitors", "effects": ["read"], "who": {"claims": {"/orgs/*/name": "rival"}}},
        {"name": "guests", "effects": ["read"], "who": {"claims": {"email": "guest@*"}}},
        {"name": "temps", "effects": ["read"], "who": {"claims": {"/units/*/name": "temps"}}},
        {"name": "old", "effects": ["read"], "who": {"subject": "worker-old"}},
    ],
}
DENIALS = {"contractors", "banned", "competitors", "guests", "temps", "old"}
NONE = "default-deny"
case = partial(ruled, denials=DENIALS)

# name, namespace, claims, rule
ROWS: list[tuple[str, str, dict[str, Any], str]] = [
    ("a name of an object", "names", {ROLES: {"operator": {"org": "corp.test"}}}, "names"),
    ("a name whose value is true", "names", {ROLES: {"operator": True, "reader": True}}, "names"),
    ("a name whose value is false", "names", {ROLES: {"operator": False}}, NONE),
    ("a name whose value is null", "names", {ROLES: {"operator": None}}, NONE),
    ("a name whose value is empty", "names", {ROLES: {"operator": {}}}, NONE),
    ("a name whose value is 0", "names", {ROLES: {"operator": 0}}, NONE),
    ("a name further down", "names", {ROLES: {"x": {"operator": True}}}, NONE),
    ("a name of an object in a list", "names", {ROLES: [{"operator": True}]}, NONE),
    ("a list where names are expected", "names", {ROLES: ["operator"]}, "names"),
    ("a name in other case", "names", {ROLES: {"Operator": True}}, NONE),
    ("names of another claim", "pieces", {"groups": {"red": True}}, NONE),
    ("a banned name", "names", {ROLES: {"operator": True, "banned": True}}, "banned"),
    ("a banned name whose value is false", "names", {ROLES: {"operator": True, "banned": False}}, "banned"),
    ("the first piece of a text", "pieces", {"groups": "red-1,blue"}, "pieces"),
    ("a later piece, with spaces around it", "pieces", {"groups": "blue , red-1 "}, "pieces"),
    ("a piece within a piece", "pieces", {"groups": "blue;red-1"}, NONE),
    ("a star that takes a separator", "pieces", {"groups": "red;blue"}, "pieces"),
    ("an empty piece", "pieces", {"groups": ",,"}, NONE),
    ("an element of a list is not split", "pieces", {"groups": ["blue,red-1"]}, NONE),
    ("a list where a text is expected", "pieces", {"groups": ["red-1"]}, "pieces"),
    ("a piece of the denied group", "pieces", {"groups": "red-1,contractors"}, "contractors"),
    ("a piece of the denied group by another separator", "pieces", {"groups": "red-1,x;contractors"}, "contractors"),
    ("a capture from a piece", "payroll", {"groups": "blue,team-payroll"}, "teams"),
    ("a capture takes no further piece", "payroll,x", {"groups": "team-payroll,x"}, NONE),
    ("a capture from another piece", "payroll", {"groups": "team-orders,x-team-payroll"}, NONE),
    ("a member of an object in a list", "objects", {"orgs": [{"name": "x"}, {"name": "acme", "id": 1}]}, "objects"),
    ("another member", "objects", {"orgs": [{"id": "acme"}]}, NONE),
    ("an object without its list", "objects", {"orgs": {"name": "acme"}}, NONE),
    ("an object in a list in a list", "objects", {"orgs": [[{"name": "acme"}]]}, NONE),
    ("a list as the member", "objects", {"orgs": [{"name": ["acme"]}]}, "objects"),
    ("a member that is denied", "objects", {"orgs": [{"name": "acme"}, {"name": "rival"}]}, "competitors"),
    ("a member that is denied, without its list", "pieces", {"groups": "red-1", "orgs": {"name": "rival"}}, "competitors"),
    ("a member that is granted, of a denied subject", "objects", {"orgs": [{"name": "acme"}], "sub": "worker-old"}, "old"),
    ("a piece of a member that is denied", "pieces", {"groups": "red-1", "units": [{"name": "dev,temps"}]}, "temps"),
    ("a piece of a member that is not denied", "pieces", {"groups": "red-1", "units": [{"name": "dev,perms"}]}, "pieces"),
    ("a text that is one value", "whole", {"departments": "R and D"}, "whole"),
    ("a text that is one value has no pieces", "whole", {"departments": "x,R and D"}, NONE),
    ("an address of a trusted issuer", "mail", {"email": "alice@corp.test"}, "mail"),
    ("an address that it calls unverified", "mail", {"email": "alice@corp.test", "email_verified": False}, "mail"),
    ("an address of another domain", "mail", {"email": "alice@corp.test.evil.test"}, NONE),
    ("an address that is denied", "mail", {"email": "guest@corp.test"}, "guests"),
    ("a machine without sub", "machines", {"sub": None, "client_id": "worker-1"}, "machines"),
    ("a machine with an empty sub", "machines", {"sub": "", "client_id": "worker-1"}, "machines"),
    ("a person with a machine's client_id", "machines", {"client_id": "worker-1"}, NONE),
    ("a machine that is denied", "machines", {"sub": None, "client_id": "worker-old"}, "old"),
    ("permissions in one text", "payroll", {"access": "x;payroll:read"}, "permissions"),
    ("permissions by another separator", "payroll", {"access": "x,payroll:read"}, NONE),
]

CASES: list[Case] = [case(name, COUNT, request(COUNT, namespace=namespace), claims, rule) for name, namespace, claims, rule in ROWS] + [
    Case("nobody at all", COUNT, 16, request(COUNT, namespace="machines"), [], {"sub": None}),
    Case("a person with a list as sub", COUNT, 16, request(COUNT, namespace="machines"), [], {"sub": ["worker-1"], "client_id": "worker-1"}),
]
