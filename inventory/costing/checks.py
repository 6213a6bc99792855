"""Does what stock is said to have cost follow from the ledger, and do closed periods stand as they were written?"""

from collections.abc import Iterator
from typing import Any

from ..companies import home_company
from ..transit import Finding

_BALANCE = "available_after + reserved_after + quarantine_after + damaged_after + hold_after + in_transit_after"

#: Units by the ledger, as far as entries were lined up, less those that were lined up and wait to be valued.
_UNITS = f"""
WITH held AS (
    SELECT coalesce(location.company_id, %(home)s) AS company_id, level.sku_id, sum(entry.units) AS units
    FROM inventory_costcursor cursor
    JOIN inventory_stocklevel level ON level.id = cursor.level_id
    JOIN inventory_location location ON location.id = level.location_id
    JOIN LATERAL (
        SELECT {_BALANCE} AS units FROM inventory_ledgerentry entry
        WHERE entry.level_id = cursor.level_id AND entry.number = cursor.number
    ) entry ON TRUE
    GROUP BY 1, 2
), waiting AS (
    SELECT position.company_id, position.sku_id, sum(
        CASE WHEN entry.to_state IN ('supplier', 'customer', 'adjustment', 'transfer', 'assembly') THEN -entry.quantity
            ELSE entry.quantity END) AS units
    FROM inventory_costposition position JOIN inventory_ledgerentry entry ON entry.id = position.entry_id
    WHERE position.id > (SELECT coalesce(max(valued_id), 0) FROM inventory_costhorizon)
    GROUP BY 1, 2
), layered AS (
    SELECT scope_id, sum(units_left) AS units, sum(value_left) AS value FROM inventory_costlayer GROUP BY scope_id
)
SELECT sku.code, company.code, (coalesce(held.units, 0) - coalesce(waiting.units, 0))::bigint,
    coalesce(scope.quantity, 0), coalesce(layered.units, 0)::bigint, coalesce(scope.fifo_value, 0), coalesce(layered.value, 0)
FROM held FULL JOIN inventory_costscope scope ON scope.company_id = held.company_id AND scope.sku_id = held.sku_id
LEFT JOIN waiting ON waiting.company_id = coalesce(held.company_id, scope.company_id)
    AND waiting.sku_id = coalesce(held.sku_id, scope.sku_id)
LEFT JOIN layered ON layered.scope_id = scope.id
JOIN inventory_sku sku ON sku.id = coalesce(held.sku_id, scope.sku_id)
JOIN inventory_company company ON company.id = coalesce(held.company_id, scope.company_id)
WHERE coalesce(held.units, 0) - coalesce(waiting.units, 0) <> coalesce(scope.quantity, 0)
    OR coalesce(layered.units, 0) <> coalesce(scope.quantity, 0)
    OR coalesce(layered.value, 0) <> coalesce(scope.fifo_value, 0)
ORDER BY sku.code, company.code
"""

_MISSED = """
SELECT sku.code, location.code, min(entry.number)
FROM inventory_stocklevel level
LEFT JOIN inventory_costcursor cursor ON cursor.level_id = level.id
JOIN inventory_ledgerentry entry ON entry.level_id = level.id AND entry.number > coalesce(cursor.number, 0)
JOIN inventory_sku sku ON sku.id = level.sku_id
JOIN inventory_location location ON location.id = level.location_id
WHERE level.number > coalesce(cursor.number, 0)
    AND entry.id <= (SELECT coalesce(max(seen_id), 0) FROM inventory_costhorizon)
GROUP BY sku.code, location.code ORDER BY sku.code, location.code
"""

_MOVES = """
SELECT sku.code, company.code, walked.id, walked.last_id, quantity_after, quantity_expected, fifo_after, fifo_expected,
    average_after, average_expected, scope.quantity, scope.fifo_value, scope.average_value
FROM (
    SELECT move.*, max(id) OVER (PARTITION BY scope_id) AS last_id,
        lag(quantity_after, 1, 0::bigint) OVER chain + quantity AS quantity_expected,
        lag(fifo_after, 1, 0::numeric) OVER chain + fifo_cost AS fifo_expected,
        lag(average_after, 1, 0::numeric) OVER chain + average_cost AS average_expected
    FROM inventory_costmove move WINDOW chain AS (PARTITION BY scope_id ORDER BY id)
) walked
JOIN inventory_costscope scope ON scope.id = walked.scope_id
JOIN inventory_sku sku ON sku.id = scope.sku_id
JOIN inventory_company company ON company.id = scope.company_id
WHERE (quantity_after, fifo_after, average_after) <> (quantity_expected, fifo_expected, average_expected)
    OR (walked.id = walked.last_id
        AND (quantity_after, fifo_after, average_after) <> (scope.quantity, scope.fifo_value, scope.average_value))
ORDER BY sku.code, company.code, walked.id
"""

_FACTS = """
SELECT sku.code, location.code, fact.number, fact.base_unit_cost, position.unit_cost
FROM inventory_costfact fact
JOIN inventory_ledgerentry entry ON entry.level_id = fact.level_id AND entry.number = fact.number
JOIN inventory_costposition position ON position.entry_id = entry.id
JOIN inventory_stocklevel level ON level.id = fact.level_id
JOIN inventory_sku sku ON sku.id = level.sku_id
JOIN inventory_location location ON location.id = level.location_id
WHERE position.unit_cost IS DISTINCT FROM fact.base_unit_cost
ORDER BY sku.code, location.code, fact.number
"""

