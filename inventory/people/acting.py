"""Who runs a command. Whoever may run `manage.py` on the data folder owns the machine, and may do everything.

Where that account is lent to somebody, as by sudo, SELLONCE_AS names the person: then their role is asked, and commands that
are in no table are for administrators alone.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.utils.translation import gettext as _

from ..kernel.areas import Area
from . import events
from .membership import PeopleError
from .roles import Standing, standing_of

VARIABLE = "SELLONCE_AS"


@dataclass(frozen=True, slots=True)
class Need:
    """What a command, or one of its options, asks of a role."""

    area: Area
    changes: bool = True


#: The commands that others than administrators may run; all of them span the locations. An option may ask for more.
NEEDS: Mapping[str, Need] = {
    "doctor": Need(Area.CHANNELS, changes=False),
    "reconcile": Need(Area.CHANNELS),
    "verify_ledger": Need(Area.STOCK, changes=False),
    "import_file": Need(Area.STOCK),  # which kinds, it looks at itself
    "rebuild_cost": Need(Area.COST),
    "verify_ledger --repair": Need(Area.SETTINGS),
    "create_api_key": Need(Area.PEOPLE),
    "invite": Need(Area.PEOPLE),
    "reset_second_factor": Need(Area.PEOPLE),
}

#: Options of every command by which it would run code of who calls it.
OWN_CODE = ("--pythonpath", "--settings")


def acting() -> tuple[str, Standing | None]:
    """The actor and the standing of who runs this command; no standing is the machine's owner."""
    name = os.environ.get(VARIABLE, "")
    if not name:
        return events.SYSTEM, None
    user = get_user_model().objects.filter(username=name).first()
    standing = standing_of(user)
    if user is None or standing is None:
        raise PeopleError(_("%(variable)s names nobody with a role: %(name)s") % {"variable": VARIABLE, "name": name})
    return events.name_of(user), standing


def may_run(standing: Standing, arguments: Sequence[str]) -> bool:
    """Whether a standing may run a command with these arguments, the command first."""
    if standing.is_master:
        return True
    command, *options = arguments
    if standing.is_limited or command not in NEEDS:
        return False
    given = [option.partition("=")[0] for option in options if option.startswith("--")]
    if any(name.startswith(option) for name in OWN_CODE for option in given):  # --sett is --settings
        return False
    asked = [need for name, need in NEEDS.items() if any(name.startswith(f"{command} {option}") for option in given)]
    needs = [NEEDS[command], *asked]
    return all(standing.changes(need.area) if need.changes else standing.sees(need.area) for need in needs)


def check(arguments: Sequence[str]) -> None:
    """Raise PeopleError where who runs this command may not."""
    actor, standing = acting()
    if standing is not None and not may_run(standing, arguments or ["help"]):
        text = _("%(actor)s has the role %(role)s and may not run this: %(command)s")
        raise PeopleError(text % {"actor": actor, "role": standing.role, "command": " ".join(arguments)})
