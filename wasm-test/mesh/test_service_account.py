"""A token of a Kubernetes service account, as docs/tokens.md gets it, from a real API server: whose it is, and what it gives."""

from __future__ import annotations

from pathlib import Path

from harness.cli import temporal_auth
from harness.envoy_yaml import blocks
from lab.kube import ApiServer

# The API server of the lab says so, and the page names the address of most clusters.
ISSUER = "https://kubernetes.default.svc"


def test_a_service_account(tmp_path: Path) -> None:
    policy, *_ = blocks("docs/presets/kubernetes.md", "yaml")
    policy = policy.replace("https://kubernetes.default.svc.cluster.local", ISSUER)
    # A token that was created by hand names no pod.
    by_hand = policy.replace(', require: {/kubernetes.io/pod/name: "*"}', "")
    assert by_hand != policy
    (tmp_path / "policy.yaml").write_text(by_hand)
    (tmp_path / "of-pods.yaml").write_text(policy)
    [commands] = [block for block in blocks("docs/tokens.md", "sh") if "kubectl create token" in block]
    *get, last = commands.strip().splitlines()
    assert last == "temporal-auth whoami policy.yaml --token-file token --jwks keys.json"
    with ApiServer() as kube:
        kube.kubectl("create", "namespace", "orders")
        for account in ("temporal-worker", "other"):
            kube.kubectl("create", "serviceaccount", account, "--namespace", "orders")
        for account, directory in (("temporal-worker", tmp_path), ("other", tmp_path / "other")):
            directory.mkdir(exist_ok=True)
            script = "\n".join(get).replace("temporal-worker", account)
            done = kube.run("bash", "-euo", "pipefail", "-c", f"cd '{directory}'\n{script}")
            assert done.returncode == 0, done.stderr

    def whoami(policy: str, directory: Path) -> tuple[int, str]:
        token, keys = directory / "token", directory / "keys.json"
        done = temporal_auth("whoami", tmp_path / policy, "--token-file", token, "--jwks", keys)
        assert token.read_text().strip() not in done.stdout
        return done.returncode, done.stdout

    code, said = whoami("policy.yaml", tmp_path)
    assert code == 0, said
    for line in (
        "subject    system:serviceaccount:orders:temporal-worker\n",
        "kind       service\n",
        "signature  checked, by a key in ",
        '  workers: role worker\n    where    namespaces "orders"\n',
    ):
        assert line in said, said
    # Another account of the same namespace is no worker, and a token without a pod is refused where the policy requires one.
    code, said = whoami("policy.yaml", tmp_path / "other")
    assert code == 0 and "No grant is for this caller." in said, said
    code, said = whoami("of-pods.yaml", tmp_path)
    assert code == 1 and "which token.require names, is missing" in said, said
