"""The resources that an operator applies; our Temporal plays the frontend."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template
from typing import Any

HERE = Path(__file__).resolve().parents[1] / "resources"


def render(name: str, **values: object) -> str:
    """A file of resources/ with its ${placeholders} filled in; a placeholder without a value is an error."""
    return Template((HERE / name).read_text()).substitute({key: str(value) for key, value in values.items()})


@dataclass(frozen=True)
class Plugin:
    """A WasmPlugin with our module."""

    name: str
    namespace: str
    where: dict[str, Any]  # selector and match, or targetRefs
    url: str
    policy: str
    phase: str = "AUTHN"
    sha256: str = ""

    def changed(self, **fields: Any) -> Plugin:
        return replace(self, **fields)

    def text(self) -> str:
        # JSON is YAML; the policy stays as an operator would write it.
        spec = self.where | {
            "url": self.url,
            "phase": self.phase,
            "pluginName": "temporal_auth",
            "failStrategy": "FAIL_RELOAD",
        }
        if self.sha256:
            spec["sha256"] = self.sha256
        lines = [
            "apiVersion: extensions.istio.io/v1alpha1",
            "kind: WasmPlugin",
            f"metadata: {{name: {self.name}, namespace: {self.namespace}}}",
            "spec:",
            *(f"  {key}: {json.dumps(value)}" for key, value in spec.items()),
            "  pluginConfig:",
            textwrap.indent(self.policy, "    "),
        ]
        return "\n".join(lines)
