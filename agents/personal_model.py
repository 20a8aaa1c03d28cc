"""The model that drafts for one radiologist: a base with the adapter that was trained on that radiologist's reports."""

from __future__ import annotations

from langgraph.store.base import BaseStore

from coarse2fine.agents.radiologists import Shelf
from coarse2fine.reports import InputError

__all__ = ["PersonalModels"]


class PersonalModels:
    """Names of models by radiologist, in a store; a radiologist's is found for that radiologist only.

    Args:
        store: any LangGraph store.

    Each method raises InputError where the id is unusable or the store fails.
    """

    def __init__(self, store: BaseStore) -> None:
        self._shelf = Shelf(store, "model")

    def get(self, radiologist: str) -> str | None:
        """The name of a radiologist's model, such as "nano#outputs/r17"; None where there is none."""
        item = self._shelf.get(radiologist, "model")
        return None if item is None else str(item.value["name"])

    def put(self, radiologist: str, name: str) -> None:
        """Draft this radiologist's reports with a model, in place of an older one."""
        if not name.strip():
            raise InputError("the name of the radiologist's model is empty")
        self._shelf.put(radiologist, {"model": {"name": name}}, searched=False)

    def forget(self, radiologist: str) -> bool:
        """Draft with everybody's model again; whether there was another. The adapter's folder stays."""
        there = self.get(radiologist) is not None
        self._shelf.delete(radiologist, ["model"] * there)
        return there

    def radiologists(self) -> list[str]:
        """Who has a model."""
        return [radiologist for radiologist in self._shelf.radiologists() if self.get(radiologist) is not None]
