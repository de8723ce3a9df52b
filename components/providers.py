"""One explicit provider for each plugin, so that no resource ever falls back to an ambient default."""

import pulumi
import pulumi_github as github
import pulumi_kubernetes as k8s
import pulumi_tls as tls

from components.context import Context


def providers(context: Context, github_token: str | None) -> list[pulumi.ProviderResource]:
    """The providers of a stack. The GitHub token may also come from the environment (GITHUB_TOKEN)."""
    cluster = context.cluster
    found: list[pulumi.ProviderResource] = [
        k8s.Provider(
            "kubernetes",
            kubeconfig=context.connection.kubeconfig,
            context=cluster.context,
            cluster_identifier=cluster.cluster_identifier or cluster.name,
            enable_server_side_apply=True,
            # What was edited by hand belongs to another field manager: an update takes it back.
            enable_patch_force=True,
            # A run that dies between an API call and its checkpoint has made objects that the state does not
            # know. `NameCheck` has made sure that none of the names is anybody else's.
            upsert_existing_objects=True,
        ),
        tls.Provider("tls"),
    ]
    if cluster.github is not None:
        found.append(
            github.Provider(
                "github",
                owner=cluster.github.owner,
                base_url=cluster.github.base_url,
                token=github_token or None,
            )
        )
    return found
