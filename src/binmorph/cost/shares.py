"""Amdahl's view: what is left to gain once the binary part is free."""

from __future__ import annotations

from dataclasses import dataclass

from .kinds import EPILOGUE, FLOAT, INTEGER, KINDS


@dataclass(frozen=True)
class Shares:
    """Amounts (of time or energy) per kind of step."""

    amounts: dict[str, float]

    @property
    def total(self) -> float:
        """All of it."""
        return sum(self.amounts.values())

    def of(self, *kinds: str) -> float:
        """The share of some kinds, 0 to 1; 0 where there is nothing at all."""
        return sum(self.amounts.get(kind, 0.0) for kind in kinds) / self.total if self.total else 0.0

    @property
    def float_share(self) -> float:
        """What is still float (or 8-bit), steps by themselves."""
        return self.of(FLOAT, INTEGER)

    @property
    def float_share_at_most(self) -> float:
        """The same with whole steps whose binary sums have a float epilogue."""
        return self.of(FLOAT, INTEGER, EPILOGUE)

    @property
    def bound(self) -> float | None:
        """Amdahl's law: how many times less it could become were everything else free. None: no bound."""
        return 1 / self.float_share if self.float_share else None

    def to_json(self) -> dict[str, object]:
        """Amounts, shares and the bound."""
        return {
            "amounts": {kind: self.amounts[kind] for kind in KINDS if kind in self.amounts},
            "float_share": self.float_share,
            "float_share_at_most": self.float_share_at_most,
            "bound": self.bound,
        }
