"""`tenancy access credential`: what kubectl runs for each call. It imports as little as it can."""

import json
import os
from datetime import UTC, datetime, timedelta

import click

from automation.github import GitHubError
from automation.laptop import folder, identity, remote
from automation.laptop.errors import AccessError
from automation.laptop.folder import Folder

_LOOK_AGAIN = timedelta(minutes=5)
"""How long to go on with a certificate that still holds before looking for a renewed one again."""


@click.command()
@click.option("--stack", required=True)
@click.option("--tenant", required=True)
@click.option("--login", required=True)
def credential(stack: str, tenant: str, login: str) -> None:
    """Print the credential for kubectl, which runs this by itself (client.authentication.k8s.io/v1).

    A renewed certificate is fetched once less than a third of the lifetime is left. Works without a network
    as long as the certificate holds.
    """
    kept = folder.of_member(os.environ, stack, tenant, login)
    if not kept.certificate.exists() or not kept.source.exists():
        raise AccessError(f"there is no certificate here yet: tenancy access pull {tenant} --stack {stack}")
    now = datetime.now(UTC)
    if not kept.fits():
        # A pull was killed after the certificate of a new key was written.
        kept.accept(kept.certificate.read_text(), tenant, login, now)
    certificate = kept.certificate.read_text()
    expired = now >= identity.ends(certificate)
    if expired or (identity.is_due(certificate, now) and _may_look(kept, now)):
        try:
            source = json.loads(kept.source.read_text())
            published = remote.fetch(source, stack, tenant, login, timeout=5)
            kept.accept(published.certificate, tenant, login, now)
        except (AccessError, GitHubError) as error:
            if expired:
                end = f"{identity.ends(certificate):%Y-%m-%d %H:%M} UTC"
                raise AccessError(
                    f"the certificate expired on {end}, and there is no renewed one: {error}"
                ) from None
    click.echo(identity.exec_credential(kept.certificate.read_text(), kept.key.read_text()))


def _may_look(kept: Folder, now: datetime) -> bool:
    """Whether it is time to look for a renewed certificate again; notes that it was done."""
    last = datetime.fromtimestamp(kept.source.stat().st_mtime, UTC)
    if now - last < _LOOK_AGAIN:
        return False
    os.utime(kept.source)
    return True
