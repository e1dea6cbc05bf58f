"""What narrating costs: tokens, time by the clock and of the processor, and an estimate of the energy."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from flows.model_server import ServerEngine
from reports.contents import Cost
from reports.narrator.engines import Engine, Tokens


@dataclass
class Meter:
    """Measures from when it is made until it is read.

    watts : of one busy core, the energy's only assumption. Nothing is measured of a server elsewhere but its tokens.
    """

    engine: Engine
    watts: float
    _clock: float = field(default_factory=time.monotonic)
    _processor: float = field(default_factory=time.process_time)
    _tokens: Tokens = field(init=False)

    def __post_init__(self) -> None:
        self._tokens = self.engine.tokens

    def read(self, asked: int) -> Cost:
        """The cost so far, of so many findings for which the model wrote anew."""
        now, processor = self.engine.tokens, time.process_time() - self._processor
        elsewhere = isinstance(self.engine, ServerEngine)
        return Cost(
            asked=asked,
            tokens_read=now.read - self._tokens.read,
            tokens_written=now.written - self._tokens.written,
            seconds=time.monotonic() - self._clock,
            processor_seconds=processor,
            watt_hours=None if elsewhere else processor * self.watts / 3600,
        )
