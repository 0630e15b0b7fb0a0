"""Every SDK through the filter: a worker and a client of each, and what they do when their calls are refused.

`outcomes.toml` says what each is expected to do, and docs/sdks/ is generated from that and from the programs.
"""

from __future__ import annotations

import os
import signal
import time
import tomllib
from typing import Any

import pytest

from harness import paths
from harness.gate import Gate, refused
from harness.procs import Process
from programs import CLI, HERE, PYTHON, SDKS, UNGUARDED, Sdk
from scene import NAMESPACE, Scene, seconds_until_end

OUTCOMES: dict[str, Any] = tomllib.loads((HERE / "outcomes.toml").read_text())
# What a run saw, one file for each case: where the expectations come from.
SEEN = paths.ROOT / ".cache" / "sdks" / "seen"

START = ["7", "7 for polls", "16", "14", "12"]
MID_RUN = ["7", "16", "14", "12"]
CLIENT = ["7", "16", "14", "12"]
# How long a worker may take to give up: Core takes a minute.
PATIENCE = 100

# Machines differ, and this one may be busy: an outcome may come twice as late as expected, and a little more.
EXCUSED = 20

each_sdk = pytest.mark.parametrize("sdk", SDKS, ids=str)
each_client = pytest.mark.parametrize("sdk", [*SDKS, CLI], ids=str)


def code(status: str) -> int:
    return int(status.split()[0])


@pytest.fixture(autouse=True)
def _installed(sdk: Sdk) -> None:
    sdk.require()


# -- what works


@each_client
def test_a_client_and_its_twins(scene: Scene, sdk: Sdk) -> None:
    scene.hand_out("worker")
    scene.hand_out("client")
    # The command line has no worker; one of another SDK answers its workflow.
    with scene.worker(sdk if sdk.worker else PYTHON) as worker:
        with scene.client(sdk) as client:
            assert client.wait(90) == 0, client.log_tail() + worker.log_tail()
            assert "Hello World!" in client.log_text()
        assert not scene.refusals()
        for subject, namespace in (("auditor", NAMESPACE), ("client", "foreign")):
            scene.hand_out("client", subject)
            with scene.client(sdk, namespace) as client:
                assert client.wait(90) != 0
                assert "Request unauthorized." in client.log_text()
            scene.await_refusal(7)
        assert set(scene.refusals()) == {7}


LIFETIME = 12


@each_sdk
def test_a_worker_that_renews_its_token(scene: Scene, sdk: Sdk) -> None:
    """Its tokens live for seconds. For a moment there is no token to be had; the provider replaces its key, and then is down."""
    first = scene.hand_out("worker", lifetime=60)
    with scene.worker(sdk) as worker:
        scene.round()
        first = scene.hand_out("worker", lifetime=LIFETIME)

        def work(seconds: float) -> None:
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                scene.hand_out("worker", lifetime=LIFETIME)
                time.sleep(LIFETIME / 3)
                scene.round()

        work(2 * LIFETIME)
        scene.token_file("worker").unlink()
        time.sleep(LIFETIME / 4)
        work(LIFETIME)
        scene.issuer.rotate("ES256", keep_old=True)
        work(LIFETIME)
        scene.issuer.keys = scene.issuer.keys[1:]
        work(LIFETIME)
        scene.issuer.stop()
        work(2 * LIFETIME)
        assert not scene.refusals(), worker.log_tail()
        assert worker.alive()
    # The twin: had it not renewed its token, it would not work any more.
    refused(Gate(scene.envoy).call("DescribeNamespace", b"\x0a\x07payroll", token=first), 16)


# -- what does not


