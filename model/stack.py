"""Loading a stack: its cluster and all its tenants, validated together, every problem reported at once."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from model import explain, layout, profile, strict_yaml
from model.cluster import Cluster
from model.merge import merge
from model.problems import Finding, InvalidConfiguration, Key, Problem, dotted, suggestion
from model.profile import Raw
from model.rules import cluster as cluster_rules
from model.rules import collisions, fit
from model.rules import configuration as configuration_rules
from model.rules import fleet as fleet_rules
from model.rules import stacks as stack_rules
from model.rules import tenant as tenant_rules
from model.strict_yaml import Document
from model.tenant import Tenant

CONFIG_KEY = "tenancy:cluster"
_AT_CLUSTER: Key = ("config", CONFIG_KEY)
_SOMEONE = {"description": "unknown", "owner": "unknown@example.com"}
_IDENTITY = (("name",), ("profile",), ("description",), ("owner",))
"""What no profile can give."""
_QUIET = (".gitkeep", ".gitignore", ".DS_Store", "README.md")
"""What may lie beside the tenants' files without a word."""
_STACK_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_STACK_NAME_HINT = (
    "it is the value of a label too: at most 63 letters, digits, '-', '_' and '.', with a letter or digit at "
    "both ends"
)
_FILE_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?\.yaml")


@dataclass(frozen=True)
class Stack:
    """A cluster and its tenants, in the order of their names."""

    name: str
    cluster: Cluster
    tenants: tuple[Tenant, ...]
    warnings: tuple[Problem, ...] = ()
    """What is allowed, and better otherwise."""


def load(root: Path, stack: str, cluster: Mapping[str, object] | None = None) -> Stack:
    """The stack as the files under `root` describe it, alone.

    `cluster` is the value of `tenancy:cluster` where the caller has it; else Pulumi.<stack>.yaml is read.
    Raises InvalidConfiguration with all problems of all files.
    """
    return _read(root, stack, cluster).stack()


def load_beside(root: Path, wanted: Iterable[str]) -> dict[str, Stack | InvalidConfiguration]:
    """The wanted stacks by name, or what is wrong with each; held against all others under `root` too.

    A stack that cannot be read, or only in part, counts for the others as far as it can be.
    """
    names = tuple(wanted)
    read = {name: _read(root, name) for name in dict.fromkeys((*names, *layout.stacks(root)))}
    found: dict[str, Stack | InvalidConfiguration] = {}
    for name in names:
        try:
            read[name].hold_against([other for each, other in read.items() if each != name])
            found[name] = read[name].stack()
        except InvalidConfiguration as error:
            found[name] = error
    return found


def describe(stack: str, cluster: Mapping[str, object], tenants: Mapping[str, Mapping[str, object]]) -> Stack:
    """The stack as a program describes it: what `tenancy:cluster` and the tenants' files, by name, would say.

    Raises InvalidConfiguration with all problems of all descriptions.
    """
    files = {
        name: Document(f"tenant {name}", {"name": name, **described}, {})
        for name, described in sorted(tenants.items())
    }
    return _Loading(stack, Document("cluster", dict(cluster), {}), _Folder(files)).stack()


def _described_cluster(root: Path, stack: str, given: Mapping[str, object] | None) -> Document:
    """The stack's configuration file, its data replaced by what the caller gave, if anything.

    The lines in the file are kept when it says the same as the caller.
    """
    path = root / f"Pulumi.{stack}.yaml"
    document = strict_yaml.read(path, root)
    config = document.data.get("config")
    own = cast("Raw", config).get(CONFIG_KEY) if isinstance(config, dict) else None
    wrong = () if document.problems else tuple(_wrong_configuration(document))
    if given is not None:
        lines = document.positions if own == given else {}
        return Document(document.file, dict(given), lines, wrong)
    document = replace(document, problems=(*document.problems, *wrong))
    if document.problems:
        return document
    if not isinstance(own, dict):
        told = f"is missing; describe the cluster under config, {CONFIG_KEY}"
        return replace(document, problems=(_problem(document, _AT_CLUSTER, told, own),))
    if set(cast("Raw", own)) == {"secure"}:
        told = "is encrypted; a cluster's description holds no secrets, write it in plain"
        return replace(document, problems=(_problem(document, _AT_CLUSTER, told),))
    return replace(document, data=cast("dict[str, object]", own))


