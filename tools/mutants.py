#!/usr/bin/env python3
"""Checks the comparisons: breaks the filter in one way at a time, and reports which case notices.

The comparison with Temporal (tests/oracle) must notice most mutants, and its part about HTTP (tests/oracle/http) those of how
requests over HTTP are read; the comparison with the simple evaluator (tests/policy) must notice those for which Temporal has no
counterpart, and the library's own tests those that change what is left of an answer. A mutant that nothing notices is a gap in
the tests, and fails.
The tool works on a copy in .cache/mutants.
"""

from __future__ import annotations

import argparse
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
    by: str = "oracle"


WORKFLOW = "/temporal.api.workflowservice.v1.WorkflowService"
MUTANTS = [
    Mutant("the first namespace wins", "src/temporal/request/fields.rs",
           'return Err(DecodeError::DuplicateNamespace);', "return Ok(FieldAction::Skip);"),
    Mutant("the second gzip member is ignored", "src/wire/gzip/mod.rs",
           "let Some(byte) = unused.or_else(|| take_byte(&mut input)) else {",
           "let Some(byte) = unused.or_else(|| take_byte(&mut input)).filter(|_| self.members == 0) else {"),
    Mutant("gzip checksums are not compared", "src/wire/gzip/mod.rs", "if trailer != expected {", "if trailer == expected.wrapping_add(1) {"),
    Mutant("gzip header checksums are not compared", "src/wire/gzip/header.rs",
           "if value.to_le_bytes().as_slice() != digest.get(..2).unwrap_or_default() {", "if digest.is_empty() {"),
    Mutant("a worker is a writer", "src/temporal/generated/effects.rs", '("worker", EffectSet::WORKER)', '("worker", EffectSet::WRITER)'),
    Mutant("a reader is a writer", "src/temporal/generated/effects.rs", '("reader", EffectSet::READER)', '("reader", EffectSet::WRITER)'),
    Mutant("a writer is an admin", "src/temporal/generated/effects.rs", '("writer", EffectSet::WRITER)', '("writer", EffectSet::ADMIN)'),
    Mutant("namespaces are compared without case", "src/policy/grant.rs",
           "name => namespaces.push(Pattern::literal(name)),", "name => namespaces.push(Pattern::literal(&name.to_lowercase())),"),
    Mutant("permissions split at the last colon", "src/policy/grant.rs", "text.split_once(':')?", "text.rsplit_once(':')?"),
    Mutant("fields inside groups count", "src/wire/protobuf/reader/mod.rs", "Ok(number) if !in_group =>", "Ok(number) if !in_group || number == 1 =>"),
    Mutant("varints of eleven bytes are read", "src/wire/protobuf/varint.rs", "if self.shift == 63 && byte > 1 {", "if self.shift > 70 && byte > 1 {"),
    Mutant("field number 0 is read", "src/wire/protobuf/reader/mod.rs", "if number == 0 || number > if in_group", "if number > if in_group"),
    Mutant("the message may end anywhere", "src/temporal/request/mod.rs", "self.reader.finish()?;", "let _ = self.reader.finish();"),
    Mutant("the body may end anywhere", "src/wire/grpc.rs", "matches!(self.state, FrameState::Complete)", "!matches!(self.state, FrameState::Prefix { index: 0, .. })"),
    Mutant("any message flag is read as plain", "src/wire/grpc.rs", '_ => return Err(DecodeError::UnknownMessageFlag),', "_ => None,"),
    Mutant("the namespace is looked for in another field", "src/temporal/generated/methods.rs",
           f'"{WORKFLOW}/RespondWorkflowTaskCompleted", Scope::Namespace, Access::Write, EffectSet::RESPOND, 9,',
           f'"{WORKFLOW}/RespondWorkflowTaskCompleted", Scope::Namespace, Access::Write, EffectSet::RESPOND, 1,'),
    Mutant("a method that writes is said to read", "src/temporal/generated/methods.rs",
           f'"{WORKFLOW}/TerminateWorkflowExecution", Scope::Namespace, Access::Write, EffectSet::TERMINATE,',
           f'"{WORKFLOW}/TerminateWorkflowExecution", Scope::Namespace, Access::Write, EffectSet::READ,'),
    Mutant("a method of the cluster is one of the namespace", "src/temporal/generated/methods.rs",
           '"/temporal.api.operatorservice.v1.OperatorService/CreateNexusEndpoint", Scope::Cluster,',
           '"/temporal.api.operatorservice.v1.OperatorService/CreateNexusEndpoint", Scope::Namespace,'),
    Mutant("namespaces of commands are not compared", "src/temporal/request/outcome.rs",
           "if other == namespace {", "if other == namespace || !other.is_empty() {"),
    Mutant("a command has no effect where it names", "src/policy/decide.rs",
           'for NamespaceEffects { namespace, effects } in self.elsewhere {',
           'for NamespaceEffects { namespace, effects } in self.elsewhere.iter().filter(|_| self.needs_system.is_some()) {'),
    Mutant("temporal-system is a namespace", "src/policy/grant.rs",
           "SYSTEM => *everywhere = true,", "SYSTEM if namespace.is_empty() => *everywhere = true,"),
    Mutant("task tokens are not read", "src/temporal/request/meaning.rs",
           "(FieldMeaning::TaskToken(kind), WireType::LengthDelimited) => self.expect_task_token(*kind),",
           "(FieldMeaning::TaskToken(_), WireType::LengthDelimited) => SKIP,"),
    Mutant("a partition is not its queue's", "src/temporal/reserved.rs",
           "Some(rest) => rest.rsplit_once('/').map_or(rest, |(queue, _)| queue),", "Some(_) => SYSTEM_ENDPOINT,"),
    Mutant("accents make another name of Temporal's own", "src/temporal/reserved.rs", "Letters::One => read | read << 1,", "Letters::One => 0,"),
    Mutant("the encoding of an operation's input does not count", "src/temporal/payload.rs",
           'if encodings.len() != 1 || encodings.iter().any(|encoding| encoding != b"binary/protobuf") {', "if encodings.len() > 9 {"),
    Mutant("an operation's input must come after its encoding", "src/temporal/payload.rs",
           "if self.data_error.is_none() {", "if self.data_error.is_none() && !self.encodings.is_empty() {"),
    Mutant("a command that cancels children cancels any", "src/temporal/request/meaning.rs",
           "NextValue::ChildWorkflowOnly if value != 0 => open.command = EffectSet::NONE,",
           "NextValue::ChildWorkflowOnly if value > 9 => open.command = EffectSet::NONE,"),
    Mutant("an option that polls is not seen", "src/temporal/request/meaning.rs",
           "NextValue::Flag(effects) if value != 0 =>", "NextValue::Flag(effects) if value == 0 =>"),
    Mutant("newer fields are not counted", "src/temporal/request/fields.rs", "if !message.knows(number) {", "if !message.knows(number) && top {"),
    Mutant("what is done in a seventeenth namespace is forgotten", "src/temporal/request/outcome.rs",
           "self.effects = self.effects.with(mention.there).with(mention.options);", ""),
    Mutant("a star stops at a colon", "src/pattern/matching.rs", "parts => glob::<Exact>(parts, value).then_some(None),",
           "parts => (glob::<Exact>(parts, value) && !(parts.contains(&PatternPart::Star) && value.contains(':'))).then_some(None),", "policy"),
    Mutant("a star of a denial stops at a colon", "src/pattern/matching.rs", "glob::<Wide>(&self.parts, value.trim())",
           "(glob::<Wide>(&self.parts, value.trim()) && !value.contains(':'))", "policy"),
    Mutant("a star of a denial takes something", "src/pattern/matching.rs", "const STAR_MAY_BE_EMPTY: bool = true;", "const STAR_MAY_BE_EMPTY: bool = false;", "policy"),
    Mutant("captures take colons", "src/pattern/matching.rs", "!value.is_empty() && !value.contains(':')", "!value.is_empty()", "policy"),
    Mutant("denials read claims as grants do", "src/policy/denial.rs",
           'who.matches_widely(identity, wide)',
           'who.matches(identity).then(Vec::new)', "policy"),
    Mutant("`unless` reads claims as denials do", "src/policy/denial.rs",
           'unless.matches(identity)',
           'unless.matches_widely(identity, wide).is_some()', "policy"),
    Mutant("one text has no pieces", "src/identity/wide/texts.rs",
           'texts.add_pieces(text);',
           'let _ = text;', "policy"),
    Mutant("whose kind is in doubt is human", "src/identity/mod.rs", "(Some(Kind::Doubtful), Some(", "(Some(Kind::Human), Some(", "policy"),
    Mutant("a client polls", "src/temporal/generated/effects.rs", '("client", EffectSet::CLIENT)', '("client", EffectSet::CLIENT.with(EffectSet::POLL))', "policy"),
    Mutant("a writer hands over compute configurations", "src/temporal/generated/effects.rs",
           '("writer", EffectSet::WRITER)', '("writer", EffectSet::WRITER.with(EffectSet::COMPUTE))', "policy"),
    Mutant("grants do not end", "src/policy/decide.rs",
           'until.has_passed(now)',
           'until.has_passed(Timestamp::from_millis(1))', "policy"),
    Mutant("a limit on ids is forgotten for signals", "src/policy/limits/mod.rs",
           'match method.workflow_id_rule {',
           'if method.name() == "SignalWorkflowExecution" {\n            return Ok(());\n        }\n        match method.workflow_id_rule {', "policy"),
    Mutant("a limit on ids covers schedules", "src/policy/limits/mod.rs", "if self.of(Limit::ScheduleIds).is_none() =>", "if self.is_empty() =>", "policy"),
    Mutant("a limit on signals lets those without a name pass", "src/policy/limits/mod.rs",
           'effects.covers(effect) && names.is_empty()',
           'effects.is_empty() && names.is_empty()', "policy"),
    Mutant("`commands: true` reaches nothing", "src/policy/denial.rs", "(false, true) => target.commands,", "(false, true) => EffectSet::NONE,", "policy"),
    Mutant("who touches what is Temporal's own does nothing else", "src/policy/denial.rs", "(true, _) => EffectSet::ADMIN,", "(true, _) => EffectSet::NONE,", "policy"),
    Mutant("an entry that could be read in two ways is shown", "src/temporal/list.rs", "Entry::Unreadable => false,", "Entry::Unreadable => true,", "library"),
    Mutant("endpoints with an external URL are shown", "src/temporal/list.rs", "Entry::External => self.with_external,", "Entry::External => true,", "library"),
    Mutant("newer fields of a list are shown", "src/temporal/list.rs", "number == token_number\n", "number != entry_number\n", "library"),
    Mutant("what follows a list goes on", "src/filter/response.rs",
           "AnswerState::New | AnswerState::Unreadable | AnswerState::Sent => {\n                self.withhold(state, WithholdReason::Unreadable)",
           "AnswerState::New | AnswerState::Unreadable | AnswerState::Sent => {\n                chunk.to_vec()", "library"),
    Mutant("an id shows any namespace", "src/filter/response.rs", "if is_visible {", "if is_visible || !message.bytes().is_empty() {", "library"),
    Mutant("a denial hides no entries", "src/policy/decide.rs", "has_hidden_entries |= denial.denies_describing();", "has_hidden_entries |= false;", "library"),
    Mutant("a denial hides no id", "src/policy/decide.rs", "hides_some |= denial.denies_describing();", "hides_some |= false;", "library"),
    Mutant("a description that is not checked is shown", "src/policy/decide.rs", "&& self.checks_answers && !self.parity {", "&& !self.parity {", "library"),
    Mutant("newer fields are not refused", "src/policy/decide.rs", "if self.refuses_newer && verdict.is_allow()", "if self.refuses_newer && !verdict.is_allow()", "policy"),
    Mutant("members by their names in protobuf are unknown", "src/temporal/schema.rs",
           "if key == name {", "if key == name && !name.contains('_') {", "http"),
    Mutant("an unknown name of an enum is its first value", "src/temporal/schema.rs",
           "self.values.iter().find(|(known, _)| is_named(known)).map(|(_, value)| *value)",
           "Some(self.values.iter().find(|(known, _)| is_named(known)).map_or(0, |(_, value)| *value))", "http"),
    Mutant("an odd number of an enum is its first value", "src/temporal/request/json.rs", "Shape::Enum(_)) => text.parse().ok()",
           "Shape::Enum(_)) => text.parse().ok().or(Some(0))", "http"),
    Mutant("what only the path names is not read", "src/temporal/request/json.rs", "self.end(&inside, 0)?;", "self.end(&[], 0)?;", "http"),
    Mutant("null beats the path", "src/temporal/request/json.rs", "if !is_element => return Ok(false),", "if !is_element => return Ok(true),", "http"),
    Mutant("base64 has one alphabet", "src/temporal/request/named.rs", "&alphabet::URL_SAFE }", "&alphabet::STANDARD }", "http"),
    Mutant("the last of two parameters counts", "src/temporal/request/parameters.rs",
           "[_, _, ..] if !watched.repeated => Err(HttpFault::DuplicateParameter.into()),",
           "[.., last] if !watched.repeated => value(scan, watched, last.value),", "http"),
    Mutant("the path is decoded twice", "src/wire/http/path.rs", "let text = unescape(segment)?;",
           "let text = unescape(unescape(segment)?.as_bytes())?;", "http"),
    Mutant("an escaped slash is part of a name", "src/wire/http/path.rs", "if text.contains(['/', '\\\\']) {", "if text.contains('\\\\') {", "http"),
    Mutant("bodies are not looked at", "src/filter/api.rs", "input.has_body.then_some(body)", "input.has_body.then_some(&body[..0])", "http"),
    Mutant("metadata in headers goes on", "src/filter/request_headers.rs", 'b"grpc-metadata-"', 'b"grpc-metadata-x"', "http"),
    Mutant("a signature may be above the modulus", "src/crypto/rsa/modulus.rs",
           "if base.len() > self.limbs.len() || is_at_least(&base, &self.limbs) {", "if base.len() > self.limbs.len() {", "library"),
    Mutant("a carry is lost", "src/crypto/rsa/modulus.rs", "if top || is_at_least(&sum, &self.limbs) {", "if is_at_least(&sum, &self.limbs) {", "library"),
    Mutant("only the end of a PKCS #1 signature is compared", "src/crypto/rsa/mod.rs",
           "is_some_and(|expected| encoded == expected)", "is_some_and(|_| encoded.ends_with(digest))", "library"),
    Mutant("the hash in a PSS signature is not compared", "src/crypto/rsa/mod.rs",
           "Some(is_filling && hash.of(&[&[0; 8], digest, salt]) == salted_digest)", "Some(is_filling || salt.is_empty())", "library"),
    Mutant("a PSS signature may have any salt", "src/crypto/rsa/mod.rs", "let is_filling = *one == 1 && zeros.iter().all(|byte| *byte == 0);",
           "let is_filling = *one <= 1 || !zeros.is_empty();", "library"),
    Mutant("good tokens earn time for bad ones", "src/authentication/budget.rs",
           "Outcome::Good => budget.good.take(cost),", "Outcome::Good => budget.bad.give(cost, BAD),", "library"),
    Mutant("forged tokens cost little", "src/authentication/mod.rs",
           "if key.is_mismatch() { Outcome::Bad } else { Outcome::Waiting }", "Outcome::Waiting", "library"),
    Mutant("any key set proves a mismatch", "src/keys/source/mod.rs",
           "let is_proof = fetcher.usable(now).is_some_and(|(_, began)| is_after(began, arrived, now));\n        if !is_proof {\n            fetcher.want_replacement",
           "let is_proof = fetcher.usable(now).is_some();\n        if !is_proof {\n            fetcher.want_replacement", "library"),
    Mutant("denials are found by the texts alone", "src/policy/index.rs",
           "name.values(identity.claims()).iter().for_each(|value| look_up(value));",
           "name.values(identity.claims()).iter().filter(|_| !self.wide).for_each(|value| look_up(value));", "policy"),
    Mutant("an unverified address counts by a pointer", "src/identity/claims.rs", 'self.member() != "email"', 'self.0 != "email"', "library"),
    Mutant("all tokens are forwarded", "src/filter/request_headers.rs", "filter(|name| Some(**name) != counts)", "filter(|name| counts.is_none() && !name.is_empty())", "library"),
    Mutant("only whole names of namespaces are looked up", "src/policy/namespace_set.rs", "|| self.patterns.iter().any(", "|| self.patterns.iter().skip(1).any(", "policy"),
    Mutant("fields in groups are not counted", "src/work/mod.rs", "self.fields = self.fields.saturating_add(1);", "self.fields = self.fields.max(1);", "library"),
    Mutant("embedded messages have an allowance of their own", "src/work/mod.rs", "self.offset = around;", "self.fields = 0;", "library"),
    Mutant("a caller pays only once", "src/work/account.rs", "own.take(time);", "own.take(Duration::ZERO);", "library"),
    Mutant("any payment overdraws an account", "src/work/account.rs", "is_small && own.has_time()", "own.has_time()", "library"),
    Mutant("a full account pays for anything", "src/work/account.rs", "time <= MAX_FROM_FULL && own.covers(FULL)", "own.covers(FULL)", "library"),
    Mutant("what all callers have is overdrawn by one", "src/work/account.rs", "if is_small { all.has_time() } else { all.covers(time) }", "all.has_time()", "library"),
    Mutant("messages in JSON are free", "src/temporal/request/json.rs", "(Next::Object, Shape::Message(_) | Shape::Presence) if is_single => {\n                self.scan.work.spend(Piece::Member, 1)?;", "(Next::Object, Shape::Message(_) | Shape::Presence) if is_single => {", "library"),
    Mutant("limits are charged once for all namespaces", "src/policy/principal.rs", "target.elsewhere.len().saturating_add(1)", "1", "library"),
    Mutant("a forgotten caller gets a full account", "src/work/account.rs", "Rc::strong_count(account) > 1 || !account.is_full(now)", "Rc::strong_count(account) > 1", "library"),
    Mutant("memory is never given back", "src/work/account.rs", "held.set(held.get().saturating_sub(self.bytes));", "held.set(held.get().saturating_sub(0));", "library"),
    Mutant("requests that move are given up as well", "src/filter/parked.rs", "now.saturating_since(id.0) >= PATIENCE", "now >= id.0", "library"),
    Mutant("anybody's request is given up for a greedy caller", "src/filter/parked.rs", "!only_own || reservation.is_of(account)", "only_own || reservation.is_of(account)", "library"),
    Mutant("a clock that was set back keeps requests", "src/filter/parked.rs", "now < id.0);", "now < id.0 && false);", "library"),
    Mutant("requests are given up for one that does not fit", "src/filter/parked.rs", "if freed >= missing {\n            given_up", "if freed <= missing {\n            given_up", "library"),
    Mutant("lines are not clipped", "src/report/mod.rs", "if whole.len() <= MAX_LINE { whole }", "if whole.len() <= 8 * MAX_LINE { whole }", "library"),
    Mutant("refusals are not summed up", "src/report/summary.rs", "if *lines < MAX_LINES {", "if *lines < u32::MAX {", "library"),
    Mutant("a name counts whatever its value", "src/identity/claim_rules.rs", "Value::Bool(yes) => *yes,", "Value::Bool(_) => true,", "library"),
]


