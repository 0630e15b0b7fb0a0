"""Envoy's bootstrap and listener as plain dicts: everything that a test may want to vary is a field of `Settings`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import paths

Json = dict[str, Any]

_TYPE = "type.googleapis.com/"

ACCESS_LOG_FORMAT: Json = {
    "id": "%REQ(x-test-id)%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(:PATH)%",
    "authority": "%REQ(:AUTHORITY)%",
    "code": "%RESPONSE_CODE%",
    "grpc": "%GRPC_STATUS_NUMBER%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "flags": "%RESPONSE_FLAGS%",
    "cluster": "%UPSTREAM_CLUSTER%",
    # The local address of the upstream connection tells which connection carried the call.
    "upstream": "%UPSTREAM_LOCAL_ADDRESS%",
    "state": "%FILTER_STATE(wasm.temporal_auth:PLAIN)%",
}

# Every call of the ABI that the module makes, except the call into Envoy's own functions.
WITHOUT_FOREIGN_FUNCTIONS = [
    "proxy_log",
    "proxy_get_header_map_pairs",
    "proxy_set_header_map_pairs",
    "proxy_remove_header_map_value",
    "proxy_get_buffer_bytes",
    "proxy_set_buffer_bytes",
    "proxy_get_property",
    "proxy_set_property",
    "proxy_continue_stream",
    "proxy_set_effective_context",
    "proxy_set_tick_period_milliseconds",
    "proxy_define_metric",
    "proxy_increment_metric",
    "proxy_record_metric",
    "proxy_get_shared_data",
    "proxy_set_shared_data",
    "proxy_send_local_response",
    "proxy_http_call",
    # Functions of WASI.
    "clock_time_get",
    "random_get",
    # The callbacks that it gets.
    "proxy_on_context_create",
    "proxy_on_vm_start",
    "proxy_on_configure",
    "proxy_on_tick",
    "proxy_on_request_headers",
    "proxy_on_request_body",
    "proxy_on_request_trailers",
    "proxy_on_response_headers",
    "proxy_on_response_body",
    "proxy_on_response_trailers",
    "proxy_on_http_call_response",
    "proxy_on_delete",
]


@dataclass
class Cluster:
    """An upstream, on loopback unless `host` names it."""

    port: int
    http2: bool = True
    max_connections: int = 1024
    connect_timeout: str = "2s"
    host: str | None = None  # a name to resolve
    tls: Json | None = None  # the common_tls_context of its connections


@dataclass
class Settings:
    """The settings of a test's Envoy."""

    clusters: Mapping[str, Cluster]
    route_to: str = "temporal"  # cluster of every host not named in `hosts`
    hosts: Mapping[str, str] = field(default_factory=dict)  # authority (with and without a port) -> cluster
    routes: list[Json] = field(default_factory=list)  # tried before the one to `route_to`
    plugin: Json | str | None = None  # the plugin's configuration; None: Envoy runs without the filter
    plugin_as: str = "json"  # or "struct"
    filters: list[Json] = field(default_factory=list)  # other HTTP filters, before ours
    module: Path = paths.MODULE
    upgrades: tuple[str, ...] = ()  # protocols to which HTTP/1.1 connections may switch
    header_stop: bool = False  # allow_on_headers_stop_iteration, the other header mode
    failure_policy: str = "FAIL_CLOSED"
    capabilities: list[str] | None = None  # the ABI functions and callbacks that the module may use; None: all
    concurrency: int = 1
    stream_window: int | None = None
    buffer_limit: int | None = None  # of each connection, in bytes
    dynamic: bool = True  # listener and clusters by files that Envoy watches, so that they can be updated
    access_log: bool = True
    tls: Json | None = None  # the listener's transport socket
    forward_client_cert: str | None = None  # forward_client_cert_details


def bootstrap(settings: Settings, *, port: int, admin_port: int, directory: Path) -> Json:
    config: Json = {
        "node": {"id": "test", "cluster": "test"},
        "admin": {"address": _address(admin_port)},
        "static_resources": {},
        # The admin page must answer while a flood of test connections is open.
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": {
                        "@type": _TYPE
                        + "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                        "max_active_downstream_connections": "10000",
                    },
                }
            ]
        },
    }
    if settings.dynamic:
        config["dynamic_resources"] = {f"{kind}_config": _watched(directory / f"{kind}.json") for kind in ("cds", "lds")}
    else:
        config["static_resources"] = {
            "clusters": _clusters(settings),
            "listeners": [listener(settings, port=port, directory=directory)],
        }
    return config


def _watched(path: Path) -> Json:
    return {"resource_api_version": "V3", "path_config_source": {"path": str(path)}}


def cds(settings: Settings, *, version: int) -> Json:
    kind = {"@type": _TYPE + "envoy.config.cluster.v3.Cluster"}
    return {"version_info": str(version), "resources": [kind | cluster for cluster in _clusters(settings)]}


def lds(settings: Settings, *, port: int, directory: Path, version: int) -> Json:
    resource = {"@type": _TYPE + "envoy.config.listener.v3.Listener"} | listener(settings, port=port, directory=directory)
    return {"version_info": str(version), "resources": [resource]}


