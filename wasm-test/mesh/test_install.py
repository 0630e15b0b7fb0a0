"""Follows docs/install.md on suite B: applies its values and runs its commands with helm and kubectl, then makes calls through the
result.

Only the names of this machine differ from the page: ports, the registry, the provider, and the port of the frontend's pods, which
is not the Service's port.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator

import pytest

from harness import paths, requests
from harness.envoy import run_directory
from harness.grpc_client import Connection, Reply
from harness.issuer import HOST as IDP_HOST
from harness.issuer import Issuer
from harness.poll import until
from harness.ports import free_port
from harness.tls import Authority
from lab.kube_mesh import KubeMesh
from lab.policy import replaced

PAGE = (paths.ROOT / "docs" / "install.md").read_text()
HOST = "temporal.example.com"
RELEASE = "helm upgrade --install temporal-auth istio/chart -n temporal -f auth.yaml"


def section(number: int) -> str:
    found = re.search(rf"^## {number}\. .*?(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return found[0]


def commands(number: int) -> list[str]:
    """The commands that the page shows in this section, without comments."""
    block = re.search(r"^```\n(.*?)^```", section(number), re.MULTILINE | re.DOTALL)
    assert block
    return [line.split(" #")[0].strip() for line in block[1].splitlines()]


def values(mesh: KubeMesh, idp: Issuer, authority: Authority, port: int) -> str:
    """The page's auth.yaml, for a gateway of the Gateway API that is called `door`."""
    block = re.search(r"^```yaml\n(.*?)^```", section(3), re.MULTILINE | re.DOTALL)
    assert block
    provider = f"host: {IDP_HOST}, port: {idp.port}, caCertificates: {authority.root_file}"
    text = re.sub(r"^ +imagePullSecret: .*\n", "", block[1], flags=re.MULTILINE)
    for old, new in {
        "attach: gateway\n": f"attach: gateway\nrouting: gateway-api\nname: door\ntemporal: {{frontend: {{port: {mesh.temporal.port}}}}}\n",
        "oci://registry.example.com/temporal-auth@sha256:" + "0" * 64: f"oci://{mesh.registry.reference}",
        f"host: {HOST}, ": f"host: {HOST}, port: {port}, ",
        "host: idp.example.com, port: 443": provider,
        "outbound|7233||": f"outbound|{mesh.temporal.port}||",
        "https://idp.example.com/": idp.url,
        "outbound|443||idp.example.com": f"outbound|{idp.port}||{IDP_HOST}",
    }.items():
        text = replaced(text, old, new)
    return text


class Door:
    def __init__(self, mesh: KubeMesh) -> None:
        self.mesh, self.port = mesh, free_port()
        self.authority = Authority(run_directory("install"))
        self.idp = Issuer(tls=self.authority.serving(IDP_HOST))
        self.home = mesh.kube.directory

    def type(self, line: str) -> None:
        """Runs a command as an operator does in the checkout, except for the chart's path, because the working directory differs."""
        line = line.replace("istio/chart", str(paths.ROOT / "istio" / "chart"))
        done = self.mesh.kube.run(*shlex.split(line))
        assert done.returncode == 0, f"{line}: {done.stderr}"

    def call(self, namespace: str = "payroll", token: str | None = None, method: str = "CountWorkflowExecutions") -> Reply:
        message = getattr(requests.workflow, f"{method}Request")(namespace=namespace).SerializeToString()
        with Connection(self.port, tls=self.authority.client(None), server=HOST) as connection:
            return connection.call(requests.path(method), message, token=token, authority=HOST)

    def is_open(self, token: str) -> bool:
        try:
            return self.call(token=token).grpc_status == 0
        except OSError:
            return False


