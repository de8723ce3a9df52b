"""Stand-in for pulumi-language-python: runs Python programs for the engine.

Behaves as the official host does with `toolchain: pip` (sdk/python/cmd/pulumi-language-python and
sdk/python/toolchain/pip.go of pulumi/pulumi): a child process in the virtual environment runs the program;
its configuration arrives by environment, its output goes where the host's goes.
"""
# ruff: noqa: ARG002, D102, N802 (names, parameters and meaning of gRPC methods are the protocol's)

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import grpc
from google.protobuf import empty_pb2, json_format
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from sandbox.plugins.program import ALREADY_SHOWN
from sandbox.plugins.serving import engine_address, serve

_RUNNER = Path(__file__).with_name("program.py")
_OPTIONS = {"virtualenv", "toolchain"}
_PATIENCE = 5.0  # seconds between asking a program to end and killing it; the engine gives a plugin as long

# Run in the program's Python: every installed distribution, and the plugin that it says it needs.
_LIST_DISTRIBUTIONS = """
import importlib.metadata, json, pathlib
found = []
for dist in importlib.metadata.distributions():
    name = dist.metadata["Name"]
    if not name:
        continue
    file = pathlib.Path(str(dist.locate_file(name.replace("-", "_")))) / "pulumi-plugin.json"
    plugin = json.loads(file.read_text()) if file.is_file() else None
    found.append({"name": name, "version": dist.version, "plugin": plugin, "requires": dist.requires or []})
print(json.dumps(found))
"""


class LanguageError(Exception):
    """A project's runtime options cannot be used; the message says which and why."""


@dataclass(frozen=True)
class Environment:
    """The Python that a program runs in: a virtual environment, or (none given) the one on PATH."""

    virtualenv: Path | None

    @property
    def python(self) -> str:
        """The interpreter's path; without a virtual environment as the official host finds it."""
        if self.virtualenv:
            return str(self.virtualenv / "bin" / "python")
        names = (
            [os.environ["PULUMI_PYTHON_CMD"]]
            if os.environ.get("PULUMI_PYTHON_CMD")
            else ["python3", "python"]
        )
        for name in names:
            if found := shutil.which(name):
                return found
        raise LanguageError(f"none of {', '.join(names)} is on PATH")

    def variables(self) -> dict[str, str]:
        """This process's environment variables, with the virtual environment activated."""
        variables = dict(os.environ)
        if self.virtualenv:
            variables["PATH"] = f"{self.virtualenv / 'bin'}{os.pathsep}{variables.get('PATH', os.defpath)}"
            variables["VIRTUAL_ENV"] = str(self.virtualenv)
            variables.pop("PYTHONHOME", None)
        return variables

    def check(self) -> None:
        """Raises LanguageError unless the interpreter exists."""
        if self.virtualenv and not (self.virtualenv / "bin" / "python").is_file():
            raise LanguageError(
                f"runtime.options.virtualenv in Pulumi.yaml names {self.virtualenv}, "
                f"which is no virtual environment: make it with python3 -m venv {self.virtualenv} "
                "and install requirements.txt into it"
            )


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """The engine's view of Python."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._engine = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        from importlib.metadata import version  # needed rarely, and its import takes a while

        return plugin_pb2.PluginInfo(version=version("pulumi"))

    def GetRequiredPackages(self, request: Any, context: grpc.ServicerContext) -> Any:
        packages = [
            plugin_pb2.PackageDependency(
                kind="resource", name=plugin.name, version=plugin.version, server=plugin.server
            )
            for plugin in _required_plugins(_environment(request.info, context))
        ]
        return language_pb2.GetRequiredPackagesResponse(packages=packages)

    def GetRequiredPlugins(self, request: Any, context: grpc.ServicerContext) -> Any:
        plugins = _required_plugins(_environment(request.info, context))
        return language_pb2.GetRequiredPluginsResponse(plugins=plugins)

    def GetProgramDependencies(self, request: Any, context: grpc.ServicerContext) -> Any:
        distributions = _distributions(_environment(request.info, context))
        if not request.transitiveDependencies:
            required = {_name_of(item) for found in distributions for item in found["requires"]}
            distributions = [found for found in distributions if _normal(found["name"]) not in required]
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[
                language_pb2.DependencyInfo(name=_normal(found["name"]), version=found["version"])
                for found in distributions
            ]
        )

    def About(self, request: Any, context: grpc.ServicerContext) -> Any:
        environment = _environment(request.info, context)
        script = "import platform, sys; print(sys.executable); print(platform.python_version())"
        executable, version = _output(environment, ["-c", script]).splitlines()
        return language_pb2.AboutResponse(
            executable=executable, version=version, metadata={"toolchain": "pip"}
        )

    def InstallDependencies(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        environment = _environment(request.info, context, must_exist=False)
        program_directory = Path(request.info.program_directory or request.directory)
        for command in _install_commands(environment, program_directory):
            yield language_pb2.InstallDependenciesResponse(stdout=f"Running {' '.join(command)}\n".encode())
            with subprocess.Popen(
                command,
                cwd=program_directory,
                env=environment.variables(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            ) as process:
                for line in process.stdout or ():
                    yield language_pb2.InstallDependenciesResponse(stdout=line)
            if process.returncode:
                context.abort(
                    grpc.StatusCode.UNKNOWN, f"{' '.join(command)} exited with code {process.returncode}"
                )

    def RuntimeOptionsPrompts(self, request: Any, context: grpc.ServicerContext) -> Any:
        return language_pb2.RuntimeOptionsResponse()

    def Template(self, request: Any, context: grpc.ServicerContext) -> Any:
        return language_pb2.TemplateResponse()

    def Run(self, request: Any, context: grpc.ServicerContext) -> Any:
        environment = _environment(request.info, context)
        variables = environment.variables() | {
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        command = [environment.python, *_run_arguments(request, self._engine)]
        process = subprocess.Popen(command, env=variables, stdin=subprocess.DEVNULL)
        with self._lock:
            self._running.add(process)
        context.add_callback(lambda: _end(process))
        code = process.wait()
        with self._lock:
            self._running.discard(process)
        if code == ALREADY_SHOWN:
            return language_pb2.RunResponse(bail=True)
        if code < 0:
            return language_pb2.RunResponse(error=f"Program was ended by signal {-code}")
        return language_pb2.RunResponse(
            error=f"Program exited with non-zero exit code: {code}" if code else ""
        )

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        # As the official host: what a program does not do about SIGINT (a traceback) is to be seen here too.
        self.end_programs(signal.SIGINT)
        return empty_pb2.Empty()

    def end_programs(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Sends the signal to every program that is still running, and kills those that go on."""
        with self._lock:
            running = list(self._running)
        for process in running:
            _end(process, number)


