"""The served part of the Admin API, with resolvers that read views: ``fieldName`` is the view's ``field_name``."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    build_schema,
)

from channels.simulators.shopify.mutations import MUTATIONS

SDL = Path(__file__).with_name("schema.graphql")


@cache
def served() -> GraphQLSchema:
    """The schema, built once a process."""
    schema = build_schema(SDL.read_text())
    for kind in schema.type_map.values():
        if kind.name.startswith("__"):
            continue
        if isinstance(kind, GraphQLObjectType):
            _bind(kind)
        elif isinstance(kind, GraphQLInterfaceType):
            kind.resolve_type = _kind_of
        elif isinstance(kind, GraphQLInputObjectType):
            for name, field in kind.fields.items():
                field.out_name = snake(name)
    return schema


def snake(name: str) -> str:
    """``lineItems`` as ``line_items``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _bind(kind: GraphQLObjectType) -> None:
    for name, field in kind.fields.items():
        for argument_name, argument in field.args.items():
            argument.out_name = snake(argument_name)
        if kind.name == "Mutation":
            field.resolve = MUTATIONS[name]
        else:
            field.resolve = _calling(snake(name)) if field.args else _reading(snake(name))


def _reading(name: str) -> Callable[..., Any]:
    def resolve(source: Any, _info: GraphQLResolveInfo) -> Any:
        return source[name] if type(source) is dict else getattr(source, name)

    return resolve


def _calling(name: str) -> Callable[..., Any]:
    def resolve(source: Any, _info: GraphQLResolveInfo, **arguments: Any) -> Any:
        return getattr(source, name)(**arguments)

    return resolve


def _kind_of(value: Any, _info: GraphQLResolveInfo, _abstract: Any) -> str:
    return str(value["graphql_type"] if type(value) is dict else value.graphql_type)
