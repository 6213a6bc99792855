"""Connectors translate between a channel's wire and our words. One file a channel; dropping it in is all it takes."""

from inventory.kernel.registry import Registry

from .base import Connector

registry: Registry[Connector] = Registry("channels.connectors", base=Connector)
