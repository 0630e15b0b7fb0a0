#!/usr/bin/env python3
"""`make demo`: shows call by call how a stock Temporal gets roles. `make run`: the same, left running.

    run.py          brings everything up on free ports, makes the calls of rows.py, prints them as a table
                    and fails if any of them did not end as it must
    run.py --stay   brings everything up on the ports of envoy.yaml and prints commands to try
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "wasm-test"))

from harness import paths
from harness.procs import NotReady, stop_all
from rows import ALLOWED, ROWS, Cast, Row, outcome
from stage import Ports, Stage

HOUR = 3600
WEB_UI = 8080


@dataclass(frozen=True)
class Result:
    row: Row
    got: str
    why: str

    @property
    def surprise(self) -> bool:
        return self.got != self.row.expected


async def attempt(cast: Cast, row: Row) -> Result:
    mark = cast.stage.envoy.log_mark()
    error: BaseException | None = None
    try:
        await row.run(cast)
    except Exception as raised:
        error = raised
    got = outcome(error)
    # The worker's own row looks back at what was logged before it.
    since = 0 if row.call == "poll and answer tasks" else mark
    return Result(row, got, reason(cast.stage, row, got, since))


def reason(stage: Stage, row: Row, got: str, since: int) -> str:
    """The reason for the call's verdict, from Envoy's decision log."""
    subject = row.who if row.who in stage.clients else None
    verdict = "allow" if got == ALLOWED else "deny"
    try:
        decision = stage.envoy.decision(
            since,
            lambda d: d["method"].endswith("/" + row.method) and d["subject"] == subject and d["verdict"] == verdict,
            timeout=3,
        )
    except AssertionError:
        return "NOT IN THE DECISION LOG"
    return ": ".join(str(decision[part]) for part in ("rule", "reason") if decision.get(part))


async def play(stage: Stage) -> list[Result]:
    cast = Cast(stage)
    results = []
    print_row("WHO", "CALL", "NAMESPACE", "EXPECTED", "GOT", "WHY")
    for row in ROWS:
        result = await attempt(cast, row)
        results.append(result)
        mark = " <-- not as expected" if result.surprise else ""
        print_row(row.who, row.call, row.namespace or "(cluster)", row.expected, result.got, result.why + mark)
    return results


def print_row(*cells: str) -> None:
    widths = (22, 32, 15, 12, 12, 0)
    print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip(), flush=True)


def unexpected_denials(stage: Stage, results: list[Result]) -> list[str]:
    """Denials in the log that are not in the table: a call of the worker, or an implicit call of an SDK, was denied."""
    denied = [d for d in stage.envoy.decisions() if d["verdict"] == "deny"]
    for result in results:
        if result.row.expected == ALLOWED:
            continue
        subject = result.row.who if result.row.who in stage.clients else None
        for decision in denied:
            if decision["subject"] == subject and decision["method"].endswith("/" + result.row.method):
                denied.remove(decision)
                break
    return [f"{d['subject']} {d['method']} {d['namespaces']}: {d['reason']}" for d in denied]


def demo() -> int:
    print("Starting Temporal, the identity provider, Envoy and a worker …", flush=True)
    with Stage(Ports.free(), token_lifetime=600) as stage:
        results = asyncio.run(play(stage))
        extra = unexpected_denials(stage, results)
        wrong = [result for result in results if result.surprise or result.why == "NOT IN THE DECISION LOG"]
        print()
        for line in extra:
            print(f"denied beside the table: {line}")
        print(f"{len(results) - len(wrong)} of {len(results)} calls as expected. Logs: {stage.directory}")
        return 1 if wrong or extra else 0


def stay() -> int:
    has_web_ui = paths.WEB_UI.exists()
    taken = Ports().taken(*[WEB_UI] if has_web_ui else [])
    if taken:
        print(f"error: in use already: port {', '.join(map(str, taken))} (envoy.yaml has fixed ports)", file=sys.stderr)
        return 1
    print("Starting Temporal, the identity provider, Envoy and a worker …", flush=True)
    with Stage(Ports(), token_lifetime=HOUR, web_ui=WEB_UI if has_web_ui else None) as stage:
        tokens = paths.RUNS / "tokens"
        write_tokens(stage, tokens)
        print(HELP.format(**help_values(stage, tokens)), flush=True)
        print(web_ui_help(stage), flush=True)
        try:
            while True:
                time.sleep(HOUR / 2)
                write_tokens(stage, tokens)
        except KeyboardInterrupt:
            print("\nstopping")
    return 0


def write_tokens(stage: Stage, directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for who in stage.clients:
        file = directory / who
        file.touch(0o600)
        file.write_text(stage.token(who))


HELP = """
Up, until Ctrl-C. Everything below goes through Envoy at {address}; in another terminal, from here:

  as() {{ who=$1; shift; {temporal} "$@" --address {address} --tls=false --api-key "$(cat {tokens}/$who)"; }}

  # allowed
  as alice workflow start -n payroll -t payroll --type PayrollRun -w mine -i '{{"employees": ["ann"]}}'
  as alice workflow result -n payroll -w mine
  as dev workflow describe -n payroll -w mine
  as dev workflow start -n bitovi-project -t payroll --type PayrollRun
  as platform-admin operator namespace list

  # denied
  as dev workflow start -n payroll -t payroll --type PayrollRun
  as alice workflow list -n finance-reports
  as payroll-worker workflow list -n payroll
  as stranger workflow list -n payroll
  {temporal} workflow list -n payroll --address {address}
  curl -i http://{address}/

  # why
  grep -a 'temporal-auth {{' {log} | tail
  curl -s 'http://127.0.0.1:{admin}/stats?filter=temporal_auth'      # all of Envoy's admin page: http://127.0.0.1:{admin}/

  # a token as an application gets it
  curl -s -u alice:{secret} -d grant_type=client_credentials {issuer}/token

Tokens (good for an hour, written anew every half hour) are in {tokens}/: {people}
The policy is in envoy.yaml."""


def web_ui_help(stage: Stage) -> str:
    if stage.web_ui is None:
        return "\nThe Web UI is not built: scripts/ui.sh builds it, which takes Go and two minutes."
    logins = "".join(f"\n  {name:<16} {password}" for name, password in stage.passwords.items())
    return f"\nThe Web UI is at {stage.web_ui.address}/ (docs/web-ui.md), for\n{logins}"


def help_values(stage: Stage, tokens: Path) -> dict[str, object]:
    here = Path.cwd()

    def short(path: Path) -> Path:
        return path.relative_to(here) if path.is_relative_to(here) else path

    return {
        "address": stage.address,
        "admin": stage.ports.admin,
        "issuer": stage.issuer,
        "secret": stage.clients["alice"]["secret"],
        "tokens": short(tokens),
        "people": " ".join(stage.clients),
        "temporal": short(paths.temporal_binary()),
        "log": short(stage.envoy.process.log),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stay", action="store_true", help="leave everything running until Ctrl-C")
    arguments = parser.parse_args()
    if not paths.MODULE.exists():
        print(f"error: {paths.MODULE} is not built: make module", file=sys.stderr)
        return 1
    try:
        return stay() if arguments.stay else demo()
    except NotReady as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception:
        traceback.print_exc()
        return 1


if __name__ == "__main__":
    code = main()
    stop_all()
    sys.stdout.flush()
    sys.stderr.flush()
    # The SDK's native threads sometimes abort the interpreter's normal exit.
    os._exit(code)
