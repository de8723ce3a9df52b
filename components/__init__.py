"""The ComponentResources of a tenancy: one file per room a tenant has."""
