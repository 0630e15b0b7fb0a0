"""How the module and the configuration reach the proxies: by digest from the registry, and updated in place. A wrong module denies
everything, and a wrong configuration changes nothing."""

from __future__ import annotations

import hashlib

from harness import paths
from harness.gate import allowed, refused
from harness.grpc_client import Reply
from harness.poll import until
from lab.istiod import rejected
from lab.mesh import Mesh
from lab.policy import replaced

READ = ["payroll:read"]
GRANT = "permissions_claim: permissions"


def denied_by_istio(reply: Reply) -> bool:
    """The answer of the filter that replaces a module that could not be fetched."""
    return reply.grpc_status == 7 and "RBAC: access denied" in reply.grpc_message


def test_the_proxies_run_what_was_built(mesh: Mesh) -> None:
    built = hashlib.sha256(paths.MODULE.read_bytes()).hexdigest()
    for proxy in (mesh.gateway, mesh.frontend):
        file = proxy.module_file()
        assert file is not None, "no module in the dump of ECDS"
        assert hashlib.sha256(file.read_bytes()).hexdigest() == built
        assert proxy.stats("wasm.")["wasm.envoy.wasm.runtime.v8.created"] > 0
    manifests = [line for line in mesh.registry.requests() if mesh.registry.digest in line and "/manifests/" in line]
    assert len(manifests) >= 2, "each agent asks for the image by its digest"


def test_a_call_passes_both_proxies(mesh: Mesh) -> None:
    token = mesh.corp.token("carol", permissions=READ)
    mark = mesh.frontend.log_mark()
    allowed(mesh.gate.count(token=token))
    mesh.frontend.decision(mark, lambda d: d["subject"] == "carol" and d["verdict"] == "allow")
    refused(mesh.gate.start(token=token), 7)
    refused(mesh.gate.count(), 16)


def test_a_new_configuration_replaces_the_old_one(mesh: Mesh) -> None:
    token = mesh.corp.token(permissions=READ)
    allowed(mesh.gate.count(token=token))
    without = mesh.gateway_plugin.policy.replace(GRANT, "role: reader, namespaces: [finance-reports]")
    with mesh.changed(gateway_plugin=mesh.gateway_plugin.changed(policy=without).text()):
        until(lambda: mesh.gate.count(token=token).grpc_status == 7, 20, "the new configuration denies")
        allowed(mesh.gate.count("finance-reports", token=mesh.corp.token(permissions=["finance-reports:read"])))
    until(lambda: mesh.gate.count(token=token).grpc_status == 0, 20, "the old one again allows")


def test_a_wrong_configuration_changes_nothing(mesh: Mesh) -> None:
    """The proxy refuses it and logs why, istiod counts it, and the old configuration stays in effect."""
    token = mesh.corp.token(permissions=READ)
    allowed(mesh.gate.count(token=token))
    before = rejected(mesh.istiod.metrics(), "ecds")
    mark = mesh.gateway.log_mark()
    wrong = replaced(mesh.gateway_plugin.policy, "role: admin", "role: owner")
    with mesh.changed(gateway_plugin=mesh.gateway_plugin.changed(policy=wrong).text()):
        errors = until(lambda: mesh.gateway.configuration_errors(mark), 20, "the module's words")
        assert len(errors) == 1 and 'unknown role "owner"; expected one of' in errors[0], errors
        assert "grants[" in errors[0] and "].role" in errors[0], errors
        until(lambda: rejected(mesh.istiod.metrics(), "ecds") > before, 20, "istiod counts the refusal")
        for _ in range(5):
            allowed(mesh.gate.count(token=token))
            refused(mesh.gate.start(token=token), 7)
        assert mesh.gateway.says_ready()
    allowed(mesh.gate.count(token=token))


def test_a_missing_image_denies_everything_while_ready(mesh: Mesh) -> None:
    token = mesh.corp.token(permissions=READ)
    allowed(mesh.gate.count(token=token))
    missing = mesh.gateway_plugin.changed(url=f"oci://{mesh.registry.name}:nobody-pushed-this")
    with mesh.changed(gateway_plugin=missing.text()):
        until(lambda: denied_by_istio(mesh.gate.count(token=token)), 40, "everything is denied")
        assert denied_by_istio(mesh.gate.call("GetSystemInfo")), "even what needs no token"
        assert mesh.gateway.says_ready(), "readiness does not tell"
    until(lambda: mesh.gate.count(token=token).grpc_status == 0, 40, "a change of the resource fetches again")


def test_a_wrong_digest_denies_everything(mesh: Mesh) -> None:
    token = mesh.corp.token(permissions=READ)
    wrong = mesh.gateway_plugin.changed(url=f"oci://{mesh.registry.name}:test", sha256="0" * 64)
    with mesh.changed(gateway_plugin=wrong.text()):
        until(lambda: denied_by_istio(mesh.gate.count(token=token)), 40, "everything is denied")
    right = mesh.gateway_plugin.changed(url=f"oci://{mesh.registry.name}:test", sha256=mesh.registry.digest)
    with mesh.changed(gateway_plugin=right.text()):
        until(lambda: mesh.gate.count(token=token).grpc_status == 0, 40, "the tag with the right digest is taken")
        refused(mesh.gate.start(token=token), 7)
    until(lambda: mesh.gate.count(token=token).grpc_status == 0, 40, "as before")
