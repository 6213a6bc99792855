"""Pages of the back office that belong to no single list."""

from django.contrib import admin
from django.urls import path

from .admin import live, sku_page

urlpatterns = [
    path("live/", admin.site.admin_view(live.overview), name="overview-live"),
    path("everywhere/<int:pk>/", admin.site.admin_view(sku_page.sku_page), name="sku-everywhere"),
]
