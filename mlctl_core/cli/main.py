"""The mlctl command: arguments in, text out, errors as one sentence and an exit code.

Exit codes: 0 done, 1 refused or not found, 2 bad usage or not possible here.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING

from mlctl_core.cli.crds import crds
from mlctl_core.cli.errors import CommandError
from mlctl_core.cli.explain import explain
from mlctl_core.cli.get import get
from mlctl_core.cli.logs import logs
from mlctl_core.cli.suspend import set_suspended
from mlctl_core.cli.target import find
from mlctl_core.cli.why import why
from mlctl_core.client.client import Client
from mlctl_core.client.config import load_config
from mlctl_core.client.errors import ClientError
from mlctl_core.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Sequence

_FORMS = ("wide", "json", "yaml")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        return _run(arguments)
    except CommandError as error:
        print(f"mlctl: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader has seen enough, as with `| head`.
        sys.stderr.close()
        return 0


def _run(arguments: argparse.Namespace) -> int:
    if arguments.command == "crds":
        print(crds(arguments.module))
        return 0

    try:
        return asyncio.run(_with_client(arguments))
    except ClientError as error:
        raise CommandError(str(error)) from error


async def _with_client(arguments: argparse.Namespace) -> int:
    config = load_config(arguments.kubeconfig, arguments.context)
    namespace = arguments.namespace or config.namespace
    async with Client(config, user_agent="mlctl-cli") as client:
        match arguments.command:
            case "get":
                everywhere = arguments.all_namespaces
                where = None if everywhere else namespace
                now = SystemClock().now()
                print(await get(client, arguments.what, where, arguments.output, now))
            case "why":
                target = await find(client, arguments.name, namespace)
                print(await why(client, target, namespace))
            case "logs":
                target = await find(client, arguments.name, namespace)
                await logs(client, target, namespace, follow=arguments.follow)
            case "explain":
                print(await explain(client, arguments.file, namespace, size=arguments.size))
            case "suspend" | "resume" as command:
                target = await find(client, arguments.name, namespace)
                suspended = command == "suspend"
                print(await set_suspended(client, target, namespace, value=suspended))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mlctl", description="Machine-learning jobs, for people.")
    parser.add_argument("--kubeconfig", help="file to use instead of $KUBECONFIG or ~/.kube/config")
    parser.add_argument("--context", help="context of the kubeconfig")
    parser.add_argument("-n", "--namespace", help="namespace (default: the context's)")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    get = commands.add_parser("get", help="what there is, and how it fares")
    get.add_argument("what", nargs="?", help="a kind (pyjob) or an object (pyjob/digits)")
    get.add_argument("-A", "--all-namespaces", action="store_true")
    get.add_argument("-o", "--output", choices=_FORMS, default="")

    why = commands.add_parser("why", help="why a job is pending or has failed")
    why.add_argument("name", help="digits or pyjob/digits")

    logs = commands.add_parser("logs", help="what a job writes")
    logs.add_argument("name", help="digits or pyjob/digits")
    logs.add_argument("-f", "--follow", action="store_true", help="as it is written")

    explain = commands.add_parser("explain", help="what a file would create; writes nothing")
    explain.add_argument("file", help="a YAML file, or - for standard input")
    explain.add_argument("--size", help="show the difference that this size makes")

    for command, what in (("suspend", "stop a job's pods until it is resumed"),
                          ("resume", "start a suspended job afresh")):  # fmt: skip
        commands.add_parser(command, help=what).add_argument("name", help="digits or pyjob/digits")

    crds = commands.add_parser("crds", help="print the CRDs of a module's API classes")
    crds.add_argument("module", nargs="?", help="default: this project's apis")
    return parser


if __name__ == "__main__":
    sys.exit(main())
