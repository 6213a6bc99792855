"""What all resources share: how they are entered, written and answered."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, cast

from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import Http404, QueryDict
from django.utils.translation import gettext as _
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from . import once
from .access import Area, Caller, KeyAuthentication, MayDo, StaffSession, caller_of
from .errors import answer_error
from .filters import Filtering
from .pages import Pages
from .schema import Described
from .wire import JsonParser, JsonRenderer

logger = logging.getLogger(__name__)


class Strict(serializers.Serializer):
    """A serializer that names what it does not know instead of swallowing it."""

    def to_internal_value(self, data: Any) -> Any:
        """The validated values. Unknown and read-only fields are errors, beside all others."""
        unknown: dict[str, list[str]] = {}
        if isinstance(data, Mapping):
            unknown = self._left_out(data)
            known = {name for name, field in self.fields.items() if not field.read_only}
            strange = [name for name in data if name not in known][:20]
            unknown |= {name[:100]: [self._why(name, known)] for name in strange}
        try:
            values = super().to_internal_value(data)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({**cast(dict[str, Any], error.detail), **unknown}) from None
        if unknown:
            raise serializers.ValidationError(unknown)
        return values

    def _left_out(self, data: Mapping[str, Any]) -> dict[str, list[str]]:
        """A change may name some fields of its row; what is in a list of it is named whole all the same."""
        if self.parent is None or not getattr(self.root, "partial", False):
            return {}
        needed = [name for name, field in self.fields.items() if field.required and not field.read_only]
        return {name: [_("This field is required.")] for name in needed if name not in data}

    def _why(self, name: str, known: set[str]) -> str:
        if name in self.fields:
            return _("This field is read-only.")
        return _("There is no such field; there are: {names}.").format(names=", ".join(sorted(known)))


class StrictModel(Strict, serializers.ModelSerializer):
    """The same for a model. What may be there only once is left to the database, which knows."""

    def apply(self) -> Any:
        """The row with the changes put onto it, unsaved, for a verb to save."""
        for name, value in self.validated_data.items():
            setattr(self.instance, name, value)
        return self.instance


class Why(Strict):
    """A named action; why it is done goes into the log."""

    reason = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class Resource(GenericViewSet):
    """Base of all resources. Writes run in one transaction, under the request's idempotency key if it has one."""

    area: ClassVar[Area]
    spans_locations: ClassVar[bool] = False  # True: not for keys that are limited to locations
    location_path: ClassVar[str] = ""  # where a row's location is, for such keys
    other_parameters: ClassVar[Sequence[str]] = ()
    summaries: ClassVar[Mapping[str, str]] = {}  # by action, where its name and noun do not say it
    refusals: ClassVar[Mapping[str, Sequence[str]]] = {}  # by action: names of refusals besides those of every such one

    schema = Described()
    authentication_classes = (KeyAuthentication, StaffSession)
    permission_classes = (MayDo,)
    parser_classes = (JsonParser,)
    renderer_classes = (JsonRenderer,)
    pagination_class = Pages
    filter_backends: Any = (Filtering,)
    metadata_class = None
    lookup_value_regex = "[^/]+"
    http_method_names = ["get", "post", "patch", "delete", "head"]

    @property
    def caller(self) -> Caller:
        """Who calls."""
        return caller_of(self.request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the caller, then whether this very request was carried out before."""
        super().initial(request, *args, **kwargs)
        if request.method == "POST":
            once.look(request)

    def handle_exception(self, exc: Exception) -> Response:
        """The stored answer of a repeated request, or the error in its one form."""
        if isinstance(exc, once.Answered):
            return exc.response
        return super().handle_exception(exc)

    def get_exception_handler(self) -> Any:
        """What turns exceptions into answers."""
        return answer_error

    def limited(self, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        """The rows at the caller's locations."""
        if self.location_path and self.caller.location_ids is not None:
            return rows.filter(**{f"{self.location_path}__in": self.caller.location_ids})
        return rows

    def get_queryset(self) -> "QuerySet[Any]":
        """The rows that the caller may see."""
        rows: QuerySet[Any] = super().get_queryset()
        return rows.none() if getattr(self, "swagger_fake_view", False) else self.limited(rows)

    def get_object(self) -> Any:
        """The object that the address names."""
        if any("\x00" in value for value in self.kwargs.values()):
            raise Http404
        return super().get_object()

    def body(self, serializer_class: type[serializers.Serializer] | None = None, **kwargs: Any) -> Any:
        """A serializer over the request's body, validated. An empty body is an empty object."""
        data = {} if isinstance(self.request.data, QueryDict) else self.request.data
        make = serializer_class or self.get_serializer_class()
        serializer = make(data=data, context=self.get_serializer_context(), **kwargs)
        serializer.is_valid(raise_exception=True)
        return serializer

    def shown(self, row: Model) -> Any:
        """A row as it is answered: read again, with all that its list has."""
        return self.get_serializer(self.get_queryset().get(pk=row.pk)).data

    def carry_out(self, deed: once.Deed) -> Response:
        """Do the deed in one transaction, once for each idempotency key."""
        return once.carry_out(self.request, deed)

    def act(self, done: str, verb: Callable[[Any], object]) -> Response:
        """Do a named action to the object that the address names; 200 with the object. Its reason goes into the log."""
        row = self.get_object()
        reason = self.body(Why).validated_data["reason"]

        def deed() -> tuple[int, Any]:
            verb(row)
            logger.info("%s: %s by %s (%s)", row, done, self.caller.actor, reason)
            return 200, self.shown(row)

        return self.carry_out(deed)

    def check_location(self, location_id: int) -> None:
        """Raise 403 where the caller may not act at that location."""
        if not self.caller.may_act_at(location_id):
            self.permission_denied(self.request, message=_("This key does not cover that location."))


class Creates(mixins.CreateModelMixin):
    """POST to the list makes a row."""

    def create(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make one; 201 with the object."""
        serializer = self.body()
        return self.carry_out(lambda: (201, self.shown(self.make(serializer))))

    def make(self: Any, serializer: Any) -> Model:
        """Store the new row. Overridden where a verb does it."""
        row: Model = serializer.save()
        return row


class Changes(mixins.UpdateModelMixin):
    """PATCH changes the fields that are given."""

    def partial_update(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change one; 200 with the object."""
        row = self.get_object()
        serializer = self.body(instance=row, partial=True)
        with transaction.atomic():
            return Response(self.shown(self.change(serializer)))

    def change(self: Any, serializer: Any) -> Model:
        """Store the changes. Overridden where a verb does it."""
        row: Model = serializer.save()
        return row


class Reads(mixins.ListModelMixin, mixins.RetrieveModelMixin, Resource):
    """A resource that is listed and read."""
