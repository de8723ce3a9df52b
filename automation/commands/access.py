"""`tenancy access`: namespaces from a laptop, with a key that never leaves it."""

import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click

from automation import access as parts
from automation import access_remote as remote
from automation import kubeconfig_files, output
from automation.access import BRANCH, AccessError, Keeper
from automation.github import GitHub, GitHubError, repository_of
from kube.kubeconfig import KubeconfigError

_P = ParamSpec("_P")
_R = TypeVar("_R")


class _Failed(click.ClickException):
    exit_code = output.FAILED


class _BadInput(click.ClickException):
    exit_code = output.BAD_INPUT


@click.group()
def access() -> None:
    """Reach a tenant's namespaces from a laptop. The private key is made there and stays there.

    \b
      tenancy access request TENANT   makes a key, and a pull request with its certificate request
      …the pull request is merged, and CI applies and publishes…
      tenancy access pull TENANT      fetches the certificate, and adds contexts to the kubeconfig

    GITHUB_TOKEN is used where GitHub asks for one, else what the gh command has. The branch
    tenancy-certificates of the platform's repository holds what CI published; protect it like the main one.
    """


def _plain_errors(command: Callable[_P, _R]) -> Callable[_P, _R]:
    """What went wrong is said in one line, without a traceback."""

    @wraps(command)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        from automation.tenant_file import TenantFileError

        try:
            return command(*args, **kwargs)
        except (AccessError, GitHubError) as error:
            raise _Failed(str(error)) from None
        except (KubeconfigError, TenantFileError) as error:
            raise _BadInput(str(error)) from None

    return run


