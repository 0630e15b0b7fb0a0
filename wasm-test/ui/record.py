"""The table "page by page" that the tests write: what people see, and which calls that took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from browser import Visitor
from harness import paths
from office import Door

# Written anew by each run. docs/web-ui.md has copies of some of the pictures, and of the table's facts.
OUTPUT = paths.ROOT / ".cache" / "ui" / "pages"

# On every page, so that rows are about the rest.
EVERYWHERE = {"GetClusterInfo", "ListNamespaces"}


@dataclass
class Step:
    """What a person did in a step, and what came of it. The calls are those that were decided by the end of the step."""

    person: str
    page: str
    at: str = ""
    decisions: list[dict[str, Any]] = field(default_factory=list)

    def calls(self, verdict: str) -> Counter[str]:
        return Counter(
            f"{name}({', '.join(decision['namespaces'])})"
            for decision in self.decisions
            if decision["verdict"] == verdict and (name := decision["method"].rsplit("/", 1)[1]) not in EVERYWHERE
        )

    @property
    def denied(self) -> set[str]:
        return set(self.calls("deny"))

    @property
    def allowed(self) -> set[str]:
        return set(self.calls("allow"))

    def status(self, method: str) -> set[int]:
        return {decision["status"] for decision in self.decisions if decision["method"].endswith("/" + method)}

    def row(self) -> str:
        def cell(verdict: str) -> str:
            return "; ".join(f"{call} ×{count}" if count > 1 else call for call, count in self.calls(verdict).items()) or "–"

        return f"| {self.person} | {self.page} | `{self.at}` | {cell('allow')} | {cell('deny')} |"


class Record:
    def __init__(self) -> None:
        self.steps: list[Step] = []

    @contextmanager
    def step(self, door: Door, visitor: Visitor, person: str, page: str, *, picture: str = "") -> Iterator[Step]:
        """`with record.step(...) as step:` do it; afterwards the step knows what was decided."""
        since = door.envoy.log_mark()
        step = Step(person, page)
        yield step
        visitor.settle()
        step.at, step.decisions = visitor.path, door.decisions(person, since)
        self.steps.append(step)
        if picture:
            visitor.picture(OUTPUT / f"{picture}.png")

    def write(self, file: Path = OUTPUT / "pages.md") -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        head = "| person | page | lands at | allowed | denied |\n| --- | --- | --- | --- | --- |\n"
        file.write_text(head + "".join(step.row() + "\n" for step in self.steps))
