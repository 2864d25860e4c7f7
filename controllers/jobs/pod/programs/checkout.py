"""Gets the files of a git repository at a commit.

    checkout.py URL REF SUBDIRECTORY TARGET WORK CREDENTIALS REPORT

REF is a branch, a tag or a commit, and the remote's HEAD if empty; SUBDIRECTORY may be empty.
CREDENTIALS is empty or a directory with username and password, or with ssh-privatekey and maybe
known_hosts. Writes the commit to REPORT. Nothing of git's own stays in TARGET.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from typing import Dict, List
from urllib.parse import quote, urlsplit

PROTOCOLS = "http:https:ssh"
"""Whatever an address or a redirect says, git runs no other transport."""
COMMIT_LENGTH = 40


def main(arguments: List[str]) -> int:
    """Get the files; the exit code."""
    url, ref, subdirectory, target, work, credentials, report = arguments
    scratch = tempfile.mkdtemp(dir=work)
    try:
        options, environment = access(url, credentials, scratch)
        repository = os.path.join(scratch, "repository")
        commit = fetch(url, ref, repository, options, environment)
        put(os.path.join(repository, subdirectory), repository, target)
    except OSError as error:
        if error.filename == "git":
            return fail("The image of the framework has no git: give the code by source.uri.")
        raise
    except subprocess.CalledProcessError as error:
        return fail("git ended with exit code {}.".format(error.returncode))
    except ValueError as error:
        return fail(str(error))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    with open(report, "w") as file:
        file.write(json.dumps({"commit": commit}))
    return 0


def fetch(
    url: str, ref: str, repository: str, options: List[str], environment: Dict[str, str]
) -> str:
    """Check the ref out; its commit."""

    def git(*words: str) -> str:
        command = ["git", *options, "-C", repository, *words]
        return subprocess.check_output(command, env=environment).decode().strip()

    os.mkdir(repository)
    git("init", "--quiet")
    wanted = ref or "HEAD"
    try:
        git("fetch", "--quiet", "--depth", "1", "--", url, wanted)
        found = "FETCH_HEAD"
    except subprocess.CalledProcessError:
        # A server that gives no part of its history, or no commit by its name.
        print("Not to be had by itself: fetching everything.", file=sys.stderr, flush=True)
        git("fetch", "--quiet", "--tags", "--", url, "+refs/heads/*:refs/remotes/origin/*")
        found = wanted
        for candidate in ("refs/remotes/origin/" + wanted, "refs/tags/" + wanted):
            if git("for-each-ref", "--count=1", candidate):
                found = candidate
        if not ref:
            git("fetch", "--quiet", "--", url, "HEAD")
            found = "FETCH_HEAD"
    git("checkout", "--quiet", "--force", "--detach", found + "^{commit}")
    return git("rev-parse", "HEAD")


def access(url: str, credentials: str, scratch: str) -> "tuple[List[str], Dict[str, str]]":
    """Options and environment that let git in."""
    environment = dict(os.environ)
    environment.update(
        HOME=scratch,
        GIT_ALLOW_PROTOCOL=PROTOCOLS,
        GIT_CONFIG_NOSYSTEM="1",
        GIT_TERMINAL_PROMPT="0",
        GIT_SSH_COMMAND="ssh -oBatchMode=yes",
    )
    if not credentials:
        return [], environment
    key = os.path.join(credentials, "ssh-privatekey")
    if os.path.exists(key):
        environment["GIT_SSH_COMMAND"] = ssh(key, credentials, scratch)
        return [], environment
    parts = urlsplit(url)
    store = os.path.join(scratch, "credentials")
    line = "{}://{}:{}@{}\n".format(
        parts.scheme,
        quote(read(credentials, "username"), safe=""),
        quote(read(credentials, "password"), safe=""),
        parts.netloc.rpartition("@")[2],
    )
    private(store, line)
    return ["-c", "credential.helper=store --file=" + store], environment


def ssh(key: str, credentials: str, scratch: str) -> str:
    """The command that logs in with a key."""
    own = os.path.join(scratch, "key")
    with open(key) as file:
        # ssh takes no key that others may read, and wants a line break at its end.
        private(own, file.read().rstrip("\n") + "\n")
    hosts = os.path.join(credentials, "known_hosts")
    if os.path.exists(hosts):
        check = "-oStrictHostKeyChecking=yes -oUserKnownHostsFile=" + hosts
    else:
        check = "-oStrictHostKeyChecking=accept-new -oUserKnownHostsFile=" + scratch + "/known"
    return "ssh -oBatchMode=yes -oIdentitiesOnly=yes -i {} {}".format(own, check)


def read(directory: str, key: str) -> str:
    """One key of the credentials."""
    path = os.path.join(directory, key)
    if not os.path.exists(path):
        message = "source.git.secret: it is not there or has no key {}: it needs username and "
        raise ValueError(message.format(key) + "password, or ssh-privatekey and known_hosts.")
    with open(path) as file:
        return file.read().strip()


def private(path: str, text: str) -> None:
    """Write a file that only its owner can read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(text)


def put(source: str, repository: str, target: str) -> None:
    """Move what is in the directory into the target, without git's own."""
    root = os.path.realpath(repository)
    real = os.path.realpath(source)
    if not os.path.isdir(real) or (real != root and not real.startswith(root + os.sep)):
        raise ValueError("source.git.subdirectory: there is no such directory in the repository.")
    shutil.rmtree(os.path.join(root, ".git"), ignore_errors=True)
    for name in os.listdir(real):
        there = os.path.join(target, name)
        if os.path.isdir(there) and not os.path.islink(there):
            shutil.rmtree(there)
        shutil.move(os.path.join(real, name), there)


def fail(message: str) -> int:
    """Say why, as the last line."""
    print(message, file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
