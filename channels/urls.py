from django.urls import re_path

from .webhooks import WebhookView

# With or without the slash: a POST cannot be redirected.
urlpatterns = [re_path(r"^(?P<code>[^/]+)/?$", WebhookView.as_view(), name="webhook")]
