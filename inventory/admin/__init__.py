"""The back office's pages about what there is and where."""

from . import access, catalog, ledger, location, reservation, stock
