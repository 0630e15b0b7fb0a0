"""The results of the check."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Finding:
    """A way to bypass the filter, or a reason why a bypass would not be noticed."""

    id: str
    object: str
    what: str
    fix: str

    def json(self) -> dict[str, str]:
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.id}: {self.object}\n    {self.what}\n    fix: {self.fix}"
