"""Whether the options of a manager fit the controllers that it is to run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl_core.manager.args import usage_error
from mlctl_core.manager.certificates import can_be_self_made
from mlctl_core.manager.wiring import CustomController

if TYPE_CHECKING:
    from collections.abc import Collection

    from mlctl_core.manager.args import ManagerOptions
    from mlctl_core.manager.wiring import Declaration


def check_usage(options: ManagerOptions, declarations: Collection[Declaration]) -> None:
    """End the process as for a bad flag where they do not fit.

    Raises:
        SystemExit: with 2.
    """
    kinds = {declaration.kind.name for declaration in declarations}
    unknown = sorted(set(options.concurrency) - kinds)
    if unknown:
        usage_error(f"--concurrency: no controller of {unknown[0]}; there are {sorted(kinds)}")
    if options.metrics_secure and not (options.metrics_cert_path or can_be_self_made()):
        usage_error(
            "--metrics-secure makes a certificate by the package cryptography, which is not "
            "installed: give --metrics-cert-path, or install mlctl[metrics-secure]"
        )
    custom = [one.name for one in declarations if isinstance(one, CustomController)]
    if options.dry_run and custom:
        usage_error(f"--dry-run: {custom[0]} writes without a plan, which nothing can hold back")
