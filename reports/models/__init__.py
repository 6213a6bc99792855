from .alert import Alert, AlertKind
from .backup import Backup, BackupState
from .ledger_check import LedgerCheck
from .tally import EVERY_CHANNEL, LagPart, LagTally, SaleReach, SalesTally, Span, TallyMark

__all__ = [
    "EVERY_CHANNEL", "Alert", "AlertKind", "Backup", "BackupState", "LagPart", "LagTally", "LedgerCheck",
    "SaleReach", "SalesTally", "Span", "TallyMark",
]  # fmt: skip
