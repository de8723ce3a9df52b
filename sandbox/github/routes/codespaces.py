"""Codespaces secrets of repositories and organisations.

Rules from GitHub's documentation ("Managing secrets for your repository and organization for GitHub
Codespaces"): names of letters, digits and `_`, no digit first, no prefix `GITHUB_`, case does not matter
(kept in upper case); 48 KB for a value; 100 for a repository and 100 for an organisation.
"""

import base64
import binascii
import re
from collections.abc import Callable

from nacl.exceptions import CryptoError
from nacl.public import SealedBox
from pydantic import BaseModel, Field

from sandbox.github import access, render
from sandbox.github.api import ApiError, Call, Handler, JsonObject, Reply, invalid, not_found, page_of, routes
from sandbox.github.git import timestamp
from sandbox.github.store import Organization, Repository, Secret, Vault, Visibility

MAX_SECRETS = 100
MAX_BYTES = 48 * 1024
NAME = re.compile(r"(?!GITHUB_)[A-Z_][A-Z0-9_]*")


class SealedSecret(BaseModel):
    """The body of PUT. `encrypted_value` is a sealed box in Base64, made with the key `key_id`."""

    encrypted_value: str
    key_id: str


class SealedOrganizationSecret(SealedSecret):
    """The body of PUT for an organisation."""

    visibility: Visibility
    selected_repository_ids: list[int] = Field(default_factory=list[int])


class Selection(BaseModel):
    """The body of PUT …/repositories."""

    selected_repository_ids: list[int]


def open_secret(vault: Vault, name: str) -> bytes:
    """Return what a secret holds, for tests. Raises `KeyError` for an unknown name."""
    sealed = base64.b64decode(vault.secrets[name.upper()].encrypted_value)
    return SealedBox(vault.key()).decrypt(sealed)


def _public_key(vault: Vault) -> Reply:
    key = base64.b64encode(bytes(vault.key().public_key)).decode()
    return Reply(200, {"key_id": vault.key_id, "key": key})


def _found(call: Call, vault: Vault) -> Secret:
    secret = vault.secrets.get(call.params["secret_name"].upper())
    if secret is None:
        raise not_found()
    return secret


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        message = (
            "Secret names can only contain alphanumeric characters ([a-z], [A-Z], [0-9]) or underscores (_), "
            "can not start with a number and can not start with GITHUB_"
        )
        raise invalid("Secret", "name", message, "invalid")


def _check_value(vault: Vault, body: SealedSecret) -> None:
    """Refuse what a codespace could not open: 422, as GitHub does for a wrong key_id."""
    if body.key_id != vault.key_id:
        raise invalid("Secret", "key_id", "key_id is not that of the current public key", "invalid")
    try:
        sealed = base64.b64decode(body.encrypted_value, validate=True)
        plain = SealedBox(vault.key()).decrypt(sealed)
    except (binascii.Error, CryptoError):
        message = "encrypted_value is not a Base64 sealed box for the current public key"
        raise invalid("Secret", "encrypted_value", message, "invalid") from None
    if len(plain) > MAX_BYTES:
        raise invalid("Secret", "encrypted_value", "Secrets are limited to 48 KB in size", "invalid")


def _put(call: Call, vault: Vault, body: SealedSecret) -> tuple[Secret, bool]:
    """Keep a secret; return it and whether it is new."""
    name = call.params["secret_name"].upper()
    _check_name(name)
    _check_value(vault, body)
    now = call.store.now()
    old = vault.secrets.get(name)
    if old is None and len(vault.secrets) >= MAX_SECRETS:
        raise invalid("Secret", "name", f"You can store up to {MAX_SECRETS} secrets", "invalid")
    secret = Secret(
        name=name,
        encrypted_value=body.encrypted_value,
        created_at=old.created_at if old else now,
        updated_at=now,
    )
    vault.secrets[name] = secret
    return secret, old is None


def _delete(call: Call, vault: Vault) -> Reply:
    del vault.secrets[_found(call, vault).name]
    return Reply(204)


def _list(call: Call, vault: Vault, show: Callable[[Secret], JsonObject]) -> Reply:
    secrets = sorted(vault.secrets.values(), key=lambda secret: secret.name)
    chosen, headers = page_of(call, secrets)
    return Reply(200, {"total_count": len(secrets), "secrets": [show(item) for item in chosen]}, headers)


def _show(secret: Secret) -> JsonObject:
    return {
        "name": secret.name,
        "created_at": timestamp(secret.created_at),
        "updated_at": timestamp(secret.updated_at),
    }


def _show_of_organization(call: Call, found: Organization, secret: Secret) -> JsonObject:
    body = _show(secret) | {"visibility": secret.visibility}
    if secret.visibility == "selected":
        url = f"{call.root}/orgs/{found.login}/codespaces/secrets/{secret.name}/repositories"
        body["selected_repositories_url"] = url
    return body


def repository_key(call: Call) -> Reply:
    """GET …/public-key: for everybody who may read the repository."""
    return _public_key(access.repository(call).codespaces)


def list_repository(call: Call) -> Reply:
    """GET …/secrets."""
    return _list(call, access.repository(call, "push", even_archived=True).codespaces, _show)


def get_repository(call: Call) -> Reply:
    """GET …/secrets/NAME."""
    return Reply(200, _show(_found(call, access.repository(call, "push", even_archived=True).codespaces)))


