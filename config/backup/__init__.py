"""Backups: one file that holds everything, put back beside the old database and swapped in.

``writing`` makes the file, ``restoring`` puts it back, ``moving`` takes it to another server, ``nightly`` keeps the schedule.
"""


class BackupError(Exception):
    """A backup cannot be made or put back; the message carries the cure."""


class BusyError(BackupError):
    """Another one is under way, which is no failure."""
