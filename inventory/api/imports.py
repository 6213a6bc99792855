"""/api/v1/imports/ and /api/v1/exports/"""

import base64
import binascii
import io
from typing import IO, Any, ClassVar, cast

from django.db.models import Prefetch
from django.http import Http404, StreamingHttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.parsers import DataAndFiles, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from ..imports import batches, exporting, files, mending
from ..imports.batches import Asker, Wishes
from ..imports.columns import presets_of
from ..imports.errors import BadImport, NotYours, WrongStep
from ..imports.kind import all_kinds, get_kind
from ..models import ImportBatch, ImportRow, RowState
from .access import Area
from .errors import Refused, invalid, translates
from .fields import JsonObject
from .filters import Filters, check_query
from .pages import Pages
from .resource import Reads, Resource, Strict, StrictModel
from .wire import JsonParser

SHOWN = (
    "code", "kind", "mode", "file_name", "sha256", "size", "format", "encoding", "delimiter", "headings", "mapping", "preset",
    "again", "reason", "status", "error", "total", "done", "new", "changed", "unchanged", "errors", "applied", "conflicts",
    "created_by", "created_at", "checked_at", "applied_by", "applied_at",
)  # fmt: skip

_FILE = OpenApiResponse(description="A file.")


class SentFile(str):
    """A file that came with a form: its hash where the request is compared with another, its bytes where they are read."""

    file: IO[bytes]
    file_name: str


class FormParser(MultiPartParser):
    """A form with a file, as browsers and curl send one."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """The fields, and the file as ``SentFile``."""
        parsed = cast(DataAndFiles, super().parse(stream, media_type, parser_context))
        body: dict[str, Any] = {name: parsed.data[name] for name in parsed.data}
        for name, sent in parsed.files.items():
            sha256, _size = files.measure(sent)
            body[name] = SentFile(sha256)
            body[name].file, body[name].file_name = sent, sent.name or ""
        return body


class Upload(Strict):
    """A file, and how it is to be taken. One of ``content``, ``content_base64`` and, in a form, ``file``."""

    kind = serializers.CharField(max_length=40, help_text=_("What it has: `GET imports/kinds/` lists them."))
    file_name = serializers.CharField(max_length=255, required=False, default="")
    content = serializers.CharField(required=False, trim_whitespace=False, help_text=_("A CSV as text."))
    content_base64 = serializers.CharField(required=False, help_text=_("A CSV or XLSX as it is, in base64."))
    file = serializers.CharField(required=False, help_text=_("Of a form (multipart/form-data): the file."))
    mapping = JsonObject(
        required=False,
        help_text=_("By field: a column's heading, or {column, skip}, or {value} for all rows. Default: guessed."),
    )
    preset = serializers.CharField(required=False, allow_blank=True, default="", max_length=100)
    mode = serializers.CharField(required=False, allow_blank=True, default="", max_length=20)
    encoding = serializers.CharField(required=False, allow_blank=True, default="", max_length=20)
    delimiter = serializers.CharField(required=False, allow_blank=True, default="", max_length=1, trim_whitespace=False)
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)
    again = serializers.BooleanField(
        required=False, default=False, help_text=_("Add the units of such a file once more.")
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One file."""
        if sum(name in attrs for name in ("content", "content_base64", "file")) != 1:
            raise serializers.ValidationError({"file": _("Send one of content, content_base64 and file.")})
        return attrs


class Recheck(Strict):
    """What to change before it is checked anew."""

    mapping = JsonObject(required=False)
    mode = serializers.CharField(required=False, allow_blank=True, default="", max_length=20)
    again = serializers.BooleanField(required=False)


class Apply(Strict):
    """Why it is applied, unless that was said before."""

    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)


class Undo(Strict):
    """Why it is taken back; ``rest`` leaves what has moved on as it is."""

    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)
    rest = serializers.BooleanField(required=False, default=False)


class PresetName(Strict):
    """A name for the mapping."""

    name = serializers.CharField(max_length=100)


class ImportSerializer(StrictModel):
    """One file and what became of it, or the taking back of one (``undoes``)."""

    undoes: Any = serializers.SlugRelatedField(slug_field="code", read_only=True, allow_null=True)
    undone_by = serializers.SerializerMethodField(help_text=_("Imports that took it back, or were to."))
    applied_before = serializers.SerializerMethodField(help_text=_("Imports of the very same file that are in effect."))

    class Meta:
        model = ImportBatch
        fields = read_only_fields = (*SHOWN, "undoes", "undone_by", "applied_before")

    def get_undone_by(self, batch: ImportBatch) -> list[str]:
        """Their codes."""
        return [one.code for one in batch.undoings.all()]

    def get_applied_before(self, batch: ImportBatch) -> list[str]:
        """Their codes; of one, not of a list."""
        view = self.context.get("view")
        if getattr(view, "action", "") == "list":
            return []
        return list(batches.applied_before(batch).values_list("code", flat=True)[:20])


class ImportRowSerializer(serializers.ModelSerializer):
    """A row that changes something or is not valid. ``row`` counts as spreadsheets do: the headings are row 1."""

    row = serializers.IntegerField(source="number")
    key = serializers.CharField()

    class Meta:
        model = ImportRow
        fields = ("row", "state", "key", "before", "after", "problems")


