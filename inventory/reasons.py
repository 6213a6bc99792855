"""Reasons that people give: known codes are kept as such, any other text as ``other`` with the text."""

from .models import Reason


def parse_reason(text: str) -> tuple[Reason, str]:
    """The reason's code and the note. Raises ValueError where the text is longer than 200 characters."""
    text = (text or "").strip()
    if len(text) > 200:
        raise ValueError(f"a reason has at most 200 characters, this one has {len(text)}")
    if text.lower() in Reason.values:
        return Reason(text.lower()), ""
    return Reason.OTHER, text
