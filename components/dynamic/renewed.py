"""What the providers of credentials have in common: each is made anew when its renewal window opens."""

from collections.abc import Mapping
from typing import Any

from pulumi.dynamic import CheckResult, ConfigureRequest, DiffResult, ResourceProvider

from components.dynamic import clock, lifetime
from components.dynamic.errors import failure, hide_tracebacks


class RenewedProvider(ResourceProvider):
    """A provider of something that has `lifetime_seconds`, `renew_before_seconds` and `not_after`.

    Stored in the state by its name; has no state of its own.
    """

    def configure(self, req: ConfigureRequest) -> None:  # noqa: ARG002
        """Prepare the process that this runs in."""
        hide_tracebacks()

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuse what cannot be right, without asking the cluster.

        The engine leaves out the old inputs when it replaces: then `renewal` gets a new value, which is how
        a preview shows that something is renewed.
        """
        asked = f"asked for at {lifetime.write_time(clock.now())}"
        inputs = {**news, "renewal": _olds.get("renewal") or asked}
        problems = self.problems(news)
        if lasting := lifetime.problem(int(news["lifetime_seconds"]), int(news["renew_before_seconds"])):
            problems.append(lasting)
        return CheckResult(inputs, [failure(key, text) for key, text in problems])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Replace for something else, or because the window is open."""
        replaces = self.differences(_olds, _news)
        if int(_olds["lifetime_seconds"]) != int(_news["lifetime_seconds"]):
            replaces.append("lifetime_seconds")
        if lifetime.is_due(_olds["not_after"], int(_news["renew_before_seconds"])):
            replaces.append("renewal")
        changes = bool(replaces) or self.is_update(_olds, _news)
        return DiffResult(changes=changes, replaces=replaces, delete_before_replace=False)

    def problems(self, _news: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Say which inputs are wrong, beside those of its lifetime, and what would be right."""
        return []

    def differences(self, _olds: Mapping[str, Any], _news: Mapping[str, Any]) -> list[str]:
        """Name the inputs that make it another thing, beside its lifetime."""
        raise NotImplementedError

    def is_update(self, _olds: Mapping[str, Any], _news: Mapping[str, Any]) -> bool:
        """Tell whether something is to be stored anew without replacing it."""
        return False
