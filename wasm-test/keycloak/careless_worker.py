"""A worker that never renews its token. Environment: ADDRESS, ISSUER, CLIENT_ID, CLIENT_SECRET."""

from __future__ import annotations

import asyncio
import os

from temporalio.client import Client
from temporalio.worker import Worker

from tokens import mint
from workflows import TASK_QUEUE, PayrollRun, PrintSlip, pay


async def main() -> None:
    token, _ = mint(os.environ["ISSUER"], os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"])
    client = await Client.connect(os.environ["ADDRESS"], namespace="payroll", api_key=token, tls=False)
    print("working", flush=True)
    await Worker(client, task_queue=f"careless-{TASK_QUEUE}", workflows=[PayrollRun, PrintSlip], activities=[pay]).run()


if __name__ == "__main__":
    asyncio.run(main())
