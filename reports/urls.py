"""Pages of the back office that belong to no single list."""

from django.contrib import admin
from django.urls import path

from .admin import live

urlpatterns = [
    path("live/", admin.site.admin_view(live.overview), name="overview-live"),
]
