"""Copies what is at an address to a path, or unpacks it there.

    fetch.py copy|unpack ADDRESS TARGET SHA256 REPORT

Knows http and https; hdfs by the image's own ``hdfs dfs``; s3 with the keys in the environment
(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL), or
as nobody without any. An s3 address that ends with a slash is all that begins with it. SHA256
may be empty. Writes the hash of what was copied to REPORT, if it was one file.
"""

import datetime
import hashlib
import hmac
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
import xml.etree.ElementTree
import zipfile
from typing import Any, Dict, List, Optional
from urllib.parse import quote, unquote, urlencode, urlsplit

TRIES = 5
FIRST_RETRY_SECONDS = 1.0
"""Doubled each time: half a minute in all."""
TIMEOUT_SECONDS = 60
BLOCK = 1 << 20
EMPTY = hashlib.sha256(b"").hexdigest()
TRANSIENT = (408, 425, 429, 500, 502, 503, 504)


class FetchError(Exception):
    """Why the data could not be had."""


def main(arguments: List[str]) -> int:
    """Copy or unpack; the exit code."""
    mode, address, target, sha256, report = arguments
    try:
        if mode == "unpack":
            found = unpack(address, target, sha256)
        else:
            found = copy(address, target, sha256)
    except FetchError as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    with open(report, "w") as file:
        file.write(json.dumps({"sha256": found} if found else {}))
    return 0


def copy(address: str, target: str, sha256: str) -> str:
    """Copy what is there; its hash, empty for a directory."""
    scheme = urlsplit(address).scheme
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if scheme in ("http", "https"):
        download(address, {}, target)
    elif scheme == "hdfs":
        from_hdfs(address, target)
    elif scheme == "s3":
        from_s3(address, target)
    else:
        raise FetchError("{}: nothing can be copied from {}.".format(address, scheme))
    if os.path.isdir(target):
        if sha256:
            raise FetchError(address + " is a directory, which has no sha256: remove it.")
        return ""
    found = hash_of(target)
    if sha256 and found != sha256:
        os.remove(target)
        message = "{} has sha256 {} and should have {}."
        raise FetchError(message.format(address, found, sha256))
    return found


def hash_of(path: str) -> str:
    """Of a file."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()


def unpack(address: str, target: str, sha256: str) -> str:
    """Unpack an archive, or copy a file that is none; its hash."""
    name = os.path.basename(unquote(urlsplit(address).path)) or "source"
    archive = os.path.join(target, ".fetched", name)
    found = copy(address, archive, sha256)
    if os.path.isdir(archive):
        for entry in os.listdir(archive):
            shutil.move(os.path.join(archive, entry), os.path.join(target, entry))
    elif zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            check(address, zipped.namelist())
            zipped.extractall(target)
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tar:
            members = [member for member in tar if member.isfile() or member.isdir()]
            check(address, [member.name for member in members])
            tar.extractall(target, members=members)
    else:
        shutil.move(archive, os.path.join(target, name))
    shutil.rmtree(os.path.dirname(archive))
    return found


def check(address: str, names: List[str]) -> None:
    """Refuse an archive that would write elsewhere."""
    for name in names:
        if os.path.isabs(name) or ".." in name.replace("\\", "/").split("/"):
            raise FetchError("{} holds {}, which leads out of it.".format(address, name))


def download(address: str, headers: Dict[str, str], target: str) -> None:
    """Copy one file from the web, with patience."""
    partial = target + ".part"
    with opened(address, headers) as answer, open(partial, "wb") as file:
        shutil.copyfileobj(answer, file, BLOCK)
        wanted = answer.headers.get("Content-Length")
        if wanted is not None and file.tell() != int(wanted):
            raise FetchError("{}: only {} of {} bytes came.".format(address, file.tell(), wanted))
    os.replace(partial, target)


def opened(address: str, headers: Dict[str, str]) -> Any:
    """The answer, tried for until the server has said what it thinks of the question."""
    plain = address.partition("?")[0]
    for left in reversed(range(TRIES)):
        try:
            request = urllib.request.Request(address, headers=headers)
            return urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
        except urllib.error.HTTPError as error:
            problem = "{}: the server says {} {}.".format(plain, error.code, error.reason)
            if error.code not in TRANSIENT:
                raise FetchError(problem)
        except (OSError, ValueError) as error:
            problem = "{}: {}.".format(plain, getattr(error, "reason", error))
        if left:
            time.sleep(FIRST_RETRY_SECONDS * 2 ** (TRIES - 1 - left))
    raise FetchError(problem)


def from_hdfs(address: str, target: str) -> None:
    """Copy a file or directory with Hadoop's own client."""
    command = ["hdfs", "dfs", "-get", address.rstrip("/"), target]
    try:
        code = subprocess.call(command)
    except OSError:
        raise FetchError(
            "The image of the framework has no hdfs command: set the dataset's mode to "
            "Reference, or choose a framework that has it."
        )
    if code != 0:
        raise FetchError("hdfs dfs -get ended with exit code {}.".format(code))


