"""The ways from a list to the pages that bring a file of it in and write one out."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy
from unfold.decorators import action


class Exchange:
    """Adds the ways to import and export above a list. ``exchanges`` is the kind."""

    exchanges = ""

    @action(description=gettext_lazy("Import"), icon="upload_file", url_path="bring-in", permissions=["view"])
    def bring_in_file(self, request: HttpRequest) -> HttpResponse:
        """To the page that takes a file of this kind."""
        return redirect(f"{reverse('admin:inventory_importbatch_bring_in')}?kind={self.exchanges}")

    @action(description=gettext_lazy("Export all"), icon="download", url_path="write-out", permissions=["view"])
    def write_all(self, request: HttpRequest) -> HttpResponse:
        """To the page that writes everything of this kind."""
        return redirect(f"{reverse('admin:inventory_importbatch_write_out')}?kind={self.exchanges}")
