"""Kubeconfigs: read one to reach a cluster, build one to hand out, edit, and keep in files."""
