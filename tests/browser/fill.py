"""Runs in a process of its own: fills a site's database so that every page has something to show."""

import os


def main() -> None:
    """Twelve of everything, one channel stopped and one disconnected."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django

    django.setup()
    from channels import selling
    from tests.admin.house import build

    house = build(12)
    selling.stop_selling([house.channels[1]], actor="user:ann")
    selling.disconnect(house.channels[2], actor="user:ann")


if __name__ == "__main__":
    main()
