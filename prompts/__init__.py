"""Prompt templates as package data, and the small library that renders them."""

from coarse2fine.prompts.library import PromptSet, Settings, fence, items, prompt_set, prompt_sets

__all__ = ["PromptSet", "Settings", "fence", "items", "prompt_set", "prompt_sets"]
