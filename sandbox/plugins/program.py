"""Runs a Pulumi program, in the program's own Python: started by the language host, imports nothing of ours.

Exit codes as the official runner's: 0; 1, which the engine words itself; 32 for an error already shown.
"""

import argparse
import asyncio
import logging
import os
import runpy
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

try:
    import pulumi
    import pulumi.runtime
except ImportError:
    sys.stderr.write(
        f"{traceback.format_exc()}\nThe Pulumi SDK is not installed in {sys.prefix}: "
        "run pip install -r requirements.txt in the program's virtual environment.\n"
    )
    sys.exit(1)

ALREADY_SHOWN = 32


def main() -> int:
    """Runs the program that the arguments name and returns the exit code."""
    arguments = _arguments()
    pulumi.runtime.set_all_config(
        pulumi.runtime.get_config_env(), list(pulumi.runtime.get_config_secret_keys_env())
    )
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            project=arguments.project,
            stack=arguments.stack,
            parallel=arguments.parallel,
            dry_run=arguments.dry_run,
            monitor=arguments.monitor,
            engine=arguments.engine,
            organization=arguments.organization,
            root_directory=arguments.root_directory,
        )
    )
    sys.argv = [arguments.program, *arguments.args]
    if arguments.pwd:
        os.chdir(arguments.pwd)
    # A program that failed leaves futures that nobody awaits; asyncio's complaints would bury the real error.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    return _run(arguments.program, arguments.parallel)


def _run(program: str, parallel: int) -> int:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    executor = ThreadPoolExecutor(max_workers=max(parallel, 1) * 4)
    loop.set_default_executor(executor)
    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(lambda: _run_main(program)))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return 1
    except Exception:
        pulumi.log.error(f"Program failed with an unhandled exception:\n{_program_traceback(program)}")
        return ALREADY_SHOWN
    finally:
        executor.shutdown(wait=True)
        loop.close()
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _run_main(program: str) -> None:
    if Path(program).is_dir() and not (Path(program) / "__main__.py").is_file():
        pulumi.log.error(f"unable to find main python program `__main__.py` in `{Path(program).absolute()}`")
        sys.exit(ALREADY_SHOWN)
    runpy.run_path(program, run_name="__main__")


def _program_traceback(program: str) -> str:
    """The traceback from the program's first own line on, without the frames of runner and SDK."""
    main_file = Path(program) / "__main__.py" if Path(program).is_dir() else Path(program)
    frames = traceback.extract_tb(sys.exc_info()[2])
    for index, frame in enumerate(frames):
        if Path(frame.filename).absolute() == main_file.absolute():
            return traceback.format_exc(limit=index - len(frames))
    return traceback.format_exc()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Runs a Pulumi program")
    for name in ("project", "stack", "root_directory", "pwd", "monitor", "engine", "organization"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument("--dry_run", action="store_true")
    parser.add_argument("program", help="a Python file, or a directory with __main__.py")
    parser.add_argument("args", nargs="*")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
