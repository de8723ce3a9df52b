"""The shapes that JSON from the API server has in this package."""

from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]
"""A JSON object: a Kubernetes object, a list of them, a Status."""

JsonBody: TypeAlias = dict[str, Any] | list[dict[str, Any]]
"""What a request may carry: an object, or the operations of a JSON patch."""
