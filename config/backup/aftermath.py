"""What is not true any more once a database was taken to another server, or an older one is in place."""

from pathlib import Path

from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils.translation import gettext as _

from channels import recovery
from config.backup.archive import Manifest
from config.backup.records import note_restored
from fulfillment.news import doubt_news
from inventory.kernel import clock
from inventory.models import AccessLink, LoginSession
from reports.models import TallyMark


def settle_in() -> None:
    """The server counts transactions anew: what remembers a number of theirs must not wait for it."""
    TallyMark.objects.update(seen_xid=0)


@transaction.atomic
def make_up_for(manifest: Manifest, *, file: Path) -> list[str]:
    """Owe what is unknown, end what must not live again; lines that say what was done.

    Answers to idempotent requests stay: a retry of what is in the backup finds its answer, a retry of what came later is done
    anew, since its deed is gone as well. Sessions and links go: one that was ended or used since would be open again.
    """
    settle_in()
    targets = recovery.start_over(since=manifest.instant)
    doubt_news()
    LoginSession.objects.all().delete()
    sessions = Session.objects.all().delete()[0]
    links = AccessLink.objects.filter(used_at=None, revoked_at=None).update(revoked_at=clock.now())
    note_restored(file, manifest)
    return [
        _("{count} numbers shown by channels count as unknown; all of them are owed.").format(count=targets),
        _(
            "Orders since the backup are asked for first: numbers leave once they are recorded (after 10 minutes at most)."
        ),
        _("{sessions} sessions are ended and {links} open links revoked: people log in again.").format(
            sessions=sessions, links=links
        ),
        _(
            "People, roles, recovery codes and API keys are as they were then: what was revoked since has to be revoked again."
        ),
    ]
