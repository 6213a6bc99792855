"""The back office's pages about what there is and where."""

from . import access, catalog, doors, invitations, ledger, location, people, reservation, stock, transfer
