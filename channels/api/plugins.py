"""What connectors declare about settings, secrets and ids, checked as fields with paths."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from inventory.api.errors import Refused, invalid, translates

from ..allocation.rules.base import RuleError
from ..connectors.base import ConnectorError, Field

_PATH = re.compile(r"^((?:credentials|settings|external)\.\w+|base_url) (.*)$", re.DOTALL)


#: Settings that every channel takes, whatever its connector.
EVERYWHERE = (Field("backorders", "Sales beyond stock are backorders, not oversells", required=False, type=bool),)


@translates(ConnectorError)
def _connector_error(error: ConnectorError) -> Refused:
    """The connectors' messages begin with the path of what they are about, where there is one."""
    named = _PATH.match(str(error))
    return invalid(named[1], named[2]) if named else Refused(error)


@translates(RuleError)
def _rule_error(error: RuleError) -> Refused:
    return invalid("value", error)


def check_fields(kind: str, values: Mapping[str, Any], declared: Sequence[Field]) -> None:
    """Raise Refused where a value has a name that the connector does not know, or another type."""
    known = {field.name: field for field in declared}
    wrong: dict[str, list[str]] = {}
    for name, value in values.items():
        if name not in known:
            there_are = ", ".join(known) or _("none")
            wrong[f"{kind}.{name}"] = [_("There is no such field; there are: {names}.").format(names=there_are)]
        elif value is not None and not _fits(value, known[name].type):
            expected = known[name].type.__name__
            wrong[f"{kind}.{name}"] = [_("A value of type {type} is expected.").format(type=expected)]
    if wrong:
        path, messages = next(iter(wrong.items()))
        raise Refused(f"{path}: {messages[0]}", fields=wrong)


def _fits(value: Any, wanted: type) -> bool:
    """Ids are text, and a number where text is wanted is taken for its digits."""
    if isinstance(value, bool):
        return wanted is bool
    return isinstance(value, str | int) if wanted is str else isinstance(value, wanted)
