"""`tenancy access`: namespaces from a laptop, with a key that never leaves it."""

import click

from automation.lazy import LazyGroup

COMMANDS = {
    "credential": (".credential:credential", "Print the credential for kubectl, which runs this by itself."),
    "publish": (".manage:publish", "Publish the issued certificates; for CI, after `tenancy up`."),
    "pull": (".pull:pull", "Fetch the certificate, and add contexts to the kubeconfig."),
    "request": (".request:request", "Make a key, and ask for its certificate in the tenant's file."),
    "revoke": (".manage:revoke", "Take access back, in the tenant's file."),
    "status": (".status:status", "Show who has access to what."),
}
"""Name of a command to where it is defined, and its line in the help."""


@click.group(cls=LazyGroup, package=__package__, commands_at=COMMANDS)
def access() -> None:
    """Reach a tenant's namespaces from a laptop. The private key is made there and stays there.

    \b
      tenancy access request TENANT   makes a key, and a pull request with its certificate request
      …the pull request is merged, and CI applies and publishes…
      tenancy access pull TENANT      fetches the certificate, and adds contexts to the kubeconfig

    GITHUB_TOKEN is used where GitHub asks for one, else what the gh command has. The branch
    tenancy-certificates of the platform's repository holds what CI published; protect it like the main one.
    """
