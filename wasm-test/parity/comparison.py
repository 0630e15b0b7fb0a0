"""What came of a comparison: which calls had the same answer, and which of the listed differences the others are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from answers import Answer
from calls import Call
from differences import Difference
from http_calls import HttpAnswer

A = TypeVar("A", Answer, HttpAnswer)


@dataclass
class Comparison(Generic[A]):
    differences: Sequence[Difference]
    identical: list[tuple[Call, str]] = field(default_factory=list)
    listed: dict[str, list[Call]] = field(default_factory=lambda: defaultdict(list))
    unlisted: list[str] = field(default_factory=list)

    def add(self, call: Call, upstream: A, ours: A) -> None:
        # Two missing answers do not count as agreement.
        if upstream.agrees_with(ours) and ours.status is not None:
            self.identical.append((call, ours.verdict))
        elif difference := self._listed(call, upstream, ours):
            self.listed[difference.name].append(call)
        else:
            self.unlisted.append(f"{call}\n    upstream: {upstream}\n    ours:     {ours}")

    def _listed(self, call: Call, upstream: A, ours: A) -> Difference | None:
        return next((one for one in self.differences if one.covers(call, upstream.verdict, ours.verdict)), None)

    @property
    def total(self) -> int:
        return len(self.identical) + sum(map(len, self.listed.values())) + len(self.unlisted)

    def agreed(self, verdict: str, path: str | None = None) -> set[str]:
        """The callers for whom the two sides agree on the verdict at least once."""
        return {call.caller.name for call, seen in self.identical if seen == verdict and path in (None, call.path)}

    def summary(self) -> str:
        lines = [f"{self.total} calls compared, {len(self.identical)} identical, {len(self.unlisted)} differ unlisted"]
        for one in self.differences:
            lines.append(f"{len(self.listed[one.name]):6} {one.name}: {one.upstream} -> {one.ours} ({one.why})")
        return "\n".join(lines)
