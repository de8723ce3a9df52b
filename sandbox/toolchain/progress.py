"""Tells people what a long step is doing: a live line on a terminal, plain lines elsewhere."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.status import Status

PLAIN_INTERVAL = 30.0  # seconds between two plain lines about the same step


def show_duration(seconds: float) -> str:
    """Write a duration as people say it: `42 s`, `3 min 5 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


@dataclass
class Step:
    """One running step."""

    console: Console
    text: str
    live: Status | None
    started: float = field(default_factory=time.monotonic)
    said: float = field(default_factory=time.monotonic)

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def tick(self, detail: str = "") -> None:
        """Show that it goes on, with what it is at."""
        tail = f", {detail}" if detail else ""
        if self.live:
            self.live.update(escape(f"{self.text}: {show_duration(self.elapsed)}{tail}"))
        elif time.monotonic() - self.said >= PLAIN_INTERVAL:
            self.said = time.monotonic()
            self.console.print(escape(f"  … {self.text}: {show_duration(self.elapsed)}"), highlight=False)


@dataclass(frozen=True)
class Progress:
    """Where steps and notes are shown; standard error, so that standard output stays for results."""

    console: Console = field(default_factory=lambda: Console(stderr=True, soft_wrap=True))

    def note(self, text: str) -> None:
        """Show one line."""
        self.console.print(escape(text), highlight=False)

    @contextmanager
    def step(self, text: str, done: str | None = None) -> Generator[Step]:
        """Show a step while the block runs, and `done` with its duration when it ended well."""
        if self.console.is_terminal:
            with self.console.status(escape(text)) as live:
                step = Step(self.console, text, live)
                yield step
        else:
            self.note(text)
            step = Step(self.console, text, None)
            yield step
        if done:
            self.note(f"{done} ({show_duration(step.elapsed)})")