def record(sdk: Sdk, moment: str, status: str, seen: dict[str, Any], process: Process) -> None:
    """Compares with the expectation, and keeps what was seen."""
    SEEN.mkdir(parents=True, exist_ok=True)
    lines = [f"[{sdk}.{moment}.{status!r}]", *(f"{name} = {value!r}" for name, value in seen.items())]
    (SEEN / f"{sdk}-{moment}-{status}.toml".replace(" ", "-")).write_text("\n".join(lines) + "\n")
    print(*lines, process.log_tail(60), sep="\n")
    if os.environ.get("SDKS_RECORD"):
        return
    expected = OUTCOMES[str(sdk)][moment][status]
    assert seen["does"] in expected["does"].split(" or "), f"{seen}: {process.log_tail()}"
    assert expected["says"] in process.log_text(), process.log_tail()
    if "after" in seen and seen["does"] == expected["does"]:
        earliest = 0 if seen["does"] == "recovers" else expected["after"] / 2 - EXCUSED
        assert earliest <= seen["after"] < expected["after"] * 2 + EXCUSED, seen


@each_sdk
@pytest.mark.parametrize("status", START)
def test_a_worker_that_starts(scene: Scene, sdk: Sdk, status: str) -> None:
    scene.upset(status, "worker")
    with scene.worker(sdk) as worker:
        scene.await_call()
        ended = seconds_until_end(worker, PATIENCE)
        scene.await_refusal(code(status))
        record(sdk, "start", status, whether_it_lives(scene, worker, status, ended), worker)


@each_sdk
@pytest.mark.parametrize("status", MID_RUN)
def test_a_worker_in_mid_run(scene: Scene, sdk: Sdk, status: str) -> None:
    scene.hand_out("worker")
    with scene.worker(sdk) as worker:
        scene.round()
        assert not scene.refusals()
        scene.upset(status, "worker")
        scene.await_refusal(code(status))
        ended = seconds_until_end(worker, PATIENCE)
        record(sdk, "mid-run", status, whether_it_lives(scene, worker, status, ended), worker)


@pytest.mark.parametrize("sdk", UNGUARDED, ids=str)
def test_a_worker_without_a_guard(scene: Scene, sdk: Sdk) -> None:
    """It ends or hangs, whichever comes first; only a new process works again."""
    scene.upset("7 for polls", "worker")
    with scene.worker(sdk) as worker:
        scene.await_refusal(7)
        ended = seconds_until_end(worker, PATIENCE)
        seen = whether_it_lives(scene, worker, "7 for polls", ended)
        print(seen, worker.log_tail())
        assert seen["does"] in ("ends", "hangs") and seen.get("sigterm") != "obeys", seen


def whether_it_lives(scene: Scene, worker: Process, status: str, ended: float | None) -> dict[str, Any]:
    if ended is not None:
        return {"does": "ends", "after": round(ended, 1), "exit": worker.wait(1)}
    scene.mend(status, "worker")
    workflow_id, began = scene.begin(), time.monotonic()
    while time.monotonic() - began < 90:
        if scene.is_done(workflow_id):
            return {"does": "recovers", "after": round(time.monotonic() - began, 1)}
        time.sleep(0.2)
    os.kill(worker.pid, signal.SIGTERM)
    stops = seconds_until_end(worker, 30)
    return {"does": "hangs", "sigterm": "ignores" if stops is None else "obeys"}


@each_client
@pytest.mark.parametrize("status", CLIENT)
def test_a_client_that_is_refused(scene: Scene, sdk: Sdk, status: str) -> None:
    scene.upset(status, "client")
    with scene.client(sdk) as client:
        scene.await_call()
        ended = seconds_until_end(client, 150)
        scene.await_refusal(code(status))
        seen = {"does": "waits"} if ended is None else {"does": "fails", "after": round(ended, 1), "exit": client.wait(1)}
        record(sdk, "client", status, seen, client)


@pytest.mark.parametrize("sdk", [CLI], ids=str)
def test_a_command_that_outlives_its_token(scene: Scene, sdk: Sdk) -> None:
    """It waits for its workflow with the token that it was started with."""
    scene.hand_out("client", lifetime=5)
    with scene.client(sdk) as client:
        scene.await_call()
        ended = seconds_until_end(client, 150)
        assert ended is not None and client.wait(1) != 0, client.log_tail()
        scene.await_refusal(16)
        assert "unauthenticated" in client.log_text(), client.log_tail()
        print(ended, client.log_tail())
