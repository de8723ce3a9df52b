"""Where the files of stacks are. Needs nothing but the standard library."""

from pathlib import Path


def stacks(root: Path) -> tuple[str, ...]:
    """Names of all stacks that have a Pulumi.<stack>.yaml or a folder of tenants."""
    configured = {
        path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in root.glob("Pulumi.*.yaml")
    }
    folders = {path.name for path in (root / "tenants").glob("*") if path.is_dir() and path.name[0] != "."}
    return tuple(sorted(configured | folders))
