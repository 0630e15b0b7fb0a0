"""Where keys are fetched from: the issuer's own document, at the path that its URL implies, and the key set that it names."""

from __future__ import annotations

from harness import jws
from harness.echo import Echo
from harness.envoy import Cluster
from harness.gate import OpenGate, allowed, refused, refused_in_the_end
from harness.issuer import DISCOVERY, JWKS, Issuer
from harness.policy import plugin

READ = ["payroll:read"]


def test_key_set_on_another_host(open_gate: OpenGate, echo: Echo) -> None:
    """`jwks_cluster` carries the second request, with the authority of the `jwks_uri`."""
    with Issuer(path="/realms/x") as idp, Issuer(keys=[jws.shared_key("ES256")]) as key_host:
        idp.discovery_members = {"jwks_uri": key_host.jwks_uri}
        config = idp.fetched_config("idp", jwks_cluster="key-host")
        clusters = {"idp": Cluster(idp.port, http2=False), "key-host": Cluster(key_host.port, http2=False)}
        gate = open_gate(plugin(config), echo.port, clusters=clusters)
        allowed(gate.count(token=idp.token(key=key_host.keys[0], permissions=READ)))
        # The first host's own key is not in the key set that the document names.
        refused(gate.count(token=idp.token(permissions=READ)), 16)
        assert idp.fetches("/realms/x" + DISCOVERY) >= 1 and idp.fetches(JWKS) == 0
        assert key_host.fetches(JWKS) >= 1 and key_host.fetches(DISCOVERY) == 0
        assert {headers["host"] for _, headers in idp.requests} == {f"127.0.0.1:{idp.port}"}
        assert {headers["host"] for _, headers in key_host.requests} == {f"127.0.0.1:{key_host.port}"}


def test_key_set_by_uri(open_gate: OpenGate, echo: Echo) -> None:
    with Issuer() as issuer:
        gate = open_gate(
            plugin(issuer.fetched_config(discovery=False)), echo.port, clusters={"idp": Cluster(issuer.port, http2=False)}
        )
        allowed(gate.count(token=issuer.token(permissions=READ)))
        forged = jws.flip_signature(issuer.token(permissions=READ))
        refused_in_the_end(lambda: gate.count(token=forged), 16)
        assert issuer.fetches(DISCOVERY) == 0 and issuer.fetches(JWKS) >= 1


def test_nothing_of_a_caller_is_sent_there(open_gate: OpenGate, echo: Echo) -> None:
    """A request may start a fetch; the fetch must not carry anything from that request."""
    with Issuer() as issuer:
        config = issuer.fetched_config(refetch="1s")
        gate = open_gate(plugin(config), echo.port, clusters={"idp": Cluster(issuer.port, http2=False)})
        issuer.rotate()
        token = issuer.token(permissions=READ)
        allowed(gate.count(token=token, headers={"cookie": "session=1", "x-custom": "mine"}, timeout=15))
        for _, headers in issuer.requests:
            told = " ".join(headers.values())
            assert "authorization" not in headers and "cookie" not in headers and "x-custom" not in headers
            assert token not in told


def test_cluster_that_is_not_there(open_gate: OpenGate, echo: Echo) -> None:
    """Nobody configured the name: there are no keys, the log says so, and the proxy keeps running."""
    with Issuer() as issuer:
        gate = open_gate(plugin(issuer.fetched_config("no-such-cluster", wait="1s")), echo.port)
        refused(gate.count(token=issuer.token(permissions=READ)), 14)
        allowed(gate.call("GetSystemInfo"))
        gate.envoy.wait_counter("temporal_auth.keys.fetch_failed", 1)