def _wrong_configuration(document: Document) -> Iterable[Problem]:
    config = document.data.get("config")
    if isinstance(config, dict):
        for finding in configuration_rules.check(cast("Raw", config)):
            yield _problem(document, finding.key, finding.message)


def _problem(document: Document, key: Key, message: str, value: object = None) -> Problem:
    """A problem at the line of the key, or of the nearest key above it that is there."""
    line, column = _place(document, key)
    shown = key[1:] if key[:2] == _AT_CLUSTER else key
    return Problem(document.file, line, column, dotted(shown), value, message)


def _place(document: Document, key: Key) -> tuple[int | None, int | None]:
    for length in range(len(key), -1, -1):
        if key[:length] in document.positions:
            return document.positions[key[:length]]
    return None, None


@dataclass(frozen=True)
class _Folder:
    """The tenants' files as read, by tenant, and what does not belong beside them."""

    documents: dict[str, Document]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def _tenant_files(root: Path, stack: str) -> _Folder:
    folder = root / "tenants" / stack
    shown = folder.relative_to(root).as_posix()
    if folder.is_symlink() or folder.parent.is_symlink():
        return _Folder({}, (_plain(shown, "is a symbolic link; put the folder itself here"),))
    if not folder.is_dir():
        return _Folder(
            {}, (_plain(shown, "does not exist; make it, even if the cluster has no tenants yet"),)
        )
    documents: dict[str, Document] = {}
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for name in sorted(path.name for path in folder.iterdir()):
        readable = f"{shown}/{ascii(name)[1:-1]}"
        if _FILE_NAME.fullmatch(name):
            documents[name.removesuffix(".yaml")] = strict_yaml.read(folder / name, root)
        elif name.startswith(".") and name not in _QUIET:
            warnings.append(_plain(readable, "is hidden, so it is nobody's file; remove it"))
        elif name not in _QUIET:
            told = "does not belong here; tenants' files are named <tenant>.yaml, in lower case"
            problems.append(_plain(readable, told))
    return _Folder(documents, tuple(problems), tuple(warnings))


def _plain(file: str, message: str) -> Problem:
    return Problem(file, None, None, "", None, message)


def _read(root: Path, name: str, given: Mapping[str, object] | None = None) -> "_Loading":
    """All files of a stack, read and judged."""
    if _STACK_NAME.fullmatch(name) is None:
        problem = _plain(ascii(name)[1:-1], f"is not the name of a stack; {_STACK_NAME_HINT}")
        return _Loading(name, Document(problem.file, problems=(problem,)), _Folder({}))
    return _Loading(name, _described_cluster(root, name, given), _tenant_files(root, name))