def put_repository(call: Call) -> Reply:
    """PUT …/secrets/NAME: 201 for a new secret, 204 for one that was there."""
    vault = access.repository(call, "admin").codespaces
    _, new = _put(call, vault, call.body(SealedSecret))
    return Reply(201, {}) if new else Reply(204)


def delete_repository(call: Call) -> Reply:
    """DELETE …/secrets/NAME."""
    return _delete(call, access.repository(call, "admin").codespaces)


def organization_key(call: Call) -> Reply:
    """GET …/public-key."""
    return _public_key(access.owned_organization(call).codespaces)


def list_organization(call: Call) -> Reply:
    """GET …/secrets."""
    found = access.owned_organization(call)
    return _list(call, found.codespaces, lambda secret: _show_of_organization(call, found, secret))


def get_organization(call: Call) -> Reply:
    """GET …/secrets/NAME."""
    found = access.owned_organization(call)
    return Reply(200, _show_of_organization(call, found, _found(call, found.codespaces)))


def put_organization(call: Call) -> Reply:
    """PUT …/secrets/NAME with a visibility: 201 or 204 as for repositories."""
    found = access.owned_organization(call)
    body = call.body(SealedOrganizationSecret)
    if body.selected_repository_ids and body.visibility != "selected":
        message = "selected_repository_ids can only be given when visibility is selected"
        raise invalid("Secret", "selected_repository_ids", message, "invalid")
    for number in body.selected_repository_ids:
        _owned_repository(call, found, number)
    secret, new = _put(call, found.codespaces, body)
    secret.visibility = body.visibility
    secret.selected_repository_ids = body.selected_repository_ids
    return Reply(201, {}) if new else Reply(204)


def delete_organization(call: Call) -> Reply:
    """DELETE …/secrets/NAME."""
    return _delete(call, access.owned_organization(call).codespaces)


def list_selected(call: Call) -> Reply:
    """GET …/secrets/NAME/repositories."""
    found = access.owned_organization(call)
    secret = _found(call, found.codespaces)
    numbers = set(secret.selected_repository_ids)
    repositories = [item for item in call.store.repositories_of(found.login) if item.id in numbers]
    chosen, headers = page_of(call, repositories)
    body: JsonObject = {
        "total_count": len(repositories),
        "repositories": [render.repository(call, item) for item in chosen],
    }
    return Reply(200, body, headers)


def set_selected(call: Call) -> Reply:
    """PUT …/secrets/NAME/repositories: 409 unless the visibility is `selected`."""
    found, secret = _selectable(call)
    numbers = call.body(Selection).selected_repository_ids
    for number in numbers:
        _owned_repository(call, found, number)
    secret.selected_repository_ids = numbers
    return Reply(204)


def add_selected(call: Call) -> Reply:
    """PUT …/secrets/NAME/repositories/ID."""
    found, secret = _selectable(call)
    number = _owned_repository(call, found, call.number("repository_id")).id
    if number not in secret.selected_repository_ids:
        secret.selected_repository_ids.append(number)
    return Reply(204)


def remove_selected(call: Call) -> Reply:
    """DELETE …/secrets/NAME/repositories/ID."""
    _, secret = _selectable(call)
    number = call.number("repository_id")
    secret.selected_repository_ids = [item for item in secret.selected_repository_ids if item != number]
    return Reply(204)


def _selectable(call: Call) -> tuple[Organization, Secret]:
    found = access.owned_organization(call)
    secret = _found(call, found.codespaces)
    if secret.visibility != "selected":
        raise ApiError(409, "Conflict: the visibility of this secret is not selected")
    return found, secret


def _owned_repository(call: Call, found: Organization, number: int) -> Repository:
    repository = call.store.repository_by_id(number)
    if repository is None or repository.owner != found.login:
        raise not_found()
    return repository


_REPOSITORY = "/repos/{owner}/{repo}/codespaces/secrets"
_ORGANIZATION = "/orgs/{org}/codespaces/secrets"
_REPOSITORY_DOCS = "codespaces/repository-secrets"
_ORGANIZATION_DOCS = "codespaces/organization-secrets"
_REPOSITORY_TABLE: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "", list_repository),
    ("GET", "/public-key", repository_key),
    ("GET", "/{secret_name}", get_repository),
    ("PUT", "/{secret_name}", put_repository),
    ("DELETE", "/{secret_name}", delete_repository),
)
_ORGANIZATION_TABLE: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "", list_organization),
    ("GET", "/public-key", organization_key),
    ("GET", "/{secret_name}", get_organization),
    ("PUT", "/{secret_name}", put_organization),
    ("DELETE", "/{secret_name}", delete_organization),
    ("GET", "/{secret_name}/repositories", list_selected),
    ("PUT", "/{secret_name}/repositories", set_selected),
    ("PUT", "/{secret_name}/repositories/{repository_id}", add_selected),
    ("DELETE", "/{secret_name}/repositories/{repository_id}", remove_selected),
)
ROUTES = routes(_REPOSITORY, _REPOSITORY_DOCS, ("repo",), _REPOSITORY_TABLE) + routes(
    _ORGANIZATION, _ORGANIZATION_DOCS, ("admin:org",), _ORGANIZATION_TABLE
)
