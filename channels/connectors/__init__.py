"""Connectors translate between a channel's wire and our words. One file a channel; dropping it in is all it takes."""

from typing import Any

from inventory.kernel.registry import Registry

from .base import Connector

registry: Registry[Connector] = Registry("channels.connectors", base=Connector)


def choices() -> list[tuple[str, Any]]:
    """For ``choices=`` of a field: a function that a migration can name, so that a new plug-in needs none."""
    return registry.choices()
