"""Temporal's Web UI, which `scripts/ui.sh` builds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from . import paths
from .envoy import run_directory
from .ports import free_port
from .procs import Process, Server, tcp_answers

# The Web UI's client id at identity providers.
CLIENT = "temporal-web"


@dataclass(frozen=True)
class Login:
    """How people log in: a client of an OIDC provider."""

    issuer: str
    secret: str
    client: str = CLIENT
    scopes: Sequence[str] = ("openid", "profile", "email")


class WebUi(Server):
    """Temporal's Web UI on a free port. What a person's browser sees is at `address`."""

    def __init__(
        self,
        login: Login,
        temporal: int,
        *,
        port: int | None = None,
        default_namespace: str = "default",
        sends_id_token: bool = False,
    ) -> None:
        self.port = port or free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        directory = run_directory("web-ui")
        provider = {
            "label": "sso",
            "type": "oidc",
            "providerUrl": login.issuer,
            "clientId": login.client,
            "clientSecret": login.secret,
            "callbackUrl": callback(self.port),
            "scopes": list(login.scopes),
            "useIdTokenAsBearer": sends_id_token,
        }
        config = {
            "temporalGrpcAddress": f"127.0.0.1:{temporal}",
            "host": "127.0.0.1",
            "port": self.port,
            "enableUi": True,
            "defaultNamespace": default_namespace,
            "disableNewsFetch": True,
            # The browser reaches it without TLS.
            "cors": {"cookieInsecure": True, "allowOrigins": [self.address]},
            "auth": {"enabled": True, "providers": [provider]},
        }
        (directory / "config").mkdir()
        # JSON is YAML.
        file = directory / "config" / "base.yaml"
        file.touch(0o600)
        file.write_text(json.dumps(config))
        (directory / "config" / "test.yaml").write_text("{}")
        argv = [str(paths.WEB_UI), "--root", str(directory), "--config", "config", "--env", "test", "start"]
        self.process = Process("web-ui", argv, directory / "web-ui.log")

    def start(self) -> Self:
        self.process.start().wait_ready(tcp_answers(self.port))
        return self

    def stop(self) -> None:
        self.process.stop()


def callback(web_ui: int) -> str:
    """Where the identity provider sends people back to."""
    return f"http://127.0.0.1:{web_ui}/auth/sso/callback"
