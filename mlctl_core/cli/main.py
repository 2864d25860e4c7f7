"""The mlctl command: arguments in, text out, errors as one sentence and an exit code.

Exit codes: 0 done, 1 refused or not found, 2 bad usage or not possible here, 130 interrupted.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from typing import TYPE_CHECKING

from mlctl_core.cli.crds import crds
from mlctl_core.cli.errors import CommandError
from mlctl_core.cli.explain import explain
from mlctl_core.cli.get import get
from mlctl_core.cli.logs import logs
from mlctl_core.cli.suspend import set_suspended
from mlctl_core.cli.target import find_job
from mlctl_core.cli.why import why
from mlctl_core.client.client import Client
from mlctl_core.client.config import load_config
from mlctl_core.client.errors import ClientError
from mlctl_core.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Sequence

_FORMS = ("wide", "json", "yaml")
_NAME = "digits or pyjob/digits"
_EXAMPLES = """\
examples:
  mlctl get                                 all that runs in the namespace, and how it fares
  mlctl get fw                              the frameworks that a job may name
  mlctl why digits                          what keeps it waiting, or made it fail
  mlctl logs -f digits                      its output, from its first line to its last
  mlctl explain job.yaml --size gpu-large   what would be created, and what the size changes
"""
_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except CommandError as error:
        print(f"mlctl: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader has seen enough, as with `| head`; nor does the interpreter's last flush
        # have anything to complain of.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _run(arguments: argparse.Namespace) -> int:
    if arguments.command == "crds":
        print(crds(arguments.module))
        return 0
    try:
        return asyncio.run(_with_client(arguments))
    except ClientError as error:
        raise CommandError(str(error)) from error


async def _with_client(arguments: argparse.Namespace) -> int:
    clock = SystemClock()
    config = load_config(arguments.kubeconfig, arguments.context)
    namespace = arguments.namespace or config.namespace
    async with Client(config, user_agent="mlctl-cli", clock=clock) as client:
        match arguments.command:
            case "get":
                where = None if arguments.all_namespaces else namespace
                print(await get(client, arguments.what, where, arguments.output, clock.now()))
            case "why":
                print(await why(client, await find_job(client, arguments.name, namespace)))
            case "logs":
                target = await find_job(client, arguments.name, namespace)
                await logs(client, target, follow=arguments.follow, clock=clock)
            case "explain":
                print(await explain(client, arguments.file, namespace, size=arguments.size))
            case "suspend" | "resume" as command:
                target = await find_job(client, arguments.name, namespace)
                print(await set_suspended(client, target, value=command == "suspend"))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mlctl",
        description="Machine-learning jobs, for people.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_cluster(parser, default=None)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    # As with kubectl, where the cluster is may also be said after the command.
    cluster = argparse.ArgumentParser(add_help=False)
    _add_cluster(cluster, default=argparse.SUPPRESS)

    def command(name: str, what: str, *, online: bool = True) -> argparse.ArgumentParser:
        parents = [cluster] if online else []
        return commands.add_parser(name, help=what, description=f"{what}.", parents=parents)

    get = command("get", "what there is, and how it fares")
    get.add_argument("what", nargs="?", help="a kind (pyjob) or an object (pyjob/digits)")
    get.add_argument("-A", "--all-namespaces", action="store_true", help="not of one namespace")
    get.add_argument("-o", "--output", choices=_FORMS, default="", help="wide adds the message")

    command("why", "why a job is pending or has failed").add_argument("name", help=_NAME)

    logs = command("logs", "what a job writes")
    logs.add_argument("name", help=_NAME)
    logs.add_argument("-f", "--follow", action="store_true", help="as it is written, to its end")

    explain = command("explain", "what a file would create; writes nothing")
    explain.add_argument("file", help="a YAML file, or - for standard input")
    explain.add_argument("--size", help="show the difference that this size makes")

    command("suspend", "stop a job's pods until it is resumed").add_argument("name", help=_NAME)
    command("resume", "start a suspended job afresh").add_argument("name", help=_NAME)

    crds = command("crds", "print the CRDs of a module's API classes", online=False)
    crds.add_argument("module", nargs="?", help="such as website; default: this project's apis")
    return parser


def _add_cluster(parser: argparse.ArgumentParser, default: str | None) -> None:
    """Add the options that say which cluster, and where in it."""
    for flags, what in (
        (("--kubeconfig",), "file to use instead of $KUBECONFIG or ~/.kube/config"),
        (("--context",), "context of the kubeconfig"),
        (("-n", "--namespace"), "namespace (default: the context's)"),
    ):
        parser.add_argument(*flags, help=what, default=default)


if __name__ == "__main__":
    sys.exit(main())
