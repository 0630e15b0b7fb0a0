"""Medians, spread and ratios."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Any

NATIVE = "Envoy's own chain, plain"
FLOOR = "floor, plain"
# Two builds of the module that are compared.
OURS, OTHER = "lean module", "other module"


@dataclass
class Series:
    """Microseconds per request, one sample a round."""

    baseline: str
    samples: list[float] = field(default_factory=list)


def added(measured: dict[str, Series], name: str) -> list[float]:
    """Round by round: what the machine does to both in that round cancels out."""
    series = measured[name]
    return [own - base for own, base in zip(series.samples, measured[series.baseline].samples)]


def quartiles(values: list[float]) -> tuple[float, float, float]:
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def summary(measured: dict[str, Series]) -> dict[str, Any]:
    native, floor = (quartiles(added(measured, name))[1] if name in measured else None for name in (NATIVE, FLOOR))
    result: dict[str, Any] = {}
    for name, series in measured.items():
        low, middle, high = quartiles(series.samples)
        result[name] = {"rounds": len(series.samples), "us": round(middle, 1), "us_quartiles": [round(low, 1), round(high, 1)]}
        if series.baseline != name:
            low, middle, high = quartiles(added(measured, name))
            result[name] |= {
                "added_us": round(middle, 1),
                "added_quartiles": [round(low, 1), round(high, 1)],
            }
        if native is not None and floor is not None and series.baseline != name:
            result[name] |= {
                "of_native": round(middle / native, 2),
                "of_floor": round(middle / floor, 2),
                # The rounds differ more than half as much as the variants do.
                "too_noisy": name != NATIVE and high - low > abs(middle - native) / 2,
            }
    return result


def text(measured: dict[str, Series], count: int) -> str:
    rounds = len(next(iter(measured.values())).samples)
    lines = [
        f"Proxy CPU per request, µs: median of {rounds} rounds of {count} calls, quartiles in brackets.",
        f"{'':<42}{'total':>8}{'':<18}{'added':>8}{'':<18}" + (f"{'of floor':>9}{'of own chain':>14}" if NATIVE in measured else ""),
    ]
    for name, row in summary(measured).items():
        low, high = row["us_quartiles"]
        line = f"{name:<42}{row['us']:>8.1f} [{low:6.1f} – {high:6.1f}]"
        if "added_us" in row:
            low, high = row["added_quartiles"]
            line += f"{row['added_us']:>9.1f} [{low:6.1f} – {high:6.1f}]"
        if "of_floor" in row:
            line += f"{row['of_floor']:>8.2f}×{row['of_native']:>13.2f}×"
            line += " (too noisy to compare with the chain)" if row["too_noisy"] else ""
        lines.append(line)
    for name in measured:
        if name.startswith(OTHER):
            lines.append(_beside(measured, name, name.replace(OTHER, OURS)))
    return "\n".join(lines)


def _beside(measured: dict[str, Series], other: str, ours: str) -> str:
    """How much more ours takes than the other module, round by round."""
    low, middle, high = quartiles([one - two for one, two in zip(measured[ours].samples, measured[other].samples)])
    verdict = "too noisy to tell from nothing" if low <= 0 <= high else "a difference"
    return f"{ours}, beside the {other}: {middle:+.1f} [{low:+.1f} – {high:+.1f}]: {verdict}"
