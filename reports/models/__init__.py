from .alert import Alert, AlertKind
from .backup import Backup, BackupState

__all__ = ["Alert", "AlertKind", "Backup", "BackupState"]