def listener(settings: Settings, *, port: int, directory: Path) -> Json:
    http2: Json = {"max_concurrent_streams": 1000}
    if settings.stream_window:
        http2["initial_stream_window_size"] = settings.stream_window
    manager: Json = {
        "@type": _TYPE + "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "ingress",
        "codec_type": "AUTO",
        "http2_protocol_options": http2,
        "stream_idle_timeout": "300s",
        # Otherwise a connection that broke the protocol lingers for a second, which would slow the fuzz test down.
        "delayed_close_timeout": "0.02s",
        # Header names such as x_y must reach the filter: some clients send them.
        "common_http_protocol_options": {"headers_with_underscores_action": "ALLOW"},
        "route_config": {"name": "routes", "virtual_hosts": _virtual_hosts(settings)},
        "http_filters": [*settings.filters, *_plugin(settings), _router()],
    }
    if settings.access_log:
        manager["access_log"] = [_access_log(directory / "access.log")]
    if settings.forward_client_cert:
        manager["forward_client_cert_details"] = settings.forward_client_cert
        # What Envoy writes about the client, if it writes anything.
        manager["set_current_client_cert_details"] = {"subject": True, "uri": True, "dns": True}
    if settings.upgrades:
        manager["upgrade_configs"] = [{"upgrade_type": upgrade} for upgrade in settings.upgrades]
    chain: Json = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    if settings.tls:
        chain["transport_socket"] = settings.tls
    limit = {"per_connection_buffer_limit_bytes": settings.buffer_limit} if settings.buffer_limit else {}
    return limit | {
        "name": "ingress",
        "address": _address(port),
        # A second server on this port must fail loudly instead of sharing the traffic.
        "enable_reuse_port": settings.concurrency > 1,
        "filter_chains": [chain],
    }


def _virtual_hosts(settings: Settings) -> list[Json]:
    hosts = [
        {"name": f"host-{i}", "domains": [host, f"{host}:*"], "routes": [_route(cluster)]}
        for i, (host, cluster) in enumerate(settings.hosts.items())
    ]
    return [*hosts, {"name": "default", "domains": ["*"], "routes": [*settings.routes, _route(settings.route_to)]}]


def _route(cluster: str) -> Json:
    # Long polls last a minute: no route timeout.
    return {"match": {"prefix": "/"}, "route": {"cluster": cluster, "timeout": "0s"}}


def _plugin(settings: Settings) -> list[Json]:
    if settings.plugin is None:
        return []
    configuration: Json | str
    if settings.plugin_as == "struct":
        assert isinstance(settings.plugin, dict)
        configuration = {"@type": _TYPE + "google.protobuf.Struct", "value": settings.plugin}
    else:
        configuration = settings.plugin if isinstance(settings.plugin, str) else json.dumps(settings.plugin)
    members: Json = {"failure_policy": settings.failure_policy}
    if settings.header_stop:
        members["allow_on_headers_stop_iteration"] = True
    if settings.capabilities is not None:
        allowed: Json = {name: {} for name in settings.capabilities}
        members["capability_restriction_config"] = {"allowed_capabilities": allowed}
    return [wasm_filter("temporal_auth", settings.module, configuration, **members)]


def wasm_filter(name: str, module: Path, configuration: Json | str, **members: Any) -> Json:
    """Any module as an HTTP filter; its configuration is a text, or any protobuf message as JSON."""
    if isinstance(configuration, str):
        configuration = {"@type": _TYPE + "google.protobuf.StringValue", "value": configuration}
    config: Json = {
        "name": name,
        "root_id": name,
        "configuration": configuration,
        "vm_config": {
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": str(module)}},
        },
    } | members
    wasm = {"@type": _TYPE + "envoy.extensions.filters.http.wasm.v3.Wasm", "config": config}
    return {"name": name, "typed_config": wasm}


def _router() -> Json:
    return {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": _TYPE + "envoy.extensions.filters.http.router.v3.Router"},
    }


def _access_log(path: Path) -> Json:
    return {
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": _TYPE + "envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": str(path),
            "log_format": {"json_format": ACCESS_LOG_FORMAT},
        },
    }


def _clusters(settings: Settings) -> list[Json]:
    return [_cluster(name, cluster) for name, cluster in settings.clusters.items()]


def _cluster(name: str, cluster: Cluster) -> Json:
    result: Json = {
        "name": name,
        "type": "STATIC",
        "connect_timeout": cluster.connect_timeout,
        "circuit_breakers": {
            "thresholds": [
                {
                    "max_connections": cluster.max_connections,
                    "max_pending_requests": 100000,
                    "max_requests": 100000,
                    "max_retries": 1000,
                }
            ]
        },
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(cluster.port)}}]}],
        },
    }
    if cluster.host:
        result |= {"type": "STRICT_DNS", "dns_lookup_family": "V4_PREFERRED"}
        socket_address = {"address": cluster.host, "port_value": cluster.port}
        result["load_assignment"]["endpoints"] = [{"lb_endpoints": [{"endpoint": {"address": {"socket_address": socket_address}}}]}]
    if cluster.tls is not None:
        context = {"@type": _TYPE + "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", "common_tls_context": cluster.tls}
        result["transport_socket"] = {"name": "envoy.transport_sockets.tls", "typed_config": context}
    if cluster.http2:
        options = {
            "@type": _TYPE + "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {"max_concurrent_streams": 10000}},
        }
        result["typed_extension_protocol_options"] = {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options
        }
    return result


def _address(port: int) -> Json:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
