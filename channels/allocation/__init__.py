"""What each channel may see: rules composed in a fixed order, each step explained."""

from typing import Any

from inventory.kernel.registry import Registry

from .rules.base import RuleKind

registry: Registry[RuleKind] = Registry("channels.allocation.rules", base=RuleKind)


def choices() -> list[tuple[str, Any]]:
    """For ``choices=`` of a field: a function that a migration can name, so that a new plug-in needs none."""
    return registry.choices()