@pytest.fixture
def door(kube_mesh: KubeMesh) -> Iterator[Door]:
    """A cluster with Istio and Temporal, and without our filter at the frontend."""
    kube = kube_mesh.kube
    service = "- {name: grpc-rpc, port: 7233, targetPort: rpc, appProtocol: grpc}"
    same_port = service.replace("grpc-rpc", "grpc-same").replace("7233", str(kube_mesh.temporal.port))
    made = Door(kube_mesh)
    text = replaced(kube_mesh.resources["temporal"], service, f"{service}\n  {same_port}")
    endpoint = f"{{name: grpc-rpc, port: {kube_mesh.temporal.port}, protocol: TCP}}"
    kube.apply(replaced(text, endpoint, f"{endpoint}, {endpoint.replace('grpc-rpc', 'grpc-same')}"))
    ours = ["wasmplugin/temporal-auth", "authorizationpolicy/temporal-frontend", "authorizationpolicy/temporal-internal-frontend"]
    kube.kubectl("delete", "-n", "temporal", *ours)
    try:
        with made.idp:
            yield made
    finally:
        kube.run("helm", "uninstall", "temporal-auth", "-n", "temporal")
        kube.run("kubectl", "delete", "-n", "temporal", "secret/temporal-example-com", "secret/temporal-ui-example-com")
        kube.apply("\n---\n".join(kube_mesh.resources.values()))
        until(lambda: kube_mesh.gate.count(token=kube_mesh.corp.token(permissions=["payroll:read"])).grpc_status == 0, 60, "as before")


def test_the_page_works_as_written(kube_mesh: KubeMesh, door: Door) -> None:
    finance, nobody = door.idp.token("alice", groups=["finance"]), door.idp.token("bob", groups=["sales"])
    # 3. The policy
    (door.home / "auth.yaml").write_text(values(kube_mesh, door.idp, door.authority, door.port))
    # 4. The filter, closed. The namespace exists already.
    for name, host in (("tls", HOST), ("ui", "temporal-ui.example.com")):
        pair = door.authority.issue(name, dns=[host])
        (door.home / f"{name}.crt").write_bytes(pair.certificate)
        (door.home / f"{name}.key").write_bytes(pair.key)
    first, second, *secrets, closed = commands(4)
    assert first == "kubectl create namespace temporal" and second.startswith("kubectl label namespace temporal")
    assert closed == f"{RELEASE} --set open=false"
    for line in secrets:
        door.type(replaced(line, "-n istio-system", "-n temporal"))
    door.type(closed)
    token = kube_mesh.corp.token(permissions=["payroll:read"])
    until(lambda: "RBAC: access denied" in kube_mesh.gate.count(token=token).grpc_message, 60, "nobody reaches the frontend")
    with kube_mesh.proxy_of("door", door.port):
        assert not door.is_open(finance)
        # 6. Open
        assert commands(6) == [RELEASE]
        door.type(RELEASE)
        until(lambda: door.is_open(finance), 90, "the door")
        # 8. Check that it holds
        assert door.call().grpc_status == 16
        # The page hides namespaces: what bob may not see looks like what does not exist.
        hidden, unknown = door.call(token=nobody), door.call("no-such-namespace", token=nobody)
        assert (hidden.grpc_status, unknown.grpc_status) == (5, 5)
        assert hidden.grpc_message == unknown.grpc_message.replace("no-such-namespace", "payroll")
        assert door.call("finance-reports", token=finance).grpc_status == 5
        assert door.call(token=finance, method="UpdateNamespace").grpc_status == 7
        assert "RBAC: access denied" in kube_mesh.gate.count(token=token).grpc_message, "the other gateway is not the door"
        assert door.idp.fetches() > 0, "keys came by TLS"
        check = kube_mesh.kube.run(sys.executable, "-B", str(paths.ROOT / "istio" / "bypass-check"), "--namespace", "temporal", "--probe")
        assert check.returncode == 0 and check.stdout.startswith("0 findings"), check.stdout + check.stderr
        # Uninstall (mesh.md)
        door.type(closed)
        until(lambda: not door.is_open(finance), 60, "closed again")
