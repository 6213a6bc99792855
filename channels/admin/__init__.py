"""The back office's pages about shop windows, what they tell us and what they are told."""

from . import channel, drift, inbox, listing, rules, targets
