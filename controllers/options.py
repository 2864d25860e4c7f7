"""The flags of ``python -m controllers`` beyond those of every manager."""

from __future__ import annotations

import argparse
import re

from controllers.gpu.accounting import GPU_RESOURCES

_NO_GPUS = ("cpu", "memory", "ephemeral-storage", "pods")


def flags() -> argparse.ArgumentParser:
    """A parser of them, for ``Manager.from_args``.

    The result has ``gpu_resources``, a pattern for whole names of resources.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument(
        "--gpu-resources",
        metavar="REGEX",
        type=_resources,
        default=GPU_RESOURCES,
        help="what nodes call GPUs, in metrics; default: the names of NVIDIA (with MIG and shared "
        "ones), AMD, Intel, Google, Habana, AWS and Huawei",
    )
    return parser


def _resources(text: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {error}") from error
    for name in _NO_GPUS:
        if pattern.fullmatch(name):
            raise argparse.ArgumentTypeError(f"{text!r} matches {name}, which is no GPU")
    return pattern
