"""The form of a channel, built from what its connector says it needs: one that is dropped in needs nothing here."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminTextInputWidget,
    UnfoldAdminURLInputWidget,
    UnfoldBooleanSwitchWidget,
)

from ..connectors import registry
from ..connectors.base import Account, Connector, ConnectorError, Field
from ..credentials import account
from ..models import Channel

KINDS = ("credentials", "settings")
PLAIN = ("code", "name", "base_url", "mode", "priority", "fee_percent", "currency", "orders_from", "is_active")


def field_name(kind: str, connector: str, name: str) -> str:
    """The form's name of one setting or secret."""
    return f"{kind}_{connector}_{name}"


def fields_of(connector: Connector) -> Iterable[tuple[str, Field]]:
    """What a connector needs: (kind, field)."""
    for kind, fields in zip(KINDS, (connector.credential_fields, connector.setting_fields), strict=True):
        for field in fields:
            yield kind, field


def names_of(connector: Connector, kind: str) -> list[str]:
    """The form's names of a connector's fields of one kind."""
    return [field_name(kind, connector.code, field.name) for of, field in fields_of(connector) if of == kind]


def form_field(kind: str, field: Field) -> forms.Field:
    """How one setting or secret is typed in. Secrets are never sent back to the browser."""
    options: dict[str, Any] = {"label": field.label, "required": False, "help_text": field.help_text}
    if kind == "credentials":
        widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}, render_value=False)
        return forms.CharField(widget=widget, strip=True, **options)
    if field.type is bool:
        return forms.BooleanField(widget=UnfoldBooleanSwitchWidget, initial=bool(field.default), **options)
    if field.type is int:
        return forms.IntegerField(widget=UnfoldAdminIntegerFieldWidget, initial=field.default, **options)
    return forms.CharField(widget=UnfoldAdminTextInputWidget, initial=field.default, **options)


class ChannelForm(forms.ModelForm):
    """What every channel has; ``channel_form`` adds the connectors' fields."""

    base_url = forms.URLField(
        label=_("Base URL"), max_length=500, required=False, assume_scheme="https", widget=UnfoldAdminURLInputWidget
    )

    backorders = forms.BooleanField(
        label=_("Takes backorders"),
        required=False,
        help_text=_("Sales beyond the stock are backorders, not oversells."),
        widget=UnfoldBooleanSwitchWidget,
    )

    class Meta:
        model = Channel
        fields = ("connector", *PLAIN)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        channel = self.instance
        if channel.pk is None:
            return
        self.fields["backorders"].initial = bool(channel.settings.get("backorders"))
        held = account(channel)
        for kind, field in (found for plugin in plugins_of(channel.connector) for found in fields_of(plugin)):
            shown = self.fields[field_name(kind, channel.connector, field.name)]
            if kind == "settings" and field.name in held.settings:
                shown.initial = held.settings[field.name]
            elif kind == "credentials" and held.credentials.get(field.name):
                shown.help_text = _("Held. Leave empty to keep it.")

    def clean(self) -> dict[str, Any]:
        """The connector checks what it was given."""
        values = super().clean() or {}
        code = values.get("connector") or self.instance.connector
        if code and not self.errors:
            connector = registry.get(code)
            try:
                connector.check(self._account(connector, values))
            except ConnectorError as error:
                self._show(error, connector)
        return values

    def given(self, kind: str) -> dict[str, Any]:
        """Settings or secrets as typed in, by the connector's names; secrets left empty are left out."""
        connector = registry.get(self.cleaned_data.get("connector") or self.instance.connector)
        return self._given(kind, connector, self.cleaned_data)

    def all_settings(self) -> dict[str, Any]:
        """The settings after the change; those that the form does not know stay as they are."""
        known = {
            field.name
            for field in registry.get(self.cleaned_data.get("connector") or self.instance.connector).setting_fields
        }
        unknown = {name: value for name, value in (self.instance.settings or {}).items() if name not in known}
        unknown.pop("backorders", None)
        backorders = {"backorders": True} if self.cleaned_data["backorders"] else {}
        return {**unknown, **self.given("settings"), **backorders}

    def _given(self, kind: str, connector: Connector, values: dict[str, Any]) -> dict[str, Any]:
        found = {
            field.name: values.get(field_name(kind, connector.code, field.name))
            for of, field in fields_of(connector)
            if of == kind
        }
        return {name: value for name, value in found.items() if value not in (None, "")}

    def _account(self, connector: Connector, values: dict[str, Any]) -> Account:
        held = account(self.instance).credentials if self.instance.pk else {}
        return Account(
            code=values.get("code") or self.instance.code,
            base_url=(values.get("base_url") or "").rstrip("/"),
            settings=self._given("settings", connector, values),
            credentials={**held, **self._given("credentials", connector, values)},
        )

    def _show(self, error: ConnectorError, connector: Connector) -> None:
        """Put the connector's complaint beside the field that it names, else on top."""
        place, _dot, name = str(error).split(" ")[0].partition(".")
        wanted = field_name(place, connector.code, name) if name else place
        self.add_error(wanted if wanted in self.fields else None, str(error))


def plugins_of(connector: str | None) -> list[Connector]:
    """The one of that name, unless it is gone; all of them while none is chosen."""
    return [plugin for plugin in registry.all().values() if connector in (None, plugin.code)]


def channel_form(connector: str | None) -> type[ChannelForm]:
    """The form with the fields of one connector, or of all of them while it is still to be chosen."""
    extra = {
        field_name(kind, plugin.code, field.name): form_field(kind, field)
        for plugin in plugins_of(connector)
        for kind, field in fields_of(plugin)
    }
    return type("ChannelForm", (ChannelForm,), extra)
