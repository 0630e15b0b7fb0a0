"""What the check has to say."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Finding:
    """One way around the filter, or one reason why it would not be noticed."""

    id: str
    object: str
    what: str
    fix: str

    def json(self) -> dict[str, str]:
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.id}: {self.object}\n    {self.what}\n    fix: {self.fix}"
