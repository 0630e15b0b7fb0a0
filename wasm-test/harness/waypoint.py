"""What a waypoint does to requests before filters see them."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

XFCC = "x-forwarded-client-cert"
# A Gateway of a waypoint asks for it with this annotation.
NAMES_PEER = "ambient.istio.io/xfcc-include-client-identity"

# Istio's pilot/pkg/xds/filters/filters.go, WaypointXFCCClientIdentityFilter: `istio/test_waypoint.py` compares it with what
# istiod sends.
PEER_FILTER: Json = {
    "name": "istio.waypoint.xfcc_client_identity",
    "typedConfig": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
        "mutations": {
            "requestMutations": [
                {
                    "append": {
                        "header": {
                            "key": XFCC,
                            "value": "By=%FILTER_STATE(io.istio.local_principal:PLAIN)%;URI=%FILTER_STATE(io.istio.peer_principal:PLAIN)%",
                        },
                        "appendAction": "OVERWRITE_IF_EXISTS_OR_ADD",
                    }
                }
            ]
        },
    },
}
