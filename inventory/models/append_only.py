"""Tables to which rows are only added: the database refuses everything else."""

import pgtrigger


def append_only(refusal: str) -> list[pgtrigger.Trigger]:
    """The triggers of such a table. ``refusal`` is what TRUNCATE is answered; ``Protect`` alone lets it through."""
    return [
        pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        pgtrigger.Trigger(
            name="no_truncate",
            level=pgtrigger.Statement,
            when=pgtrigger.Before,
            operation=pgtrigger.Truncate,
            func=f"RAISE EXCEPTION '{refusal}';",
        ),
    ]
