"""The tables of the built-in roles in docs/configuration.md (effects) and in README.md (sentences), for tools/methods.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

BEGIN = "<!-- roles: `make generate` -->\n"
END = "<!-- end of roles -->\n"


class NoTable(Exception):
    """A page without the markers around its table."""


def effects(roles: Mapping[str, Sequence[str]]) -> str:
    """Each role with the names of its effects, given in the order of the data. A role that another role contains stands for its
    effects."""
    return table(("role", "effects"), ((f"`{role}`", described(role, roles)) for role in roles))


def described(role: str, roles: Mapping[str, Sequence[str]]) -> str:
    inner = contained(role, roles)
    inherited = {effect for name in inner for effect in roles[name]}
    own = ", ".join(effect for effect in roles[role] if effect not in inherited)
    names = " and ".join(f"`{name}`" for name in inner)
    return ", and ".join(part for part in (f"those of {names}" if names else "", own) if part)


def contained(role: str, roles: Mapping[str, Sequence[str]]) -> list[str]:
    """The roles that this role contains, the largest first, without the roles that one of them contains."""
    sets = {name: frozenset(names) for name, names in roles.items()}
    smaller = [name for name in roles if sets[name] < sets[role]]
    outermost = [name for name in smaller if not any(sets[name] < sets[other] for other in smaller)]
    return sorted(outermost, key=lambda name: -len(sets[name]))


def sentences(rows: Iterable[Mapping[str, str]]) -> str:
    """What each role may do, and the role of Temporal's own authorizer that agrees with it, if any."""
    cells = ((f"`{row['role']}`", row["may"], row["upstream"].removeprefix("-")) for row in rows)
    return table(("role", "may", "upstream"), cells)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("|" + "".join(f" {cell} |" if cell else " |" for cell in line) + "\n" for line in lines)


def page(path: Path, rows: str) -> str:
    """The page with its table of roles replaced."""
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise NoTable(f"{path.name}: no table of roles; expected {BEGIN.strip()} and {END.strip()}")
    return before + BEGIN + rows + END + after
