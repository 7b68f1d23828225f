"""Broken providers, so that the kit itself can fail: each is the good example with one mistake."""

from tests.conformance.broken import of_claims, of_conduct, of_money, of_truth
from tests.conformance.broken.marking import MISTAKES, Mistake

__all__ = ["MISTAKES", "Mistake", "of_claims", "of_conduct", "of_money", "of_truth"]
