"""What a cluster, a profile and a tenant may say: frozen pydantic models. Knows nothing of Pulumi."""
