"""The back office's pages for the schedule, which a library brings, in the same dress as the rest."""

from django.contrib import admin
from django.contrib.auth.models import Group
from django_celery_beat.admin import ClockedScheduleAdmin, CrontabScheduleAdmin, PeriodicTaskAdmin, TaskSelectWidget
from django_celery_beat.admin import PeriodicTaskForm as LibraryForm
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

# Roles are a table in the code: groups would say something else.
for model in (Group, PeriodicTask, IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule):
    admin.site.unregister(model)


class TaskWidget(UnfoldAdminSelectWidget, TaskSelectWidget):
    """The library's list of tasks, in our dress."""


class TaskForm(LibraryForm):
    """The library's form, in our dress."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = TaskWidget()


@admin.register(PeriodicTask)
class ScheduleAdmin(PeriodicTaskAdmin, ModelAdmin):
    """What runs by the clock."""

    form = TaskForm
    list_fullwidth = True


@admin.register(CrontabSchedule)
class CrontabAdmin(CrontabScheduleAdmin, ModelAdmin):
    """Times of day."""


@admin.register(ClockedSchedule)
class ClockedAdmin(ClockedScheduleAdmin, ModelAdmin):
    """Single instants."""


@admin.register(IntervalSchedule, SolarSchedule)
class PlainScheduleAdmin(ModelAdmin):
    """Intervals, and hours of the sun."""
