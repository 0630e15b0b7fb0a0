"""Runs the workflow whose id it is given, and prints the result or the error that stood in its way."""

from __future__ import annotations

import asyncio
import os
import sys

from temporalio.service import RPCError

from hello import Hello, connect


async def main() -> int:
    client = await connect()
    try:
        print(await client.execute_workflow(Hello.run, "World", id=sys.argv[1], task_queue=os.environ["TASK_QUEUE"]), flush=True)
    except RPCError as error:
        print(f"{error.status.name}: {error.message}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    # The SDK's native threads sometimes abort the interpreter's normal exit.
    os._exit(asyncio.run(main()))
