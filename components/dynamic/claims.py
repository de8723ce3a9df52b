"""The former name of `name_check`: the states of stacks made before the change refer to it."""

from components.dynamic.name_check import NameCheckProvider as ClaimsProvider

__all__ = ["ClaimsProvider"]
