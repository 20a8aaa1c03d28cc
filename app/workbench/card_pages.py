"""The style card of a radiologist: shown, and edited as a form or as YAML."""

from __future__ import annotations

import asyncio
from typing import Any, get_args

import yaml
from fastapi import APIRouter
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from coarse2fine.agents.radiologists import label_of
from coarse2fine.agents.style_card import StyleCard
from coarse2fine.agents.style_words import Detail, Incidentals, Layout, Negatives, Order, Wording
from coarse2fine.app.workbench.desk import Desk, see_other
from coarse2fine.app.workbench.forms import Errors, Form, errors_of
from coarse2fine.reports import InputError

__all__ = ["CHOICES", "CardPages", "card_from"]

CHOICES: dict[str, tuple[str, ...]] = {
    "layout": get_args(Layout),
    "detail": get_args(Detail),
    "order": get_args(Order),
    "negatives": get_args(Negatives),
    "incidentals": get_args(Incidentals),
    "wording": get_args(Wording),
    "capitals": ("sentence", "all", "none"),
}
"""Field of a style card → what may stand in it."""

_TEXTS = ("closing", "remarks")
_NUMBERS = ("typical_words", "typical_sentences")
_BOXES = ("verbatim", "full_stops")


def card_from(form: Form, card: StyleCard) -> StyleCard:
    """The card as a form leaves it; what the form does not show stays.

    Raises:
        ValidationError: a field cannot be.
    """
    changed: dict[str, Any] = {name: form.text(name) for name in (*CHOICES, *_TEXTS)}
    changed |= {name: form.text(name) or 0 for name in _NUMBERS}
    changed |= {name: name in form for name in _BOXES}
    made = StyleCard.model_validate({**card.model_dump(), **changed})
    return made if made == card else made.model_copy(update={"edited": True})


def _card_from_yaml(text: str, card: StyleCard) -> StyleCard:
    """The card that a YAML text holds.

    Raises:
        InputError: it holds none; names each field that is wrong.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError:
        document = None
    if isinstance(document, dict):
        try:
            StyleCard.model_validate(document)
        except ValidationError as error:
            raise InputError("\n".join(f"{name}: {fault}" for name, fault in errors_of(error).items())) from None
    return card.edited_as(text)


class CardPages:
    """Pages of style cards.

    Args:
        desk: what all pages share.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def add_to(self, router: APIRouter) -> None:
        """Put them on their paths."""
        self._desk.add(router, "GET", "/cards", self.show)
        self._desk.add(router, "POST", "/cards", self.keep)

    async def show(self, request: Request) -> Response:
        """Who has a card; the card of one radiologist."""
        radiologist = request.query_params.get("radiologist", "").strip()
        if not radiologist:
            names = await asyncio.to_thread(self._desk.cards.radiologists)
            return self._desk.page(request, "cards", names=names)
        card = await self._card(radiologist)
        return self._page(request, radiologist, card or StyleCard(), new=card is None)

    async def keep(self, request: Request) -> Response:
        """Keep the card of the form, or of the YAML text."""
        form = await self._desk.posted(request)
        radiologist = form.text("radiologist")
        card = await self._card(radiologist)
        before = card or StyleCard()
        try:
            changed = _card_from_yaml(form.text("yaml"), before) if "yaml" in form else card_from(form, before)
        except ValidationError as error:
            return self._page(request, radiologist, before, form, errors_of(error), new=card is None)
        except InputError as error:
            return self._page(request, radiologist, before, form, {"yaml": str(error)}, new=card is None)
        if card is None:
            changed = changed.model_copy(update={"edited": True})
        await asyncio.to_thread(self._desk.cards.put, radiologist, changed)
        return see_other("/cards", radiologist=radiologist, kept="1")

    async def _card(self, radiologist: str) -> StyleCard | None:
        label_of(radiologist)
        return await asyncio.to_thread(self._desk.cards.get, radiologist)

    def _page(
        self,
        request: Request,
        radiologist: str,
        card: StyleCard,
        form: Form | None = None,
        errors: Errors | None = None,
        *,
        new: bool,
    ) -> Response:
        shown = {name: str(value) for name, value in card.model_dump().items()}
        ticked = {name for name in _BOXES if getattr(card, name)}
        if form is not None and "yaml" not in form:
            shown |= form.values()
            ticked = {name for name in _BOXES if name in form}
        return self._desk.page(
            request,
            "card",
            422 if errors else 200,
            radiologist=radiologist,
            card=card,
            new=new,
            shown=shown,
            ticked=ticked,
            yaml=form.text("yaml") if form is not None and "yaml" in form else card.to_yaml(),
            errors=errors or {},
            choices=CHOICES,
            just_kept=bool(request.query_params.get("kept")) and not errors,
        )
