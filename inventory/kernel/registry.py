"""Plug-ins: one file each in a package; dropping the file in is all it takes.

A plug-in module defines one public class with a ``code`` and a ``label``. ``Registry`` walks the package at first use; a
missing, malformed or duplicate code raises at start, loudly.
"""

import importlib
import pkgutil
import re
from types import ModuleType
from typing import Any, Generic, TypeVar

from django.core.exceptions import ImproperlyConfigured

Plugin = TypeVar("Plugin")

_CODE = re.compile(r"^[a-z][a-z0-9_]{0,39}$")


class Registry(Generic[Plugin]):
    """The plug-ins of one kind: every concrete subclass of ``base`` defined in a module of ``package``."""

    def __init__(self, package: str, *, base: type[Plugin], skip: frozenset[str] = frozenset({"base"})) -> None:
        self.package = package
        self.base = base
        self.skip = skip
        self._found: dict[str, Plugin] | None = None

    def all(self) -> dict[str, Plugin]:
        """Instances by code, sorted by code."""
        if self._found is None:
            self._found = dict(sorted(self._walk().items()))
        return self._found

    def get(self, code: str) -> Plugin:
        """The plug-in of that code. Raises LookupError naming the codes that exist."""
        try:
            return self.all()[code]
        except KeyError:
            known = ", ".join(self.all())
            raise LookupError(f"no plug-in {code!r} in {self.package}; there are: {known}") from None

    def choices(self) -> list[tuple[str, Any]]:
        """(code, label) of every plug-in. A field takes a module's function that calls this: migrations can name only those."""
        return [(code, getattr(plugin, "label", code)) for code, plugin in self.all().items()]

    def reset(self) -> None:
        """Forget what was found, so that a plug-in dropped in since is seen."""
        self._found = None

    def _walk(self) -> dict[str, Plugin]:
        package = importlib.import_module(self.package)
        found: dict[str, Plugin] = {}
        for info in pkgutil.iter_modules(package.__path__):
            if info.name in self.skip or info.name.startswith("_"):
                continue
            module = importlib.import_module(f"{self.package}.{info.name}")
            for plugin in self._plugins(module):
                code = getattr(plugin, "code", None)
                if not isinstance(code, str) or not _CODE.match(code):
                    raise ImproperlyConfigured(f"{plugin.__name__} in {module.__name__} has no valid code: {code!r}")
                if code in found:
                    raise ImproperlyConfigured(f"code {code!r} is taken twice in {self.package}")
                found[code] = plugin()
        return found

    def _plugins(self, module: ModuleType) -> list[type[Plugin]]:
        classes = [
            value
            for name, value in vars(module).items()
            if isinstance(value, type)
            and issubclass(value, self.base)
            and value.__module__ == module.__name__
            and not name.startswith("_")
        ]
        if not classes:
            raise ImproperlyConfigured(f"{module.__name__} defines no {self.base.__name__}")
        return classes