def main() -> None:
    """Serves as the engine's Python language host."""
    host = LanguageHost(engine_address(sys.argv))
    try:
        serve(lambda server: language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server))
    finally:
        host.end_programs()


def _environment(info: Any, context: grpc.ServicerContext, must_exist: bool = True) -> Environment:
    """The environment that Pulumi.yaml asks for; aborts the call when it cannot be used."""
    try:
        options = cast("dict[str, object]", json_format.MessageToDict(info.options))
        environment = environment_of(options, Path(info.root_directory))
        if must_exist:
            environment.check()
    except LanguageError as error:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        raise
    return environment


def environment_of(options: Mapping[str, object], root: Path) -> Environment:
    """The environment for Pulumi.yaml's runtime.options; a relative virtualenv lies below the project's root.

    Raises LanguageError for an option that only the official host has.
    """
    if extra := sorted(set(options) - _OPTIONS):
        raise LanguageError(
            f"runtime.options.{extra[0]} in Pulumi.yaml needs the official language host; "
            f"the stand-in knows {' and '.join(sorted(_OPTIONS))}"
        )
    if options.get("toolchain", "pip") != "pip":
        raise LanguageError(
            f"runtime.options.toolchain in Pulumi.yaml is {options['toolchain']!r}; "
            "the stand-in knows only 'pip'"
        )
    virtualenv = str(options.get("virtualenv") or "")
    return Environment(root / virtualenv if virtualenv else None)


def _run_arguments(request: Any, engine: str) -> list[str]:
    values = {
        "monitor": request.monitor_address,
        "engine": engine,
        "project": request.project,
        "stack": request.stack,
        "organization": request.organization,
        "root_directory": request.info.root_directory,
        "pwd": request.pwd,
        "parallel": str(max(request.parallel, 1)),
    }
    program = Path(request.info.program_directory, request.info.entry_point or ".")
    return [
        "-u",
        "-P",  # the runner's own folder has no place on the program's sys.path
        str(_RUNNER),
        *(f"--{name}={value}" for name, value in values.items() if value),
        *(["--dry_run"] if request.dryRun else []),
        "--",
        str(program),
        *request.args,
    ]


def _end(process: "subprocess.Popen[bytes]", number: signal.Signals = signal.SIGTERM) -> None:
    if process.poll() is not None:
        return
    process.send_signal(number)
    killer = threading.Timer(_PATIENCE, process.kill)
    killer.daemon = True
    killer.start()


def _install_commands(environment: Environment, program_directory: Path) -> Iterator[list[str]]:
    if environment.virtualenv and not (environment.virtualenv / "bin" / "python").exists():
        yield [sys.executable, "-m", "venv", str(environment.virtualenv)]
    if (program_directory / "requirements.txt").is_file():
        yield [environment.python, "-m", "pip", "install", "-r", "requirements.txt"]


def _required_plugins(environment: Environment) -> list[plugin_pb2.PluginDependency]:
    """The plugin of each installed Pulumi package that has one."""
    return [
        plugin_pb2.PluginDependency(
            kind="resource",
            name=plugin.get("name") or _normal(found["name"]).removeprefix("pulumi-"),
            version=f"v{(plugin.get('version') or found['version']).removeprefix('v')}",
            server=plugin.get("server") or "",
        )
        for found in _distributions(environment)
        if (plugin := found["plugin"]) and plugin.get("resource")
    ]


def _distributions(environment: Environment) -> list[dict[str, Any]]:
    return json.loads(_output(environment, ["-P", "-c", _LIST_DISTRIBUTIONS]))


def _output(environment: Environment, arguments: list[str]) -> str:
    return subprocess.run(
        [environment.python, *arguments],
        env=environment.variables(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout


def _name_of(requirement: str) -> str:
    """The distribution's name in a requirement such as `grpcio~=1.66; extra == "x"`."""
    end = next((i for i, letter in enumerate(requirement) if not (letter.isalnum() or letter in "-_.")), None)
    return _normal(requirement[:end])


def _normal(name: str) -> str:
    """The name in the form of PEP 503, as the official host reports it."""
    return name.lower().replace("_", "-").replace(".", "-")


if __name__ == "__main__":
    main()
