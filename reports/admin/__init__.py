"""The back office's pages about what a person should know."""

from . import alerts, backups, ledger_checks
