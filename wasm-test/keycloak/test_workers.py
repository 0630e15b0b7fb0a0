"""Two workers with tokens that live for seconds: the demo's, which renews its token, and one that does not (docs/tokens.md)."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness import paths
from harness.envoy import run_directory
from harness.envoy_yaml import EnvoyYaml
from harness.procs import Process
from harness.temporal import Temporal
from realm import Realm

DEMO = paths.ROOT / "demo"
LIFETIME = 20


def worker(realm: Realm, door: EnvoyYaml, script: Path) -> Process:
    environment = {
        "ADDRESS": f"127.0.0.1:{door.port}",
        # Where the demo's way to get a token finds the token endpoint.
        "ISSUER": realm.keycloak.oidc,
        "CLIENT_ID": "payroll-worker",
        "CLIENT_SECRET": realm.secrets["payroll-worker"],
        "PYTHONPATH": str(DEMO),
    }
    log = run_directory(script.stem) / "worker.log"
    return Process(script.stem, [sys.executable, str(script)], log, env=environment)


def run_workflow(temporal: Temporal, workflow_id: str) -> None:
    """Starts a workflow at Temporal itself, and waits for its end."""
    argv = [str(paths.temporal_binary()), "workflow", "execute", "--address", temporal.address, "--disable-config-file"]
    argv += ["-n", "payroll", "-t", "payroll", "--type", "PayrollRun", "-w", workflow_id]
    argv += ["-i", json.dumps({"employees": ["ann"], "needs_approval": False})]
    ran = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.timeout(900)
def test_a_worker_must_renew_its_token(realm: Realm, door: EnvoyYaml, temporal: Temporal) -> None:
    client = realm.keycloak.get(f"/clients/{realm.keycloak.client('payroll-worker')}")
    client["attributes"]["access.token.lifespan"] = str(LIFETIME)
    realm.keycloak.put(f"/clients/{client['id']}", client)
    careful, careless = worker(realm, door, DEMO / "worker.py"), worker(realm, door, Path(__file__).parent / "careless_worker.py")
    with careful, careless:
        for process in (careful, careless):
            process.wait_ready(lambda: "working" in process.log_text(), 60)
        began = time.monotonic()
        run_workflow(temporal, "before")
        # Lifetime, leeway, the last long poll, and a minute of retries.
        assert careless.wait(LIFETIME + 60 + 70 + 60 + 60) != 0
        assert time.monotonic() - began > LIFETIME + 60
        log = careless.log_text()
        assert "Poll failure" in log and "Request unauthenticated." in log
        assert "Network error while sending worker heartbeat" in log
        assert careful.alive() and "unauthenticated" not in careful.log_text()
        run_workflow(temporal, "after")
