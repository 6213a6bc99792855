"""Invitations: who was asked to come in, and has not come yet."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from ..models import AccessLink, LinkKind, Role
from ..people import links
from ..people.membership import PeopleError
from ..people.roles import standing_of
from .base import MANY_CHOSEN, BackOfficeAdmin, ConditionFilter, actor, badge
from .pages import ask, find, page_of
from .refusals import RefusesAloud


def show_link(request: HttpRequest, token: str, link: AccessLink | None = None) -> None:
    """Show a link once, to copy; and mail it where mail is configured."""
    address = request.build_absolute_uri(reverse("account:link", args=(token,)))
    if link is not None and links.mail(link, address):
        messages.success(request, _("The link was mailed to %s.") % link.email)
    said = _("Give this link to the person. It is shown this once:")
    messages.warning(request, format_html('{} <code class="so-copy so-key">{}</code>', said, address))


class InvitationForm(forms.ModelForm):
    """Whom, as what, and for which locations."""

    class Meta:
        model = AccessLink
        fields = ("email", "role", "locations")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "role" in self.fields:
            self.fields["role"].required = True

    def clean_email(self) -> str:
        """Addresses are kept in small letters; one that has access already is not invited."""
        email: str = self.cleaned_data["email"].strip().lower()
        if problem := links.obstacle(email):
            raise forms.ValidationError(problem)
        return email


class StateFilter(ConditionFilter):
    """Whether anybody can still come by it."""

    title = gettext_lazy("state")
    parameter_name = "state"
    conditions: ClassVar = {
        "open": (gettext_lazy("Open"), Q(used_at=None, revoked_at=None)),
        "used": (gettext_lazy("Accepted"), Q(used_at__isnull=False)),
        "revoked": (gettext_lazy("Revoked"), Q(revoked_at__isnull=False)),
    }


@admin.register(AccessLink)
class InvitationAdmin(RefusesAloud, BackOfficeAdmin):
    """A link each, shown once; it can be sent anew and revoked."""

    form = InvitationForm
    empty_hint = gettext_lazy("Invite the people who work here: each gets a link, a role, and chooses a password.")
    list_display = ("email", "role_label", "state", "made_by", "made_at", "expires_at")
    list_filter = (StateFilter, ("role", ChoicesDropdownFilter))
    search_fields = ("email", "made_by")
    formfield_overrides = MANY_CHOSEN
    actions_detail = ("send_again", "revoke")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccessLink]:
        """Not the links for new passwords."""
        return super().get_queryset(request).filter(kind=LinkKind.INVITATION)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[Any, ...]:
        """A new one has no history yet."""
        asked = ("email", "role", "locations")
        return (*asked, "state", ("made_by", "made_at"), "expires_at", ("used_at", "revoked_at")) if obj else asked

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """It stays as it was made: revoke it and invite anew."""
        return obj is None and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """It is revoked instead."""
        return False

    def save_model(self, request: HttpRequest, obj: AccessLink, form: Any, change: bool) -> None:
        """Invite by the verb, and show the link."""
        values = form.cleaned_data
        made, token = links.invite(
            email=values["email"], role=Role(values["role"]), locations=list(values["locations"]),
            actor=actor(request), by=standing_of(request.user),
        )  # fmt: skip
        obj.__dict__.update(made.__dict__)
        show_link(request, token, made)

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """Only open ones are sent again or revoked."""
        found = super().get_actions_detail(request, object_id)
        is_open = AccessLink.objects.filter(pk=object_id, used_at=None, revoked_at=None).exists()
        return found if is_open else []

    @display(description=gettext_lazy("role"), ordering="role")
    def role_label(self, link: AccessLink) -> str:
        """What the person will be."""
        return link.get_role_display()

    @display(description=gettext_lazy("state"))
    def state(self, link: AccessLink) -> SafeString:
        """What became of it."""
        if link.used_at is not None:
            return badge(_("accepted"), "good")
        if link.revoked_at is not None:
            return badge(_("revoked"), "bad")
        return badge(_("waiting")) if link.is_open else badge(_("expired"), "warn")

    @action(description=gettext_lazy("New link"), icon="forward_to_inbox", url_path="send", permissions=["operate"])
    def send_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A new link; the old one opens nothing any more."""
        link = find(self, request, object_id)
        made: list[str] = []

        def deed(values: dict[str, Any]) -> str:
            made.append(links.send_again(link, actor=actor(request), by=standing_of(request.user)))
            return _("The former link opens nothing any more.")

        says = [_("%s gets a new link for seven days; the former one opens nothing any more.") % link.email]
        response = ask(
            self, request, title=_("New link for %s") % link.email, deed=deed, says=says, subjects=[link],
            back=page_of(link), refusals=(PeopleError,), submit=_("Make the link"),
        )  # fmt: skip
        if made:
            link.refresh_from_db()
            show_link(request, made[0], link)
        return response

    @action(
        description=gettext_lazy("Revoke"), icon="block", url_path="revoke", permissions=["operate"],
        variant=ActionVariant.DANGER,
    )  # fmt: skip
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The link opens nothing any more."""
        link = find(self, request, object_id)

        def deed(values: dict[str, Any]) -> str:
            links.revoke(link, actor=actor(request))
            return _("The invitation is revoked.")

        return ask(
            self, request, title=_("Revoke the invitation of %s") % link.email, deed=deed, subjects=[link],
            says=[_("The link opens nothing any more.")], back=page_of(link), submit=_("Revoke"), danger=True,
        )  # fmt: skip
