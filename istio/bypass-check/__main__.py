"""Looks for ways to bypass the filter in a running installation (Temporal, Istio, temporal-auth).

    python3 istio/bypass-check [--namespace temporal] [--service temporal-frontend] [--probe]

Reads resources (with kubectl, or from the API server when it runs in a pod) and changes nothing; --probe also calls the
pods, without a token. Each finding comes with its fix. Exit status: 0 there are no findings, 1 there are findings, 2 the
check could not see everything. It needs only Python 3.9.
"""

from __future__ import annotations

import argparse
import json
import os
import sys

import callers
import plugins
import ports
import probes
import routes
from cluster import SERVICE_ACCOUNT, CannotLook, Cluster
from finding import Finding
from installation import Installation, Options

CHECKS = (plugins, ports, callers, routes)


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    kubectl = None if _in_a_pod() and not options.context else ["kubectl", *(["--context", options.context] if options.context else [])]
    try:
        installation = Installation(
            Cluster(kubectl),
            Options(
                namespace=options.namespace,
                service=options.service,
                root_namespace=options.root_namespace,
                plugin=options.plugin_name,
                allow=tuple(options.allow),
            ),
        )
        found = [finding for check in (*CHECKS, *([probes] if options.probe else [])) for finding in check.check(installation)]
    except CannotLook as error:
        print(f"bypass-check: {error}", file=sys.stderr)
        return 2
    report(list(dict.fromkeys(found)), options.json, installation)
    return 1 if found else 0


def report(found: list[Finding], as_json: bool, installation: Installation) -> None:
    if as_json:
        print(json.dumps([finding.json() for finding in found], indent=1))
        return
    for finding in found:
        print(f"{finding}\n")
    place = "the frontend's sidecars" if installation.at_pods else "gateways"
    print(f"{len(found)} findings; {len(installation.pods)} pods, {len(installation.services)} Services, the filter in {place}")


def _in_a_pod() -> bool:
    return "KUBERNETES_SERVICE_HOST" in os.environ and os.path.exists(f"{SERVICE_ACCOUNT}/token")


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="bypass-check", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    result.add_argument("--namespace", default="temporal", help="namespace of Temporal (default: %(default)s)")
    result.add_argument("--service", default="temporal-frontend", help="Service of the frontend (default: %(default)s)")
    result.add_argument("--root-namespace", default="istio-system", help="root namespace of the mesh (default: %(default)s)")
    result.add_argument("--plugin-name", default="temporal_auth", help="pluginName of the filter (default: %(default)s)")
    result.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="PRINCIPAL",
        help="a caller that may reach the frontend without passing the filter; a shell pattern, can be repeated",
    )
    result.add_argument("--context", help="context of kubectl")
    result.add_argument("--probe", action="store_true", help="also call the pods, which must be reachable from here")
    result.add_argument("--json", action="store_true", help="print findings as JSON")
    return result


if __name__ == "__main__":
    sys.exit(main())
