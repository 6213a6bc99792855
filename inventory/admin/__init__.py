"""The back office's pages about what there is and where."""

from . import (
    access,
    books,
    bundles,
    catalog,
    cost,
    counts,
    doors,
    imports,
    invitations,
    ledger,
    location,
    lots,
    people,
    reservation,
    stock,
    transfer,
)
