"""Every address the web process answers."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

admin.autodiscover()  # a worker that needs an address has not loaded them

urlpatterns = [
    path("webhooks/", include("channels.urls")),  # asked for most often
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("admin/", include("reports.urls")),
    path("admin/password_change/", RedirectView.as_view(pattern_name="account:password")),
    path("admin/password_change/done/", RedirectView.as_view(pattern_name="account:home")),
    path("account/", include("inventory.urls")),
    path("admin/", admin.site.urls),
    path("api/", include("config.api")),
]
