"""Every difference between Temporal's own authorization and ours, with its reason. A difference that is not listed here fails the
test, and so does a listed value (a caller, a method, a label) for which the two sides never differ.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from calls import Call
from harness import requests
from test_method_matrix import STRICTER, UNLISTED, WORKER


@dataclass(frozen=True)
class Difference:
    """Calls that match all given sets (None: any) have these two verdicts; see `Answer.verdict`."""

    name: str
    upstream: str
    ours: str
    why: str
    callers: AbstractSet[str] | None = None
    methods: AbstractSet[str] | None = None
    labels: AbstractSet[str] | None = None

    def covers(self, call: Call, upstream: str, ours: str) -> bool:
        return (upstream, ours) == (self.upstream, self.ours) and all(
            values is None or value in values for value, values in self._sides(call)
        )

    def unused(self, covered: Iterable[Call]) -> list[str]:
        """The values that none of the covered calls had."""
        calls = list(covered)
        if not calls:
            return [self.name]
        seen = {value for call in calls for value, _ in self._sides(call)}
        listed = [values for _, values in self._sides(calls[0]) if values is not None]
        return [f"{self.name}: {value}" for values in listed for value in sorted(values - seen)]

    def _sides(self, call: Call) -> tuple[tuple[str, AbstractSet[str] | None], ...]:
        return (call.caller.name, self.callers), (call.name, self.methods), (call.label, self.labels)


BAD_TOKENS = {"nobody", "garbage", "expired"}
GOOD_TOKENS = {"no permissions", "worker", "read", "write", "admin", "system worker", "system read", "system write", "system admin"}
WRITERS = {"write", "admin"}
UNDECODABLE = {"cut short", "no UTF-8 in the namespace", "wire type 7"}
WITH_TASK_TOKEN = {
    method.name
    for method in requests.methods()
    if {"task_token", "namespace"} <= set(requests.message_class(method.service, method.name).DESCRIPTOR.fields_by_name)
}

STATUS = [
    Difference(
        "bad token", "denied", "unauthenticated",
        "16 is what can be cured by a new token; upstream says 7 to everything",
        callers=BAD_TOKENS,
    ),
    Difference(
        "bad token of another kind", "denied", "unauthenticated", "the same, for everything upstream refuses, too",
        labels={"token"},
        callers={
            "RS384", "PS256", "alg none", "HMAC with the public key", "turned signature", "other claims", "no kid",
            "unknown kid", "stranger's key", "exp a string", "exp beyond every clock", "valid in 10 minutes",
            "issued in 10 minutes", "no aud", "other aud", "no sub", "no scheme", "other scheme",
            "two spaces", "scheme alone", "empty header", "bad, then good",
        },
    ),
    Difference(
        "undecodable", "undecodable", "malformed", "3 says whose fault it is",
        labels=UNDECODABLE, callers={"read", "write", "system read"},
    ),
    Difference(
        "undecodable without a good token", "undecodable", "unauthenticated",
        "upstream decodes first; here nobody reads the body of somebody unknown",
        labels=UNDECODABLE | {"no UTF-8 elsewhere"}, callers={"garbage"},
    ),
    Difference(
        "streams", "stream denied", "denied", "upstream loses the status of a denial on streams",
        methods={"Watch", "ServerReflectionInfo"}, callers=BAD_TOKENS | GOOD_TOKENS,
    ),
]

# No released server has them, so no metadata lists them.
NOT_THERE_YET = [
    Difference(
        "not there yet", "unknown", "denied", "its effects are known already; upstream has no such method, which it says to everybody",
        methods=UNLISTED, callers=GOOD_TOKENS - {"admin", "system admin"}, labels={"own"},
    ),
    Difference(
        "not there yet, bad token", "unknown", "unauthenticated", "the same",
        methods=UNLISTED, callers=BAD_TOKENS, labels={"own"},
    ),
]

WE_ALLOW = [
    Difference(
        "anonymous methods", "denied", "passed",
        "connecting clients and probes call them; an expired token must not kill a client that could refresh it",
        methods={"GetSystemInfo", "Check"}, callers={"garbage", "expired"},
    ),
    Difference(
        "a number as sub", "denied", "passed", "some issuers number their users; the text of the number is the subject",
        labels={"token"}, callers={"sub a number"},
    ),
    Difference(
        "worker", "denied", "passed", "the role exists: upstream compares numbers, and `worker` is below all it asks for",
        methods=WORKER, callers={"worker"}, labels={"own"},
    ),
    Difference(
        "worker everywhere", "denied", "passed", "the same for `temporal-system:worker`",
        methods=WORKER, callers={"system worker"}, labels={"own", "other", "none", "system"},
    ),
    Difference(
        "description by id", "denied", "passed", "the answer shows only a namespace that the caller may describe by its name",
        labels={"namespace by id"}, callers={"read", "write", "admin"},
    ),
    Difference(
        "leeway", "denied", "passed", "60 s unless configured otherwise; upstream has none",
        labels={"token"}, callers={"expired 30 s ago", "valid in 30 s", "issued in 30 s"},
    ),
    Difference(
        "EdDSA", "denied", "passed", "on our list by default; upstream knows RS256 and ES256",
        labels={"token"}, callers={"EdDSA"},
    ),
    Difference(
        "shape of permissions", "denied", "passed", "identity providers send them in a string or an object, too",
        labels={"token"}, callers={"permissions in a string", "permissions in an object"},
    ),
]

WE_DENY = [
    Difference(
        "register", "passed", "denied", "a namespace that is not there yet belongs to nobody: a system grant, or may_register",
        methods={"RegisterNamespace"}, callers={"admin"}, labels={"own"},
    ),
    Difference(
        "task token alone", "passed", "denied",
        "upstream complains of the missing token before it authorizes; here a request without a namespace needs a system grant",
        methods=WITH_TASK_TOKEN, labels={"none"}, callers=GOOD_TOKENS - {"system worker", "system write", "system admin"},
    ),
    Difference(
        "task token alone, bad token", "passed", "unauthenticated", "the same",
        methods=WITH_TASK_TOKEN, labels={"none"}, callers=BAD_TOKENS,
    ),
    Difference(
        "name and id", "passed", "denied", "two names of which the server chooses: a system grant covers both",
        labels={"namespace by name and id"}, callers={"read", "write", "admin"},
    ),
    Difference(
        "another namespace inside", "passed", "denied", "upstream leaves it to the handler; here the effect needs a grant in that namespace",
        labels={"command into another namespace", "operations in another namespace"}, callers=WRITERS,
    ),
    Difference(
        "Temporal's own", "passed", "denied", "what users start or signal there acts with Temporal's own rights",
        labels={"signal to Temporal's own workflow", "start on Temporal's own queue"}, callers=WRITERS,
    ),
    Difference(
        "Temporal's own namespace", "passed", "denied", "its workflows delete namespaces and move data: changes are for admins of the cluster",
        labels={"system"}, callers={"system write"},
    ),
    Difference(
        "compute", "passed", "denied", "the server acts on what a compute configuration says: for admins, and for roles that have `compute`",
        methods=STRICTER, callers={"write", "system write"}, labels={"own", "other", "none"},
    ),
    Difference(
        "compute of a version", "passed", "denied", "the same, where a new version comes with one",
        methods={"CreateWorkerDeploymentVersion"}, callers={"write"}, labels={"a version with a compute configuration"},
    ),
    Difference(
        "admin service", "passed", "denied", "closed unless admin_service is set",
        labels={"admin service"}, callers={"system admin"},
    ),
    Difference(
        "namespace twice", "passed", "malformed", "no honest encoder writes it, and parsers differ in which one counts",
        labels={"namespace twice", "namespace twice, the other last"}, callers={"read", "write", "system read"},
    ),
    Difference(
        "namespace twice, denied by the last", "denied", "malformed", "the same",
        labels={"namespace twice, the other last"}, callers={"read", "write"},
    ),
    Difference(
        "exp", "passed", "unauthenticated", "a token must end: upstream lets it live for ever",
        labels={"token"}, callers={"no exp", "exp zero", "exp in milliseconds"},
    ),
    Difference(
        "iss", "passed", "unauthenticated", "issuers are told apart by it; upstream never looks",
        labels={"token"}, callers={"no iss", "empty iss", "iss a list", "other iss"},
    ),
    Difference(
        "header of the token", "passed", "unauthenticated", "`crit` must be understood, and a logout token is no access token",
        labels={"token"}, callers={"crit", "typ of something else"},
    ),
    Difference(
        "keys", "passed", "unauthenticated", "2048 bits at least, and what a key says of its use counts",
        labels={"token"}, callers={"short RSA key", "RSA exponent 3", "key for encryption"},
    ),
    Difference(
        "JSON", "passed", "unauthenticated", "claims that two parsers read differently are no claims",
        labels={"token"}, callers={"second JSON document", "claim twice", "not UTF-8", "half a character", "claims 200 deep"},
    ),
    Difference(
        "empty sub", "passed", "unauthenticated", "a caller has a name, unless the issuer says `subject: none`",
        labels={"token"}, callers={"empty sub"},
    ),
    Difference(
        "empty kid", "passed", "unauthenticated", "`kid: optional` of the issuer's keys accepts it",
        labels={"token"}, callers={"empty kid"},
    ),
    Difference(
        "spelling", "passed", "unauthenticated", "a token has one spelling",
        labels={"token"}, callers={"spare bits in the signature"},
    ),
    Difference(
        "two tokens", "passed", "unauthenticated", "one request, one caller; upstream takes the first",
        labels={"token"}, callers={"good, then bad"},
    ),
    Difference(
        "words of roles", "passed", "denied", "lower case is ASCII here; Go makes an `i` of a Turkish capital I",
        labels={"token"}, callers={"role with a Turkish I"},
    ),
    Difference(
        "no namespace", "passed", "denied", "upstream, `:read` opens every namespace by its id",
        labels={"token"}, methods={"DescribeNamespace"}, callers={"permission of no namespace"},
    ),
]

HTTP_DIFFERENCES = [
    Difference(
        "the root", "unknown", "malformed", "an empty segment: servers and proxies differ in what they make of it",
        labels={"root"}, callers=BAD_TOKENS | GOOD_TOKENS,
    ),
]

DIFFERENCES = [*STATUS, *NOT_THERE_YET, *WE_ALLOW, *WE_DENY]
