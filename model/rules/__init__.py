"""What no single field can say: rules within a cluster, within a tenant, and between tenants."""
