"""`tenancy kubeconfig`'s commands for single entries, in kubectl's words."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from automation import plain
from automation.commands.kubeconfig_io import (
    PATH,
    BadInput,
    absolute,
    finish,
    given,
    input_option,
    inputs_or_default,
    output_options,
    plain_errors,
    print_json,
    read_all,
    source,
)
from kube.config import edit as documents
from kube.config import files
from kube.config.edit import Document, Kind

_file_option = click.option(
    "--kubeconfig",
    "path",
    type=PATH,
    help="The kubeconfig to change. [default: the first of $KUBECONFIG, else ~/.kube/config]",
)


@click.command("get-contexts")
@input_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@plain_errors
def get_contexts(inputs: tuple[Path, ...], as_json: bool) -> None:
    """List the contexts of $KUBECONFIG, all its files merged."""
    document = read_all(inputs, None).document
    current = documents.current_context(document)
    rows = [
        {
            "current": name == current,
            "name": name,
            **{key: str(body.get(key) or "") for key in ("cluster", "user", "namespace")},
        }
        for name, body in documents.entries(document, "context")
    ]
    if as_json:
        print_json({"contexts": rows})
        return
    head = ("CURRENT", "NAME", "CLUSTER", "USER", "NAMESPACE")
    click.echo(plain.table(head, [("*" if row["current"] else "", *list(row.values())[1:]) for row in rows]))


@click.command()
@input_option
@output_options
@plain_errors
def view(inputs: tuple[Path, ...], output: Path | None, raw: bool, as_json: bool) -> None:
    """Show $KUBECONFIG as one document, all its files merged; secrets only with --raw."""
    finish(lambda: read_all(inputs, output), output, raw, as_json)


@click.command("set-cluster")
@click.argument("name")
@click.option("--server", help="URL of the API server, such as https://10.0.0.1:6443.")
@click.option("--certificate-authority", type=PATH, help="File of the CA's certificate (PEM).")
@click.option("--tls-server-name", help="Name in the server's certificate, where it is not that of the URL.")
@click.option("--insecure-skip-tls-verify", is_flag=True, help="Do not check who the server is.")
@_file_option
@plain_errors
def set_cluster(
    name: str,
    server: str | None,
    certificate_authority: Path | None,
    tls_server_name: str | None,
    insecure_skip_tls_verify: bool,
    path: Path | None,
) -> None:
    """Set fields of a cluster's entry, which is made where there is none."""
    if server is not None and (problem := documents.server_problem(server)):
        raise click.UsageError(f"--server {server!r}: {problem}")
    fields = {
        "server": server,
        "certificate-authority": absolute(certificate_authority),
        "tls-server-name": tls_server_name,
        "insecure-skip-tls-verify": insecure_skip_tls_verify,
    }
    _put(path, "cluster", name, given(fields))


@click.command("set-credentials")
@click.argument("name")
@click.option("--client-certificate", type=PATH, help="File of the user's certificate (PEM).")
@click.option("--client-key", type=PATH, help="File of the user's key (PEM).")
@click.option("--token", type=click.File("r"), help="File of the bearer token, or - for standard input.")
@click.option("--username", help="The user's name, where the cluster asks for a password.")
@click.option("--password-file", type=click.File("r"), help="File of the password, or - for standard input.")
@_file_option
@plain_errors
def set_credentials(
    name: str,
    client_certificate: Path | None,
    client_key: Path | None,
    token: Any,
    username: str | None,
    password_file: Any,
    path: Path | None,
) -> None:
    """Set fields of a user's entry, which is made where there is none. No secret is an argument."""
    fields = {
        "client-certificate": absolute(client_certificate),
        "client-key": absolute(client_key),
        "token": token.read().strip() if token else None,
        "username": username,
        "password": password_file.read().strip() if password_file else None,
    }
    _put(path, "user", name, given(fields))


@click.command("set-context")
@click.argument("name")
@click.option("--cluster", help="Name of the cluster's entry.")
@click.option("--user", help="Name of the user's entry.")
@click.option("--namespace", help="Namespace of the context.")
@_file_option
@plain_errors
def set_context(
    name: str, cluster: str | None, user: str | None, namespace: str | None, path: Path | None
) -> None:
    """Set fields of a context, which is made where there is none: a further one of a user, or a namespace."""
    _put(path, "context", name, given({"cluster": cluster, "user": user, "namespace": namespace}))


@click.command("unset")
@click.argument("kind", type=click.Choice(("cluster", "user", "context")))
@click.argument("name")
@_file_option
@plain_errors
def unset(kind: Kind, name: str, path: Path | None) -> None:
    """Remove one entry alone. A cluster or user that a context still refers to is not removed."""

    def removed(document: Document, text: str, file: Path) -> str:
        if name not in documents.names(document, kind):
            there = ", ".join(documents.names(document, kind)) or "none"
            raise BadInput(f"{file}: there is no {kind} {name!r}; there is: {there}")
        users = [
            context
            for context, body in documents.entries(document, "context")
            if kind != "context" and body.get(kind) == name
        ]
        if users:
            raise BadInput(
                f"{file}: {kind} {name!r} is used by context {', '.join(users)}; remove that first"
            )
        return documents.remove(text, {kind: {name}}, str(file))

    _change(path, removed)


def _put(path: Path | None, kind: Kind, name: str, fields: Document) -> None:
    if not fields:
        raise click.UsageError("nothing to set; name at least one field")

    def changed(document: Document, _text: str, _file: Path) -> str:
        documents.put(document, kind, name, fields)
        return documents.dump(document)

    _change(path, changed)


def _change(path: Path | None, change: Callable[[Document, str, Path], str]) -> None:
    """Replaces one file by what `change` makes of its document and text, under kubectl's lock."""
    file = path or inputs_or_default(())[0]
    with files.locked([file]):
        text = files.read(file) if file.exists() else ""
        document = source(file).document if file.exists() else documents.empty()
        backup = files.write(file, change(document, text, file))
    click.echo(f"wrote {file}" + (f"; the old one is {backup}" if backup else ""))


COMMANDS = (get_contexts, view, set_cluster, set_credentials, set_context, unset)
