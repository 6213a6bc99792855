"""Units of lots that may not be sold leave the shelf: those that orders count on become short, as by a count's loss.

Locks in the order of ``losses``: the holders' own rows, then levels. What is there is looked at before, to know the holders, and
again under the lock; where others are concerned by then, all locks are let go and it begins anew.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from .errors import LotError
from .ledger import Posting, post
from .locks import Pair, lock_levels
from .losses import HoldersMoved, end_promises, find_losses, release_postings, tell_holders
from .models import Lot, LotLevel, Reason, State

#: Between looking whom it concerns and locking the levels others may reserve and ship. So often it is tried anew.
TRIES = 12

#: The rows of lots whose shelf units are to leave; asked for twice.
Find = Callable[[], Sequence[LotLevel]]


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Where units go, and why."""

    target: State
    reason: Reason
    reference: str
    actor: str
    note: str = ""


def withdraw(find: Find, how: Withdrawal) -> int:
    """Move all shelf units of the lots found to another state; the units moved. Raises LotError where orders give no rest."""
    for _turn in range(TRIES):
        try:
            with transaction.atomic():  # what a vain attempt has locked is let go
                return _try(find, how)
        except HoldersMoved:
            continue
    raise LotError(_("orders take and leave these SKUs too fast just now; try again in a moment"), conflict=True)


def _try(find: Find, how: Withdrawal) -> int:
    told = tell_holders(_sums(_by_level(find())))
    levels = lock_levels(_by_level(find()).keys() | told.pairs, create=False)
    there = {pair: lots for pair, lots in _by_level(find()).items() if pair in levels}
    missing = _sums(there)
    losses = find_losses(missing, levels=levels, told=told)
    postings = release_postings(losses, reason=how.reason, reference=how.reference)
    postings += [
        Posting(*pair, State.AVAILABLE, how.target, units, how.reason, how.reference, how.note[:200], lot=lot)
        for pair, lots in sorted(there.items())
        for lot, units in lots
    ]
    post(postings, actor=how.actor, cause="lots", reference=how.reference, levels=levels)
    end_promises(losses, reference=how.reference)
    return sum(missing.values())


def _by_level(rows: Sequence[LotLevel]) -> dict[Pair, list[tuple[Lot, int]]]:
    found: dict[Pair, list[tuple[Lot, int]]] = defaultdict(list)
    for row in rows:
        found[row.level.sku_id, row.level.location_id].append((row.lot, row.shelf))
    return found


def _sums(lots: Mapping[Pair, Sequence[tuple[Lot, int]]]) -> dict[Pair, int]:
    return {pair: sum(units for _lot, units in held) for pair, held in lots.items()}
