#!/usr/bin/env python3
"""`make recording`: runs the demo and writes what it prints, at the pace at which it prints it, as an animated picture.

    recording.py OUT.svg

Long pauses are shortened, and long lines are cut at the width of the picture. Browsers that are asked for less motion, and
viewers that animate nothing, show the end.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

COLUMNS, LINES = 140, 24
CHARACTER, LINE, MARGIN = 7.25, 18, 16  # in pixels, of a font of 12
SHORTEST, LONGEST, END = 0.3, 1.2, 8.0  # pauses between lines and after the last one, in seconds
COMMAND = "$ make demo"
COLORS = {"allowed": "#7ee787", "denied (7)": "#ff7b72", "refused (16)": "#ffa657"}
OUTCOME = re.compile("|".join(re.escape(outcome) for outcome in COLORS))


@dataclass(frozen=True)
class Line:
    text: str
    after: float  # seconds since the line before


def record() -> list[Line]:
    """What the demo prints. Ends the program if the demo fails: a failure is nothing to show."""
    lines, last = [Line(COMMAND, 0.0)], time.monotonic()
    argv = [sys.executable, "-u", str(ROOT / "demo" / "run.py")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout
        for line in process.stdout:
            print(line, end="", flush=True)
            now = time.monotonic()
            lines.append(Line(line.rstrip("\n").replace(f"{ROOT}/", ""), now - last))
            last = now
    if process.returncode:
        sys.exit("recording: the demo has failed, so nothing is written")
    # Where its logs are is another place each time.
    return [Line(re.sub(r" Logs: .*", "", line.text), line.after) for line in lines]


def draw(lines: list[Line]) -> str:
    times, now = [], 0.0
    for line in lines:
        now += min(max(line.after, SHORTEST), LONGEST)
        times.append(now)
    whole = now + END
    width, height = round(COLUMNS * CHARACTER) + 2 * MARGIN, LINES * LINE + 2 * MARGIN

    def moves(name: str, distance: Callable[[int], int]) -> str:
        """Moves an element by this distance when so many lines are printed. The first line is there from the beginning."""

        def to(count: int) -> str:
            return f"transform:translateY({distance(count)}px)"

        frames = "".join(f"{time / whole * 100:.2f}%{{{to(number)}}}" for number, time in enumerate(times[1:], 2))
        end = to(len(lines))
        return (
            f"#{name}{{{end};animation:{name} {whole:.1f}s step-end infinite}}\n"
            f"@keyframes {name}{{0%{{{to(1)}}}{frames}100%{{{end}}}}}\n"
        )

    # Lines that are not printed yet are behind a curtain, which moves down; then the text moves up.
    style = moves("lines", lambda count: min(0, LINES - count) * LINE) + moves("curtain", lambda count: count * LINE)
    texts = "".join(
        f'<text x="{MARGIN}" y="{MARGIN + number * LINE + 13}">{_styled(line.text)}</text>\n' for number, line in enumerate(lines) if line.text
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">
<title>What make demo prints</title>
<style>
text{{white-space:pre;font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#e6edf3}}
{style}@media (prefers-reduced-motion:reduce){{#lines,#curtain{{animation:none}}}}
</style>
<clipPath id="screen"><rect x="0" y="{MARGIN}" width="{width}" height="{LINES * LINE}"/></clipPath>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<g clip-path="url(#screen)"><g id="lines">
{texts}<rect id="curtain" x="0" y="{MARGIN}" width="{width}" height="{len(lines) * LINE}" fill="#0d1117"/>
</g></g>
</svg>
"""


def _styled(line: str) -> str:
    """A line with its outcomes in colour."""
    cut = line if len(line) <= COLUMNS else line[: COLUMNS - 1] + "…"
    if cut == COMMAND or cut.startswith("WHO "):
        return f'<tspan font-weight="bold">{escape(cut)}</tspan>'
    return OUTCOME.sub(lambda found: f'<tspan fill="{COLORS[found[0]]}">{found[0]}</tspan>', escape(cut, quote=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    arguments.out.write_text(draw(record()))


if __name__ == "__main__":
    main()
