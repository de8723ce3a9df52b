"""Reading kubeconfigs, and one small typed client of the Kubernetes API."""