def from_s3(address: str, target: str) -> None:
    """Copy an object, or all that begin with what ends with a slash."""
    bucket, key = urlsplit(address).netloc, unquote(urlsplit(address).path[1:])
    if key and not key.endswith("/"):
        s3_download(bucket, key, target)
        return
    keys = [found for found in s3_keys(bucket, key) if not found.endswith("/")]
    if not keys:
        raise FetchError(address + " holds nothing.")
    check(address, [found[len(key) :] for found in keys])
    os.makedirs(target, exist_ok=True)
    for found in keys:
        path = os.path.join(target, found[len(key) :])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        s3_download(bucket, found, path)


def s3_keys(bucket: str, prefix: str) -> List[str]:
    """The objects of a bucket that begin so."""
    found = []  # type: List[str]
    query = {"list-type": "2", "prefix": prefix}
    while True:
        with s3_opened(bucket, "", query) as answer:
            root = xml.etree.ElementTree.fromstring(answer.read())
        space = root.tag.partition("}")[0] + "}" if "}" in root.tag else ""
        found += [node.findtext(space + "Key", "") for node in root.iter(space + "Contents")]
        token = root.findtext(space + "NextContinuationToken")
        if not token:
            return found
        query["continuation-token"] = token


def s3_download(bucket: str, key: str, target: str) -> None:
    """Copy one object."""
    address, headers = s3_request(bucket, key, {})
    download(address, headers, target)


def s3_opened(bucket: str, key: str, query: Dict[str, str]) -> Any:
    """The answer to a signed request."""
    address, headers = s3_request(bucket, key, query)
    return opened(address, headers)


def s3_request(bucket: str, key: str, query: Dict[str, str]) -> "tuple[str, Dict[str, str]]":
    """Address and headers of a request for an object or, without a key, of the bucket."""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    base = urlsplit(endpoint or "https://s3.{}.amazonaws.com".format(region))
    path = base.path.rstrip("/") + "/" + quote(bucket + "/" + key, safe="/-_.~")
    text = urlencode(sorted(query.items()), quote_via=quote, safe="-_.~")
    address = "{}://{}{}{}".format(base.scheme, base.netloc, path, "?" + text if text else "")
    access, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if not access or not secret:
        return address, {}
    now = datetime.datetime.utcfromtimestamp(time.time()).strftime("%Y%m%dT%H%M%SZ")
    token = os.environ.get("AWS_SESSION_TOKEN")
    return address, signed(base.netloc, path, text, now, region, access, secret, token)


def signed(  # noqa: PLR0917 # a keyword-only argument each would say no more
    host: str,
    path: str,
    query: str,
    now: str,
    region: str,
    access: str,
    secret: str,
    token: Optional[str] = None,
) -> Dict[str, str]:
    """The headers of a GET, signed with AWS's version 4."""
    headers = {"host": host, "x-amz-content-sha256": EMPTY, "x-amz-date": now}
    if token:
        headers["x-amz-security-token"] = token
    names = ";".join(sorted(headers))
    lines = "".join("{}:{}\n".format(name, headers[name]) for name in sorted(headers))
    canonical = "\n".join(("GET", path, query, lines, names, EMPTY))
    scope = "/".join((now[:8], region, "s3", "aws4_request"))
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = ("AWS4" + secret).encode()
    for word in scope.split("/"):
        key = hmac.new(key, word.encode(), hashlib.sha256).digest()
    text = "\n".join(("AWS4-HMAC-SHA256", now, scope, digest))
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    headers["Authorization"] = (
        "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}".format(
            access, scope, names, signature
        )
    )
    del headers["host"]
    return headers


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
