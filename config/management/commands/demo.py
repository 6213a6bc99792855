"""`manage.py demo`: the whole product with a sample merchant in it, and thirty marketplaces full of shoppers."""

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from config.children import Command as Process
from config.children import stack_commands
from config.connections import let_go
from config.launcher import Launcher, free_port
from config.layout import PROJECT_DIR, LayoutError
from config.processes import ServerError
from config.schedule import store_schedule

INSIDE = "SELLONCE_DEMO"  # set once DATA_DIR is the demo's own
#: A demo never talks to a merchant's servers: it has its own, in a folder of its own.
NOT_OURS = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL")


class Command(BaseCommand):
    """Start everything on data of its own; Ctrl-C stops it all, the next start goes on with the same data."""

    help = "Runs the whole stack with sample data, simulated marketplaces and shoppers. Ctrl-C stops all of it."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"))
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT") or 8000), help="0: any free one")
        parser.add_argument("--rate", type=float, default=5.0, help="orders a second over all channels (5)")
        parser.add_argument("--marketplaces", metavar="URL", help="only the marketplaces, for the stack at URL")

    def handle(self, *, host: str, port: int, rate: float, marketplaces: str | None, **_options: Any) -> None:
        if os.environ.get(INSIDE) != str(settings.LAYOUT.data):
            _start_again_on_own_data()
        if rate <= 0:
            raise CommandError(_("--rate is a number above 0."))
        if marketplaces:
            from config.demo.marketplaces import run

            return run(target=marketplaces, rate=rate)
        try:
            self._launch(host, port, rate)
        except (ServerError, LayoutError) as error:
            raise CommandError(str(error)) from error

    def _launch(self, host: str, port: int, rate: float) -> None:
        from config.demo.world import State

        port = free_port(host, wanted=port)
        url = f"http://{host if host not in ('0.0.0.0', '::') else '127.0.0.1'}:{port}/"  # noqa: S104
        settings.LAYOUT.make_data_dir()
        state = State.load(settings.LAYOUT.data)
        crowd = (sys.executable, str(PROJECT_DIR / "manage.py"), "demo", "--marketplaces", url, "--rate", str(rate))
        launcher = Launcher(
            settings.LAYOUT,
            url=url,
            commands=[
                Process("shops", crowd, {"DATABASE_POOL_SIZE": "2"}, uses_redis=False),
                *stack_commands(host=host, port=port, web_workers=int(os.environ.get("WEB_WORKERS") or 2)),
            ],
            show=self._show,
        )
        launcher.run(prepare=lambda: self._prepare(state, rate), when_ready=lambda: self._welcome(state, url))

    def _prepare(self, state: Any, rate: float) -> None:
        from config.demo.world import prepare

        self._show(_("Servers are ready; bringing the schema up to date ..."))
        call_command("migrate", interactive=False, verbosity=0)
        store_schedule()
        prepare(state, rate=rate, show=self._show)
        let_go()

    def _welcome(self, state: Any, url: str) -> None:
        from config.demo.world import LOGIN, password_shown

        password = password_shown(state)
        let_go()
        self._show("")
        self._show(_("SellOnce is at {url}").format(url=url))
        self._show(_("Log in as {login} with the password {password}").format(login=LOGIN, password=password))
        if not settings.SECOND_FACTOR_ROLES:
            self._show(_("The demo lets administrators in without a second factor; a merchant's own stack does not."))
        self._show(_("Thirty simulated marketplaces are selling. Ctrl-C stops everything."))
        self._show(_("The data stays in {data}").format(data=settings.LAYOUT.data))

    def _show(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _start_again_on_own_data() -> None:
    """Settings are read once, at the start of a process: so this one becomes another, on the demo's own folder."""
    own = str(settings.LAYOUT.data / "demo")
    relaxed = {"SECOND_FACTOR_ROLES": os.environ.get("SECOND_FACTOR_ROLES", "")}  # a look around needs no phone
    environment = {**os.environ, **dict.fromkeys(NOT_OURS, ""), **relaxed, "DATA_DIR": own, INSIDE: own}
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, *sys.argv], environment)  # noqa: S606
