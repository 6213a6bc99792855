from .reorder import ReorderAlert, ReorderCheck, ReorderRule

__all__ = ["ReorderAlert", "ReorderCheck", "ReorderRule"]
