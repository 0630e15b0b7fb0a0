"""An OCI registry with our image in it, pushed as an operator does, with `make push`."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from types import TracebackType

from harness import paths
from harness.envoy import run_directory
from harness.ports import free_port
from harness.procs import Process, tcp_answers

from . import parts

REPOSITORY = "temporal-auth"


class Registry:
    """`with Registry() as registry:` — `registry.reference` names the image by its digest."""

    def __init__(self, user: str = "", password: str = "") -> None:
        # By name, because Istio's agent and crane accept plain HTTP from `localhost`.
        self.host = f"localhost:{free_port()}"
        self.name = f"{self.host}/{REPOSITORY}"
        self.digest = ""
        self._locked = bool(user)
        argv = [str(parts.binary("registry")), "-address", self.host.replace("localhost", "127.0.0.1")]
        argv += ["-user", user, "-password", password] if user else []
        self.process = Process("registry", argv, run_directory("registry") / "registry.log")

    @property
    def reference(self) -> str:
        return f"{self.name}@sha256:{self.digest}"

    def push(self, tag: str = "test") -> str:
        """Pushes the image; returns its digest without `sha256:`."""
        done = self.try_to_push(tag)
        assert done.returncode == 0, done.stderr
        found = re.search(r"@sha256:([0-9a-f]{64})$", done.stdout.strip())
        assert found, f"push.sh did not say what it pushed: {done.stdout!r}"
        return found.group(1)

    def try_to_push(self, tag: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        script = paths.ROOT / "scripts" / "push.sh"
        return subprocess.run(
            [script, f"{self.name}:{tag}"], capture_output=True, text=True, timeout=300, env={**os.environ, **(environment or {})}
        )

    def requests(self) -> list[str]:
        """`METHOD PATH` of each request that it received."""
        return re.findall(r"\b((?:GET|HEAD) /v2/\S*)", self.process.log_text())

    def __enter__(self) -> Registry:
        port = int(self.host.partition(":")[2])
        self.process.start().wait_ready(tcp_answers(port))
        if not self._locked:
            self.digest = self.push()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.stop()
        # The modules that agents downloaded from here, in a directory named by the hash of our name (Istio's pkg/wasm/cache.go).
        shutil.rmtree(parts.ISTIO_DATA / hashlib.sha256(f"oci://{self.name}".encode()).hexdigest(), ignore_errors=True)
