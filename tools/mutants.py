#!/usr/bin/env python3
"""Checks the oracle: breaks the filter in ways that matter, one at a time, and says which case noticed.

A mutant that no case notices is a hole in the comparison, and fails. Works on a copy in .cache/mutants.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / ".cache" / "mutants"
ORACLE = ROOT / ".cache" / "go" / "oracle" / "oracle"
COUNT, SEED = 30_000, 1


@dataclass(frozen=True)
class Mutant:
    name: str
    file: str
    old: str
    new: str


WORKFLOW = "/temporal.api.workflowservice.v1.WorkflowService"
MUTANTS = [
    Mutant("the first namespace wins", "src/temporal/request.rs",
           'return Err(Fault::Malformed("the namespace stands twice"));', "return Ok(Want::Skip);"),
    Mutant("the second gzip member is ignored", "src/wire/gzip.rs",
           "while let Some((&byte, rest)) = input.split_first() {",
           "while let Some((&byte, rest)) = input.split_first().filter(|_| self.members == 0) {"),
    Mutant("gzip checksums are not compared", "src/wire/gzip.rs", "if trailer != expected {", "if trailer == expected.wrapping_add(1) {"),
    Mutant("gzip header checksums are not compared", "src/wire/gzip.rs",
           "if value.to_le_bytes().as_slice() != digest.get(..2).unwrap_or_default() {", "if digest.is_empty() {"),
    Mutant("a worker is a writer", "src/policy/role.rs", '("worker", EffectSet::WORKER)', '("worker", EffectSet::WRITER)'),
    Mutant("a reader is a writer", "src/policy/role.rs", '("reader", EffectSet::READER)', '("reader", EffectSet::WRITER)'),
    Mutant("a writer is an admin", "src/policy/role.rs", '("writer", EffectSet::WRITER)', '("writer", EffectSet::ADMIN)'),
    Mutant("namespaces are compared without case", "src/policy/grant.rs",
           "Reach::Namespaces(Pattern::literal(name))", "Reach::Namespaces(Pattern::literal(&name.to_lowercase()))"),
    Mutant("permissions split at the last colon", "src/policy/grant.rs", "text.split_once(':')?", "text.rsplit_once(':')?"),
    Mutant("fields inside groups count", "src/wire/protobuf.rs", "Ok(number) if !in_group =>", "Ok(number) if !in_group || number == 1 =>"),
    Mutant("varints of eleven bytes are read", "src/wire/protobuf.rs", "if self.shift == 63 && byte > 1 {", "if self.shift > 70 && byte > 1 {"),
    Mutant("field number 0 is read", "src/wire/protobuf.rs", "if number == 0 || number > MAX_FIELD_NUMBER {", "if number > MAX_FIELD_NUMBER {"),
    Mutant("the message may end anywhere", "src/temporal/request.rs", "self.reader.finish()?;", "let _ = self.reader.finish();"),
    Mutant("the body may end anywhere", "src/wire/grpc.rs", "matches!(self.state, State::Whole)", "!matches!(self.state, State::Prefix { at: 0, .. })"),
    Mutant("any message flag is read as plain", "src/wire/grpc.rs", '_ => return Err(Fault::Malformed("an unknown message flag")),', "_ => None,"),
    Mutant("the namespace is looked for in another field", "src/temporal/table.rs",
           f'"{WORKFLOW}/RespondWorkflowTaskCompleted", Scope::Namespace, Access::Write, EffectSet::RESPOND, 9,',
           f'"{WORKFLOW}/RespondWorkflowTaskCompleted", Scope::Namespace, Access::Write, EffectSet::RESPOND, 1,'),
    Mutant("a method that writes is said to read", "src/temporal/table.rs",
           f'"{WORKFLOW}/TerminateWorkflowExecution", Scope::Namespace, Access::Write, EffectSet::TERMINATE,',
           f'"{WORKFLOW}/TerminateWorkflowExecution", Scope::Namespace, Access::Write, EffectSet::READ,'),
    Mutant("a method of the cluster is one of the namespace", "src/temporal/table.rs",
           '"/temporal.api.operatorservice.v1.OperatorService/CreateNexusEndpoint", Scope::Cluster,',
           '"/temporal.api.operatorservice.v1.OperatorService/CreateNexusEndpoint", Scope::Namespace,'),
    Mutant("namespaces of commands are not compared", "src/temporal/request.rs",
           "if other == namespace {", "if other == namespace || !other.is_empty() {"),
    Mutant("a command has no effect where it names", "src/policy/mod.rs",
           "let elsewhere = if self.parity {", "let elsewhere = if self.parity || beyond.is_none() {"),
    Mutant("temporal-system is a namespace", "src/policy/grant.rs",
           "SYSTEM => held(&role, Reach::System),", "SYSTEM if namespace.is_empty() => held(&role, Reach::System),"),
]


def main() -> None:
    subprocess.run([ROOT / "scripts" / "go-build.sh", "wasm-test/oracle", "one to three minutes"], check=True)
    shutil.rmtree(WORK / "tree", ignore_errors=True)
    (WORK / "tree").mkdir(parents=True)
    for name in ("src", "tests", "vectors", "Cargo.toml", "Cargo.lock"):
        source, target = ROOT / name, WORK / "tree" / name
        # New times of change: cargo would take the last mutant's build for this one's.
        if source.is_dir():
            shutil.copytree(source, target, copy_function=shutil.copy)
        else:
            shutil.copy(source, target)
    cases = WORK / "cases.jsonl"
    with cases.open("wb") as out:
        subprocess.run([ORACLE, "generate", "-count", str(COUNT), "-seed", str(SEED)], stdout=out, check=True)
    if (noticed := judge(cases)) is not None:
        sys.exit(f"the unbroken filter disagrees with the oracle:\n{noticed}")
    missed = []
    for mutant in MUTANTS:
        path = WORK / "tree" / mutant.file
        text = path.read_text()
        if text.count(mutant.old) != 1:
            sys.exit(f"{mutant.name}: {mutant.file} has {text.count(mutant.old)} times: {mutant.old}")
        path.write_text(text.replace(mutant.old, mutant.new))
        noticed = judge(cases)
        path.write_text(text)
        print(f"{'caught' if noticed else 'MISSED'}  {mutant.name}\n        {noticed or ''}", flush=True)
        if noticed is None:
            missed.append(mutant.name)
    print(f"{len(MUTANTS) - len(missed)} of {len(MUTANTS)} mutants caught by {COUNT} cases")
    sys.exit(1 if missed else 0)


def judge(cases: Path) -> str | None:
    """None if all cases agree; else the first that does not, in short."""
    env = os.environ | {"ORACLE": f"cat {cases}", "CARGO_TARGET_DIR": str(WORK / "target"), "RUST_BACKTRACE": "0"}
    command = ["cargo", "test", "--quiet", "--test", "oracle"]
    done = subprocess.run(command, cwd=WORK / "tree", env=env, capture_output=True, text=True)
    if done.returncode == 0:
        return None
    found = re.search(r"(\d+) of \d+ cases disagree:\n(\w+: .*)\n  (.*)", done.stdout + done.stderr)
    if not found:
        sys.exit(f"the comparison did not run:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    path = re.search(r'"path":"/[^"]*/([^"]*)"', found[3])
    made = re.search(r'"made":(\[[^]]*\])', found[3])
    return f"{found[1]} cases, the first: {found[2]}; {path[1] if path else '?'} {made[1] if made else 'as clients send it'}"


if __name__ == "__main__":
    main()
