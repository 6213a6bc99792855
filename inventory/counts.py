"""Counts while orders are picked: opened, counted line by line, submitted, counted anew, cancelled.

Each line keeps what its level said at the instant when it was counted, so that what moves later does not matter: approval
(``count_approval``) posts how far the count was off, not the number that was found. What is counted is what can be sold or is
promised: available and reserved. Quarantine, damaged and hold lie apart and are adjusted by hand.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .classes import classes_at
from .errors import CountError
from .kernel import clock
from .kernel.quantities import LARGEST
from .models import Count, CountLine, CountScope, CountStatus, Location, Sku, StockClass, StockLevel
from .models.location import MARKETPLACE_OWNED
from .tolerances import beyond

#: So many days at most can be asked for: more is a typing error.
MOST_DAYS = 3650

LONGEST_CODE = 100


@dataclass(frozen=True, slots=True)
class Take:
    """What was counted of one SKU. Units; None is not counted. ``row`` is where it was said, for errors."""

    sku: Sku
    counted: int | None
    picked: int = 0
    row: str = "lines.0"


@transaction.atomic
def open_count(
    *,
    location: Location,
    actor: str,
    code: str = "",
    skus: Sequence[Sku] | None = None,
    stock_class: str = "",
    not_counted_days: int | None = None,
    blind: bool = False,
    note: str = "",
) -> Count:
    """A draft that asks for these SKUs, or a class, or what was not counted for so many days, or all of a location.

    Raises CountError: for a location whose marketplace counts, for nothing to count, for SKUs that are being counted.
    """
    _check_place(location)
    scope, value = _scope(skus, stock_class, not_counted_days)
    known = classes_at(location)
    if skus is not None:
        _check_twice([(f"lines.{index}.sku", sku) for index, sku in enumerate(skus)])
        _check_free(location, [(f"lines.{index}.sku", sku) for index, sku in enumerate(skus)])
        wanted = [sku.pk for sku in skus]
    else:
        wanted = _wanted(location, known, stock_class, not_counted_days)
    if not wanted:
        raise CountError(_("there is nothing to count: no SKU of this location is asked for"))
    count = Count(
        location=location,
        scope=scope,
        scope_value=value,
        blind=blind,
        note=note,
        created_by=actor,
        created_at=clock.now(),
    )
    _check_code(code)
    count.pk, count.code = _name(code)
    count.save(force_insert=True)
    _add_lines(count, wanted, known)
    return count


@transaction.atomic
def count_lines(count: Count, takes: Sequence[Take], *, actor: str, adding: bool = False) -> Count:
    """Take down what was counted; a SKU that was not asked for joins the count. Again and again until it is submitted.

    ``adding`` adds to what was counted before, at the instant of the first time; else the instant is now. Raises CountError
    by row, and changes nothing then.
    """
    held = locked(count, CountStatus.DRAFT)
    _check_takes(takes)
    lines = {line.sku_id: line for line in held.lines.filter(sku__in=[take.sku.pk for take in takes])}
    strangers = [take for take in takes if take.sku.pk not in lines]
    if strangers:
        _check_free(held.location, [(f"{take.row}.sku", take.sku) for take in strangers])
        _add_lines(held, [take.sku.pk for take in strangers], classes_at(held.location))
        lines = {line.sku_id: line for line in held.lines.filter(sku__in=[take.sku.pk for take in takes])}
    levels = {level.sku_id: level for level in StockLevel.objects.filter(location=held.location, sku__in=list(lines))}
    errors: dict[str, str] = {}
    for take in takes:
        _take_down(lines[take.sku.pk], take, levels.get(take.sku.pk), actor, adding, errors)
    if errors:
        raise CountError(_("nothing was counted"), rows=errors)
    CountLine.objects.bulk_update(lines.values(), _TAKEN, batch_size=1000)
    return held


@transaction.atomic
def submit(count: Count, *, actor: str, skip_uncounted: bool = False) -> Count:
    """The counting is over. Raises CountError where lines are not counted, unless they are to be left as they are."""
    held = locked(count, CountStatus.DRAFT)
    counted = held.lines.filter(counted__isnull=False).count()
    open_lines = held.lines.filter(counted=None)
    if not counted:
        raise CountError(_("count %s has no counted line: count something first") % held)
    left = 0 if skip_uncounted else open_lines.count()
    if left:
        some = ", ".join(open_lines.order_by("sku__code").values_list("sku__code", flat=True)[:10])
        said = ngettext(
            "%(left)d line is not counted yet (%(some)s)", "%(left)d lines are not counted yet (%(some)s)", left
        )
        raise CountError(said % {"left": left, "some": some} + _("; count them, or say that they stay as they are"))
    held.status, held.submitted_by, held.submitted_at = CountStatus.SUBMITTED, actor, clock.now()
    held.save()
    return held


@transaction.atomic
def recount(count: Count, *, actor: str, skus: Collection[Sku] | None = None) -> Count:
    """Have lines of a submitted count counted anew: these, else those over their tolerance, else all that differ."""
    held = locked(count, CountStatus.SUBMITTED)
    lines = list(held.lines.filter(counted__isnull=False).select_related("sku"))
    if skus is None:
        again = beyond(lines) or [line for line in lines if line.variance]
        if not again:
            raise CountError(_("no line differs from what was expected: there is nothing to count anew"))
    else:
        by_sku = {line.sku_id: line for line in lines}
        strange = {
            f"lines.{n}.sku": _("%s was not counted") % sku for n, sku in enumerate(skus) if sku.pk not in by_sku
        }
        if strange:
            raise CountError(_("nothing is counted anew"), rows=strange)
        again = list({sku.pk: by_sku[sku.pk] for sku in skus}.values())
    for line in again:
        line.earlier = [*line.earlier, _evidence(line)]
        line.recount += 1
        _forget(line)
    CountLine.objects.bulk_update(again, [*_TAKEN, "recount"], batch_size=1000)
    held.status, held.submitted_by, held.submitted_at = CountStatus.DRAFT, "", None
    held.save()
    return held


@transaction.atomic
def cancel(count: Count, *, actor: str) -> Count:
    """Nothing comes of it: no unit is moved, and its SKUs may be counted otherwise."""
    held = locked(count, CountStatus.DRAFT, CountStatus.SUBMITTED)
    held.status, held.cancelled_by, held.cancelled_at = CountStatus.CANCELLED, actor, clock.now()
    held.save()
    held.lines.update(is_open=False)
    return held


def locked(count: Count, *statuses: CountStatus) -> Count:
    """The count, locked, where it is in one of these states; CountError says where it is instead."""
    held = Count.objects.select_for_update(of=("self",), no_key=True).select_related("location").get(pk=count.pk)
    if held.status not in statuses:
        said = {
            CountStatus.DRAFT: _("count %s is still being counted: submit it first"),
            CountStatus.SUBMITTED: _("count %s is submitted: have lines counted anew, or approve it"),
            CountStatus.APPROVED: _("count %s was approved already"),
            CountStatus.CANCELLED: _("count %s was cancelled"),
        }[CountStatus(held.status)]
        raise CountError(said % held)
    return held


def counters_of(count: Count) -> set[str]:
    """Who counted the lines as they stand."""
    rows = CountLine.objects.filter(count=count, counted__isnull=False)
    return counters(rows.only("counted_by", "recount", "earlier"))


def counters(lines: Iterable[CountLine]) -> set[str]:
    """Who counted these lines, those among them to whose number somebody else has added."""
    found = set()
    for line in lines:
        found |= {
            line.counted_by,
            *(take["counted_by"] for take in line.earlier if take.get("added_to") == line.recount),
        }
    return found


def shows_expected(count: Count, *, actor: str) -> bool:
    """Whether somebody may be shown what is expected: of a blind count not before it is over, unless others counted."""
    if not count.blind or count.status == CountStatus.APPROVED:
        return True
    return count.status != CountStatus.DRAFT and actor not in counters_of(count)


_TAKEN = ("counted", "picked", "expected", "variance", "number", "counted_at", "counted_by", "earlier")


def _check_place(location: Location) -> None:
    if location.kind in MARKETPLACE_OWNED:
        said = _("%s cannot be counted here: the marketplace counts what it holds, and tells us") % location
        raise CountError(_("nothing was opened"), rows={"location": said})


def _scope(skus: Sequence[Sku] | None, stock_class: str, days: int | None) -> tuple[CountScope, str]:
    """What is asked for, and its value. Raises CountError where it is more than one thing."""
    given = [
        name
        for name, said in (
            ("lines", skus is not None),
            ("stock_class", stock_class),
            ("not_counted_days", days is not None),
        )
        if said
    ]
    if len(given) > 1:
        said = _("ask for SKUs, for a class or for days, not for several of them")
        raise CountError(_("nothing was opened"), rows={given[-1]: said})
    if stock_class:
        if stock_class not in StockClass.values:
            raise CountError(_("nothing was opened"), rows={"stock_class": _("there are the classes A, B and C")})
        return CountScope.CLASS, stock_class
    if days is not None:
        if not 0 < days <= MOST_DAYS:
            said = _("1 to %s days are expected") % MOST_DAYS
            raise CountError(_("nothing was opened"), rows={"not_counted_days": said})
        return CountScope.STALE, str(days)
    return (CountScope.ALL, "") if skus is None else (CountScope.SKUS, "")


def _wanted(location: Location, known: Mapping[int, StockClass], stock_class: str, days: int | None) -> list[int]:
    """SKUs (ids) with a level at the location that are asked for and that no open count has."""
    here = StockLevel.objects.filter(location=location)
    busy = CountLine.objects.filter(location=location, is_open=True).values("sku")
    rows = here.exclude(sku__in=busy)
    if days is not None:
        since = clock.now() - timedelta(days=days)
        fresh = CountLine.objects.filter(
            location=location, count__status=CountStatus.APPROVED, counted_at__gte=since
        ).values("sku")
        rows = rows.exclude(sku__in=fresh)
    found = rows.filter(sku__is_active=True) | rows.exclude(available=0, reserved=0)
    ids = sorted(set(found.values_list("sku", flat=True)))
    return [sku_id for sku_id in ids if not stock_class or known.get(sku_id, StockClass.C) == stock_class]


def _check_code(code: str) -> None:
    """A code is part of addresses."""
    if "/" in code or (code and not code.isprintable()) or code in (".", "..") or len(code) > LONGEST_CODE:
        said = _("%(code)s cannot be a code: at most %(most)d printable characters, no slash")
        raise CountError(_("nothing was opened"), rows={"code": said % {"code": code[:50], "most": LONGEST_CODE}})


def _name(code: str) -> tuple[int, str]:
    """A new count's id, and its code: as given, else made from the id."""
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT nextval(pg_get_serial_sequence('inventory_count', 'id'))")
            new_id = int(cursor.fetchone()[0])
            made = code or f"C-{new_id:05}"
            if not Count.objects.filter(code=made).exists():
                return new_id, made
            if code:
                raise CountError(
                    _("nothing was opened"), rows={"code": _("there is a count %s already") % code}, conflict=True
                )