class KindSerializer(serializers.Serializer):
    """Something that can be brought in."""

    code = serializers.CharField()
    title = serializers.CharField()
    columns = serializers.ListField(child=serializers.DictField())
    presets = serializers.ListField(child=serializers.CharField())
    modes = serializers.ListField(child=serializers.CharField())


class KindsSerializer(serializers.Serializer):
    """All that can be brought in, in the order in which a new shop needs it."""

    kinds = KindSerializer(many=True)


class ImportFilters(Filters):
    """By what it is and where it stands."""

    class Meta(Filters.Meta):
        model = ImportBatch
        fields = {
            "code": ["exact"], "kind": ["exact"], "status": ["exact"], "sha256": ["exact"], "created_by": ["exact"],
            "created_at": ["gte", "lte"],
        }  # fmt: skip


class RowFilters(Filters):
    """By what became of it."""

    class Meta(Filters.Meta):
        model = ImportRow
        fields = {"state": ["exact"]}


def asker_of(resource: Resource) -> Asker:
    """Who calls, as the verbs take it."""
    return Asker(resource.caller.actor, resource.caller.standing)


class Imports(Reads):
    """Files brought in, newest first: uploaded and checked at once, then applied or not, then perhaps taken back.

    The work is done behind the request: read the import again until its status is no longer checking or applying.
    """

    area = Area.STOCK
    parser_classes = (JsonParser, FormParser)  # type: ignore[assignment]
    queryset = (
        ImportBatch.objects.select_related("undoes")
        .prefetch_related(Prefetch("undoings", ImportBatch.objects.order_by("pk")))
        .order_by("-id")
    )
    serializer_class = ImportSerializer
    filterset_class = ImportFilters
    lookup_field = "code"
    summaries: ClassVar = {
        "create": "Bring in a file", "check": "Check an import anew", "apply": "Apply an import", "undo": "Take an import back",
        "repeat": "Bring in the same file anew", "rows": "List the rows of an import", "not_applied": "Read rows to be mended",
        "save_preset": "Keep a mapping as a preset", "kinds": "List what can be brought in",
    }  # fmt: skip
    refusals: ClassVar = {
        "create": ("bad_file",), "check": ("import_state",), "apply": ("import_state",), "undo": ("import_state",),
        "repeat": ("import_state",),
    }  # fmt: skip

    def limited(self, rows: Any) -> Any:
        """What the caller may see."""
        return batches.visible_to(rows, asker_of(self)) if rows.model is ImportBatch else rows

    @extend_schema(request=Upload, responses={201: ImportSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Keep a file, guess what its columns mean, and begin the dry run. Nothing is changed but by `apply`."""
        given = self.body(Upload).validated_data
        file, name = _file_of(request, given)
        names = ("mapping", "preset", "mode", "encoding", "delimiter", "reason", "again")
        wishes = Wishes(**{each: given[each] for each in names if each in given})

        def deed() -> tuple[int, Any]:
            made = batches.upload(file, kind=given["kind"], file_name=name, asker=asker_of(self), wishes=wishes)
            return 201, self.shown(batches.check(made, asker=asker_of(self)))

        return self.carry_out(deed)

    @extend_schema(request=Recheck, responses=ImportSerializer)
    @action(detail=True, methods=["post"])
    def check(self, request: Request, code: str) -> Response:
        """Begin the dry run anew, with another mapping or mode where they are given."""
        held, given = self.get_object(), self.body(Recheck).validated_data
        return self.carry_out(lambda: (200, self.shown(batches.check(held, asker=asker_of(self), **given))))

    @extend_schema(request=Apply, responses=ImportSerializer)
    @action(detail=True, methods=["post"])
    def apply(self, request: Request, code: str) -> Response:
        """Begin to apply what was checked. What has changed since is left as it is, and told by row."""
        held, given = self.get_object(), self.body(Apply).validated_data
        return self.carry_out(lambda: (200, self.shown(batches.apply(held, asker=asker_of(self), **given))))

    @extend_schema(request=Undo, responses={201: ImportSerializer})
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, code: str) -> Response:
        """Begin to take an import back; the compensating import is answered.

        It ends as `refused`, with the rows, where something has moved on; nothing is changed then, unless `rest` was asked for.
        """
        held, given = self.get_object(), self.body(Undo).validated_data
        return self.carry_out(lambda: (201, self.shown(batches.undo(held, asker=asker_of(self), **given))))

    @extend_schema(request=None, responses={201: ImportSerializer})
    @action(detail=True, methods=["post"])
    def repeat(self, request: Request, code: str) -> Response:
        """The same file with the same mapping anew: for rows that had changed meanwhile, or after it was taken back."""
        held = self.get_object()
        return self.carry_out(lambda: (201, self.shown(batches.repeat(held, asker=asker_of(self)))))

    @extend_schema(request=PresetName, responses={201: PresetName})
    @action(detail=True, methods=["post"], url_path="save-preset")
    def save_preset(self, request: Request, code: str) -> Response:
        """Keep the import's mapping under a name for the next file of that sort."""
        held, given = self.get_object(), self.body(PresetName).validated_data

        def deed() -> tuple[int, Any]:
            return 201, {"name": batches.save_preset(given["name"], batch=held, asker=asker_of(self)).name}

        return self.carry_out(deed)

    @extend_schema(
        responses=ImportRowSerializer(many=True),
        parameters=[OpenApiParameter("state", str, enum=RowState.values, description="What became of the row.")],
    )
    @action(detail=True, methods=["get"], filter_backends=(), pagination_class=Pages)
    def rows(self, request: Request, code: str) -> Response:
        """Rows that change something or are not valid: before, after, problems."""
        held = self.get_queryset().filter(code=code).first()
        if held is None:
            raise Http404
        rows = self.filter_rows(ImportRow.objects.filter(batch=held).order_by("number"))
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(ImportRowSerializer(page, many=True).data)

    def filter_rows(self, rows: Any) -> Any:
        """The rows that the query asks for; a state that there is not is refused."""
        check_query(self.request, {"state"})
        given = RowFilters(self.request.query_params, queryset=rows)
        if not given.is_valid():
            raise serializers.ValidationError(given.errors)
        return given.qs

    @extend_schema(responses={200: _FILE})
    @action(detail=True, methods=["get"], url_path="not-applied")
    def not_applied(self, request: Request, code: str) -> StreamingHttpResponse:
        """A CSV of the rows that were not applied, as they stood, with a column that says why: to mend and bring in again."""
        held = self.get_object()
        if not (self.caller.sees_cost or not held.sees_cost):
            self.permission_denied(request, message=_("The file may have costs, which your role does not see."))
        return _sent(exporting.as_csv(mending.not_applied(held)), f"{held.code}-not-applied.csv", "csv")

    @extend_schema(responses=KindsSerializer)
    @action(detail=False, methods=["get"], pagination_class=None, filter_backends=())
    def kinds(self, request: Request) -> Response:
        """What can be brought in: its columns, presets and modes."""
        return Response({"kinds": [_kind(code, sees_cost=self.caller.sees_cost) for code in all_kinds()]})


class Exports(Resource):
    """Everything there is of a kind, in the columns that an import of it takes."""

    area = Area.STOCK
    lookup_field = "kind"
    summaries: ClassVar = {"retrieve": "Export everything of a kind"}
    refusals: ClassVar = {"retrieve": ("unknown_filter",)}
    serializer_class = serializers.Serializer
    other_parameters = ("file",)

    @extend_schema(
        responses={200: _FILE},
        parameters=[
            OpenApiParameter("file", str, enum=list(exporting.FORMATS), description="Its format; csv unless told.")
        ],
    )
    def retrieve(self, request: Request, kind: str) -> StreamingHttpResponse:
        """CSV, or a workbook with `?file=xlsx`. Cells that a spreadsheet would run begin with a quotation mark."""
        check_query(request, {"file"}, paging=())
        form = request.query_params.get("file", "csv")
        if form not in exporting.FORMATS:
            raise invalid("file", _("one of {names} is expected").format(names=", ".join(exporting.FORMATS)))
        try:
            found = get_kind(kind)
        except LookupError:
            raise Http404 from None
        if found.spans and self.caller.standing.is_limited:
            self.permission_denied(request, message=_("This key is limited to locations; this spans all of them."))
        return _sent(exporting.pieces(found, asker_of(self), form=form), f"{kind}.{form}", form)


def _sent(content: Any, name: str, form: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse(content, content_type=exporting.FORMATS[form])
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _file_of(request: Request, given: dict[str, Any]) -> tuple[IO[bytes], str]:
    """The file that was sent, whichever way, and its name."""
    sent = dict(request.data).get("file")
    if isinstance(sent, SentFile):
        return sent.file, given["file_name"] or sent.file_name
    if "file" in given:
        raise invalid(
            "file", _("a file comes in a form (multipart/form-data); in JSON, send content or content_base64")
        )
    if "content" in given:
        return io.BytesIO(given["content"].encode()), given["file_name"]
    try:
        return io.BytesIO(base64.b64decode(given["content_base64"], validate=True)), given["file_name"]
    except binascii.Error as error:
        raise invalid("content_base64", error) from None


def _kind(code: str, *, sees_cost: bool) -> dict[str, Any]:
    kind = get_kind(code)
    return {
        "code": code,
        "title": str(kind.label),
        "columns": [
            {"name": field.name, "label": str(field.label), "required": field.always or field.required}
            for field in kind.fields_for(sees_cost=sees_cost)
        ],
        "presets": [name for name, _label in presets_of(kind)],
        "modes": [mode for mode, _label in kind.modes],
    }


@translates(BadImport)
def _bad_import(error: BadImport) -> Refused:
    return Refused(error, fields=error.fields)


@translates(WrongStep)
def _wrong_step(error: WrongStep) -> Refused:
    return Refused(error, status=409, fields=error.fields)


@translates(NotYours)
def _not_yours(error: NotYours) -> Refused:
    return Refused(error, status=403)
