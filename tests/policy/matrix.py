"""Verdicts as a table for people: a row for each source, a column for each destination, open ports in it."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from tests.policy.facts import Scene
from tests.policy.traffic import Attempt, Peer, Pod


def show(title: str, scene: Scene, verdicts: Iterable[tuple[Attempt, bool]]) -> None:
    """Print the matrix; `*` is every port that was tried, `·` none."""
    opened: dict[tuple[Peer, Peer], list[str]] = {}
    for attempt, allowed in verdicts:
        ports = opened.setdefault((attempt.source, attempt.destination), [])
        if allowed:
            ports.append(str(attempt.port).removesuffix("/TCP"))
    everything: tuple[Peer, ...] = (*scene.pods, *scene.outside)
    table = Table("from \\ to", *map(_name, everything), title=title)
    for source in everything:
        cells = [_cell(opened.get((source, destination)), len(scene.ports)) for destination in everything]
        table.add_row(_name(source), *cells)
    Console(width=400).print(table)


def _name(peer: Peer) -> str:
    labels = dict(peer.labels) if isinstance(peer, Pod) else {}
    return f"{peer} ({labels['k8s-app']})" if "k8s-app" in labels else str(peer)


def _cell(ports: list[str] | None, tried: int) -> str:
    if ports is None:
        return ""
    if len(ports) == tried:
        return "*"
    return " ".join(ports) or "·"
