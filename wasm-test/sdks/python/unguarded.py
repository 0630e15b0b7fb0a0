"""What worker.py would be without `on_fatal_error`."""

from __future__ import annotations

import asyncio
import os
import signal

from temporalio.worker import Worker

from hello import Hello, connect, greet
from worker import renew


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    client = await connect()
    renewing = asyncio.create_task(renew(client))
    async with Worker(client, task_queue=os.environ["TASK_QUEUE"], workflows=[Hello], activities=[greet]):
        await stop.wait()
    renewing.cancel()


if __name__ == "__main__":
    asyncio.run(main())
