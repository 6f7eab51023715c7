"""The rows of the table that `make bench` prints, a module each. Each has `NAME`, `AIM` and `measure(binary) -> Row`."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Row:
    """What one row measured, all in one run on the same input."""

    ours: str
    beside: str
    ratio: float | None = None
    """Ours against the best of the others; over 1 is ahead."""
    details: list[str] = field(default_factory=list)


class Skipped(Exception):
    """What a row needs cannot be had here."""
