"""Behaviour of entities: who stops, changes rhythm, place, mix or amounts, against its own past and its peers."""

from analyzers.behaviour.watch import analyze_behaviour_at

__all__ = ["analyze_behaviour_at"]
