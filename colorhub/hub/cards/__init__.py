"""Model cards: README.md and ``.eval_results`` of a model folder, written from its files by one template.

What a card says comes from ``config.json``, ``scores.json``, ``recipe.toml`` and ``training.json``, written by
programs, and from ``card.toml``, which holds what no program knows: what the model is, its data's terms, its licence.
"""

from colorhub.hub.cards.documents import card_documents, stale_documents, write_card
from colorhub.hub.cards.folder import CardError

__all__ = ["CardError", "card_documents", "stale_documents", "write_card"]