def _add_lines(count: Count, sku_ids: Iterable[int], known: Mapping[int, StockClass]) -> None:
    """Lines in the order of their SKUs, so that two counts that are opened at once wait and do not lock up."""
    rows = [
        CountLine(count=count, location_id=count.location_id, sku_id=pk, stock_class=known.get(pk, StockClass.C))
        for pk in sorted(sku_ids)
    ]
    try:
        with transaction.atomic():
            CountLine.objects.bulk_create(rows, batch_size=5000)
    except IntegrityError:
        raise CountError(
            _("somebody else has just begun to count some of these SKUs; look at the open counts")
        ) from None


def _check_twice(named: Iterable[tuple[str, Sku]]) -> None:
    seen: set[int] = set()
    errors = {}
    for path, sku in named:
        if sku.pk in seen:
            errors[path] = _("%s is named twice") % sku
        seen.add(sku.pk)
    if errors:
        raise CountError(_("nothing was counted"), rows=errors)


def _check_free(location: Location, named: Iterable[tuple[str, Sku]]) -> None:
    """Raise CountError naming each SKU that another open count of the location has."""
    named = list(named)
    busy = dict(
        CountLine.objects.filter(location=location, is_open=True, sku__in=[sku.pk for _path, sku in named]).values_list(
            "sku", "count__code"
        )
    )
    errors = {
        path: _("%(sku)s is being counted in %(count)s") % {"sku": sku, "count": busy[sku.pk]}
        for path, sku in named
        if sku.pk in busy
    }
    if errors:
        raise CountError(_("nothing was counted"), rows=errors, conflict=True)


