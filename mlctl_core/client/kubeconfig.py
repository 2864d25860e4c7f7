"""Kubeconfig files, through kubernetes-asyncio's loader: tokens, certificates, plugins, OIDC.

The loader reads once and hands certificates over as files. Here it is run again for each
look-up, so that what changed on disk is seen, and the files it wrote are gone before the
look-up returns. Its messages quote the entry they are about, secrets included, so only their
first half is passed on.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import attrs
import yaml

from mlctl_core.client.credentials import Access
from mlctl_core.client.errors import ConfigError
from mlctl_core.client.loader import config_module
from mlctl_core.client.tls import TlsContexts

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Cluster", "KubeconfigSource"]

# The loader accepts what an unfinished file contains (no users, a context without one).
_NOBODY = "(nobody)"


@attrs.frozen
class Cluster:
    """What a context says of its cluster."""

    server: str
    server_name: str | None
    proxy: str | None = attrs.field(repr=False)
    namespace: str


class KubeconfigSource:
    """One context of one or several kubeconfig files.

    Args:
        paths: file names joined as in ``$KUBECONFIG``.
        context: the context's name; None for the files' current one.
    """

    def __init__(self, paths: str, context: str | None) -> None:
        self._paths = paths
        self._context = context
        self._contexts = TlsContexts()

    def cluster(self) -> Cluster:
        """Where the context's cluster is.

        Raises:
            ConfigError: a file cannot be read, or the context is not complete.
        """
        with self._explained():
            config, loader = self._load(None)
            context = loader.current_context["context"]
            cluster = config["clusters"].get_with_name(context["cluster"])["cluster"]
            return Cluster(
                server=str(cluster["server"]),
                server_name=cluster.safe_get("tls-server-name"),
                proxy=cluster.safe_get("proxy-url"),
                namespace=context.get("namespace") or "default",
            )

    async def access(self) -> Access:
        """Read the files again, run the plugin if there is one.

        Raises:
            ConfigError: as in `cluster`, or because a plugin failed.
        """
        with self._explained(), _private_directory() as directory:
            _, loader = self._load(directory)
            settings = SimpleNamespace(
                api_key={}, ssl_ca_cert=None, cert_file=None, key_file=None, verify_ssl=True
            )
            await loader.load_and_set(settings)
            tls = None
            if loader.host.startswith("https:"):
                tls = self._contexts.context(
                    ca_file=settings.ssl_ca_cert,
                    certificate_file=settings.cert_file,
                    key_file=settings.key_file,
                    verify=settings.verify_ssl,
                )
            authorization = settings.api_key.get("BearerToken")
            return Access(
                authorization=authorization.strip() if authorization else None,
                tls=tls,
                expires=getattr(loader, "exec_plugin_expiry", None),
                reread=not _asks_somebody(loader),
            )

    def _load(self, directory: str | None) -> tuple[Any, Any]:
        module = config_module("kube_config")
        # The loader would say the same, to the log.
        if not any(Path(path).expanduser().exists() for path in self._paths.split(os.pathsep)):
            raise ConfigError("no such file")
        config = module.KubeConfigMerger(self._paths).config
        _complete(config.value)
        self._check_context(config.value)
        loader = module.KubeConfigLoader(
            config_dict=config,
            active_context=self._context,
            config_base_path=None,
            temp_file_path=directory,
        )
        return config, loader

    def _check_context(self, config: dict[str, Any]) -> None:
        """Say which context is missing, and what there is instead."""
        known = [entry["name"] for entry in config.get("contexts") or []]
        wanted = self._context or config.get("current-context")
        if wanted not in known:
            missing = f"no context {wanted}" if wanted else "no context is named and none current"
            raise ConfigError(f"{missing}; it has {', '.join(known) or 'none'}")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn whatever the loader raises into an error that names the file and no secret."""
        where = f"kubeconfig {self._paths}" + (
            f", context {self._context}" if self._context else ""
        )
        try:
            yield
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f" (line {mark.line + 1})" if mark else ""
            raise ConfigError(f"{where}: not valid YAML{line}") from None
        except OSError as error:
            raise ConfigError(f"{where}: {error.strerror or error}: {error.filename}") from error
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}") from None
        except Exception as error:
            if not isinstance(error, _loader_errors()):
                raise
            raise ConfigError(f"{where}: {_without_contents(error)}") from None


def _loader_errors() -> tuple[type[Exception], ...]:
    """What the loader raises for files that are not as they should be."""
    wrong_shape = (AssertionError, AttributeError, LookupError, TypeError, ValueError)
    return (config_module("kube_config").ConfigException, *wrong_shape)


def _without_contents(error: Exception) -> str:
    """A message of the loader up to where it begins to quote the file."""
    if type(error).__name__ != "ConfigException":
        return "not a complete kubeconfig"
    text = str(error)
    return text if text.startswith("exec:") else text.partition(" in ")[0].split("/{")[0]


def _complete(config: dict[str, Any]) -> None:
    """Give contexts that name no user one without credentials; the loader needs one."""
    config["users"] = [*(config.get("users") or []), {"name": _NOBODY, "user": {}}]
    for entry in config.get("contexts") or []:
        context = entry["context"]
        context = getattr(context, "value", context)
        context["user"] = context.get("user") or _NOBODY


def _asks_somebody(loader: Any) -> bool:
    """Whether the user's credentials come from a program or a login server."""
    user = loader._user  # noqa: SLF001 - the loader shows it nowhere else
    return user is not None and ("exec" in user or "auth-provider" in user)


@contextmanager
def _private_directory() -> Iterator[str]:
    """A directory that only we can read, gone at the end with what the loader put into it."""
    with tempfile.TemporaryDirectory(prefix="mlctl-") as directory:
        try:
            yield directory
        finally:
            # The loader remembers contents by file name, to hand the file out again.
            written: dict[Any, str] = config_module("kube_config")._temp_files  # noqa: SLF001
            for contents in [c for c, path in written.items() if path.startswith(directory)]:
                del written[contents]
