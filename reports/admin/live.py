"""What the overview asks for again, every few seconds, without the page around it."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from .. import dashboard


@require_GET
@never_cache
def overview(request: HttpRequest) -> HttpResponse:
    """The overview's figures, for people who may see them; who opens the address itself is led to the page around them."""
    if request.headers.get("Sec-Fetch-Dest") == "document":
        return redirect("admin:index")
    if not dashboard.may_see(request):
        raise PermissionDenied
    return render(request, "admin/live/overview.html", dashboard.live(request))
