"""The log says of each failed fetch which URL was asked, by which cluster, and what was wrong with what came.

One Envoy has an issuer for each fault. Where Envoy cannot connect, it answers 503 by itself,
with a text that does not tell a port without a listener from a certificate that it does not trust.
"""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from harness.echo import Echo
from harness.envoy import Cluster, Envoy, Settings
from harness.issuer import DISCOVERY, HOST, JWKS, Behaviour, Issuer
from harness.policy import plugin
from harness.poll import until
from harness.ports import free_port
from harness.tls import Authority

OTHER = {"issuer": "https://other.example", "jwks_uri": "https://other.example/keys"}
CERTIFICATES = b'{"5a1c": "-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\\n"}'


CANNOT_CONNECT = "status 503, expected 200: \"upstream connect error or disconnect/reset before headers. reset reason: remote connection failure\""


def _nothing(issuer: Issuer) -> None:
    pass


def _sends(body: bytes, status: int = 200, path: str = JWKS) -> Callable[[Issuer], None]:
    return lambda issuer: issuer.behave(Behaviour(status=status, body=body), path)


def _is_other(issuer: Issuer) -> None:
    issuer.discovery_members = OTHER


@dataclass
class Fault:
    """What an issuer or the way to it does, and what the log then says after the URL and the cluster."""

    said: str
    act: Callable[[Issuer], None] = _nothing
    discovery: bool = False
    asked: str = JWKS  # the path whose fetch fails
    tls: dict[str, Any] | None = None  # how the cluster connects
    trusts_another: bool = False  # the issuer has a certificate, by another authority than the cluster trusts


FAULTS = {
    "empty": Fault("the body is empty", _sends(b"")),
    "gzip": Fault("the body is compressed with gzip", _sends(gzip.compress(b'{"keys": []}'))),
    "byte-order-mark": Fault("the body begins with a byte order mark, which JSON must not have", _sends(b'\xef\xbb\xbf{"keys": []}')),
    "utf-16": Fault("the body is UTF-16, expected UTF-8", _sends('{"keys": []}'.encode("utf-16"))),
    "login-page": Fault("the body is HTML or XML, expected JSON", _sends(b"<!DOCTYPE html><title>Log in</title>")),
    "pem": Fault("the body is PEM, expected JSON", _sends(b"-----BEGIN PUBLIC KEY-----\nMIIB\n")),
    "certificates": Fault("the body holds certificates, expected a key set with the list `keys`", _sends(CERTIFICATES)),
    "no-keys": Fault("the key set has no keys", _sends(b'{"keys": []}')),
    "no-list": Fault("the list `keys` is missing", _sends(b'{"key": []}')),
    "not-found": Fault('status 404, expected 200: "Realm does not exist"', _sends(b"Realm does not exist\n", 404)),
    "error-page": Fault("status 502, expected 200", _sends(b"<html>Bad gateway</html>", 502)),
    "other-issuer": Fault(
        'the discovery document is for another issuer: found "https://other.example", expected ', _is_other, True, DISCOVERY
    ),
    "discovery-page": Fault("the body is HTML or XML, expected JSON", _sends(b"<html>", path=DISCOVERY), True, DISCOVERY),
    "no-issuer": Fault("the discovery document has no `issuer`, expected ", _sends(b"{}", path=DISCOVERY), True, DISCOVERY),
    "keys-behind-discovery": Fault("status 403, expected 200", _sends(b"", 403), True),
    "discovery-as-keys": Fault("the body is a discovery document, expected a key set: use `discovery: true`", _sends(b'{"jwks_uri": "https://a/"}')),
    "refused": Fault(CANNOT_CONNECT, lambda issuer: issuer.stop()),
    "reset": Fault("connection termination", lambda issuer: issuer.behave(Behaviour(raw=b""), JWKS)),
    "hangs": Fault('status 504, expected 200: "upstream request timeout"', lambda issuer: issuer.behave(Behaviour(hang=True), JWKS)),
    "plain-behind-tls": Fault(CANNOT_CONNECT, tls={}),
    "unknown-authority": Fault(CANNOT_CONNECT, trusts_another=True),
}
every_fault = pytest.mark.parametrize("name", FAULTS)


@dataclass
class Log:
    envoy: Envoy
    issuers: dict[str, Issuer]

    def line(self, name: str) -> str:
        told = f"fetching the keys of issuer {name} failed: "
        lines = [line for line in self.envoy.log_text().splitlines() if told in line]
        return lines[0].split(told, 1)[1] if lines else ""


@pytest.fixture(scope="module")
def log(echo: Echo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    directory = tmp_path_factory.mktemp("authorities")
    good, other = (Authority(directory / name) for name in ("good", "other"))
    with contextlib.ExitStack() as stack:
        issuers: dict[str, Issuer] = {}
        clusters = {"temporal": Cluster(echo.port)}
        for name, fault in FAULTS.items():
            issuers[name] = issuer = stack.enter_context(Issuer(tls=good.serving(HOST) if fault.trusts_another else None))
            fault.act(issuer)
            tls = {"validation_context": {"trusted_ca": {"filename": str(other.root_file)}}} if fault.trusts_another else fault.tls
            clusters[name] = Cluster(issuer.port, http2=False, tls=tls)
        well = stack.enter_context(Issuer())
        clusters["well"] = Cluster(well.port, http2=False)
        configuration = plugin({})
        configuration["issuers"] = {n: i.fetched_config(n, discovery=FAULTS[n].discovery) for n, i in issuers.items()}
        configuration["issuers"]["well"] = well.fetched_config("well")
        configuration["issuers"]["no-cluster"] = Issuer(port=free_port()).fetched_config("missing")
        configuration["issuers"]["no-host"] = Issuer(port=free_port()).fetched_config("no-host")
        clusters["no-host"] = Cluster(80, http2=False, host="nowhere.invalid")
        configuration["grants"] = [{"name": n, "who": {"issuer": n}, "permissions_claim": "permissions"} for n in configuration["issuers"]]
        envoy = stack.enter_context(Envoy(Settings(clusters, plugin=configuration), "fetch-reasons"))
        yield Log(envoy, issuers)


@every_fault
def test_a_failed_fetch_names_its_url_and_its_cause(log: Log, name: str) -> None:
    until(lambda: log.line(name) != "", 20, "the failed fetch")
    fault, issuer = FAULTS[name], log.issuers[name]
    url = issuer.url.rstrip("/") + DISCOVERY if fault.asked == DISCOVERY else issuer.jwks_uri
    line = log.line(name)
    assert line.startswith(f'{url} by cluster "{name}": '), line
    assert fault.said in line, line
    if fault.said.endswith("expected "):
        assert line.endswith(f'expected "{issuer.url}"'), line


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no-cluster", 'by cluster "missing": the proxy has no such cluster'),
        ("no-host", 'by cluster "no-host": the cluster has no host: its name may not resolve'),
    ],
)
def test_a_cluster_that_leads_nowhere_is_named(log: Log, name: str, said: str) -> None:
    until(lambda: log.line(name) != "", 20, "the failed fetch")
    assert log.line(name).endswith(said)


def test_a_fetch_that_succeeds_is_not_reported(log: Log) -> None:
    until(lambda: all(log.line(name) for name in FAULTS), 20, "the failed fetches")
    assert log.line("well") == ""
