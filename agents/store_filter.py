"""The filters of LangGraph's store search: `{"exam": "CT chest", "age": {"$gte": 18}}`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from coarse2fine.reports import InputError

__all__ = ["matches"]

_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def matches(value: Mapping[str, Any], wanted: Mapping[str, Any] | None) -> bool:
    """Whether each field of a filter holds of a value: equal, or as its operators say.

    Raises:
        InputError: there is no such operator.
    """
    return all(_holds(value.get(field), condition) for field, condition in (wanted or {}).items())


def _holds(held: Any, condition: Any) -> bool:
    if not (isinstance(condition, Mapping) and any(str(name).startswith("$") for name in condition)):
        return bool(held == condition)
    return all(_compares(held, name, operand) for name, operand in condition.items())


def _compares(held: Any, name: str, operand: Any) -> bool:
    if name in ("$eq", "$ne"):
        return bool(held == operand) is (name == "$eq")
    if name not in _ORDER:
        raise InputError(f"a filter has no operator {name!r}; there are $eq, $ne, {', '.join(_ORDER)}")
    try:
        return _ORDER[name](float(held), float(operand))
    except (TypeError, ValueError):
        return False
