"""The policy of the repository's envoy.yaml, as text for a WasmPlugin.

It has one more issuer, `corp`, whose tokens list their own permissions, for tests that are not about people. The keys of both
issuers are fetched through the cluster that Istio creates from a ServiceEntry.
"""

from __future__ import annotations

import json
import re
import textwrap

from harness import paths
from harness.issuer import Issuer

IDP = "outbound|80||idp.example.com"
CORP = "outbound|80||corp.example.com"
FRONTEND = "outbound|7233||temporal-frontend.temporal.svc.cluster.local"
FRONTEND_HTTP = "outbound|7243||temporal-frontend.temporal.svc.cluster.local"


def of_envoy_yaml() -> str:
    """The `value` of the Struct in that file."""
    text = (paths.ROOT / "envoy.yaml").read_text()
    found = re.search(r"^( +)value:\n((?:\1  .*\n|\s*\n)+)", text, re.MULTILINE)
    assert found, "envoy.yaml has no configuration of the filter"
    return textwrap.dedent(found.group(2))


def replaced(text: str, old: str, new: str) -> str:
    """Like str.replace, but the text must occur."""
    assert old in text, f"not in the policy: {old}"
    return text.replace(old, new)


def policy(demo_issuer: str, corp: Issuer, *, gateway: bool) -> str:
    text = of_envoy_yaml()
    text = replaced(text, "issuer: http://127.0.0.1:7535", f"issuer: {demo_issuer}")
    text = replaced(text, "cluster: idp,", f'cluster: "{IDP}",')
    text = replaced(text, "log: {allowed: false}", "log: {allowed: true}")
    config = corp.config(keys={"jwks_uri": corp.jwks_uri, "cluster": CORP, "retry": "1s", "wait": "2s"}, algorithms=None)
    text = replaced(text, "issuers:\n", f"issuers:\n  corp: {json.dumps(config)}\n")
    text = replaced(text, "grants:\n", "grants:\n- {name: permissions, who: {issuer: corp}, permissions_claim: permissions}\n")
    if gateway:
        # Other services share the gateway, and the sidecar behind it needs the token too.
        text += f'applies_to: {{clusters: {json.dumps([FRONTEND, FRONTEND_HTTP])}}}\nforward_token: true\n'
    return text
