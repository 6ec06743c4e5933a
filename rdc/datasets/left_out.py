"""What is left out of a user's folder: counted, named, said in one sentence."""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SHOWN = 5  # names of a kind, and suffixes


@dataclass
class LeftOut:
    """Files, and folders whole, that do not count, by the reason why."""

    suffixes: Counter = field(default_factory=Counter)  # of files that are no pictures by them
    hidden: int = 0
    named: dict[str, list[str]] = field(default_factory=dict)  # reason to names
    frames: list[str] = field(default_factory=list)  # files whose first picture alone counts

    def name(self, reason: str, what: str | Path) -> None:
        self.named.setdefault(reason, []).append(printable(what))

    def __len__(self) -> int:
        return self.suffixes.total() + self.hidden + sum(map(len, self.named.values()))

    def __bool__(self) -> bool:
        return bool(len(self) or self.frames)

    def __str__(self) -> str:
        """For example ``12 left out: 10 no pictures by suffix (.txt 8, .xmp 2), 2 that cannot be read:
        a.jpg, b.png``; empty where nothing is."""
        said = [f"{len(self)} left out: {', '.join(self._parts())}"] if len(self) else []
        if self.frames:
            several = f"{len(self.frames)} with several frames or pages"
            said.append(f"of {several} the first counts: {_shown(self.frames)}")
        return "; ".join(said)

    def lines(self) -> list[str]:
        """One for each name, for a log."""
        return [f"{reason}: {name}" for reason, names in self.named.items() for name in names]

    def _parts(self) -> Iterator[str]:
        if count := self.suffixes.total():
            most = self.suffixes.most_common(SHOWN)
            found = [f"{suffix} {times}" for suffix, times in most]
            found += ["..."] if len(self.suffixes) > SHOWN else []
            yield f"{count} no picture{'s'[: count > 1]} by suffix ({', '.join(found)})"
        if self.hidden:
            yield f"{self.hidden} hidden"
        for reason, names in self.named.items():
            yield f"{len(names)} {reason}: {_shown(names)}"


def _shown(names: list[str]) -> str:
    return ", ".join(names[:SHOWN] + (["..."] if len(names) > SHOWN else []))


def printable(what: str | Path) -> str:
    """A name as it is, or with escapes where a terminal could not show it."""
    name = str(what)
    return name if name.isprintable() else ascii(name)


def aloud(line: str) -> None:
    """Says a line at the terminal, in place of a line of progress that may stand there."""
    clear = "\r\x1b[K" if sys.stderr.isatty() else ""
    print(f"{clear}{line}", file=sys.stderr, flush=True)
