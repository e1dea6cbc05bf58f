"""What narrating costs: tokens, time by the clock and of the processor, and an estimate of the energy."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from analyzers.cores import cores
from flows.model_server import ServerEngine
from reports.contents import Cost
from reports.narrator.engines import Engine, Tokens


@dataclass
class Meter:
    """Measures what is done while it runs, in one thread.

    Other threads may analyze at the same time: processor time is that of this thread, which decodes, times the cores
    that decode with it. (Of narrating alone, within 3 % of the whole process's.)

    watts : of one busy core, the energy's only assumption. Nothing is measured of a server elsewhere but its tokens.
    """

    engine: Engine
    watts: float
    clock: Callable[[], float] = time.monotonic
    seconds: float = 0.0
    """By the clock, so far."""
    _processor: float = 0.0
    _tokens: Tokens = field(default_factory=Tokens)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Measure what is done in here."""
        before, started, processor = self.engine.tokens, self.clock(), time.thread_time()
        try:
            yield
        finally:
            now = self.engine.tokens
            self.seconds += self.clock() - started
            self._processor += time.thread_time() - processor
            self._tokens = Tokens(
                self._tokens.read + now.read - before.read, self._tokens.written + now.written - before.written
            )

    def read(self, asked: int) -> Cost:
        """The cost so far, of so many findings for which the model wrote anew."""
        elsewhere = isinstance(self.engine, ServerEngine)
        processor = self._processor * (1 if elsewhere else cores())
        return Cost(
            asked=asked,
            tokens_read=self._tokens.read,
            tokens_written=self._tokens.written,
            seconds=self.seconds,
            processor_seconds=processor,
            watt_hours=None if elsewhere else processor * self.watts / 3600,
        )
