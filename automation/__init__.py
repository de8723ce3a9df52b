"""The `tenancy` command over the Automation API: what CI and people run."""
