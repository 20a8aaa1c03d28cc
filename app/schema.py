"""The OpenAPI document: bodies that routes read themselves, with examples, and the problems that they answer."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

__all__ = ["COMPATIBLE_PROBLEMS", "PROBLEMS", "events_of", "takes", "with_bodies"]

_REF = "#/components/schemas/{model}"


class Problem(BaseModel):
    """Why a request is not answered (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None


class Fault(BaseModel):
    """What is wrong, as OpenAI says it; `param` is the field, dotted."""

    message: str
    type: str
    param: str | None
    code: str


class CompatibleProblem(BaseModel):
    """Why a request is not answered, in OpenAI's form."""

    error: Fault


def _problems(model: type[BaseModel], media: str) -> dict[int | str, dict[str, Any]]:
    schema = {"$ref": _REF.format(model=model.__name__)}
    return {"default": {"description": "Why it is not answered.", "content": {media: {"schema": schema}}}}


PROBLEMS = _problems(Problem, "application/problem+json")
COMPATIBLE_PROBLEMS = _problems(CompatibleProblem, "application/json")


def events_of(*names: str) -> dict[str, Any]:
    """What a stream of server-sent events holds: each event has one of these names (none: no name) and JSON as data."""
    data = {"type": "string", "contentMediaType": "application/json"}
    kinds = {"event": {"type": "string", "enum": list(names)}} if names else {}
    event = {"type": "object", "properties": {**kinds, "data": data}, "required": [*kinds, "data"]}
    return {"text/event-stream": {"itemSchema": event}}


def takes(model: type[BaseModel]) -> dict[str, Any]:
    """What a route that reads its body itself says of it."""
    schema = {"$ref": _REF.format(model=model.__name__)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def with_bodies(app: FastAPI, *models: type[BaseModel]) -> None:
    """Add the forms of such bodies to the app's OpenAPI document."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            schemas = made.setdefault("components", {}).setdefault("schemas", {})
            forms: tuple[type[BaseModel], ...] = (*models, Problem, CompatibleProblem)
            for model in forms:
                form = model.model_json_schema(ref_template=_REF)
                for name, inner in form.pop("$defs", {}).items():
                    schemas.setdefault(name, inner)
                schemas[model.__name__] = form
            made["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            made["security"] = [{"key": []}, {}]
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]
