"""The network floor: cluster-wide policies that a tenant's own additive policies cannot override.

`reach` says once what a tenant may reach at all; `calico` and `upstream` write it for the policy engines.
"""
