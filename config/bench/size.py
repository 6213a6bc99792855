"""How much is measured: as the targets ask for it, or a quick look that shows that everything works."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Numbers of things, and seconds."""

    skus: int = 10_000
    orders: int = 6_000
    warm_up_orders: int = 600
    floor_seconds: int = 8
    lag_skus: int = 2_000
    lag_seconds: float = 60.0
    coalescing_seconds: float = 20.0
    selling_seconds: float = 4.0
    entries: int = 1_000_000
    ledger_skus: int = 100_000

    @classmethod
    def chosen(cls, *, quick: bool) -> "Size":
        """The quick one or the real one."""
        return QUICK if quick else cls()


QUICK = Size(
    skus=2_000,
    orders=1_200,
    warm_up_orders=200,
    floor_seconds=3,
    lag_skus=300,
    lag_seconds=8.0,
    coalescing_seconds=6.0,
    selling_seconds=2.0,
    entries=20_000,
    ledger_skus=2_000,
)
