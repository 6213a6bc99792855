"""The form of a listing: the SKU, and the ids under which the channel knows it."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from ..connectors import registry
from ..connectors.base import ConnectorError, Field
from ..models import Channel, Listing
from .channel_form import plugins_of


def external_fields(channel: Channel | None) -> dict[str, Field]:
    """The ids that the channel's connector asks for; those of all connectors while no channel is chosen."""
    plugins = plugins_of(channel.connector if channel else None)
    return {field.name: field for plugin in plugins for field in plugin.external_fields}


def external_names(channel: Channel | None) -> list[str]:
    """The form's names of those ids."""
    return [f"external_{name}" for name in external_fields(channel)]


class ListingForm(forms.ModelForm):
    """The connector checks the ids."""

    class Meta:
        model = Listing
        fields = ("channel", "sku", "fulfilled_by", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, value in (self.instance.external or {}).items():
            if f"external_{name}" in self.fields:
                self.fields[f"external_{name}"].initial = value

    def external(self) -> dict[str, Any]:
        """The ids as typed in, by the connector's names."""
        found = {name: self.cleaned_data.get(f"external_{name}") for name in external_fields(self._channel())}
        return {name: value for name, value in found.items() if value not in (None, "")}

    def clean(self) -> dict[str, Any]:
        """The connector must be able to name it, and no other listing of the channel may bear that name."""
        values = super().clean() or {}
        channel, sku = self._channel(), values.get("sku")
        if channel is None or sku is None:
            return values
        try:
            key = registry.get(channel.connector).external_key(self.external(), sku_code=sku.code)
        except ConnectorError as error:
            place = f"external_{str(error).split(' ')[0].partition('.')[2]}"
            self.add_error(place if place in self.fields else None, str(error))
            return values
        if Listing.objects.filter(channel=channel, external_key=key).exclude(pk=self.instance.pk).exists():
            self.add_error(None, _("Another listing of this channel has that id already."))
        return values

    def _channel(self) -> Channel | None:
        return self.instance.channel if self.instance.pk else self.cleaned_data.get("channel")


def listing_form(channel: Channel | None) -> type[ListingForm]:
    """The form with the ids that the channel's connector asks for."""
    extra: dict[str, Any] = {
        f"external_{name}": forms.CharField(
            label=field.label,
            required=False,
            max_length=200,
            help_text=field.help_text,
            widget=UnfoldAdminTextInputWidget,
        )
        for name, field in external_fields(channel).items()
    }
    return type("ListingForm", (ListingForm,), extra)
