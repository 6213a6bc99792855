"""What each channel may see: rules composed in a fixed order, each step explained."""

from inventory.kernel.registry import Registry

from .rules.base import RuleKind

registry: Registry[RuleKind] = Registry("channels.allocation.rules", base=RuleKind)
