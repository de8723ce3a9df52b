"""What stands once in a cluster, before any tenant."""