def stale() -> list[str]:
    """The mutants whose text does not occur exactly once in their file, and how often it was found."""
    wrong = []
    for mutant in MUTANTS:
        path = ROOT / mutant.file
        count = path.read_text(encoding="utf-8").count(mutant.old) if path.is_file() else 0
        if count != 1:
            where = mutant.file if path.is_file() else f"{mutant.file}, which does not exist"
            wrong.append(f"{mutant.name}: expected once in {where}, found {count} times: {mutant.old}")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only check that the text of each mutant occurs once in its file")
    parser.add_argument("--skip", type=int, default=0, metavar="N", help="leave out the first N mutants: all of them take more than an hour")
    args = parser.parse_args()
    if wrong := stale():
        sys.exit("\n".join(wrong))
    if args.check:
        return
    subprocess.run([ROOT / "scripts" / "go-build.sh", "wasm-test/oracle", "one to three minutes"], check=True)
    shutil.rmtree(WORK / "tree", ignore_errors=True)
    (WORK / "tree").mkdir(parents=True)
    # The other members too, or cargo would not read the manifest.
    names = ("src", "tests", "module", "cli", "fuzz", "bench", "wasm-test/hostile-plugin", "wasm-test/verifiers", "vectors", "data")
    for name in (*names, "Cargo.toml", "Cargo.lock", "rust-toolchain.toml"):
        source, target = ROOT / name, WORK / "tree" / name
        # New modification times, or cargo would reuse the previous mutant's build.
        if source.is_dir():
            shutil.copytree(source, target, copy_function=shutil.copy)
        else:
            shutil.copy(source, target)
    for by, flags in (("oracle", []), ("http", ["-http"])):
        with cases(by).open("wb") as out:
            subprocess.run([ORACLE, "generate", "-count", str(COUNT), "-seed", str(SEED), *flags], stdout=out, check=True)
    for by in ("oracle", "http", "policy", "library"):
        if (noticed := judge(by)) is not None:
            sys.exit(f"the unbroken filter disagrees with tests/{by}:\n{noticed}")
    missed = []
    mutants = MUTANTS[args.skip :]
    for mutant in mutants:
        path = WORK / "tree" / mutant.file
        text = path.read_text()
        path.write_text(text.replace(mutant.old, mutant.new))
        noticed = judge(mutant.by)
        path.write_text(text)
        print(f"{'caught' if noticed else 'MISSED'}  {mutant.name}\n        {noticed or ''}", flush=True)
        if noticed is None:
            missed.append(mutant.name)
    print(f"{len(mutants) - len(missed)} of {len(mutants)} mutants caught")
    sys.exit(1 if missed else 0)


