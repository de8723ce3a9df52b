"""A stand-in for the official kubernetes plugin, where that cannot be had.

It answers the engine as pulumi-kubernetes 4.3x does; comments name the place in its repository
(https://github.com/pulumi/pulumi-kubernetes, folder `provider/pkg`) that settles a behaviour.
"""
