"""How the OpenAPI document speaks: of keys and errors, of what each operation is for, with an example of everything.

Summaries, parameters and refusals follow from what an operation is; what a view does beyond that it says itself
(``summaries``, ``refusals`` of its class). Examples stand beside the resources, in each app's ``examples`` module.
"""

import copy
import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from .refusals import ALWAYS, OF_BODIES, answers

JSON = "application/json"

ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "fields"],
            "properties": {
                "code": {"type": "string", "example": "invalid"},
                "message": {"type": "string", "description": "For people."},
                "fields": {"type": "object", "additionalProperties": {}, "description": "By path, as lines.0.quantity"},
            },
        }
    },
}

KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "maxLength": 200},
    "description": "The same key and body answer the first result again; with another body it is a 422.",
    "example": "order-A-1001-attempt-1",
}

#: What a parameter means, by its name; others say that the field must be exactly so.
_PARAMETERS: Mapping[str, str] = {
    "channel": "The channel's code.",
    "sku": "The SKU's code.",
    "location": "The location's code.",
    "from_location": "The code of the location that it comes from.",
    "to_location": "The code of the location that it goes to.",
    "product": "The product's code.",
    "company": "The company's code.",
    "tag": "Carries this tag.",
    "order": "The order's id.",
    "order_external_id": "The channel's own id of the order.",
    "external_id": "The channel's own id.",
    "has_problem": "Whether it needs a look.",
    "is_active": "Whether it is active.",
    "enabled": "Whether it is switched on.",
    "search": "Text in its subject or detail.",
    "at": "A past instant, as 2026-03-01T12:00:00Z; rows are as they were then.",
    "limit": "How many rows a page has: 1 to 500, 50 unless told.",
    "offset": "How many rows come before the page.",
}
_IDS = {"code": "The object's code, encoded for an address.", "id": "The object's id, as text."}

_shown: dict[str, Any] = {}
_asked: dict[str, Any] = {}


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The key in the Authorization header."""

    target_class = "inventory.api.access.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """A bearer key."""
        about = "Made by `manage.py create_api_key --role ROLE --name NAME`, or in the back office under API keys."
        return {"type": "http", "scheme": "bearer", "description": about}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The admin's session."""

    target_class = "inventory.api.access.StaffSession"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """A cookie."""
        about = "Of a person logged in to the back office; writes need the header X-CSRFToken too."
        return {"type": "apiKey", "in": "cookie", "name": "sellonce_session", "description": about}


def show(name: str, shown: Any = None, *, asked: Any = None) -> None:
    """Give a component of the document its examples: as it is answered, and as it is sent."""
    if shown is not None:
        _shown[name] = shown
    if asked is not None:
        _asked[name] = asked


class Described(AutoSchema):
    """The description of one operation."""

    def get_summary(self) -> str:
        """What it does, in a few words."""
        action = str(getattr(self.view, "action", ""))
        named: Mapping[str, str] = getattr(self.view, "summaries", {})
        if action in named:
            return named[action]
        many, one = _nouns(self.path)
        return {
            "list": f"List {many}",
            "retrieve": f"Read {_article(one)}",
            "create": f"Make {_article(one)}",
            "partial_update": f"Change {_article(one)}",
            "destroy": f"Delete {_article(one)}",
        }.get(action, f"{action.replace('_', ' ').capitalize()} {_article(one)}")

    def get_description(self) -> str:  # type: ignore[override]
        """What the method says of itself; of lists and single objects, what the resource says."""
        said = super().get_description() or ""
        return inspect.cleandoc(said).replace("``", "`") or f"{self.get_summary()}."

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """With refusals, the idempotency key, words for every parameter."""
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        for parameter in operation.setdefault("parameters", []):
            parameter.setdefault("description", _says(parameter))
            if parameter["name"] in _PARAMETERS and parameter["in"] == "query":
                parameter["description"] = _PARAMETERS[parameter["name"]]
        if self.method == "POST":
            operation["parameters"].append(KEY)
        if not operation["parameters"]:
            del operation["parameters"]
        if "requestBody" in operation:
            operation["requestBody"]["content"] = {JSON: operation["requestBody"]["content"][JSON]}
        operation["responses"] |= answers(self._refusals())
        return operation

    def _refusals(self) -> Iterable[str]:
        action = str(getattr(self.view, "action", ""))
        names = [*ALWAYS]
        if action == "list":
            names.append("unknown_filter")
        if self.method in ("POST", "PATCH"):
            names += OF_BODIES
        if self.method == "POST":
            names.append("idempotency_key_reused")
        if "{" in self.path:
            names.append("not_found")
        refusals: Mapping[str, Iterable[str]] = getattr(self.view, "refusals", {})
        return dict.fromkeys([*names, *refusals.get(action, ())])


def add_examples(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Show every body by an example, and what an error looks like."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas["Error"] = ERROR
    for methods in result["paths"].values():
        for operation in methods.values():
            body = operation.get("requestBody", {}).get("content", {}).get(JSON)
            if body is not None:
                _exemplify(body, _ask_for(_name(body), schemas))
            for status, answer in operation["responses"].items():
                content = answer.get("content", {}).get(JSON)
                if content is not None and status.startswith("2"):
                    _exemplify(content, _answer_with(_name(content)))
    return result


def _exemplify(content: dict[str, Any], value: Any) -> None:
    if value is not None:
        content["examples"] = {"example": {"value": value}}


def _name(content: dict[str, Any]) -> str:
    return str(content["schema"].get("$ref", "")).rpartition("/")[2]


def _answer_with(name: str) -> Any:
    """One as it is answered; a page with one of them."""
    paged = re.fullmatch("Paginated(.+)List", name)
    if paged is None:
        return copy.deepcopy(_shown.get(name))
    if paged[1] not in _shown:
        return None
    return {"count": 1, "next": None, "previous": None, "results": [copy.deepcopy(_shown[paged[1]])]}


def _ask_for(name: str, schemas: dict[str, Any]) -> Any:
    """What is sent: as given, else the answer without what is read-only."""
    if name in _asked:
        return copy.deepcopy(_asked[name])
    shown = _shown.get(name)
    if shown is None:
        return None
    fixed = {field for field, about in schemas[name]["properties"].items() if about.get("readOnly")}
    return {field: value for field, value in shown.items() if field not in fixed}


def _says(parameter: dict[str, Any]) -> str:
    name, kind = parameter["name"], parameter["schema"]
    if parameter["in"] == "path":
        return _IDS.get(name, "The object's id.")
    field, _sign, compared = name.partition("__")
    words = field.removesuffix("_at").replace("_", " ").capitalize()
    if compared:
        bound = {
            "gte": "at or after" if kind.get("format") else "at least",
            "lte": "at or before" if kind.get("format") else "at most",
        }
        return f"{words} {bound[compared]} this{' instant' if kind.get('format') else ' number'}."
    return f"{words} is exactly this."


def _nouns(path: str) -> tuple[str, str]:
    """What a resource's objects are called, many and one: ledger entries, ledger entry."""
    many = path.split("/")[3].replace("-", " ").replace("skus", "SKUs")
    if many.endswith("ies"):
        return many, f"{many[:-3]}y"
    return many, many.removesuffix("s")


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"
