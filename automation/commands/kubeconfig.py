"""`tenancy kubeconfig`: build, merge and cut down kubeconfigs by kubectl's rules."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from automation.commands.kubeconfig_entries import COMMANDS
from automation.commands.kubeconfig_io import (
    PATH,
    absolute,
    finish,
    folder,
    given,
    input_option,
    inputs_or_default,
    output_options,
    plain_errors,
    print_json,
    read_all,
    shown,
    source,
)
from kube.config import edit as documents
from kube.config import files
from kube.config.edit import KINDS, Document, Merged, Rename, Source
from kube.errors import KubeconfigError


@click.group(name="kubeconfig")
def kubeconfig() -> None:
    """Build, merge and cut down kubeconfigs by kubectl's rules.

    Keys and tokens are written only with --output, to a file that its owner alone can read, or with --raw. A
    file that is replaced leaves a copy beside it, FILE.bak. kubectl's lock, FILE.lock, is respected.
    """


@kubeconfig.command()
@click.option("--cluster", required=True, help="Name of the cluster's entry.")
@click.option("--server", required=True, help="URL of the API server, such as https://10.0.0.1:6443.")
@click.option("--certificate-authority", type=PATH, help="File of the CA's certificate (PEM).")
@click.option("--tls-server-name", help="Name in the server's certificate, where it is not that of the URL.")
@click.option(
    "--insecure-skip-tls-verify", is_flag=True, help="Do not check who the server is. For trials only."
)
@click.option("--user", required=True, help="Name of the user's entry.")
@click.option("--client-certificate", type=PATH, help="File of the user's certificate (PEM).")
@click.option("--client-key", type=PATH, help="File of the user's key (PEM).")
@click.option(
    "--token", type=click.File("r"), help="File of the user's bearer token, or - for standard input."
)
@click.option("--username", help="The user's name, where the cluster asks for a password.")
@click.option(
    "--password-file", type=click.File("r"), help="File of the user's password, or - for standard input."
)
@click.option("--context", help="Name of the context. [default: the cluster's name]")
@click.option("--namespace", help="Namespace of the context.")
@click.option(
    "--no-embed", is_flag=True, help="Refer to the files of certificates and key, do not copy them in."
)
@click.option("--overwrite", is_flag=True, help="Replace entries that --output has already.")
@output_options
@plain_errors
def build(
    cluster: str,
    server: str,
    certificate_authority: Path | None,
    tls_server_name: str | None,
    insecure_skip_tls_verify: bool,
    user: str,
    client_certificate: Path | None,
    client_key: Path | None,
    token: Any,
    username: str | None,
    password_file: Any,
    context: str | None,
    namespace: str | None,
    no_embed: bool,
    overwrite: bool,
    output: Path | None,
    raw: bool,
    as_json: bool,
) -> None:
    """Make a kubeconfig of one cluster, user and context.

    An --output that exists is added to, so that several calls make a kubeconfig of several clusters.

    \b
      tenancy kubeconfig build --cluster development --server https://10.0.0.1:6443 \\
        --certificate-authority ca.crt --user developer --client-certificate developer.crt \\
        --client-key developer.key --context dev-frontend --namespace frontend -o ~/.kube/config
    """
    if (username is None) != (password_file is None):
        raise click.UsageError("--username and --password-file go together")
    if (client_certificate is None) != (client_key is None):
        raise click.UsageError("--client-certificate and --client-key go together")
    if problem := documents.server_problem(server):
        raise click.UsageError(f"--server {server!r}: {problem}")
    if insecure_skip_tls_verify and certificate_authority:
        raise click.UsageError("--insecure-skip-tls-verify and --certificate-authority exclude each other")
    cluster_body = given(
        {
            "server": server,
            "certificate-authority": absolute(certificate_authority),
            "tls-server-name": tls_server_name,
            "insecure-skip-tls-verify": insecure_skip_tls_verify,
        }
    )
    user_body = given(
        {
            "client-certificate": absolute(client_certificate),
            "client-key": absolute(client_key),
            "token": token.read().strip() if token else None,
            "username": username,
            "password": password_file.read().strip() if password_file else None,
        }
    )
    made = documents.new((cluster, cluster_body), (user, user_body), context or cluster, namespace)
    if not no_embed:
        made = documents.flatten(made, Path.read_bytes, "build")

    def added() -> Merged:
        existing = [source(output)] if output and output.exists() else []
        sources = [*existing, Source("this command", made)]
        return documents.merge(sources, overwrite=overwrite, destination=folder(output))

    finish(added, output, raw, as_json)


@kubeconfig.command()
@click.argument("sources", metavar="[FILE...]", type=PATH, nargs=-1)
@click.option(
    "--rename",
    "renames",
    metavar="KIND:OLD=NEW",
    multiple=True,
    help="Rename an entry of the files after the first, before merging: cluster:, user: or context:.",
)
@click.option("--overwrite", is_flag=True, help="Of different entries with one name, take the last one.")
@output_options
@plain_errors
def merge(
    sources: tuple[Path, ...],
    renames: tuple[str, ...],
    overwrite: bool,
    output: Path | None,
    raw: bool,
    as_json: bool,
) -> None:
    """Merge kubeconfigs, by default those of $KUBECONFIG: of different entries with one name the first wins.

    What was not taken is reported. --rename lets both stay, --overwrite takes the last. Layout and
    comments of the first file stay. To add to a kubeconfig, name it first and as --output:

    \b
      tenancy kubeconfig merge ~/.kube/config new.yaml -o ~/.kube/config
    """
    wanted = [_rename(text) for text in renames]

    def merged() -> Merged:
        paths = sources or [path for path in inputs_or_default(()) if path.exists()]
        if not paths:
            raise KubeconfigError(f"none of these kubeconfigs exists: {shown(())}")
        first, *others = [source(path) for path in paths]
        for rename in wanted:
            if not any(rename.old in documents.names(item.document, rename.kind) for item in others):
                raise KubeconfigError(f"--rename: no file after the first has a {rename.kind} {rename.old!r}")
        others = [replace(item, document=_renamed(item, wanted)) for item in others]
        return documents.merge([first, *others], overwrite=overwrite, destination=folder(output))

    finish(merged, output, raw, as_json)


_flatten_option = click.option(
    "--flatten", "flat", is_flag=True, help="Copy the files of certificates and keys in, too."
)


def _flat(document: Document, inputs: tuple[Path, ...]) -> Document:
    return documents.flatten(document, Path.read_bytes, shown(inputs))


@kubeconfig.command()
@click.option("--context", help="The context to keep. [default: the current one]")
@_flatten_option
@input_option
@output_options
@plain_errors
def minify(
    context: str | None,
    flat: bool,
    inputs: tuple[Path, ...],
    output: Path | None,
    raw: bool,
    as_json: bool,
) -> None:
    """Keep one context with its cluster and user, as `kubectl config view --minify`."""

    def minified() -> Merged:
        merged = read_all(inputs, None if flat else output)
        found = documents.minify(merged.document, context, shown(inputs))
        return Merged(_flat(found, inputs) if flat else found, merged.conflicts)

    finish(minified, output, raw, as_json)


@kubeconfig.command()
@input_option
@output_options
@plain_errors
def flatten(inputs: tuple[Path, ...], output: Path | None, raw: bool, as_json: bool) -> None:
    """Copy the files of certificates and keys into the kubeconfig, as `kubectl config view --flatten`."""

    def flattened() -> Merged:
        merged = read_all(inputs, None)
        return Merged(_flat(merged.document, inputs), merged.conflicts)

    finish(flattened, output, raw, as_json)


@kubeconfig.command()
@click.argument("contexts", metavar="CONTEXT...", nargs=-1, required=True)
@_flatten_option
@input_option
@output_options
@plain_errors
def extract(
    contexts: tuple[str, ...],
    flat: bool,
    inputs: tuple[Path, ...],
    output: Path | None,
    raw: bool,
    as_json: bool,
) -> None:
    """Take contexts out with their clusters and users, to a kubeconfig of their own."""

    def extracted() -> Merged:
        merged = read_all(inputs, None if flat else output)
        found = documents.extract(merged.document, contexts, shown(inputs))
        return Merged(_flat(found, inputs) if flat else found, merged.conflicts)

    finish(extracted, output, raw, as_json)


@kubeconfig.command()
@click.argument("contexts", metavar="CONTEXT...", nargs=-1, required=True)
@input_option
@click.option("--keep-unused", is_flag=True, help="Leave clusters and users that no context uses any more.")
@click.option("--json", "as_json", is_flag=True, help="Report what was done, without secrets, as JSON.")
@plain_errors
def remove(contexts: tuple[str, ...], inputs: tuple[Path, ...], keep_unused: bool, as_json: bool) -> None:
    """Remove contexts, and the clusters and users that only they used, from the kubeconfig itself.

    A current context that goes leaves none current: choose another with `kubectl config use-context`.
    """
    paths = inputs_or_default(inputs)
    with files.locked(paths):
        texts = {path: files.read(path) for path in paths if path.exists()}
        loaded = [
            Source(str(path), documents.parse(text, str(path)), folder(path)) for path, text in texts.items()
        ]
        document = documents.merge(loaded).document
        removal = documents.to_remove(document, contexts, shown(inputs), keep_unused=keep_unused)
        written: dict[str, str | None] = {}
        for path, text in texts.items():
            edited = documents.remove(text, removal, str(path))
            if edited != text:
                backup = files.write(path, edited)
                written[str(path)] = str(backup) if backup else None
    removed = {
        KINDS[kind]: sorted(gone & set(documents.names(document, kind))) for kind, gone in removal.items()
    }
    was_current = documents.current_context(document) in contexts
    if as_json:
        print_json({"written": written, "removed": removed, "current-context-removed": was_current})
        return
    for plural, gone in removed.items():
        if gone:
            click.echo(f"removed {plural}: {', '.join(gone)}")
    for path, backup in written.items():
        click.echo(f"wrote {path}" + (f", the old one is {backup}" if backup else ""))
    if was_current:
        click.echo("The current context is gone; choose another with kubectl config use-context.", err=True)


def _renamed(source: Source, renames: Sequence[Rename]) -> Document:
    matching = [item for item in renames if item.old in documents.names(source.document, item.kind)]
    return documents.renamed(source.document, matching, source.name)


def _rename(text: str) -> Rename:
    kind, _, rest = text.partition(":")
    old, equals, new = rest.partition("=")
    if kind not in KINDS or not old or not equals or not new:
        raise click.UsageError(
            f"--rename {text!r}: KIND:OLD=NEW is wanted, where KIND is one of {', '.join(KINDS)}"
        )
    return Rename(kind, old, new)


for _command in COMMANDS:
    kubeconfig.add_command(_command)
