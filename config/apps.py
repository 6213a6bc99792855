"""The application that carries the project's own commands and start-up."""

import os

from django.apps import AppConfig
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from inventory.kernel.areas import About, Area

#: Set for processes that show none: pages are a fifth of what a worker would hold in memory.
WITHOUT_PAGES = "SELLONCE_WITHOUT_PAGES"


class ConfigConfig(AppConfig):
    """Imports every other app and is imported by none."""

    name = "config"
    verbose_name = _("Configuration")
    areas = dict.fromkeys(
        (
            f"django_celery_beat.{name}"
            for name in ("periodictask", "intervalschedule", "crontabschedule", "solarschedule", "clockedschedule")
        ),
        About(Area.SETTINGS, spans=True),
    )

    def ready(self) -> None:
        """Make ours the Celery application that `current_app` means, in every process; load the pages where they are shown."""
        from config.celery import app

        app.set_default()
        if os.environ.get(WITHOUT_PAGES) != "1":
            admin.autodiscover()
