"""Pages on which people look after their own access."""

from collections.abc import Callable

from django.contrib import admin
from django.http import HttpResponse
from django.urls import path

from .admin import account

app_name = "account"


def _own(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    return admin.site.admin_view(view)


urlpatterns = [
    path("", _own(account.home), name="home"),
    path("password/", _own(account.password), name="password"),
    path("sessions/<int:pk>/end/", _own(account.end_session), name="end_session"),
    path("sessions/end-others/", _own(account.end_others), name="end_others"),
    path("verify/", _own(account.verify), name="verify"),
    path("second-factor/", _own(account.enrol), name="enrol"),
    path("link/<str:token>/", account.link, name="link"),
]
