"""The embedded default: a control plane, GitHub API, engine and plugins on one machine."""
