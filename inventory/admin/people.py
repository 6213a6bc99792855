"""People who may come in: what they are, and what is done for them."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import (
    UnfoldAdminSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from ..models import Location, LoginSession, Role, SecondFactor
from ..people import links, second_factor, sessions
from ..people.membership import PeopleError, change_person
from ..people.roles import standing_of
from .base import BackOfficeAdmin, actor, badge
from .invitations import show_link
from .pages import ask, find, list_of, page_of
from .refusals import RefusesAloud

if admin.site.is_registered(User):
    admin.site.unregister(User)


class PersonForm(forms.ModelForm):
    """A name, a role, and the locations that it is limited to."""

    first_name = forms.CharField(label=gettext_lazy("Name"), max_length=150, widget=UnfoldAdminTextInputWidget)
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=Role, widget=UnfoldAdminSelectWidget)
    locations = forms.ModelMultipleChoiceField(
        Location.objects.all(),
        label=gettext_lazy("Locations"),
        required=False,
        help_text=gettext_lazy("None means all of them."),
        widget=UnfoldAdminSelectMultipleWidget,
    )

    class Meta:
        model = User
        fields = ("first_name", "is_active")
        help_texts: ClassVar = {"is_active": gettext_lazy("Off: they cannot log in, and what they did stays named.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        standing = standing_of_anyone(self.instance)
        if "role" in self.fields and standing is not None:
            self.fields["role"].initial = standing.role
            self.fields["locations"].initial = list(standing.location_ids or ())


def standing_of_anyone(user: User) -> Any:
    """What a user is, or would be if they were active."""
    return standing_of(User(pk=user.pk, is_active=True, is_staff=user.is_staff, is_superuser=user.is_superuser))


@admin.register(User)
class PersonAdmin(RefusesAloud, BackOfficeAdmin):
    """Everyone with a password here. People are invited, and made inactive; the ledger names them for ever."""

    form = PersonForm
    empty_hint = gettext_lazy("Invite the people who work here.")
    list_display = ("login", "name", "role", "places", "factor", "last_login", "is_active")
    list_filter = (
        ("person__role", ChoicesDropdownFilter),
        ("person__locations", RelatedDropdownFilter),
        ("is_active", BooleanRadioFilter),
    )
    search_fields = ("username", "first_name", "last_name", "email")
    ordering = ("username",)
    actions_list = ("invite",)
    actions_detail = (
        "sessions_of",
        {
            "title": gettext_lazy("More"),
            "icon": "more_vert",
            "items": ["password_link", "reset_factor", "end_sessions"],
        },
    )
    fields = ("login", "first_name", "role", "locations", "is_active", ("factor", "last_login"))
    readonly_fields = ("login", "factor", "last_login")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """With what the list shows, in few queries."""
        held = SecondFactor.objects.filter(user=OuterRef("pk"), confirmed_at__isnull=False)
        rows = super().get_queryset(request).annotate(has_factor=Exists(held)).select_related("person")
        return rows.prefetch_related("person__locations")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """People are invited: they choose their password themselves."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """They are made inactive instead: the ledger names them."""
        return False

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """By the verb that sees to it that nobody climbs and somebody keeps the keys."""
        values = form.cleaned_data
        change_person(
            obj, role=Role(values["role"]), locations=list(values["locations"]), name=values["first_name"],
            is_active=values["is_active"], actor=actor(request), by=standing_of(request.user),
        )  # fmt: skip

    # Columns ----------------------------------------------------------------------------------------------------

    @display(description=gettext_lazy("logs in as"), ordering="username")
    def login(self, user: User) -> str:
        """What the ledger calls the person, too."""
        return user.get_username()

    @display(description=gettext_lazy("name"), ordering="first_name")
    def name(self, user: User) -> str | None:
        """What the person is called."""
        return user.get_full_name() or None

    @display(description=gettext_lazy("role"), ordering="person__role")
    def role(self, user: User) -> Any:
        """What they are here."""
        if user.is_superuser:
            return Role.ADMIN.label
        person = getattr(user, "person", None)
        return person.get_role_display() if person is not None else badge(_("none"), "warn")

    @display(description=gettext_lazy("locations"))
    def places(self, user: User) -> str:
        """Where they work."""
        person = None if user.is_superuser else getattr(user, "person", None)
        codes = [place.code for place in person.locations.all()] if person is not None else []
        return ", ".join(codes) or _("all")

    @display(description=gettext_lazy("second factor"))
    def factor(self, user: Any) -> SafeString:
        """Whether there is one, and whether there must be."""
        if user.has_factor:
            return badge(_("set up"), "good")
        return badge(_("to be set up"), "warn") if second_factor.is_demanded(user) else badge(_("none"))

    # Actions ----------------------------------------------------------------------------------------------------

    @action(description=gettext_lazy("Invite"), icon="person_add", url_path="invite", permissions=["operate"])
    def invite(self, request: HttpRequest) -> HttpResponse:
        """To the form of a new invitation."""
        return redirect(reverse("admin:inventory_accesslink_add"))

    @action(
        description=gettext_lazy("Link for a new password"), icon="lock_reset", url_path="password-link",
        permissions=["operate"],
    )  # fmt: skip
    def password_link(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A link by which the person sets a new password."""
        user = find(self, request, object_id)
        made: list[str] = []

        def deed(values: dict[str, Any]) -> str:
            made.append(links.password_link(user, actor=actor(request)))
            return _("The link works once, for a day. The old password works until then.")

        says = [_("You are shown a link to give to %s. Their second factor stays as it is.") % user]
        response = ask(
            self, request, title=_("Link for a new password: %s") % user, deed=deed, says=says, subjects=[user],
            back=page_of(user), submit=_("Make the link"), refusals=(PeopleError,),
        )  # fmt: skip
        if made:
            show_link(request, made[0])
        return response

    @action(
        description=gettext_lazy("Reset second factor"), icon="phonelink_erase", url_path="reset-factor",
        permissions=["operate"], variant=ActionVariant.DANGER,
    )  # fmt: skip
    def reset_factor(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """As when the phone is lost."""
        user = find(self, request, object_id)

        def deed(values: dict[str, Any]) -> str:
            second_factor.reset(user, actor=actor(request), request=request)
            return _("%s has no second factor any more.") % user

        says = [
            _("Make sure who asks you for this: from then on the password alone lets this person in."),
            _("All sessions of %s end. Where the role demands it, a new one is set up at the next login.") % user,
        ]
        return ask(
            self, request, title=_("Reset the second factor: %s") % user, deed=deed, says=says, subjects=[user],
            back=page_of(user), submit=_("Reset"), danger=True,
        )  # fmt: skip

    @action(description=gettext_lazy("Sessions"), icon="devices", url_path="sessions", permissions=["view"])
    def sessions_of(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Where the person is logged in."""
        user = find(self, request, object_id)
        return redirect(list_of(LoginSession, f"user__id__exact={user.pk}"))

    @action(description=gettext_lazy("End sessions"), icon="logout", url_path="end", permissions=["operate"])
    def end_sessions(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Log the person out everywhere."""
        user = find(self, request, object_id)

        def deed(values: dict[str, Any]) -> str:
            count = sessions.end_all(user, actor=actor(request), request=request)
            return _("%(count)d sessions of %(user)s have ended.") % {"count": count, "user": user}

        says = [_("%s is logged out everywhere at once.") % user]
        return ask(
            self, request, title=_("End all sessions: %s") % user, deed=deed, says=says, subjects=[user],
            back=page_of(user), submit=_("End"),
        )  # fmt: skip
