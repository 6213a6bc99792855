"""Forms of the pages on which people look after their own access."""

from typing import Any

from django import forms
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

CODE = {"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false"}


class CodeForm(forms.Form):
    """A code of the app, or a recovery code."""

    code = forms.CharField(
        label=_("Code"), max_length=40, widget=UnfoldAdminTextInputWidget(attrs={**CODE, "inputmode": "text"})
    )


class EnrolForm(forms.Form):
    """A code of the app that has just learned the secret; and one of the former app, where there was one."""

    former = forms.CharField(
        label=_("Code of the app you used so far"),
        max_length=40,
        help_text=_("Or a recovery code."),
        widget=UnfoldAdminTextInputWidget(attrs={**CODE, "inputmode": "text"}),
    )
    code = forms.CharField(label=_("Code"), max_length=10, widget=UnfoldAdminTextInputWidget(attrs=CODE))

    def __init__(self, *args: Any, is_set_up: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not is_set_up:
            del self.fields["former"]
        else:
            self.fields["code"].label = _("Code of the new app")


class NewPasswordForm(SetPasswordForm):
    """A password, twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("new_password1", "new_password2"):
            self.fields[name].widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
        self.fields["new_password1"].label = _("Password")
        self.fields["new_password2"].label = _("The same again")
        self.fields["new_password2"].help_text = ""
        self.fields["new_password1"].help_text = _("Eight characters at least; no common word, not your name.")


class JoinForm(NewPasswordForm):
    """Who accepts an invitation says who they are."""

    name = forms.CharField(label=_("Your name"), max_length=150, widget=UnfoldAdminTextInputWidget)
    field_order = ("name", "new_password1", "new_password2")


class OwnPasswordForm(NewPasswordForm, PasswordChangeForm):
    """The old password, and a new one twice."""

    field_order = ("old_password", "new_password1", "new_password2")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"})
