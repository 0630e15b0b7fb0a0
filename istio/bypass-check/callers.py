"""Who may connect to the pods: mutual TLS, AuthorizationPolicies, and ports that stay open without the filter."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from cluster import CannotLook, Object, labels, matches, name, namespace, where
from finding import Finding
from installation import INTERNAL, Installation, finished, has_sidecar, keeps_out
from routes import entries

STRICT = "STRICT"


def check(installation: Installation) -> Iterator[Finding]:
    yield from _plaintext(installation)
    yield from _around_the_filter(installation)
    yield from _internal(installation)


# -- PeerAuthentication


def _plaintext(installation: Installation) -> Iterator[Finding]:
    said: set[str] = set()
    for pod in installation.pods:
        for port in (installation.grpc_port, installation.http_port):
            mode, source = mutual_tls(installation, pod, port)
            what = source or "no PeerAuthentication"
            if mode == STRICT or f"{what} {port}" in said:
                continue
            said.add(f"{what} {port}")
            yield Finding(
                "plaintext",
                what,
                f"lets callers without a certificate connect to port {port} of the frontend ({mode}): rules about identities do not hold.",
                f"a PeerAuthentication with mtls: {{mode: STRICT}} in {installation.options.namespace}, without an exception for the port",
            )


def mutual_tls(installation: Installation, pod: Object, port: int) -> tuple[str, str | None]:
    """The mode that applies, and who set it: the workload, else the namespace, else the mesh; UNSET defers to the next."""
    root = installation.options.root_namespace
    levels: list[list[Object]] = [[], [], []]
    for policy in installation.cluster.objects("PeerAuthentication"):
        selector = ((policy.get("spec") or {}).get("selector") or {}).get("matchLabels")
        if selector:
            if namespace(policy) == namespace(pod) and matches(selector, labels(pod)):
                levels[0].append(policy)
        elif namespace(policy) == namespace(pod):
            levels[1].append(policy)
        if not selector and namespace(policy) == root:
            levels[2].append(policy)
    for number, level in enumerate(levels):
        # If there are several, the oldest counts.
        for policy in sorted(level, key=lambda p: (p["metadata"].get("creationTimestamp", ""), name(p))):
            spec = policy.get("spec") or {}
            by_port = (spec.get("portLevelMtls") or {}).get(str(port)) if number == 0 else None
            mode = (by_port or {}).get("mode", "UNSET")
            if mode == "UNSET":
                mode = (spec.get("mtls") or {}).get("mode", "UNSET")
            if mode != "UNSET":
                return mode, where("PeerAuthentication", policy)
    return "PERMISSIVE", None


# -- AuthorizationPolicy


def _around_the_filter(installation: Installation) -> Iterator[Finding]:
    """Where the frontend's own sidecars do not judge calls, only the filter's gateways may connect."""
    for port, id in ((installation.grpc_port, "pod-ip"), (installation.http_port, "http-api")):
        if installation.filtered_at_pods(port):
            continue
        allowed = callers(installation, installation.pods, port)
        if allowed is None:
            yield from _open(installation, port, id)
            continue
        trusted = _gateways(installation) | set(installation.accounts())
        for principal in sorted(allowed):
            if not _trusted(principal, trusted) and not any(fnmatchcase(principal, a) for a in installation.options.allow):
                yield Finding(
                    "caller",
                    f"principal {principal}",
                    f"may connect to port {port} of the frontend's pods, and does not come through the filter.",
                    "remove it from the AuthorizationPolicy, or name it with --allow if it must",
                )


def _open(installation: Installation, port: int, id: str) -> Iterator[Finding]:
    fix = (
        "an AuthorizationPolicy with action ALLOW for the frontend's pods that names the gateway's principal and this port, "
        f"or the filter in their sidecars with port {port} in its match"
    )
    pods = ", ".join(sorted(name(pod) for pod in installation.pods))
    yield Finding(
        id,
        f"{installation.options.namespace}: {pods}",
        f"anybody who knows the address of these pods can call port {port} without passing the filter.",
        fix,
    )
    for service in installation.services:
        if service["spec"].get("clusterIP") == "None" and _has(installation, service, port):
            yield Finding("headless", where("Service", service), f"hands out the addresses of the pods whose port {port} is open.", fix)


def _has(installation: Installation, service: Object, port: int) -> bool:
    return any(installation.target(entry) == port for entry in service["spec"].get("ports") or [])


def callers(installation: Installation, pods: list[Object], port: int) -> set[str] | None:
    """The principals that ALLOW policies admit on this port; None: everybody, or unknown principals."""
    if not all(has_sidecar(pod) and not keeps_out(pod, port) for pod in pods):
        return None
    policies = [p for p in installation.cluster.objects("AuthorizationPolicy") if _applies(installation, p, pods)]
    policies = [p for p in policies if (p["metadata"].get("annotations") or {}).get("istio.io/dry-run") != "true"]
    if any(not (p.get("spec") or {}) for p in policies):
        return set()  # an empty policy denies everything
    allowing = [p["spec"] for p in policies if (p.get("spec") or {}).get("action", "ALLOW") == "ALLOW"]
    if not allowing:
        return None
    found: set[str] = set()
    for spec in allowing:
        for rule in spec.get("rules") or []:
            if not _reaches(rule, port):
                continue
            sources = [entry.get("source") or {} for entry in rule.get("from") or []]
            principals = [p for source in sources for p in _identities(source)]
            if not sources or not all(_identities(source) for source in sources) or "*" in principals:
                return None
            found |= set(principals)
    return found


def _applies(installation: Installation, policy: Object, pods: list[Object]) -> bool:
    spec = policy.get("spec") or {}
    return not (spec.get("targetRefs") or spec.get("targetRef")) and installation.selects(policy, pods)


def _reaches(rule: Object, port: int) -> bool:
    operations = [entry.get("operation") or {} for entry in rule.get("to") or []]
    return not operations or any(
        (not o.get("ports") or str(port) in o["ports"]) and str(port) not in (o.get("notPorts") or []) for o in operations
    )


def _identities(source: Object) -> list[str]:
    """A namespace is written as the pattern of its principals."""
    return [
        *(source.get("principals") or []),
        *(f"*/ns/{n}/sa/*" for n in source.get("namespaces") or []),
        *(f"*/ns/{a.replace('/', '/sa/')}" for a in source.get("serviceAccounts") or []),
    ]


def _gateways(installation: Installation) -> set[str]:
    """Service accounts of gateways whose routes to the frontend are filtered."""
    found = set()
    for way in entries(installation):
        if way.filtered():
            found |= set(way.accounts)
    return found


def _trusted(principal: str, accounts: set[str]) -> bool:
    """Whether the principal is trusted; a pattern matches more than one account, so it never is."""
    tail = principal.partition("/ns/")[2]
    return "*" not in tail and tail.replace("/sa/", "/") in accounts


# -- Temporal's own services


def _internal(installation: Installation) -> Iterator[Finding]:
    """Ports for Temporal's own services, which treat every caller as one of these services."""
    own = set(installation.accounts())
    here = [p for p in installation.cluster.objects("Pod") if namespace(p) == installation.options.namespace and not finished(p)]
    for service in installation.cluster.objects("Service"):
        if namespace(service) != installation.options.namespace or not service["spec"].get("selector"):
            continue
        pods = [pod for pod in here if matches(service["spec"]["selector"], labels(pod))]
        for entry in service["spec"].get("ports") or [] if pods else []:
            try:
                port = installation.target(entry, pods)
            except CannotLook:
                continue  # no container has a port with that name, so nobody can reach it; Temporal's chart names such a port for its worker
            if port not in INTERNAL:
                continue
            allowed = callers(installation, pods, port)
            strangers = None if allowed is None else sorted(p for p in allowed if not _trusted(p, own))
            if strangers == []:
                continue
            who = "everybody in the cluster" if strangers is None else ", ".join(strangers)
            yield Finding(
                "internal-open",
                f"{where('Service', service)} port {entry['port']}",
                f"{INTERNAL[port]} does no authorization, and {who} may connect to it.",
                "an AuthorizationPolicy with action ALLOW for its pods that names the service accounts of Temporal's own services only",
            )
