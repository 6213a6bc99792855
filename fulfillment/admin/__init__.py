"""The back office's pages about orders and what becomes of them."""

from . import lines, orders, returns, shipments, shortfalls
