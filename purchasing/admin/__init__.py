"""The back office's pages about what to buy and when."""

from . import reorder