_ROWS = """
SELECT company.code || ' ' || to_char(period.first_day, 'YYYY-MM'), walked.position, sku.code,
    coalesce(location.code, '')
FROM (
    SELECT row.*, sha256(
        coalesce(lag(row.hash) OVER chain, before.hash, ''::bytea) || convert_to(concat_ws('|', row.position, sku_id,
            coalesce(location_id::text, ''), costing, quantity, value), 'UTF8')) AS expected
    FROM inventory_valuation row
    JOIN inventory_period period ON period.id = row.period_id
    LEFT JOIN LATERAL (
        SELECT hash FROM inventory_period earlier
        WHERE earlier.company_id = period.company_id AND earlier.first_day < period.first_day
        ORDER BY earlier.first_day DESC LIMIT 1
    ) before ON TRUE
    WINDOW chain AS (PARTITION BY row.period_id ORDER BY row.position)
) walked
JOIN inventory_period period ON period.id = walked.period_id
JOIN inventory_company company ON company.id = period.company_id
JOIN inventory_sku sku ON sku.id = walked.sku_id
LEFT JOIN inventory_location location ON location.id = walked.location_id
WHERE walked.hash <> walked.expected ORDER BY 1, 2
"""

_PERIODS = """
SELECT company.code || ' ' || to_char(period.first_day, 'YYYY-MM'), period.closing, coalesce(rows.value, 0),
    period.opening + coalesce(amounts.amount, 0), period.hash <> sha256(
        coalesce(tail.hash, before.hash, ''::bytea) || convert_to(
            concat_ws('|', period.company_id, period.first_day, period.opening, period.closing,
            coalesce(amounts.text, '')), 'UTF8'))
FROM inventory_period period
JOIN inventory_company company ON company.id = period.company_id
LEFT JOIN LATERAL (
    SELECT sum(value) AS value, max(position) AS position FROM inventory_valuation row WHERE row.period_id = period.id
) rows ON TRUE
LEFT JOIN inventory_valuation tail ON tail.period_id = period.id AND tail.position = rows.position
LEFT JOIN LATERAL (
    SELECT sum(amount) AS amount, string_agg(kind || ':' || amount, '|' ORDER BY kind COLLATE "C")
        FILTER (WHERE amount <> 0) AS text
    FROM inventory_periodamount WHERE period_id = period.id
) amounts ON TRUE
LEFT JOIN LATERAL (
    SELECT hash FROM inventory_period earlier
    WHERE earlier.company_id = period.company_id AND earlier.first_day < period.first_day
    ORDER BY earlier.first_day DESC LIMIT 1
) before ON TRUE
ORDER BY 1
"""


def cost_findings(cursor: Any) -> Iterator[Finding]:
    """Every difference, in the transaction of whoever asks. Where a location would stand, the company's code does."""
    yield from _of_units(cursor)
    cursor.execute(_MISSED)
    for sku, place, number in cursor.fetchall():
        yield (
            "cost",
            sku,
            place,
            number,
            "",
            f"{sku} at {place}: entry {number} was passed over when entries were lined up",
        )
    cursor.execute(_MOVES)
    for sku, company, move, _last, *numbers in cursor.fetchall():
        found, expected = tuple(numbers[0:6:2]), tuple(numbers[1:6:2])
        if found == expected:
            found, expected = tuple(numbers[6:]), found
        said = (
            f"{sku} in {company}: after move {move} units and values are {_text(found)}, expected are {_text(expected)}"
        )
        yield "cost", sku, company, _text(expected), _text(found), said
    cursor.execute(_FACTS)
    for sku, place, number, expected, found in cursor.fetchall():
        said = f"{sku} at {place}, entry {number}: a unit is valued at {found}, its receipt said {expected}"
        yield "cost", sku, place, expected, found, said
    yield from _of_periods(cursor)


def _of_units(cursor: Any) -> Iterator[Finding]:
    cursor.execute(_UNITS, {"home": home_company().pk})
    for sku, company, ledger, units, layered, value, layered_value in cursor.fetchall():
        where = f"{sku} in {company}"
        if ledger != units:
            said = f"{where}: {units} units are valued, the ledger has {ledger} ({units - ledger:+d})"
            yield "cost", sku, company, ledger, units, said
        if layered != units:
            said = f"{where}: its layers have {layered} units left, {units} are valued ({layered - units:+d})"
            yield "cost", sku, company, units, layered, said
        if layered_value != value:
            said = f"{where}: its layers are worth {layered_value}, its value by FIFO is {value}"
            yield "cost", sku, company, value, layered_value, said


def _of_periods(cursor: Any) -> Iterator[Finding]:
    cursor.execute(_ROWS)
    for period, position, sku, place in cursor.fetchall():
        said = f"period {period}, row {position} ({sku}): its hash does not fit: it or the one before was altered"
        yield "period", sku, place, "", "", said
    cursor.execute(_PERIODS)
    for period, closing, valued, added, altered in cursor.fetchall():
        if closing != valued:
            said = f"period {period}: it closed at {closing}, its valuation adds up to {valued}"
            yield "period", "", period, closing, valued, said
        if closing != added:
            said = f"period {period}: it closed at {closing}, opening and changes add up to {added}"
            yield "period", "", period, closing, added, said
        if altered:
            yield "period", "", period, "", "", f"period {period}: its hash does not fit: it was altered"


def _text(numbers: tuple[Any, ...]) -> str:
    return " / ".join(map(str, numbers))
