"""`tenancy kubeconfig`: build, merge and cut down kubeconfigs by kubectl's rules."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click

from kube.config import edit as documents
from kube.config import files
from kube.config.edit import KINDS, Document, Merged, Rename, Source
from kube.errors import KubeconfigError

_P = ParamSpec("_P")
_R = TypeVar("_R")
_PATH = click.Path(path_type=Path, dir_okay=False)


@click.group(name="kubeconfig")
def kubeconfig() -> None:
    """Build, merge and cut down kubeconfigs by kubectl's rules.

    Keys and tokens are written only with --output, to a file that its owner alone can read, or with --raw. A
    file that is replaced leaves a copy beside it, FILE.bak. kubectl's lock, FILE.lock, is respected.
    """


class _BadInput(click.ClickException):
    exit_code = 2  # as for all of `tenancy`


def _plain_errors(command: Callable[_P, _R]) -> Callable[_P, _R]:
    """What is wrong with a kubeconfig is said in one line, without a traceback."""

    @wraps(command)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return command(*args, **kwargs)
        except KubeconfigError as error:
            raise _BadInput(str(error)) from None

    return run


def _output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        click.option(
            "--output", "-o", type=_PATH, help="Write to this file (mode 0600) instead of the terminal."
        ),
        click.option("--raw", is_flag=True, help="Show keys and tokens when writing to the terminal."),
        click.option(
            "--json", "as_json", is_flag=True, help="Report what was done, without secrets, as JSON."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


_input_option = click.option(
    "--kubeconfig",
    "inputs",
    type=_PATH,
    multiple=True,
    help="The kubeconfig to read; may be repeated. [default: $KUBECONFIG, else ~/.kube/config]",
)


@kubeconfig.command()
@click.option("--cluster", required=True, help="Name of the cluster's entry.")
@click.option("--server", required=True, help="URL of the API server, such as https://10.0.0.1:6443.")
@click.option("--certificate-authority", type=_PATH, help="File of the CA's certificate (PEM).")
@click.option("--tls-server-name", help="Name in the server's certificate, where it is not that of the URL.")
@click.option(
    "--insecure-skip-tls-verify", is_flag=True, help="Do not check who the server is. For trials only."
)
@click.option("--user", required=True, help="Name of the user's entry.")
@click.option("--client-certificate", type=_PATH, help="File of the user's certificate (PEM).")
@click.option("--client-key", type=_PATH, help="File of the user's key (PEM).")
@click.option(
    "--token", type=click.File("r"), help="File of the user's bearer token, or - for standard input."
)
@click.option("--context", help="Name of the context. [default: the cluster's name]")
@click.option("--namespace", help="Namespace of the context.")
@click.option(
    "--no-embed", is_flag=True, help="Refer to the files of certificates and key, do not copy them in."
)
@click.option("--overwrite", is_flag=True, help="Replace entries that --output has already.")
@_output_options
@_plain_errors
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
    if (client_certificate is None) != (client_key is None):
        raise click.UsageError("--client-certificate and --client-key go together")
    if insecure_skip_tls_verify and certificate_authority:
        raise click.UsageError("--insecure-skip-tls-verify and --certificate-authority exclude each other")
    cluster_body = _given(
        {
            "server": server,
            "certificate-authority": _absolute(certificate_authority),
            "tls-server-name": tls_server_name,
            "insecure-skip-tls-verify": insecure_skip_tls_verify,
        }
    )
    user_body = _given(
        {
            "client-certificate": _absolute(client_certificate),
            "client-key": _absolute(client_key),
            "token": token.read().strip() if token else None,
        }
    )
    made = documents.new((cluster, cluster_body), (user, user_body), context or cluster, namespace)
    if not no_embed:
        made = documents.flatten(made, Path.read_bytes, "build")

    def added() -> Merged:
        existing = [_source(output)] if output and output.exists() else []
        sources = [*existing, Source("this command", made)]
        return documents.merge(sources, overwrite=overwrite, destination=_folder(output))

    _finish(added, output, raw, as_json)


@kubeconfig.command()
@click.argument("sources", metavar="FILE...", type=_PATH, nargs=-1, required=True)
@click.option(
    "--rename",
    "renames",
    metavar="KIND:OLD=NEW",
    multiple=True,
    help="Rename an entry of the files after the first, before merging: cluster:, user: or context:.",
)
@click.option("--overwrite", is_flag=True, help="Of different entries with one name, take the last one.")
@_output_options
@_plain_errors
def merge(
    sources: tuple[Path, ...],
    renames: tuple[str, ...],
    overwrite: bool,
    output: Path | None,
    raw: bool,
    as_json: bool,
) -> None:
    """Merge kubeconfigs: of different entries with one name the first is taken.

    What was not taken is reported. --rename lets both stay, --overwrite takes the last. Layout and
    comments of the first file stay. To add to a kubeconfig, name it first and as --output:

    \b
      tenancy kubeconfig merge ~/.kube/config new.yaml -o ~/.kube/config
    """
    wanted = [_rename(text) for text in renames]

    def merged() -> Merged:
        first, *others = [_source(path) for path in sources]
        for rename in wanted:
            if not any(rename.old in documents.names(item.document, rename.kind) for item in others):
                raise KubeconfigError(f"--rename: no file after the first has a {rename.kind} {rename.old!r}")
        others = [replace(item, document=_renamed(item, wanted)) for item in others]
        return documents.merge([first, *others], overwrite=overwrite, destination=_folder(output))

    _finish(merged, output, raw, as_json)


@kubeconfig.command()
@click.option("--context", help="The context to keep. [default: the current one]")
@_input_option
@_output_options
@_plain_errors
def minify(
    context: str | None, inputs: tuple[Path, ...], output: Path | None, raw: bool, as_json: bool
) -> None:
    """Keep one context with its cluster and user, as `kubectl config view --minify`."""

    def minified() -> Merged:
        merged = _read_all(inputs, output)
        return Merged(documents.minify(merged.document, context, _shown(inputs)), merged.conflicts)

    _finish(minified, output, raw, as_json)


@kubeconfig.command()
@_input_option
@_output_options
@_plain_errors
def flatten(inputs: tuple[Path, ...], output: Path | None, raw: bool, as_json: bool) -> None:
    """Copy the files of certificates and keys into the kubeconfig, as `kubectl config view --flatten`."""

    def flattened() -> Merged:
        merged = _read_all(inputs, None)
        return Merged(documents.flatten(merged.document, Path.read_bytes, _shown(inputs)), merged.conflicts)

    _finish(flattened, output, raw, as_json)


@kubeconfig.command()
@click.argument("contexts", metavar="CONTEXT...", nargs=-1, required=True)
@_input_option
@_output_options
@_plain_errors
def extract(
    contexts: tuple[str, ...], inputs: tuple[Path, ...], output: Path | None, raw: bool, as_json: bool
) -> None:
    """Take contexts out with their clusters and users, to a kubeconfig of their own."""

    def extracted() -> Merged:
        merged = _read_all(inputs, output)
        return Merged(documents.extract(merged.document, contexts, _shown(inputs)), merged.conflicts)

    _finish(extracted, output, raw, as_json)


@kubeconfig.command()
@click.argument("contexts", metavar="CONTEXT...", nargs=-1, required=True)
@_input_option
@click.option("--keep-unused", is_flag=True, help="Leave clusters and users that no context uses any more.")
@click.option("--json", "as_json", is_flag=True, help="Report what was done, without secrets, as JSON.")
@_plain_errors
def remove(contexts: tuple[str, ...], inputs: tuple[Path, ...], keep_unused: bool, as_json: bool) -> None:
    """Remove contexts, and the clusters and users that only they used, from the kubeconfig itself.

    A current context that goes leaves none current: choose another with `kubectl config use-context`.
    """
    paths = _inputs(inputs)
    with files.locked(paths):
        texts = {path: files.read(path) for path in paths if path.exists()}
        loaded = [
            Source(str(path), documents.parse(text, str(path)), _folder(path)) for path, text in texts.items()
        ]
        document = documents.merge(loaded).document
        removal = documents.to_remove(document, contexts, _shown(inputs), keep_unused=keep_unused)
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
        _print_json({"written": written, "removed": removed, "current-context-removed": was_current})
        return
    for plural, gone in removed.items():
        if gone:
            click.echo(f"removed {plural}: {', '.join(gone)}")
    for path, backup in written.items():
        click.echo(f"wrote {path}" + (f", the old one is {backup}" if backup else ""))
    if was_current:
        click.echo("The current context is gone; choose another with kubectl config use-context.", err=True)


def _finish(
    make: Callable[[], Merged],
    output: Path | None,
    raw: bool,
    as_json: bool,
) -> None:
    """Makes the document, with the output file locked where there is one, and shows or writes it."""
    if output is None:
        merged = make()
        shown = merged.document if raw else documents.redacted(merged.document)
        if as_json:
            _print_json(_report(merged, None, None))
        else:
            _tell_conflicts(merged)
            click.echo(documents.dump(shown), nl=False)
        return
    with files.locked([output]):
        merged = make()
        backup = files.write(output, documents.dump(merged.document))
    if as_json:
        _print_json(_report(merged, output, backup))
        return
    _tell_conflicts(merged)
    contexts = ", ".join(documents.names(merged.document, "context")) or "none"
    click.echo(f"wrote {output} with contexts: {contexts}" + (f"; the old one is {backup}" if backup else ""))


def _report(merged: Merged, output: Path | None, backup: Path | None) -> dict[str, object]:
    return {
        "written": str(output) if output else None,
        "backup": str(backup) if backup else None,
        "current-context": documents.current_context(merged.document),
        **{plural: documents.names(merged.document, kind) for kind, plural in KINDS.items()},
        "conflicts": [asdict(conflict) for conflict in merged.conflicts],
    }


def _tell_conflicts(merged: Merged) -> None:
    for conflict in merged.conflicts:
        users = f" (contexts {', '.join(conflict.used_by)} now use the other)" if conflict.used_by else ""
        click.echo(
            f"not taken: {conflict.kind} {conflict.name!r} of {conflict.not_taken_from}, "
            f"which differs from that of {conflict.taken_from}{users}",
            err=True,
        )
    if merged.conflicts:
        click.echo(
            "To have both use --rename, to take the last one use --overwrite (merge, build).", err=True
        )


def _print_json(report: object) -> None:
    click.echo(json.dumps(report, indent=2))


def _inputs(given: Sequence[Path]) -> list[Path]:
    return list(given) or files.default_paths(os.environ)


def _shown(given: Sequence[Path]) -> str:
    return os.pathsep.join(map(str, _inputs(given)))


def _read_all(given: Sequence[Path], output: Path | None) -> Merged:
    """The inputs merged; of KUBECONFIG's files only those that exist, as for kubectl."""
    paths = [path for path in _inputs(given) if given or path.exists()]
    if not paths:
        raise KubeconfigError(f"none of these kubeconfigs exists: {_shown(given)}")
    return documents.merge([_source(path) for path in paths], destination=_folder(output))


def _source(path: Path) -> Source:
    return Source(str(path), documents.parse(files.read(path), str(path)), _folder(path))


def _folder(path: Path | None) -> Path | None:
    return path.absolute().parent if path else None


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


def _absolute(path: Path | None) -> str | None:
    return str(path.absolute()) if path else None


def _given(body: Document) -> Document:
    return {key: value for key, value in body.items() if value not in (None, False)}
