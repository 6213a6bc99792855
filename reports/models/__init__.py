from .alert import Alert, AlertKind

__all__ = ["Alert", "AlertKind"]
