"""Runs in a process of its own: one more sale on a site that runs."""

import os
import time


def main() -> None:
    """One mug, sold on the fourth channel."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django

    django.setup()
    from channels.models import Channel
    from tests.admin.house import event, hear

    number = int(time.time())
    hear(Channel.objects.get(code="channel-3"), number, event(number, [("ext-MUG-4-BLUE", 1)]))


if __name__ == "__main__":
    main()
