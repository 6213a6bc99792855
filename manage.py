#!/usr/bin/env python
"""SellOnce's commands."""

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

# These need no server, or look after servers themselves.
WITHOUT_SERVERS = {
    *("up", "demo", "simulate", "replay", "bench", "doctor", "help", "version", "check"),
    *("makemigrations", "makemessages"),
    *("compilemessages", "spectacular", "collectstatic", "findstatic", "diffsettings", "startapp", "runserver", "test"),
}


def servers_for(arguments: list[str]) -> AbstractContextManager[Any]:
    """The embedded servers for as long as a command runs, where it uses them and no stack has them running already."""
    if len(arguments) < 2 or arguments[1].startswith("-") or arguments[1] in WITHOUT_SERVERS or "--help" in arguments:
        return nullcontext()
    from django.conf import settings

    from config import servers

    if not settings.EMBEDDED_DATABASE and not settings.EMBEDDED_REDIS:
        return nullcontext()
    return servers.running(settings.LAYOUT, postgres=settings.EMBEDDED_DATABASE, redis_server=settings.EMBEDDED_REDIS)


def check_person(arguments: list[str]) -> None:
    """Where SELLONCE_AS says on whose behalf this runs, their role must allow it."""
    if not os.environ.get("SELLONCE_AS"):
        return
    import django

    django.setup()
    from django.db import DatabaseError, connection

    from inventory.people.acting import check
    from inventory.people.membership import PeopleError

    try:
        check(arguments)
    except PeopleError as error:
        sys.exit(str(error))
    except DatabaseError as error:
        sys.exit(f"SELLONCE_AS names a person, and the database cannot be asked who that is: {error}")
    finally:
        connection.close()


def main() -> None:
    """Run the command named on the command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("DATABASE_POOL_SIZE", "0")  # a command has one connection, and wants errors at once
    from django.core.management import execute_from_command_line

    from config.layout import LayoutError
    from config.processes import ServerError

    try:
        with servers_for(sys.argv):
            check_person(sys.argv[1:])
            execute_from_command_line(sys.argv)
    except (LayoutError, ServerError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
