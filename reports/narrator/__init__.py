"""The narrator: the local model orders and connects facts, code writes and checks every sentence."""

from reports.narrator.narration import Narration, Narrator, asked, narrate

__all__ = ["Narration", "Narrator", "asked", "narrate"]
