"""The OpenAPI document: bodies that routes read themselves, with examples, and the problems that they answer."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

__all__ = ["PROBLEMS", "takes", "with_bodies"]

_REF = "#/components/schemas/{model}"


class Problem(BaseModel):
    """Why a request is not answered (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None


PROBLEMS: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "Why it is not answered.",
        "content": {"application/problem+json": {"schema": Problem.model_json_schema()}},
    }
}


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
            for model in models:
                form = model.model_json_schema(ref_template=_REF)
                for name, inner in form.pop("$defs", {}).items():
                    schemas.setdefault(name, inner)
                schemas[model.__name__] = form
            made["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            made["security"] = [{"key": []}, {}]
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]
