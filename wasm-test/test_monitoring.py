"""The rules, the dashboard and the port for metrics in monitoring/, with a real Prometheus that scrapes real Envoys."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from harness import http_client, jws, modules, paths, prometheus
from harness.echo import Echo
from harness.envoy import Cluster, ConfigurationRejected, Envoy, Settings, render_envoy_yaml
from harness.envoy_yaml import ADMIN, EnvoyYaml
from harness.gate import Gate, allowed, refused
from harness.issuer import Issuer
from harness.minter import Minter
from harness.policy import Json, plugin
from harness.poll import until
from harness.ports import free_port
from harness.prometheus import Prometheus, promtool
from harness.temporal import Temporal
from harness.traffic import Traffic
from test_counters import OUTCOMES

MONITORING = paths.ROOT / "monitoring"
RULES, CASES, DASHBOARD = MONITORING / "rules.yaml", MONITORING / "rules_test.yaml", MONITORING / "dashboard.json"
METRICS = "/stats/prometheus"
NAME = re.compile(r"\b(?:temporal_auth|envoy)_\w+")
READ = ["payroll:read"]

pytestmark = pytest.mark.skipif(prometheus.tool("promtool") is None, reason="no Prometheus: scripts/monitoring.sh")


class Scene(NamedTuple):
    """Four proxies, by the name of their `instance`:

    - `file` runs envoy.yaml, with the port and the tags of envoy-stats.yaml
    - `plain` runs without tags, on two threads
    - `keyless` has never had keys, because its provider is down
    - `failing` has a module that traps when it refuses a call
    """

    prometheus: Prometheus
    file: EnvoyYaml
    plain: Gate
    keyless: Gate
    failing: Gate
    metrics: int
    issuer: Issuer  # of `plain`
    away: Issuer  # of `keyless`


@pytest.fixture(scope="module")
def scene(temporal: Temporal, echo: Echo, corp: Minter) -> Iterator[Scene]:
    metrics = free_port()
    to_merge = (MONITORING / "envoy-stats.yaml").read_text()
    idp = Issuer(keys=[jws.Key.new()])
    away = Issuer()  # never started
    with contextlib.ExitStack() as stack:

        def gate(name: str, configuration: Json, **settings: Any) -> Gate:
            clusters = {"temporal": Cluster(echo.port), "idp": Cluster(idp.port, http2=False), "away": Cluster(away.port, http2=False)}
            return Gate(stack.enter_context(Envoy(Settings(clusters, plugin=configuration, **settings), name)))

        stack.enter_context(idp)
        of_file = stack.enter_context(Issuer(path=""))
        file = stack.enter_context(
            EnvoyYaml(temporal, of_file.port, merged=lambda envoy: render_envoy_yaml(to_merge, {9902: metrics, ADMIN: envoy.admin_port}))
        )
        plain = gate("plain", plugin(idp.fetched_config()), concurrency=2)
        keyless = gate("keyless", plugin(away.fetched_config("away", retry="1s", timeout="1s", wait="1s")))
        failing = gate("failing", plugin(corp.config()), module=modules.that_traps(), failure_policy="FAIL_RELOAD")
        targets = {"file": metrics} | {
            name: gate.envoy.admin_port for name, gate in [("plain", plain), ("keyless", keyless), ("failing", failing)]
        }
        scraper = stack.enter_context(Prometheus(targets))
        # Three samples before anything happens: what a counter has at its first sample has not risen.
        until(lambda: _values(scraper, "min(count_over_time(temporal_auth_allowed[1m])) >= 3"), 20, "samples of all proxies")
        yield Scene(scraper, file, plain, keyless, failing, metrics, idp, away)


def _values(scraper: Prometheus, expression: str) -> list[float]:
    return [float(sample["value"][1]) for sample in scraper.query(expression)]


# -- the rules


def test_promtool_takes_the_rules() -> None:
    checked = promtool("check", "rules", RULES)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_cases_of_the_rules() -> None:
    tested = promtool("test", "rules", CASES)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_each_alert_has_a_case_and_no_case_is_for_another() -> None:
    """Each alert is expected to fire somewhere. All cases count every alert, so each has its twins."""
    alerts = set(re.findall(r"^  - alert: (\w+)$", RULES.read_text(), re.MULTILINE))
    cases = CASES.read_text()
    assert set(re.findall(r'alertname="(\w+)"', cases)) == alerts
    assert all("count by (alertname" in line for line in cases.splitlines() if "expr: " in line)


# -- the port


def test_only_metrics_are_served_at_the_port(scene: Scene) -> None:
    reply = http_client.send(scene.metrics, "GET", METRICS)
    assert reply.status == 200 and b"\ntemporal_auth_allowed{} " in reply.body
    for verb, path in [
        ("GET", "/stats"),
        ("GET", "/config_dump"),
        ("GET", "/"),
        ("POST", "/quitquitquit"),
        ("POST", METRICS),
        ("POST", METRICS + "/../../quitquitquit"),
        ("GET", "/stats/prometheus/../../config_dump"),
        ("GET", "//stats/prometheus"),
    ]:
        assert http_client.send(scene.metrics, verb, path).status == 404, f"{verb} {path}"
    assert http_client.send(scene.file.admin_port, "GET", "/ready").status == 200


def test_tags_become_labels(scene: Scene) -> None:
    text = http_client.send(scene.metrics, "GET", METRICS).body.decode()
    ours = {line.partition(" ")[0] for line in text.splitlines() if line.startswith("temporal_auth_")}
    issuer = '{issuer="demo"}'
    for name in ("usable", "fetched_at", "expire_at"):
        assert f"temporal_auth_keys_{name}{issuer}" in ours
    assert any(re.fullmatch(r'temporal_auth_info\{(version="\d+\.\d+\.\d+",?|config="[0-9a-f]{8}",?){2}\}', line) for line in ours)
    assert not [line for line in ours if "demo" in line and issuer not in line or "info_" in line], ours


# -- what fires


def test_a_quiet_proxy_raises_nothing(scene: Scene) -> None:
    """`file` has its keys and no calls."""
    time.sleep(3)
    for name, rule in scene.prometheus.rules().items():
        about = [alert for alert in rule["alerts"] if alert["labels"].get("instance") == "file"]
        assert not about, f"{name}: {about}"


def test_a_provider_that_cannot_be_reached(scene: Scene) -> None:
    alert = scene.prometheus.firing("TemporalAuthProviderUnreachable", "keyless")
    assert alert["annotations"]["summary"] == "keyless cannot fetch the keys of an identity provider."
    alert = scene.prometheus.firing("TemporalAuthNoUsableKeys", "keyless")
    assert alert["labels"]["issuer"] == "corp" and "tokens of corp." in alert["annotations"]["summary"]
    assert scene.prometheus.firing("TemporalAuthKeysGoingStale", "keyless")["labels"]["issuer"] == "corp"


def test_calls_that_cannot_be_decided(scene: Scene) -> None:
    asked = Traffic({"call": lambda: scene.keyless.call("CountWorkflowExecutions", token=scene.away.token())})
    with asked:
        alert = scene.prometheus.firing("TemporalAuthUnavailable", "keyless")
    assert alert["annotations"]["summary"] == "keyless answers calls UNAVAILABLE."


def test_a_module_that_fails(scene: Scene) -> None:
    """Envoy counts it under names of its own."""
    gate = scene.failing
    gate.count(token="no.token.atall")
    reloaded = "envoy_wasm_temporal_auth_vm_reload_success{instance='failing'} > 0"
    # Envoy loads it again when the next call arrives, at the earliest a second later.
    until(lambda: gate.count() and scene.prometheus.query(reloaded), 20, "the module to be loaded again", every=0.5)
    summary = scene.prometheus.firing("TemporalAuthModuleFailed", "failing")["annotations"]["summary"]
    assert summary == "The module has failed on failing, and Envoy has tried to load it again."


def test_a_configuration_that_is_refused(scene: Scene) -> None:
    before = scene.plain.envoy.settings
    with pytest.raises(ConfigurationRejected):
        scene.plain.envoy.push(plugin={"version": 2})
    scene.plain.envoy.settings = before
    scene.prometheus.firing("TemporalAuthConfigurationRefused", "plain")


def test_proxies_with_different_configurations(scene: Scene) -> None:
    assert "Only 1 proxies" in scene.prometheus.firing("TemporalAuthConfigurationsDiffer")["annotations"]["summary"]


# -- the dashboard


def _expressions() -> list[tuple[str, str]]:
    """The queries of the dashboard, with their panels, as Grafana would send them."""
    found = []
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"].replace("$__rate_interval", "10s")
            for variable in ("$job", "$instance"):
                expression = expression.replace(f'"{variable}"', '".+"')
            assert "$" not in expression.replace('"$1"', ""), f"an unknown variable in {expression}"
            found.append((panel["title"], expression))
    return found


@pytest.fixture(scope="module")
def busy(scene: Scene) -> Scene:
    """Calls of all kinds were made."""
    gate = scene.plain
    token = scene.issuer.token(permissions=READ)
    until(lambda: gate.count(token=token).grpc_status == 0, 10, "keys")
    for _ in range(3):
        for call in OUTCOMES.values():
            call(gate, token)
    allowed(gate.count(token=token))
    refused(gate.count("finance-reports", token=token), 7)
    refused(gate.count(), 16)
    until(lambda: _values(scene.prometheus, "increase(temporal_auth_denied_closed{instance='plain'}[1m]) > 0"), 20, "a sample of all")
    return scene


@pytest.mark.parametrize("panel, expression", _expressions())
def test_each_query_of_the_dashboard_returns_data(busy: Scene, panel: str, expression: str) -> None:
    values = _values(busy.prometheus, expression)
    assert values and all(value == value for value in values), f"{panel}: {values}"


def test_the_dashboard_shows_the_calls(busy: Scene) -> None:
    shown = {expression: sum(_values(busy.prometheus, expression.replace("10s", "1m"))) for _, expression in _expressions()}
    for name in [f"temporal_auth_denied_{name.rpartition('.')[2]}" for name in OUTCOMES if ".denied." in name] + [
        "temporal_auth_allowed",
        "temporal_auth_tokens_cache_hit",
        "temporal_auth_tokens_cached",
        "temporal_auth_keys_fetch_failed",
        "temporal_auth_native_algorithms",
    ]:
        assert [value for expression, value in shown.items() if name + "{" in expression and value > 0], f"{name}: {shown}"


def test_every_metric_of_rules_and_dashboard_exists(busy: Scene) -> None:
    names = busy.prometheus.names()
    queries = [rule["query"] for rule in busy.prometheus.rules().values()] + [expression for _, expression in _expressions()]
    for query in queries:
        for selector in re.findall(r'__name__=~"([^"]+)"', query):
            assert any(re.fullmatch(selector, name) for name in names), f"nothing matches {selector}"
        for name in NAME.findall(re.sub(r'"[^"]*"', "", query)):
            assert name in names, f"no metric {name}"
    # And the other way round: the dashboard has all of ours.
    text = DASHBOARD.read_text()
    ours = {re.sub(r"_(version_.+|corp)$", "", name) for name in names if name.startswith("temporal_auth_")}
    assert not [name for name in ours if not re.search(rf"\b{name}\b", text) and f"{name}(_.+)?" not in text]


def test_no_metric_has_a_name_from_a_caller(busy: Scene) -> None:
    token = busy.issuer.token("caller-mallory", permissions=["secret-namespace:read"])
    busy.plain.count("secret-namespace", token=token)
    busy.plain.call("/x.Y/secretMethod", token=token)
    time.sleep(2)
    for port in (busy.metrics, busy.plain.envoy.admin_port):
        text = http_client.send(port, "GET", METRICS).body.decode().lower()
        assert not [word for word in ("mallory", "secret", "payroll", "finance") if word in text]


def test_the_dashboard_is_what_grafana_expects() -> None:
    """Grafana's own schema has every field, also those of panels, and takes every value."""
    sys.path.append(str(paths.MONITORING / "python"))
    dashboard = pytest.importorskip("grafana_foundation_sdk.models.dashboard")
    from grafana_foundation_sdk.cog import plugins
    from grafana_foundation_sdk.cog.encoder import JSONEncoder

    plugins.register_default_plugins()
    written = json.loads(DASHBOARD.read_text())
    read = json.loads(JSONEncoder(sort_keys=True).encode(dashboard.Dashboard.from_json(written)))
    assert not list(_lost(written, read, ""))
    wrong = json.loads(DASHBOARD.read_text())
    wrong["panels"][0]["options"]["colourMode"] = "value"
    assert list(_lost(wrong, json.loads(JSONEncoder(sort_keys=True).encode(dashboard.Dashboard.from_json(wrong))), ""))


def _lost(written: Any, read: Any, path: str) -> Iterator[str]:
    """The members that are written and were not read."""
    if isinstance(written, dict) and isinstance(read, dict):
        for name, value in written.items():
            yield from _lost(value, read.get(name), f"{path}/{name}")
    elif isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        for index, (one, other) in enumerate(zip(written, read)):
            yield from _lost(one, other, f"{path}/{index}")
    elif written != read:
        yield f"{path}: {written!r}, read as {read!r}"


def test_panels_do_not_overlap() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    taken: dict[tuple[int, int], str] = {}
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"], f"{panel['title']} over {taken[x, y]}"
    assert len({panel["id"] for panel in panels}) == len(panels)