def _check_takes(takes: Sequence[Take]) -> None:
    _check_twice([(f"{take.row}.sku", take.sku) for take in takes])
    errors = {}
    for take in takes:
        for name, units in (("counted", take.counted), ("picked", take.picked)):
            if units is not None and not 0 <= units <= LARGEST:
                errors[f"{take.row}.{name}"] = _("%(sku)s: a count is 0 to %(most)s units") % {
                    "sku": take.sku, "most": LARGEST,
                }  # fmt: skip
        if take.counted is None and take.picked:
            errors[f"{take.row}.counted"] = _("%s: say how many are on the shelf, 0 where there are none") % take.sku
    if errors:
        raise CountError(_("nothing was counted"), rows=errors)


def _take_down(
    line: CountLine, take: Take, level: StockLevel | None, actor: str, adding: bool, errors: dict[str, str]
) -> None:
    """Put one take onto its line, with what the level says now."""
    if take.counted is None:
        _forget(line)
        return
    first = line.counted is None
    if adding and not first:
        if line.counted_by != actor:
            line.earlier = [*line.earlier, {**_evidence(line), "added_to": line.recount}]
        line.counted, line.picked = (line.counted or 0) + take.counted, line.picked + take.picked
        if line.counted > LARGEST:
            errors[f"{take.row}.counted"] = _("%(sku)s: a count is 0 to %(most)s units") % {
                "sku": take.sku, "most": LARGEST,
            }  # fmt: skip
    else:
        line.earlier = [one for one in line.earlier if one.get("added_to") != line.recount]
        line.counted, line.picked, line.counted_at = take.counted, take.picked, clock.now()
        line.expected = level.available + level.reserved if level else 0
        line.number = level.number if level else 0
    if take.picked and line.picked > (level.reserved if level else 0):
        errors[f"{take.row}.picked"] = _("%s: more is said to be picked than orders have reserved") % take.sku
    line.counted_by = actor
    line.variance = line.counted + line.picked - (line.expected or 0)


def _evidence(line: CountLine) -> dict[str, object]:
    """What a line said before it is counted anew."""
    return {
        "counted": line.counted, "picked": line.picked, "expected": line.expected, "variance": line.variance,
        "counted_by": line.counted_by, "counted_at": line.counted_at.isoformat() if line.counted_at else None,
    }  # fmt: skip


def _forget(line: CountLine) -> None:
    line.counted = line.expected = line.variance = line.number = line.counted_at = None
    line.picked, line.counted_by = 0, ""
