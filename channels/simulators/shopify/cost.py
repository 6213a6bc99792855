"""What a query costs: a scalar nothing, an object 1, a connection its size times one node, a mutation 10.

A field's children are read once into a tree; the tree is priced before execution with the sizes that were asked for,
and after it with what came back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
)

MUTATION = 10
Variables = Mapping[str, Any]
Size = Callable[[Variables], int]


@dataclass(frozen=True)
class Part:
    """One field: its key in the answer, what it costs itself, how many there may be, and what is asked of each."""

    key: str
    own: int
    size: Size
    always: tuple[Part, ...] = ()
    either: tuple[tuple[Part, ...], ...] = ()  # by possible type of an interface
    is_flat: bool = False  # a mutation: its children cost nothing

    def requested(self, variables: Variables) -> int:
        """Before execution."""
        if self.is_flat:
            return self.own
        dearest = max((sum(part.requested(variables) for part in branch) for branch in self.either), default=0)
        return self.size(variables) * (self.own + sum(part.requested(variables) for part in self.always) + dearest)

    def actual(self, answered: Any) -> int:
        """After it."""
        if answered is None:
            return 0
        if self.is_flat:
            return self.own
        if isinstance(answered, list):
            return sum(self.actual(each) for each in answered)
        total, seen = self.own, set()
        for part in (*self.always, *(part for branch in self.either for part in branch)):
            if part.key in answered and part.key not in seen:
                seen.add(part.key)
                total += part.actual(answered[part.key])
        return total


def parts_of(operation: OperationDefinitionNode, *, document: DocumentNode, schema: GraphQLSchema) -> tuple[Part, ...]:
    """The tree of an operation."""
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    root = schema.get_root_type(operation.operation)
    assert root is not None
    always, _ = _Reader(schema, fragments, _defaults(operation)).read(operation.selection_set, root, size=_one)
    return always


class _Reader:
    def __init__(
        self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode], defaults: Mapping[str, ValueNode]
    ) -> None:
        self._schema, self._fragments, self._defaults = schema, fragments, defaults

    def read(
        self, selections: SelectionSetNode, kind: Any, *, size: Size
    ) -> tuple[tuple[Part, ...], tuple[tuple[Part, ...], ...]]:
        """The fields of a selection, and those of its fragments on other types; ``size`` is that of a connection."""
        always: list[Part] = []
        branches: list[tuple[Part, ...]] = []
        for node in selections.selections:
            if isinstance(node, FieldNode):
                always += self._field(node, kind, size=size)
                continue
            fragment = self._fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
            condition = fragment.type_condition  # type: ignore[union-attr]
            other = self._schema.type_map[condition.name.value] if condition else kind
            inner, further = self.read(fragment.selection_set, other, size=size)  # type: ignore[union-attr]
            if other is kind or isinstance(kind, GraphQLObjectType):
                always += inner
            else:
                branches.append(inner)
            branches += further
        return tuple(always), tuple(branches)

    def _field(self, node: FieldNode, kind: Any, *, size: Size) -> Iterable[Part]:
        name = node.name.value
        if name.startswith("__") or node.selection_set is None:
            return
        field = kind.fields[name]
        inner = get_named_type(field.type)
        if not is_composite_type(inner):
            return
        key = node.alias.value if node.alias else name
        arguments = {each.name.value: each.value for each in node.arguments or ()}
        own, many = 1, self._many(field.type, arguments)
        below: Size = _one
        if kind is self._schema.mutation_type:
            yield Part(key, MUTATION, _one, is_flat=True)
            return
        if inner.name == "PageInfo":
            own = 0
        elif inner.name.endswith("Connection"):
            own, many, below = 0, _one, self._sized(arguments.get("first") or arguments.get("last"))
        elif kind.name.endswith("Connection"):  # edges, nodes
            own, many = (0 if inner.name.endswith("Edge") else 1), size
        always, either = self.read(node.selection_set, inner, size=below)
        yield Part(key, own, many, always, either)

    def _many(self, kind: Any, arguments: Mapping[str, ValueNode]) -> Size:
        """How many objects a plain list may hold: as many as are named or wanted."""
        if not isinstance(get_nullable_type(kind), GraphQLList):
            return _one
        named = next((arguments[name] for name in ("first", "ids", "names") if name in arguments), None)
        return self._sized(named) if named is not None else _one

    def _sized(self, value: ValueNode | None) -> Size:
        if isinstance(value, VariableNode):
            name = value.name.value
            default = self._sized(self._defaults.get(name))
            return lambda variables: _count(variables[name]) if variables.get(name) is not None else default(variables)
        fixed = 0
        if isinstance(value, IntValueNode):
            fixed = int(value.value)
        elif isinstance(value, ListValueNode):
            fixed = len(value.values)
        return lambda _variables: fixed


def _count(value: Any) -> int:
    if isinstance(value, list):
        return len(value)
    return value if isinstance(value, int) else 0


def _one(_variables: Variables) -> int:
    return 1


def _defaults(operation: OperationDefinitionNode) -> dict[str, ValueNode]:
    definitions = operation.variable_definitions or ()
    return {each.variable.name.value: each.default_value for each in definitions if each.default_value is not None}
