"""What a document costs in Shopify's points, by its documented rules, before anything is known of the answer.

An object is 1 point, a scalar or an enum nothing; a connection 2 and what ``first`` of its nodes cost; a list with ``first`` or
of given ids that many; a mutation 10; of several kinds of an interface the dearest. Pages' cursors are counted as objects.
"""

from __future__ import annotations

from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
    value_from_ast_untyped,
)


def cost(schema: GraphQLSchema, document: DocumentNode, variables: dict[str, Any]) -> int:
    """Points that the document's only operation asks for."""
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    (operation,) = (one for one in document.definitions if isinstance(one, OperationDefinitionNode))
    is_mutation = operation.operation == OperationType.MUTATION
    root = schema.mutation_type if is_mutation else schema.query_type
    points = _Points(schema, fragments, variables)
    return (10 if is_mutation else 0) + points.of(operation.selection_set, root)


class _Points:
    def __init__(
        self, schema: GraphQLSchema, fragments: dict[str, FragmentDefinitionNode], variables: dict[str, Any]
    ) -> None:
        self.schema, self.fragments, self.variables = schema, fragments, variables

    def of(self, selections: SelectionSetNode | None, parent: Any, *, times: int = 1) -> int:
        total, kinds = 0, [0]
        for one in selections.selections if selections else ():
            if isinstance(one, FieldNode):
                total += self.field(one, parent, times)
            elif isinstance(one, FragmentSpreadNode):
                total += self.of(self.fragments[one.name.value].selection_set, parent, times=times)
            elif isinstance(one, InlineFragmentNode):
                assert one.type_condition is not None
                kinds.append(self.of(one.selection_set, self.schema.type_map[one.type_condition.name.value]))
        return total + max(kinds)

    def field(self, node: FieldNode, parent: Any, times: int) -> int:
        """``times`` is how many nodes a connection lists, of which this is ``nodes``."""
        definition = parent.fields[node.name.value]
        kind = get_named_type(definition.type)
        if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            return 0
        given = {one.name.value: value_from_ast_untyped(one.value, self.variables) for one in node.arguments or ()}
        if kind.name.endswith("Connection"):
            return 2 + self.of(node.selection_set, kind, times=given["first"])
        count = 1
        if "ids" in given or "names" in given:
            count = len(given.get("ids") or given.get("names") or ())
        elif _is_list(definition.type):
            count = given.get("first", times)
        return count * (1 + self.of(node.selection_set, kind))


def _is_list(kind: Any) -> bool:
    return isinstance(kind.of_type if isinstance(kind, GraphQLNonNull) else kind, GraphQLList)
