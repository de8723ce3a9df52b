"""Contexts of the published namespaces in a person's own kubeconfig."""

import json
from pathlib import Path
from typing import cast

from automation.laptop.errors import AccessError
from automation.laptop.folder import Folder
from automation.laptop.identity import EXEC_API
from automation.laptop.publication import Published
from kube.config import build
from kube.config import edit as documents
from kube.config.edit import Document, Source


def plugin(command: str, stack: str, tenant: str, login: str) -> Document:
    """The user entry of a kubeconfig that lets kubectl ask `tenancy` for the credential."""
    arguments = ["access", "credential", "--stack", stack, "--tenant", tenant, "--login", login]
    return {
        "exec": {
            "apiVersion": EXEC_API,
            "command": command,
            "args": arguments,
            "interactiveMode": "Never",
            "provideClusterInfo": False,
            "installHint": "tenancy is not where it was when 'tenancy access pull' ran; run that again",
        }
    }


def files(kept: Folder) -> Document:
    """The user entry of a kubeconfig that names the files of certificate and key."""
    return {"client-certificate": str(kept.certificate), "client-key": str(kept.key)}


def user_of(stack: str, tenant: str, login: str) -> str:
    """The name of a member's user entry, the same for every certificate and different for every stack."""
    return f"tenancy-{stack}-{tenant}-{login.lower()}"


def merged(
    text: str, path: Path, published: Published, user: str, entry: Document, *, overwrite: bool
) -> str:
    """A kubeconfig's text with a context for each of the tenant's namespaces, named <cluster>-<namespace>.

    What an earlier pull wrote is replaced. The current context stays, or becomes the main namespace's.

    Raises:
        AccessError: an entry of the same name is a person's own, and `overwrite` is not set.
        KubeconfigError: the text is no kubeconfig.
    """
    old = documents.parse(text, str(path))
    endpoint = build.Endpoint(published.cluster, published.server, published.certificate_authority)
    new: Document = json.loads(build.kubeconfig(endpoint, user, entry, published.namespaces))
    names = documents.names(new, "context")
    if not overwrite:
        _refuse_foreign(old, new, path)
    gone = {
        str(item["name"])
        for item in _entries(old, "contexts")
        if item["context"].get("user") == user
        and item["name"] == f"{item['context'].get('cluster')}-{item['context'].get('namespace')}"
        and item["name"] not in names
    }
    kept = documents.parse(documents.remove(text, {"context": gone}, str(path)), str(path)) if gone else old
    sources = [Source(str(path), kept, path.parent), Source("published", new)]
    return documents.dump(documents.merge(sources, overwrite=True, destination=path.parent).document)


def _refuse_foreign(old: Document, new: Document, path: Path) -> None:
    """Entries with our names that a person made: contexts, and clusters that other users' contexts use."""
    cluster = _entries(new, "clusters")[0]
    differs = any(item["name"] == cluster["name"] and item != cluster for item in _entries(old, "clusters"))
    names = documents.names(new, "context")
    for item in _entries(old, "contexts"):
        name, body = item["name"], item["context"]
        if str(body.get("user", "")).startswith("tenancy-"):
            continue
        if name in names:
            raise AccessError(
                f"{path}: there is another context {name!r}; rename it with kubectl config rename-context, "
                "or use --overwrite"
            )
        if differs and body.get("cluster") == cluster["name"]:
            raise AccessError(
                f"{path}: context {name!r} uses another cluster {cluster['name']!r} than the published one; "
                "rename that cluster, or use --overwrite"
            )


def _entries(kubeconfig: Document, plural: str) -> list[Document]:
    return cast("list[Document]", kubeconfig.get(plural) or [])
