"""GraphQL documents, each parsed, validated and priced once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import DocumentNode, FieldNode, GraphQLError, OperationDefinitionNode, OperationType, parse, validate

from channels.simulators.shopify.asking import key_in
from channels.simulators.shopify.cost import Part, parts_of
from channels.simulators.shopify.schema import served

KEPT = 500


@dataclass(frozen=True)
class Operation:
    """One operation of a document, ready to be run."""

    document: DocumentNode
    name: str | None
    is_mutation: bool
    fields: tuple[FieldNode, ...]
    parts: tuple[Part, ...]

    def requested(self, variables: Mapping[str, Any]) -> int:
        """What it may cost."""
        return sum(part.requested(variables) for part in self.parts)

    def actual(self, answered: Mapping[str, Any] | None) -> int:
        """What it did cost."""
        return sum(part.actual((answered or {}).get(part.key)) for part in self.parts)

    def keys(self, variables: Mapping[str, Any]) -> set[str]:
        """Its idempotency keys."""
        found = (key_in(field, variables=variables) for field in self.fields)
        return {key for key in found if key}


class Misread(Exception):
    """The document is not one that the schema knows; ``errors`` say why."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(errors)
        self.errors = errors


class Documents:
    """Every document that was asked lately, by its text."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, dict[str | None, Operation] | Misread] = OrderedDict()

    def operation(self, text: str, *, name: str | None) -> Operation:
        """The operation of this name, or the only one. Raises Misread."""
        known = self._known.get(text)
        if known is None:
            known = self._known[text] = _read(text)
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        if isinstance(known, Misread):
            raise known
        if name in known:
            return known[name]
        if name is None and len(known) == 1:
            return next(iter(known.values()))
        raise Misread(
            [{"message": "An operation name is required." if name is None else f'No operation named "{name}"'}]
        )


def _read(text: str) -> dict[str | None, Operation] | Misread:
    schema = served()
    try:
        document = parse(text)
    except GraphQLError as error:
        return Misread([dict(error.formatted)])
    if errors := validate(schema, document):
        return Misread([dict(error.formatted) for error in errors])
    found: dict[str | None, Operation] = {}
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            name = node.name.value if node.name else None
            fields = tuple(each for each in node.selection_set.selections if isinstance(each, FieldNode))
            parts = parts_of(node, document=document, schema=schema)
            found[name] = Operation(document, name, node.operation is OperationType.MUTATION, fields, parts)
    return found


DOCUMENTS = Documents()  # a document means the same in every shop
