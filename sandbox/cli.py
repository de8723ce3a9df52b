"""The commands of `python -m sandbox`: the embedded default, on this machine alone and without root."""

import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from kube import KubeconfigError, KubeError
from sandbox import environment, operation, repositories
from sandbox.controlplane.nodes import PoolsError
from sandbox.controlplane.objects import ObjectsError
from sandbox.controlplane.settings import SettingsError
from sandbox.layout import current
from sandbox.operation import SERVICES, Options, ProcessStatus
from sandbox.plugins import PluginsError
from sandbox.processes import ProcessError
from sandbox.toolchain import ToolchainError
from sandbox.toolchain.progress import Progress

_FAILURES = (ToolchainError, PluginsError, ProcessError, ObjectsError, KubeError, KubeconfigError)
_BAD_INPUT = (PoolsError, SettingsError)
_EXISTING = click.Path(exists=True, path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """A Kubernetes control plane with fake GPU nodes, a GitHub API, and Pulumi's engine and plugins.

    All of it runs on this machine, on loopback, and lives in .sandbox/ of the checkout, or in the folder
    that SANDBOX_DIR names.
    """


@main.command()
@click.option(
    "--pools",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A YAML file of the pools of fake nodes; remembered.",
)
@click.option(
    "--client-signer/--without-client-signer",
    default=None,
    help="Whether kubernetes.io/kube-apiserver-client certificates are signed (EKS: no); remembered.",
)
@click.option(
    "--cluster-signing-duration",
    metavar="DURATION",
    help="How long a signed certificate is valid at most, such as 8760h; remembered.",
)
@click.option(
    "--crd", "crds", multiple=True, type=_EXISTING, help="A file or folder of CRDs to apply; repeatable."
)
@click.option("--only", type=click.Choice(SERVICES), help="Start this service alone.")
def up(
    pools: Path | None,
    client_signer: bool | None,
    cluster_signing_duration: str | None,
    crds: tuple[Path, ...],
    only: str | None,
) -> None:
    """Start the sandbox, or what of it has ended.

    The first time, programs that the machine lacks are built, which takes some minutes.
    """
    layout = current()
    services = (only,) if only else SERVICES
    options = Options(services, pools, client_signer, cluster_signing_duration, crds)
    try:
        operation.up(layout, options, Progress())
    except _BAD_INPUT as error:
        raise click.UsageError(str(error)) from None
    except _FAILURES as error:
        raise click.ClickException(str(error)) from None
    click.echo(environment.as_exports({"KUBECONFIG": str(layout.kubeconfig)}))


@main.command()
def down() -> None:
    """Stop the sandbox. What it holds stays for the next `up`."""
    try:
        operation.down(current(), Progress())
    except _FAILURES as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON; memory in bytes.")
def status(as_json: bool) -> None:
    """Show the processes. Exits 1 when one is not running, or none was started."""
    found = operation.status(current())
    if as_json:
        click.echo(operation.as_json(found))
    elif found:
        Console(width=None if sys.stdout.isatty() else 160).print(_table(found))
    else:
        click.echo("The sandbox is not up: python -m sandbox up", err=True)
    if not found or any(each.state != "running" for each in found):
        raise SystemExit(1)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object of names and values.")
def env(as_json: bool) -> None:
    """Print the environment of the sandbox: eval "$(python -m sandbox env)"."""
    layout = current()
    if not layout.kubeconfig.exists():
        raise click.ClickException(f"there is no sandbox in {layout.root} yet: python -m sandbox up")
    values = environment.variables(layout)
    if as_json:
        click.echo(json.dumps(values, indent=2))
    else:
        click.echo(environment.as_exports(values, environment.unset(layout)))


@main.group()
def repo() -> None:
    """Repositories on the emulated GitHub. A tenant's `repository` has to exist there."""


@repo.command()
@click.argument("full_names", metavar="OWNER/NAME...", nargs=-1, required=True)
@click.option("--public", is_flag=True, help="For everybody to read; private otherwise.")
def add(full_names: tuple[str, ...], public: bool) -> None:
    """Make repositories, such as acme/robots, each with a first commit."""
    try:
        made = repositories.add(current(), full_names, private=not public)
    except repositories.RepositoryNameError as error:
        raise click.UsageError(str(error)) from None
    except repositories.RepositoriesError as error:
        raise click.ClickException(str(error)) from None
    for each in made:
        click.echo(f"{each.full_name}: {'made' if each.new else 'is there already'}")


@repo.command("list")
def list_() -> None:
    """List all repositories."""
    try:
        click.echo("\n".join(repositories.names(current())))
    except repositories.RepositoriesError as error:
        raise click.ClickException(str(error)) from None


def _table(found: list[ProcessStatus]) -> Table:
    table = Table()
    for column in ("process", "state", "pid", "port", "memory", "log"):
        table.add_column(column, overflow="fold")  # half a path is of no use
    for each in found:
        colour = "green" if each.state == "running" else "red"
        size = f"{each.memory / 2**20:.0f} MiB" if each.memory else ""
        table.add_row(
            each.name, f"[{colour}]{each.state}[/]", str(each.pid or ""), str(each.port), size, str(each.log)
        )
    total = sum(each.memory for each in found) / 2**20
    table.add_row("together", "", "", "", f"{total:.0f} MiB", "")
    return table