class _Loading:
    """One run over the files of a stack, collecting problems on its way."""

    def __init__(self, name: str, described: Document, folder: _Folder):
        self.name = name
        self.described = described
        self.files = folder.documents
        self.problems: list[Problem] = [*described.problems, *folder.problems]
        self.warnings = folder.warnings
        self.bases: dict[str, Raw] = {}
        self.others: dict[str, _Loading] = {}
        self.cluster: Cluster | None = None
        self.tenants: dict[str, Tenant] = {}
        for file in self.files.values():
            self.problems += file.problems
        self._judge()

    def _judge(self) -> None:
        self.cluster, profiles = self._cluster()
        for stem, file in self.files.items():
            if not file.problems:
                tenant = self._tenant(stem, file, self.cluster, profiles)
                if tenant is not None:
                    self.tenants[stem] = tenant
        self._fleet(self.tenants, self.cluster)

    def hold_against(self, others: Iterable["_Loading"]) -> None:
        """Add what is wrong with this stack beside the others."""
        self.others = {other.name: other for other in others}
        seen = [described for other in self.others.values() if (described := other.described_stack())]
        if (own := self.described_stack()) is None:
            return
        for name, finding in stack_rules.check(own, seen):
            if name is None:
                self._report(self.described, [self._located(finding)], _AT_CLUSTER)
            else:
                self._report_tenant(name, [self._located(finding)])

    def described_stack(self) -> stack_rules.Described | None:
        """As much of the stack as could be read; None where its cluster could not."""
        if self.cluster is None:
            return None
        return stack_rules.Described(self.name, self.cluster, tuple(self.tenants.values()))

    def stack(self) -> Stack:
        """The stack. Raises InvalidConfiguration with all problems found so far."""
        if self.problems or self.cluster is None:
            raise InvalidConfiguration(self.problems)
        return Stack(self.name, self.cluster, tuple(self.tenants.values()), self.warnings)

    def _cluster(self) -> tuple[Cluster | None, dict[str, Raw]]:
        if self.described.problems:
            return None, dict(profile.built_in())
        found: list[Finding] = []
        raw = self.described.data
        cluster: Cluster | None = None
        try:
            cluster = Cluster.model_validate(raw)
        except ValidationError as error:
            found += explain.findings(error, Cluster)
        else:
            found += cluster_rules.check(cluster)
        own = raw.get("profiles")
        profiles, wrong = profile.resolve(cast("Raw", own) if isinstance(own, dict) else {})
        found += [Finding(("profiles", *finding.key), finding.message, finding.value) for finding in wrong]
        for name in [name for name in profiles if profiles[name] is not profile.built_in().get(name)]:
            broken = list(_wrong_profile(profiles[name]))
            found += [Finding(("profiles", name, *each.key), each.message, each.value) for each in broken]
            if broken:
                del profiles[name]
        self._report(self.described, found, _AT_CLUSTER)
        return (None if found else cluster), profiles

    def _report(self, document: Document, found: Iterable[Finding], above: Key = ()) -> None:
        for finding in found:
            key = (*above, *finding.key)
            self.problems.append(_problem(document, key, finding.message, finding.value))

    def _located(self, finding: Finding) -> Finding:
        """The finding, its words naming the file and line of what else it is about."""
        if finding.elsewhere is None:
            return finding
        where = finding.elsewhere
        owner = self.others[where.stack] if where.stack is not None else self
        return replace(finding, message=f"{finding.message}; see {owner.place(where.tenant, where.key)}")

    def place(self, tenant: str | None, key: Key) -> str:
        """`file:line (key)` of a key of a tenant's file, or of the cluster's description."""
        document = self.described if tenant is None else self.files[tenant]
        line, _ = _place(document, (*_AT_CLUSTER, *key) if tenant is None else key)
        return f"{document.file}{f':{line}' if line else ''} ({dotted(key)})"

    def _report_tenant(self, stem: str, found: Iterable[Finding]) -> None:
        """Problems of a tenant; those of values that its profile set stand where it names the profile."""
        file, base = self.files[stem], self.bases[stem]
        for finding in found:
            problem = _problem(file, finding.key, finding.message, finding.value)
            if finding.key not in file.positions and _has(base, finding.key):
                line, column = _place(file, ("profile",))
                message = f"{finding.message} (set by profile {file.data['profile']!r})"
                problem = replace(problem, line=line, column=column, message=message)
            self.problems.append(problem)

    def _tenant(
        self, stem: str, file: Document, cluster: Cluster | None, profiles: Mapping[str, Raw]
    ) -> Tenant | None:
        """The tenant of one file, None where its own file is broken."""
        self.bases[stem], wrong = self._base(file, profiles)
        found = [*_own_name(stem, file), *([wrong] if wrong else [])]
        merged = merge(self.bases[stem], file.data)
        try:
            tenant = Tenant.model_validate(merged)
        except ValidationError as error:
            refused = [
                each for each in explain.findings(error, Tenant) if each.key != ("profile",) or not wrong
            ]
            found += refused
            tenant = _rest(self.bases[stem], file, error)
            rules = _judged(tenant, cluster) if tenant else ()
            found += [each for each in rules if not _about(each.key, refused)]
        else:
            found += _judged(tenant, cluster)
        if wrong is not None:
            # Without its profile, only what the file itself says, or fails to say, can be judged.
            found = [each for each in found if each.key in file.positions or each.key[:1] in _IDENTITY]
        self._report_tenant(stem, found)
        return None if found else tenant

    def _base(self, file: Document, profiles: Mapping[str, Raw]) -> tuple[Raw, Finding | None]:
        name = file.data.get("profile")
        if isinstance(name, str) and name in profiles:
            return profiles[name], None
        stand_in = profile.built_in()["research"]
        if name is None:
            return stand_in, Finding(("profile",), f"is missing; {suggestion('', profiles)}")
        own = cast("Any", self.described.data.get("profiles"))
        if isinstance(own, dict) and isinstance(name, str) and name in own:
            return stand_in, Finding(("profile",), f"{name!r} is itself wrong in {self.described.file}", name)
        told = f"{explain.shown(name)} is not a profile; {suggestion(str(name), profiles)}"
        return stand_in, Finding(("profile",), told, name)

    def _fleet(self, tenants: Mapping[str, Tenant], cluster: Cluster | None) -> None:
        fleet = fleet_rules.Fleet(tuple(tenants.values()), frozenset(self.files))
        for name, finding in (*fleet_rules.check(fleet), *collisions.check(fleet.tenants, cluster)):
            self._report_tenant(name, [self._located(finding)])
        if cluster is not None:
            self._report(self.described, fleet_rules.totals(fleet, cluster), _AT_CLUSTER)


