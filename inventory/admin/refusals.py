"""Forms whose verb may refuse what they ask for."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect

from ..people.membership import PeopleError


class RefusesAloud:
    """What is refused is said, and nothing is changed."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """The form, or the form anew with what was refused above it."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)  # type: ignore[misc]
        except PeopleError as error:
            messages.error(request, str(error))
            return redirect(request.path)
