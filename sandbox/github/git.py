"""The contents of one repository: blobs, commits and branches, with the hashes that git gives them.

Trees are kept flat (path to blob) and hashed as git would nest them. All files have mode 100644.
"""

import base64
import hashlib
from datetime import UTC, datetime
from typing import TypeAlias

from pydantic import BaseModel

Tree: TypeAlias = dict[str, str]


class MergeConflictError(Exception):
    """Both sides changed the same path in different ways."""


class Commit(BaseModel):
    """One commit. `tree` maps a path to its blob's hash; `date` is Unix seconds."""

    tree: Tree
    tree_sha: str
    parents: list[str]
    message: str
    name: str
    email: str
    date: int


class Git(BaseModel):
    """Blobs (hash to Base64), commits by hash, and branches (name to commit)."""

    blobs: dict[str, str] = {}
    commits: dict[str, Commit] = {}
    branches: dict[str, str] = {}

    def add_blob(self, data: bytes) -> str:
        """Keep a file's content and return its hash."""
        sha = _hash("blob", data)
        self.blobs[sha] = base64.b64encode(data).decode()
        return sha

    def blob(self, sha: str) -> bytes:
        """Return a file's content."""
        return base64.b64decode(self.blobs[sha])

    def add_commit(
        self, tree: Tree, parents: list[str], message: str, name: str, email: str, date: int
    ) -> str:
        """Keep a commit and return its hash. No branch moves."""
        tree_sha = _tree_hash(tree)
        person = f"{name} <{email}> {date} +0000"
        lines = [f"tree {tree_sha}", *(f"parent {sha}" for sha in parents)]
        lines += [f"author {person}", f"committer {person}", "", message]
        sha = _hash("commit", "\n".join(lines).encode())
        self.commits[sha] = Commit(
            tree=dict(sorted(tree.items())),
            tree_sha=tree_sha,
            parents=parents,
            message=message,
            name=name,
            email=email,
            date=date,
        )
        return sha

    def resolve(self, ref: str) -> str | None:
        """Return the commit of a branch, `refs/heads/…`, `heads/…` or a hash (7 characters or more)."""
        name = ref.removeprefix("refs/").removeprefix("heads/")
        if name in self.branches:
            return self.branches[name]
        if len(ref) >= 7:
            found = [sha for sha in self.commits if sha.startswith(ref)]
            return found[0] if len(found) == 1 else None
        return None

    def ancestors(self, sha: str) -> list[str]:
        """Return a commit and all before it, nearest first."""
        seen: dict[str, None] = {}
        waiting = [sha]
        while waiting:
            current = waiting.pop(0)
            if current not in seen:
                seen[current] = None
                waiting += self.commits[current].parents
        return list(seen)

    def merge_base(self, one: str, other: str) -> str | None:
        """Return the nearest commit that both have, None for unrelated histories."""
        known = set(self.ancestors(other))
        return next((sha for sha in self.ancestors(one) if sha in known), None)

    def changes(self, before: str | None, after: str) -> dict[str, tuple[str | None, str | None]]:
        """Return path to (old blob, new blob) for what differs between two commits."""
        old = self.commits[before].tree if before else {}
        new = self.commits[after].tree
        paths = sorted(old.keys() | new.keys())
        return {path: (old.get(path), new.get(path)) for path in paths if old.get(path) != new.get(path)}

    def merged_tree(self, base: str, head: str) -> Tree:
        """Return `base` with what `head` changed since they parted, file by file.

        Raises `MergeConflictError` where both changed a path; unlike git it does not merge lines.
        """
        common = self.merge_base(head, base)
        theirs = self.changes(common, base)
        tree = dict(self.commits[base].tree)
        for path, change in self.changes(common, head).items():
            if path in theirs and theirs[path] != change:
                raise MergeConflictError(path)
            if change[1] is None:
                tree.pop(path, None)
            else:
                tree[path] = change[1]
        return tree


def timestamp(seconds: int) -> str:
    """Return Unix seconds as GitHub writes times."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _hash(kind: str, data: bytes) -> str:
    return hashlib.sha1(f"{kind} {len(data)}\0".encode() + data, usedforsecurity=False).hexdigest()


def _tree_hash(tree: Tree) -> str:
    folders: dict[str, Tree] = {}
    entries: list[tuple[str, bytes]] = []
    for path, sha in tree.items():
        first, slash, rest = path.partition("/")
        if slash:
            folders.setdefault(first, {})[rest] = sha
        else:
            entries.append((first, f"100644 {first}\0".encode() + bytes.fromhex(sha)))
    for name, content in folders.items():
        # git sorts a folder as if its name ended in a slash
        entries.append((name + "/", f"40000 {name}\0".encode() + bytes.fromhex(_tree_hash(content))))
    return _hash("tree", b"".join(data for _, data in sorted(entries)))