def _judged(tenant: Tenant, cluster: Cluster | None) -> Iterable[Finding]:
    yield from tenant_rules.check(tenant)
    yield from fit.check(tenant, cluster)


def _rest(base: Raw, file: Document, error: ValidationError) -> Tenant | None:
    """What is left of a tenant without the values that were refused, if that makes a tenant at all."""
    someone = {"name": Path(file.file).stem, "profile": "unknown", **_SOMEONE}
    try:
        return Tenant.model_validate(merge(base, {**someone, **explain.repaired(file.data, error)}))
    except ValidationError:
        return None


def _about(key: Key, refused: Iterable[Finding]) -> bool:
    """Whether a finding is about a value that was refused already, or about what contains or is in it."""
    return any(key[: len(each.key)] == each.key or each.key[: len(key)] == key for each in refused)


def _own_name(stem: str, file: Document) -> Iterable[Finding]:
    name = file.data.get("name", stem)
    if name != stem:
        yield Finding(("name",), f"the file is {stem}.yaml; name and file must be the same", name)


def _has(raw: object, key: Key) -> bool:
    for part in key:
        if isinstance(raw, dict) and part in raw:
            raw = cast("dict[object, object]", raw)[part]
        elif not (isinstance(raw, list) and isinstance(part, int) and part < len(cast("list[object]", raw))):
            return False
        else:
            raw = cast("list[object]", raw)[part]
    return True


def _wrong_profile(raw: Raw) -> Iterable[Finding]:
    """What is wrong with a complete profile, seen as the tenant that adds nothing to it."""
    try:
        Tenant.model_validate({**raw, **_SOMEONE, "name": "someone", "profile": "unknown"})
    except ValidationError as error:
        return list(explain.findings(error, Tenant))
    return []
