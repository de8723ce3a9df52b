"""Certificates out of the stack itself, for those who can read its state. Laptops read what CI published."""

from pathlib import Path
from typing import Any

from automation import stacks
from automation.laptop import publication
from automation.laptop.errors import AccessError


def published(project: str, stack: str) -> dict[str, Any]:
    """What would be published of a stack, of the project in a folder. Raises AccessError."""
    try:
        return publication.from_outputs(stacks.outputs(stacks.open_stack(Path(project), stack)))
    except stacks.StackError as failed:
        raise AccessError(str(failed)) from None