def _complete_stack(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from automation import project

    return project.complete_stack(context, parameter, incomplete)


_stack = click.option(
    "--stack",
    shell_complete=_complete_stack,
    help="The cluster's stack. May be left out where there is only one.",
)
_stacks = click.option(
    "--stack",
    "names",
    multiple=True,
    shell_complete=_complete_stack,
    help="Stack; may be repeated. May be left out where there is only one.",
)
_login = click.option("--login", help="GitHub login. [default: $GITHUB_USER, else that of the token]")
_repository = click.option(
    "--repository",
    metavar="OWNER/NAME",
    help="The platform's repository. [default: that of the git remote origin]",
)
_from_stack = click.option(
    "--from-stack", is_flag=True, help="Read the stack's own outputs instead of what CI published."
)
_json = click.option("--json", "as_json", is_flag=True, help="Print a report for machines.")


@access.command()
@click.argument("tenant")
@_stack
@_login
@click.option(
    "--role",
    type=click.Choice(["admin", "developer", "viewer"]),
    help="Role to ask for. [default: the member's, or developer]",
)
@click.option("--renew-key", is_flag=True, help="Make another key; the old one works until the next pull.")
@click.option(
    "--pull-request/--no-pull-request",
    default=None,
    help="Open a pull request, or change the file in this checkout. [default: the first, given a token]",
)
@_repository
@_json
@_plain_errors
def request(
    tenant: str,
    stack: str | None,
    login: str | None,
    role: str | None,
    renew_key: bool,
    pull_request: bool | None,
    repository: str | None,
    as_json: bool,
) -> None:
    """Make a key, and ask for its certificate in the tenant's file. Access begins when that is merged.

    Run again it asks for the same key.
    """
    from automation import github

    root, name = _chosen(stack)
    path = _tenant_file(root, name, tenant)
    api = GitHub.of(os.environ)
    has_token = github.token(os.environ) is not None
    if pull_request and not has_token:
        raise click.UsageError("--pull-request needs a token in GITHUB_TOKEN, or gh that is logged in")
    person = _who(login, api)
    kept = parts.keeper(os.environ, name, tenant, person)
    csr = kept.ask(tenant, person, renew_key=renew_key)
    branch = parts.branch_of(csr, tenant, person)
    shown = path.relative_to(root).as_posix()
    title = f"Access to {tenant} for {person}"
    if pull_request or (pull_request is None and has_token):
        page = remote.propose(
            api,
            _repository_of(root, repository),
            branch,
            shown,
            title,
            lambda text: _ask(text, person, csr, role),
        )
        told = page and f"opened {page}"
    else:
        text = path.read_text()
        changed = _ask(text, person, csr, role)
        path.write_text(changed)
        page = None
        told = (
            None if changed == text else f"changed {shown}; go on with:\n{_git(root, shown, branch, title)}"
        )
    if as_json:
        output.as_json(
            {"key": str(kept.path), "file": shown, "pull_request": page, "changed": told is not None}
        )
        return
    click.echo(f"the key is in {kept.path}; it stays there")
    click.echo(told or f"{shown} has this request already")
    click.echo(f"once it is merged and applied: tenancy access pull {tenant} --stack {name}")


@access.command()
@click.argument("tenant")
@_stack
@click.option("--login", help="GitHub login. [default: the one that made a key here]")
@_repository
@_from_stack
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
@_json
@_plain_errors
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
    root, name = _chosen(stack)
    person = _local_login(name, tenant, login)
    kept = parts.keeper(os.environ, name, tenant, person)
    source = {"project": str(root)} if from_stack else _remote(root, repository)
    published = remote.fetch(source, name, tenant, person)
    kept.accept(published.certificate, tenant, person, datetime.now(UTC))
    parts.write_private(kept.source, json.dumps(source, indent=2) + "\n")

    target = (kubeconfig or kubeconfig_files.default_paths(os.environ)[0]).absolute()
    entry = parts.files(kept) if embed else parts.plugin(_command(), name, tenant, person)
    user = parts.user_of(name, tenant, person)
    with kubeconfig_files.locked([target]):
        text = kubeconfig_files.read(target) if target.exists() else ""
        changed = parts.merged(text, target, published, user, entry, overwrite=overwrite)
        if changed != text:
            kubeconfig_files.write(target, changed)
    contexts = [f"{published.cluster}-{namespace}" for namespace in published.namespaces]
    end = parts.ends(published.certificate)
    if as_json:
        ours = parts.signed_by(published.certificate, published.certificate_authority)
        report = {"kubeconfig": str(target), "contexts": contexts, "not_after": end.isoformat()}
        output.as_json({**report, "signed_by_cluster_ca": ours})
        return
    click.echo(f"{target} has the contexts: {', '.join(contexts)}")
    click.echo(f"the certificate holds until {end:%Y-%m-%d %H:%M} UTC")
    click.echo(f"use them with: kubectl --context {contexts[0]} get pods")


@access.command()
@click.option("--stack", required=True)
@click.option("--tenant", required=True)
@click.option("--login", required=True)
@_plain_errors
def credential(stack: str, tenant: str, login: str) -> None:
    """Print the credential for kubectl, which runs this by itself (client.authentication.k8s.io/v1).

    A renewed certificate is fetched once less than a third of the lifetime is left. Works without a network
    as long as the certificate holds.
    """
    kept = parts.keeper(os.environ, stack, tenant, login)
    if not kept.certificate.exists() or not kept.source.exists():
        raise AccessError(f"there is no certificate here yet: tenancy access pull {tenant} --stack {stack}")
    now = datetime.now(UTC)
    if not kept.fits():
        # A pull was killed after the certificate of a new key was written.
        kept.accept(kept.certificate.read_text(), tenant, login, now)
    certificate = kept.certificate.read_text()
    expired = now >= parts.ends(certificate)
    if expired or (parts.is_due(certificate, now) and _may_look(kept, now)):
        try:
            source = json.loads(kept.source.read_text())
            published = remote.fetch(source, stack, tenant, login, timeout=5)
            kept.accept(published.certificate, tenant, login, now)
        except (AccessError, GitHubError) as error:
            if expired:
                raise AccessError(
                    f"the certificate expired on {parts.ends(certificate):%Y-%m-%d %H:%M} UTC, and there is "
                    f"no renewed one: {error}"
                ) from None
    click.echo(parts.exec_credential(kept.certificate.read_text(), kept.key.read_text()))


@access.command()
@_stacks
@_repository
@_from_stack
@_json
@_plain_errors
def status(names: tuple[str, ...], repository: str | None, from_stack: bool, as_json: bool) -> None:
    """Show who has access to what: members, and the credential of each tenant's repositories."""
    from automation import project

    root = project.root()
    rows: list[dict[str, Any]] = []
    for name in project.choose(root, names):
        published: dict[str, Any] | None = None
        try:
            source = {"project": str(root)} if from_stack else _remote(root, repository)
            published = remote.publication(source, name)
        except (AccessError, GitHubError, click.UsageError) as error:
            said = error.message if isinstance(error, click.UsageError) else str(error)
            click.echo(f"{name}: what was issued is not known: {said}", err=True)
        rows += _rows(root, name, published)
    if as_json:
        output.as_json({"access": rows})
        return
    head = ("STACK", "TENANT", "WHO", "ROLE", "CERTIFICATE", "UNTIL", "KEY HERE")
    keys = ("stack", "tenant", "who", "role", "certificate", "not_after", "key_here")
    click.echo(output.table(head, [[_cell(row[key]) for key in keys] for row in rows]))


@access.command()
@click.argument("tenant")
@_stack
@click.option("--member", "logins", multiple=True, help="Whose laptop to shut out; may be repeated.")
@click.option("--remove", is_flag=True, help="Take the member out of the tenant altogether.")
@click.option("--codespaces", is_flag=True, help="Make the credential that the repositories hold worthless.")
@click.option("--all", "everything", is_flag=True, help="Every laptop, and what the repositories hold.")
@_json
@_plain_errors
def revoke(
    tenant: str,
    stack: str | None,
    logins: tuple[str, ...],
    remove: bool,
    codespaces: bool,
    everything: bool,
    as_json: bool,
) -> None:
    """Take access back: change the tenant's file in this checkout. It holds from the next `tenancy up` on."""
    from automation import tenant_file

    if not (logins or codespaces or everything):
        raise click.UsageError("what is to be revoked? --member LOGIN, --codespaces, or --all")
    if remove and not logins:
        raise click.UsageError("--remove goes with --member LOGIN")
    root, name = _chosen(stack)
    path = _tenant_file(root, name, tenant)
    text = path.read_text()
    there = tenant_file.members(text)
    chosen = [_member(there, login, path) for login in logins]
    done: list[str] = []
    for login in dict.fromkeys([*chosen, *(there if everything else ())]):
        if remove and login in chosen:
            text = tenant_file.without_member(text, login)
            done.append(f"{login} is no member any more")
        elif there[login].get("csr") is not None:
            text = tenant_file.without_request(text, login)
            done.append(f"the laptop of {login} is shut out")
        elif login in chosen:
            raise click.UsageError(f"{login} has no laptop access to {tenant}; --remove ends the membership")
    if codespaces or everything:
        generation = _generation(root, name, tenant) + 1
        text = tenant_file.with_generation(text, generation)
        done.append(f"the repositories get another credential (credentials.generation: {generation})")
    path.write_text(text)
    shown = path.relative_to(root).as_posix()
    if as_json:
        output.as_json({"file": shown, "done": done, "next": f"tenancy up --stack {name}"})
        return
    click.echo("\n".join(done) or f"nothing of {tenant} is out there")
    click.echo(f"it holds once {shown} is applied: tenancy up --stack {name}")


@access.command()
@_stacks
@_repository
@_json
@_plain_errors
def publish(names: tuple[str, ...], repository: str | None, as_json: bool) -> None:
    """Publish the issued certificates on the branch tenancy-certificates; for CI, after `tenancy up`.

    One file and one commit for each stack, and none where nothing changed. Certificates are public; those of
    members who are gone, go.
    """
    from automation import project

    root = project.root()
    target = _repository_of(root, repository)
    api = GitHub.of(os.environ)
    reports: list[dict[str, Any]] = []
    for name in project.choose(root, names):
        published = remote.publication({"project": str(root)}, name)
        changed = remote.publish(api, target, name, parts.rendered(published))
        count = sum(len(tenant["certificates"]) for tenant in published["tenants"].values())
        reports.append({"stack": name, "certificates": count, "changed": changed})
    if as_json:
        output.as_json({"repository": target, "branch": BRANCH, "stacks": reports})
        return
    for report in reports:
        done = "published" if report["changed"] else "unchanged"
        click.echo(
            f"{report['stack']}: {report['certificates']} certificates, {done} in {target}, branch {BRANCH}"
        )


def _chosen(stack: str | None) -> tuple[Path, str]:
    from automation import project

    root = project.root()
    (name,) = project.choose(root, (stack,) if stack else ())
    return root, name


def _tenant_file(root: Path, stack: str, tenant: str) -> Path:
    folder = root / "tenants" / stack
    path = folder / f"{tenant}.yaml"
    if path.parent != folder or not path.is_file():
        known = ", ".join(sorted(found.stem for found in folder.glob("*.yaml"))) or "none"
        raise click.UsageError(f"stack {stack!r} has no tenant {tenant!r}; it has: {known}")
    return path


def _who(login: str | None, api: GitHub) -> str:
    found = login or os.environ.get("GITHUB_USER")
    if not found:
        try:
            found = api.login()
        except GitHubError as error:
            if error.status != 401:
                raise
            raise click.UsageError("who are you on GitHub? --login LOGIN, or GITHUB_USER") from None
    return found


def _local_login(stack: str, tenant: str, login: str | None) -> str:
    if login:
        return login
    folder = parts.folder(os.environ, stack, tenant)
    found = sorted(path.name for path in folder.glob("*") if path.is_dir()) if folder.is_dir() else []
    if not found:
        raise AccessError(f"there is no key here yet: tenancy access request {tenant} --stack {stack}")
    if len(found) > 1:
        raise click.UsageError(f"whose? --login is one of: {', '.join(found)}")
    return found[0]


def _repository_of(root: Path, given: str | None) -> str:
    found = given or repository_of(root)
    if not found or found.count("/") != 1:
        raise click.UsageError("which repository is the platform's? --repository OWNER/NAME")
    return found


def _remote(root: Path, repository: str | None) -> dict[str, str]:
    """Where to look for what CI published: an API and a repository."""
    return {"api": GitHub.of(os.environ).root, "repository": _repository_of(root, repository)}


def _ask(text: str, login: str, csr: str, role: str | None) -> str:
    from automation import tenant_file

    return tenant_file.with_request(text, login, csr, role)


def _git(root: Path, shown: str, branch: str, title: str) -> str:
    """The commands that bring a changed file to where it can be reviewed."""
    commands = (
        ("git", "-C", str(root), "switch", "--create", branch),
        ("git", "-C", str(root), "commit", "--message", title, "--", shown),
        ("git", "-C", str(root), "push", "--set-upstream", "origin", branch),
    )
    return "\n".join(f"  {shlex.join(command)}" for command in commands)


def _command() -> str:
    """Where this program is, for kubectl, whose PATH may be another."""
    beside = Path(sys.executable).with_name("tenancy")
    return str(beside) if beside.exists() else shutil.which("tenancy") or "tenancy"


def _may_look(kept: Keeper, now: datetime) -> bool:
    """Whether it is time to look for a renewed certificate again; notes that it was done."""
    last = datetime.fromtimestamp(kept.source.stat().st_mtime, UTC)
    if now - last < parts.LOOK_AGAIN:
        return False
    os.utime(kept.source)
    return True


def _member(there: Mapping[str, Any], login: str, path: Path) -> str:
    found = next((known for known in there if known.lower() == login.lower()), None)
    if found is None:
        raise click.UsageError(f"{path.name} has no member {login!r}; it has: {', '.join(there) or 'none'}")
    return found


def _load(root: Path, stack: str) -> Any:
    from model import InvalidConfiguration, load

    try:
        return load(root, stack)
    except InvalidConfiguration as error:
        raise _BadInput(str(error)) from None


def _generation(root: Path, stack: str, tenant: str) -> int:
    """The generation in force, which a profile may have set."""
    found = next(one for one in _load(root, stack).tenants if one.name == tenant)
    return int(found.credentials.generation)


def _rows(root: Path, stack: str, published: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """A row for each identity that is bound or waits for its certificate."""
    from model import credential

    now = datetime.now(UTC)
    rows: list[dict[str, Any]] = []
    for tenant in _load(root, stack).tenants:
        common = {"stack": stack, "tenant": tenant.name, "namespaces": list(tenant.namespace_names)}
        for login, member in tenant.members.items():
            subject = credential.laptop(tenant, login, member)
            issued = _issued(published, tenant.name, login) if subject else None
            kept = parts.keeper(os.environ, stack, tenant.name, login)
            state = "none" if member.csr is None else "suspended" if subject is None else "requested"
            rows.append(
                common
                | {
                    "who": login,
                    "role": str(member.role),
                    "subject": subject.name if subject else None,
                    "certificate": "issued"
                    if issued
                    else "unknown"
                    if published is None and subject
                    else state,
                    "not_after": issued["not_after"] if issued else None,
                    "key_here": kept.key.exists() or kept.new_key.exists(),
                }
            )
        schedule = credential.codespaces(tenant, now)
        if schedule is not None:
            owned = dict.fromkeys(name for name in (tenant.repository, *tenant.repositories) if name)
            rows.append(
                common
                | {
                    "who": ", ".join(owned),
                    "role": str(tenant.codespaces.role),
                    "subject": schedule.current.name,
                    "certificate": str(tenant.credentials.kind),
                    "not_after": schedule.renews_at.isoformat(timespec="seconds"),
                    "key_here": False,
                }
            )
    return rows


def _issued(published: Mapping[str, Any] | None, tenant: str, login: str) -> dict[str, Any] | None:
    if published is None:
        return None
    found = published["tenants"].get(tenant, {"certificates": {}})["certificates"]
    return {name.lower(): one for name, one in found.items()}.get(login.lower())


def _cell(value: object) -> object:
    return {None: "", True: "yes", False: "no"}[value] if value is None or isinstance(value, bool) else value
