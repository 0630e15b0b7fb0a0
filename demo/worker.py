"""An ordinary worker, and how it keeps its token fresh.

Its token has the role `worker` and no other: it may poll and answer tasks of its namespace. It is pointed at the
proxy, not at Temporal; nothing else in it knows about the filter.

Environment: ADDRESS, ISSUER, CLIENT_ID, CLIENT_SECRET.
"""

from __future__ import annotations

import asyncio
import os
import signal

from temporalio.client import Client
from temporalio.worker import Worker

from nexus import CALLERS
from tokens import mint
from workflows import TASK_QUEUE, PayrollRun, PrintSlip, pay


def new_token() -> tuple[str, int]:
    return mint(os.environ["ISSUER"], os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"])


async def keep_fresh(client: Client, lifetime: int) -> None:
    """Gets a new token halfway through the old one's lifetime: the next poll uses it, and waiting polls are not disturbed."""
    while True:
        await asyncio.sleep(lifetime / 2)
        client.api_key, lifetime = await asyncio.to_thread(new_token)


async def main() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    token, lifetime = new_token()
    client = await Client.connect(os.environ["ADDRESS"], namespace="payroll", api_key=token, tls=False)
    freshness = asyncio.create_task(keep_fresh(client, lifetime))
    async with Worker(client, task_queue=TASK_QUEUE, workflows=[PayrollRun, PrintSlip, *CALLERS], activities=[pay]):
        print("working", flush=True)
        await stop.wait()
    freshness.cancel()


if __name__ == "__main__":
    asyncio.run(main())
    # The SDK's native threads sometimes abort the interpreter's normal exit.
    os._exit(0)
