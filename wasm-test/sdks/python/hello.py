"""A workflow with one activity, and the connection that worker and client share."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from temporalio import activity, workflow
from temporalio.client import Client


def token() -> str:
    """The token that is valid now. Here, something else keeps the file fresh; it may as well be a call to your provider."""
    return Path(os.environ["TOKEN_FILE"]).read_text().strip()


async def connect() -> Client:
    return await Client.connect(
        os.environ["TEMPORAL_ADDRESS"],
        namespace=os.environ["TEMPORAL_NAMESPACE"],
        api_key=token(),
        tls=False,  # only where the hop to Envoy is local: with an API key, TLS is the default
    )


@activity.defn(name="Greet")
async def greet(name: str) -> str:
    return f"Hello {name}!"


@workflow.defn
class Hello:
    @workflow.run
    async def run(self, name: str) -> str:
        return await workflow.execute_activity(greet, name, start_to_close_timeout=timedelta(seconds=10))
