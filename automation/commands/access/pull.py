"""`tenancy access pull`: the certificate, and the contexts that use it."""

import json
import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from automation import plain
from automation.commands.access import shared
from automation.laptop import context, folder, identity, remote
from automation.laptop.errors import AccessError
from kube.config import files


@click.command()
@click.argument("tenant")
@shared.stack
@click.option("--login", help="GitHub login. [default: the one that made a key here]")
@shared.repository
@shared.from_stack
@click.option(
    "--embed",
    is_flag=True,
    help="Name the files of key and certificate in the kubeconfig, not the plugin that renews by itself.",
)
@click.option("--overwrite", is_flag=True, help="Replace contexts and clusters of the same name.")
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to add the contexts to. [default: the first of $KUBECONFIG, else ~/.kube/config]",
)
@shared.json
@shared.plain_errors
def pull(
    tenant: str,
    stack: str | None,
    login: str | None,
    repository: str | None,
    from_stack: bool,
    embed: bool,
    overwrite: bool,
    kubeconfig: Path | None,
    as_json: bool,
) -> None:
    """Fetch the certificate, and add a context <cluster>-<namespace> for each namespace to the kubeconfig.

    kubectl then asks `tenancy access credential` for it, which fetches renewed ones by itself.
    """
    root, name = shared.chosen(stack)
    person = _local_login(name, tenant, login)
    kept = folder.of_member(os.environ, name, tenant, person)
    source = shared.source(root, repository, from_stack=from_stack)
    published = remote.fetch(source, name, tenant, person)
    kept.accept(published.certificate, tenant, person, datetime.now(UTC))
    folder.write_private(kept.source, json.dumps(source, indent=2) + "\n")

    target = (kubeconfig or files.default_paths(os.environ)[0]).absolute()
    entry = context.files(kept) if embed else context.plugin(_command(), name, tenant, person)
    user = context.user_of(name, tenant, person)
    with files.locked([target]):
        text = files.read(target) if target.exists() else ""
        changed = context.merged(text, target, published, user, entry, overwrite=overwrite)
        if changed != text:
            files.write(target, changed)
    contexts = [f"{published.cluster}-{namespace}" for namespace in published.namespaces]
    end = identity.ends(published.certificate)
    if as_json:
        ours = identity.signed_by(published.certificate, published.certificate_authority)
        report = {"kubeconfig": str(target), "contexts": contexts, "not_after": end.isoformat()}
        plain.as_json({**report, "signed_by_cluster_ca": ours})
        return
    click.echo(f"{target} has the contexts: {', '.join(contexts)}")
    click.echo(f"the certificate holds until {end:%Y-%m-%d %H:%M} UTC")
    click.echo(f"use them with: kubectl --context {contexts[0]} get pods")


def _local_login(stack: str, tenant: str, login: str | None) -> str:
    if login:
        return login
    place = folder.of_tenant(os.environ, stack, tenant)
    found = sorted(path.name for path in place.glob("*") if path.is_dir()) if place.is_dir() else []
    if not found:
        raise AccessError(f"there is no key here yet: tenancy access request {tenant} --stack {stack}")
    if len(found) > 1:
        raise click.UsageError(f"whose? --login is one of: {', '.join(found)}")
    return found[0]


def _command() -> str:
    """Where this program is, for kubectl, whose PATH may be another."""
    beside = Path(sys.executable).with_name("tenancy")
    return str(beside) if beside.exists() else shutil.which("tenancy") or "tenancy"
