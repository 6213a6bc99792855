"""`manage.py up`: the whole stack in the foreground."""

import os
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connections
from django.utils.translation import gettext as _

from config.children import stack_commands
from config.launcher import Launcher, free_port
from config.layout import LayoutError
from config.processes import ServerError
from config.schedule import store_schedule
from inventory.people.membership import masters


class Command(BaseCommand):
    """Start the servers, the web process, the workers and beat; Ctrl-C stops them all."""

    help = "Runs the whole stack: database, Redis, web, workers, beat. Ctrl-C stops all of it."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"))
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT") or 8000), help="0: any free one")

    def handle(self, *, host: str, port: int, **_options: Any) -> None:
        try:
            url_port = free_port(host, wanted=port)
            url = f"http://{host if host not in ('0.0.0.0', '::') else '127.0.0.1'}:{url_port}/"  # noqa: S104
            os.environ["DATA_DIR"] = str(settings.LAYOUT.data)
            launcher = Launcher(
                settings.LAYOUT,
                url=url,
                commands=stack_commands(host=host, port=url_port, web_workers=int(os.environ.get("WEB_WORKERS") or 2)),
                show=self._show,
                embedded_database=settings.EMBEDDED_DATABASE,
                embedded_redis=settings.EMBEDDED_REDIS,
            )
            launcher.run(prepare=self._prepare, when_ready=lambda: self._welcome(url))
        except (ServerError, LayoutError) as error:
            raise CommandError(str(error)) from error
        except OperationalError as error:
            cure = _("Cure: check DATABASE_URL and DATABASE_OWNER_URL, and that the database runs.")
            raise CommandError(f"{error}\n{cure}") from error

    _has_people = True

    def _show(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _prepare(self) -> None:
        self._show(_("Servers are ready; bringing the schema up to date ..."))
        call_command("migrate", interactive=False, verbosity=0)
        store_schedule()
        self._has_people = masters().exists()
        connections["default"].close()
        connections["default"].close_pool()  # type: ignore[attr-defined]

    def _welcome(self, url: str) -> None:
        self._show(
            _("SellOnce is at {url} (data: {data}). Ctrl-C stops it.").format(url=url, data=settings.LAYOUT.data)
        )
        if not self._has_people:
            self._show(_("Nobody can log in yet. In another terminal, with the same DATA_DIR:"))
            self._show("  .venv/bin/python manage.py invite --email you@example.com --role admin")
