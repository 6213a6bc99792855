"""The composition root: settings, servers, launcher, Celery, schedule and the admin site. Imported by no app."""