def cases(by: str) -> Path:
    """The file of the cases of this comparison with Temporal."""
    return WORK / f"cases-{by}.jsonl"


# The arguments of `cargo test` for the tests that must notice a mutant.
TESTS = {
    "oracle": ["temporal-auth-tests", "--test", "oracle", "requests_are_read_and_judged_as_temporal_does"],
    "http": ["temporal-auth-tests", "--test", "oracle", "http::"],
    "policy": ["temporal-auth-tests", "--test", "policy"],
    "library": ["temporal-auth", "--lib"],
}


# A change can make a loop endless. The tests and their build take a tenth of this, beside other work.
MOST_SECONDS = 1200
# What `timeout` ends with then.
TIMED_OUT = 124


def judge(by: str) -> str | None:
    """`None` if all of these tests pass; otherwise the first case that does not, abbreviated."""
    asked = {"ORACLE": f"cat {cases('oracle')}", "ORACLE_HTTP": f"cat {cases('http')}"}
    env = os.environ | asked | {"CARGO_TARGET_DIR": str(WORK / "target"), "RUST_BACKTRACE": "0"}
    command = ["timeout", str(MOST_SECONDS), "cargo", "test", "--quiet", "--package", *TESTS[by]]
    done = subprocess.run(command, cwd=WORK / "tree", env=env, capture_output=True, text=True)
    if done.returncode == 0:
        return None
    if done.returncode == TIMED_OUT:
        return f"the tests do not end within {MOST_SECONDS} s"
    told = done.stdout + done.stderr
    if by not in ("oracle", "http"):
        found = re.search(r"thread '([\w:]+)' .*panicked at ", told)
        if not found:
            sys.exit(f"the comparison did not run:\n{told[-4000:]}")
        tests = re.findall(r"thread '([\w:]+)' .*panicked", told)
        return f"{len(set(tests))} tests, the first: {found[1]}"
    found = re.search(r"(\d+) of \d+ cases disagree:\n(\w+: .*)\n  (.*)", told)
    if not found:
        sys.exit(f"the comparison did not run:\n{told[-4000:]}")
    path = re.search(r'"(?:path|method)":"/[^"]*/([^"]*)"', found[3])
    made = re.search(r'"made":(\[[^]]*\])', found[3])
    return f"{found[1]} cases, the first: {found[2]}; {path[1] if path else '?'} {made[1] if made else 'as clients send it'}"


if __name__ == "__main__":
    main()
