from .alert import Alert, AlertKind
from .backup import Backup, BackupState
from .tally import EVERY_CHANNEL, LagPart, LagTally, SaleReach, SalesTally, Span, TallyMark

__all__ = [
    "EVERY_CHANNEL", "Alert", "AlertKind", "Backup", "BackupState", "LagPart", "LagTally", "SaleReach", "SalesTally",
    "Span", "TallyMark",
]  # fmt: skip
