"""etcd, the Kubernetes control plane and fake nodes as plain processes."""
