from django.urls import path

from .webhooks import WebhookView

urlpatterns = [path("<str:code>/", WebhookView.as_view(), name="webhook")]
