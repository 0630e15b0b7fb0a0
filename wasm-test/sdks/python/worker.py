"""A worker that renews its token: its client gets the new token, and all calls from then on have it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from temporalio.client import Client
from temporalio.worker import Worker

from hello import Hello, connect, greet, token


async def renew(client: Client) -> None:
    """Hands over the token every second. If getting a token is a call to your provider, do it at half of the token's life."""
    while True:
        await asyncio.sleep(1)
        try:
            client.api_key = token()
        except OSError as error:  # the old token may still be good; try again
            print("no new token:", error, file=sys.stderr, flush=True)


async def end(error: BaseException) -> None:
    """Ends the process when the worker has failed: its shutdown, which comes next, may never end."""
    print("the worker has failed:", repr(error.__cause__ or error), file=sys.stderr, flush=True)
    os._exit(1)


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    client = await connect()
    renewing = asyncio.create_task(renew(client))
    queue = os.environ["TASK_QUEUE"]
    async with Worker(client, task_queue=queue, workflows=[Hello], activities=[greet], on_fatal_error=end):
        print("working", flush=True)
        await stop.wait()
    renewing.cancel()


if __name__ == "__main__":
    asyncio.run(main())
