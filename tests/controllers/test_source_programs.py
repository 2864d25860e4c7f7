"""The programs of steps as they run in a pod: a file each, given to Python as text."""

from __future__ import annotations

import ast
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from web_files import serving

from controllers.jobs.pod import programs, tools
from controllers.jobs.pod.programs import checkout, fetch, install, renew

FOLDER = Path(programs.__file__).parent


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(fetch.time, "sleep", lambda seconds: None)
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize("name", ["checkout", "fetch", "install", "renew"])
def test_a_program_is_of_python_3_5_and_needs_only_its_library(name):
    source = (FOLDER / f"{name}.py").read_text()
    tree = ast.parse(source, feature_version=(3, 5))
    imported = {
        (alias.name if isinstance(node, ast.Import) else node.module).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported <= sys.stdlib_module_names
    # What feature_version lets through: f-strings are of 3.6.
    assert not any(isinstance(node, ast.JoinedStr) for node in ast.walk(tree))
    assert tools.text(name) == source


def test_a_command_gives_users_words_as_whole_arguments():
    words = ("$(HOME)", "a b; rm -rf /", "--help", "")
    command = tools.Tools().command("fetch", *words)
    assert command[:3] == ["python", "-u", "-c"]
    assert command[4:] == ["$$(HOME)", "a b; rm -rf /", "--help", ""]


class TestCopying:
    def copy(self, address, tmp_path, sha256=""):
        target, report = tmp_path / "in" / "digits.csv", tmp_path / "report"
        code = fetch.main(["copy", address, str(target), sha256, str(report)])
        found = json.loads(report.read_text()) if report.exists() else None
        return code, target, found

    def test_a_file_from_the_web_is_copied_and_its_hash_told(self, tmp_path):
        (tmp_path / "web").mkdir()
        (tmp_path / "web" / "digits.csv").write_bytes(b"1,2\n")
        with serving(tmp_path / "web") as web:
            code, target, found = self.copy(f"{web.url}/digits.csv", tmp_path)
        assert (code, target.read_bytes()) == (0, b"1,2\n")
        assert found == {"sha256": hashlib.sha256(b"1,2\n").hexdigest()}
        assert names(target.parent) == ["digits.csv"]

    def test_a_file_with_another_hash_is_refused_and_not_kept(self, tmp_path, capsys):
        (tmp_path / "digits.csv").write_bytes(b"1,2\n")
        with serving(tmp_path) as web:
            address = f"{web.url}/digits.csv"
            code, target, found = self.copy(address, tmp_path, "0" * 64)
        assert (code, found) == (1, None)
        assert not target.exists()
        assert f"and should have {'0' * 64}" in capsys.readouterr().err

    def test_the_right_hash_is_taken(self, tmp_path):
        (tmp_path / "digits.csv").write_bytes(b"1,2\n")
        right = hashlib.sha256(b"1,2\n").hexdigest()
        with serving(tmp_path) as web:
            assert self.copy(f"{web.url}/digits.csv", tmp_path, right)[0] == 0

    def test_what_is_not_there_is_said_at_once_and_without_its_query(self, tmp_path, capsys):
        with serving(tmp_path) as web:
            code, _, _ = self.copy(f"{web.url}/none?signature=secret", tmp_path)
            assert len(web.asked) == 1
        assert code == 1
        said = capsys.readouterr().err
        assert f"{web.url}/none: the server says 404" in said
        assert "secret" not in said

    def test_a_server_in_trouble_is_asked_again(self, tmp_path):
        answers = [(503, {}, b""), (200, {}, b"1,2\n")]
        with serving(tmp_path, answers) as web:
            code, target, _ = self.copy(f"{web.url}/digits.csv", tmp_path)
        assert (code, target.read_bytes()) == (0, b"1,2\n")

    def test_a_server_that_stays_in_trouble_is_given_up(self, tmp_path, capsys):
        with serving(tmp_path, [(503, {}, b"")] * 9) as web:
            assert self.copy(f"{web.url}/digits.csv", tmp_path)[0] == 1
            assert len(web.asked) == fetch.TRIES
        assert "503" in capsys.readouterr().err

    def test_an_address_where_nobody_listens_is_given_up(self, tmp_path, capsys):
        with serving(tmp_path) as web:
            pass
        assert self.copy(f"{web.url}/digits.csv", tmp_path)[0] == 1
        assert "refused" in capsys.readouterr().err

    def test_half_a_file_is_none(self, tmp_path, capsys):
        with serving(tmp_path, [(200, {"Content-Length": "10"}, b"half")]) as web:
            code, target, _ = self.copy(f"{web.url}/digits.csv", tmp_path)
        assert code == 1
        assert not target.exists()
        assert "4 of 10 bytes" in capsys.readouterr().err

    def test_hdfs_is_read_by_the_images_own_client(self, tmp_path, monkeypatch, capsys):
        with monkeypatch.context() as patch:
            patch.setenv("PATH", str(tmp_path))
            assert self.copy("hdfs://nn/data/digits/", tmp_path)[0] == 1
        assert "has no hdfs command" in capsys.readouterr().err
        client = tmp_path / "bin" / "hdfs"
        client.parent.mkdir()
        client.write_text(
            f"#!{sys.executable}\nimport sys\n"
            "open(sys.argv[4], 'w').write(' '.join(sys.argv[1:4]))\n"
        )
        client.chmod(0o755)
        monkeypatch.setenv("PATH", str(client.parent))
        code, target, _ = self.copy("hdfs://nn/data/digits/", tmp_path)
        assert (code, target.read_text()) == (0, "dfs -get hdfs://nn/data/digits")


class TestS3:
    ACCESS = "AKIAIOSFODNN7EXAMPLE"
    SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    HOST = "examplebucket.s3.amazonaws.com"

    @pytest.mark.parametrize(
        ("query", "signature"),
        [
            (
                "lifecycle=",
                "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
            ),
            (
                "max-keys=2&prefix=J",
                "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
            ),
        ],
    )
    def test_requests_are_signed_as_in_amazons_examples(self, query, signature):
        headers = fetch.signed(
            self.HOST, "/", query, "20130524T000000Z", "us-east-1", self.ACCESS, self.SECRET
        )
        assert headers["Authorization"].endswith(f"Signature={signature}")

    def test_an_object_is_copied_with_the_keys_of_the_environment(self, tmp_path, monkeypatch):
        with serving(tmp_path, [(200, {}, b"1,2\n")]) as web:
            monkeypatch.setenv("AWS_ENDPOINT_URL", web.url)
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", self.ACCESS)
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", self.SECRET)
            monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
            target = tmp_path / "in" / "digits.csv"
            report = str(tmp_path / "report")
            address = "s3://bucket/a%20b/digits.csv"
            assert fetch.main(["copy", address, str(target), "", report]) == 0
            [(path, headers)] = web.asked
        assert target.read_bytes() == b"1,2\n"
        assert path == "/bucket/a%20b/digits.csv"
        assert f"Credential={self.ACCESS}/" in headers["Authorization"]
        assert {name.lower(): value for name, value in headers.items()}[
            "x-amz-security-token"
        ] == "session"

    def test_all_that_begins_so_is_copied_page_by_page(self, tmp_path, monkeypatch):
        def page(keys, token=""):
            contents = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in keys)
            more = f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
            space = "http://s3.amazonaws.com/doc/2006-03-01/"
            return 200, {}, f'<List xmlns="{space}">{contents}{more}</List>'.encode()

        answers = [
            page(["data/", "data/a"], "t"),
            page(["data/b/c"]),
            (200, {}, b"A"),
            (200, {}, b"C"),
        ]
        with serving(tmp_path, answers) as web:
            monkeypatch.setenv("AWS_ENDPOINT_URL_S3", web.url)
            target = tmp_path / "in" / "data"
            report = tmp_path / "report"
            assert fetch.main(["copy", "s3://bucket/data/", str(target), "", str(report)]) == 0
            assert [path for path, _ in web.asked] == [
                "/bucket/?list-type=2&prefix=data%2F",
                "/bucket/?continuation-token=t&list-type=2&prefix=data%2F",
                "/bucket/data/a",
                "/bucket/data/b/c",
            ]
            assert all("Authorization" not in headers for _, headers in web.asked)
        assert (target / "a").read_bytes() == b"A"
        assert (target / "b" / "c").read_bytes() == b"C"
        assert json.loads(report.read_text()) == {}

    def test_a_key_that_leads_elsewhere_is_refused(self, tmp_path, monkeypatch, capsys):
        keys = "<List><Contents><Key>data/../../x</Key></Contents></List>"
        with serving(tmp_path, [(200, {}, keys.encode())]) as web:
            monkeypatch.setenv("AWS_ENDPOINT_URL_S3", web.url)
            report = str(tmp_path / "report")
            arguments = ["copy", "s3://bucket/data/", str(tmp_path / "in" / "d"), "", report]
            assert fetch.main(arguments) == 1
        assert "leads out of it" in capsys.readouterr().err

    def test_nothing_there_is_an_error(self, tmp_path, monkeypatch, capsys):
        with serving(tmp_path, [(200, {}, b"<List/>")]) as web:
            monkeypatch.setenv("AWS_ENDPOINT_URL_S3", web.url)
            arguments = ["copy", "s3://bucket/data/", str(tmp_path / "d"), "", "/dev/null"]
            assert fetch.main(arguments) == 1
        assert "holds nothing" in capsys.readouterr().err


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("passwd")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return buffer.getvalue()


class TestUnpacking:
    def unpack(self, content, tmp_path, name="code.zip"):
        target = tmp_path / "code"
        target.mkdir()
        with serving(tmp_path, [(200, {}, content)]) as web:
            report = str(tmp_path / "report")
            code = fetch.main(["unpack", f"{web.url}/{name}", str(target), "", report])
        return code, target

    @pytest.mark.parametrize("pack", [zipped, tarred])
    def test_an_archive_is_unpacked_and_nothing_else_is_there(self, tmp_path, pack):
        files = {"train.py": b"print(1)", "lib/model.py": b""}
        code, target = self.unpack(pack(files), tmp_path)
        assert code == 0
        assert (target / "train.py").read_bytes() == b"print(1)"
        assert names(target) == ["lib", "train.py"]

    @pytest.mark.parametrize("pack", [zipped, tarred])
    @pytest.mark.parametrize("name", ["../evil.py", "/tmp/evil.py", "a/../../evil.py"])
    def test_an_archive_that_leads_elsewhere_is_refused(self, tmp_path, pack, name, capsys):
        assert self.unpack(pack({name: b""}), tmp_path)[0] == 1
        assert "leads out of it" in capsys.readouterr().err
        assert not (tmp_path / "evil.py").exists()

    def test_a_file_that_is_no_archive_is_the_code(self, tmp_path):
        code, target = self.unpack(b"print(1)", tmp_path, "train.py")
        assert code == 0
        assert (target / "train.py").read_bytes() == b"print(1)"
        assert names(target) == ["train.py"]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def git(*words, cwd):
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    command = ["git", *identity, "-c", "init.defaultBranch=main", *words]
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path):
    """A repository, and its bare copy that a web server of plain files can serve."""
    if shutil.which("git") is None:
        pytest.skip("there is no git here")
    work = tmp_path / "work"
    (work / "lib").mkdir(parents=True)
    git("init", "--quiet", cwd=work)
    commits = []
    for text in ("print(1)", "print(2)"):
        (work / "train.py").write_text(text)
        (work / "lib" / "model.py").write_text(text)
        git("add", "--all", cwd=work)
        git("commit", "--quiet", "--message", text, cwd=work)
        commits.append(git("rev-parse", "HEAD", cwd=work).strip())
    git("tag", "v1", commits[0], cwd=work)
    git("branch", "feature/x", commits[0], cwd=work)
    bare = tmp_path / "web" / "code.git"
    git("clone", "--quiet", "--bare", str(work), str(bare), cwd=tmp_path)
    git("update-server-info", cwd=bare)
    return tmp_path / "web", commits


class TestCheckingOut:
    def get(self, url, tmp_path, ref="", subdirectory="", credentials=""):
        target, scratch, report = tmp_path / "code", tmp_path / "scratch", tmp_path / "report"
        for folder in (target, scratch):
            folder.mkdir(exist_ok=True)
        words = [url, ref, subdirectory, str(target), str(scratch), credentials, str(report)]
        code = checkout.main(words)
        found = json.loads(report.read_text())["commit"] if report.exists() else None
        assert names(scratch) == []
        return code, target, found

    @pytest.mark.parametrize(
        ("ref", "number"),
        [("", 1), ("main", 1), ("v1", 0), ("feature/x", 0), ("first", 0), ("second", 1)],
    )
    def test_the_files_of_a_ref_are_there_and_its_commit_is_told(
        self, repository, tmp_path, ref, number
    ):
        web, commits = repository
        ref = {"first": commits[0], "second": commits[1]}.get(ref, ref)
        with serving(web) as server:
            code, target, found = self.get(f"{server.url}/code.git", tmp_path, ref)
        assert (code, found) == (0, commits[number])
        assert (target / "train.py").read_text() == f"print({number + 1})"
        assert names(target) == ["lib", "train.py"]

    def test_of_a_subdirectory_only_that_is_there(self, repository, tmp_path):
        with serving(repository[0]) as server:
            code, target, _ = self.get(f"{server.url}/code.git", tmp_path, subdirectory="lib")
        assert code == 0
        assert names(target) == ["model.py"]

    @pytest.mark.parametrize("subdirectory", ["none", "../..", "train.py"])
    def test_a_subdirectory_that_is_none_is_said(self, repository, tmp_path, subdirectory, capsys):
        with serving(repository[0]) as server:
            code, _, found = self.get(f"{server.url}/code.git", tmp_path, "", subdirectory)
        assert (code, found) == (1, None)
        assert "source.git.subdirectory" in capsys.readouterr().err

    def test_a_ref_that_is_not_there_is_an_error(self, repository, tmp_path, capfd):
        with serving(repository[0]) as server:
            code, _, found = self.get(f"{server.url}/code.git", tmp_path, "none")
        assert (code, found) == (1, None)
        assert "git ended with exit code" in capfd.readouterr().err

    def test_other_transports_are_not_used(self, repository, tmp_path, capfd):
        web, _ = repository
        for url in (f"file://{web}/code.git", "ext://sh -c true"):
            assert self.get(url, tmp_path)[0] == 1
        assert "not allowed" in capfd.readouterr().err

    def test_user_and_password_are_given_to_the_server_and_stand_in_no_argument(
        self, repository, tmp_path, monkeypatch
    ):
        credentials = tmp_path / "secret"
        credentials.mkdir()
        (credentials / "username").write_text("alice")
        (credentials / "password").write_text("hunt:er/2\n")
        commands = []
        run = subprocess.check_output
        monkeypatch.setattr(
            checkout.subprocess,
            "check_output",
            lambda command, **options: commands.append(command) or run(command, **options),
        )
        challenge = (401, {"WWW-Authenticate": 'Basic realm="git"'}, b"")
        with serving(repository[0], [challenge] * 2) as server:
            url = f"{server.url}/code.git"
            code, _, _ = self.get(url, tmp_path, credentials=str(credentials))
            sent = {headers.get("Authorization") for _, headers in server.asked}
        assert code == 0
        assert "Basic YWxpY2U6aHVudDplci8y" in sent
        assert not any("hunt" in word for command in commands for word in command)

    def test_a_secret_without_what_is_needed_is_said(self, tmp_path, capsys):
        (tmp_path / "secret").mkdir()
        code, _, _ = self.get(
            "https://example.org/a", tmp_path, credentials=str(tmp_path / "secret")
        )
        assert code == 1
        assert "it is not there or has no key username" in capsys.readouterr().err

    def test_a_key_for_ssh_is_given_to_ssh_alone(self, tmp_path):
        credentials = tmp_path / "secret"
        credentials.mkdir()
        (credentials / "ssh-privatekey").write_text("KEY")
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        _, environment = checkout.access("ssh://git@example.org/a", str(credentials), str(scratch))
        assert f"-i {scratch}/key" in environment["GIT_SSH_COMMAND"]
        assert (scratch / "key").read_text() == "KEY\n"
        assert (scratch / "key").stat().st_mode & 0o777 == 0o600

    def test_an_image_without_git_says_so(self, tmp_path, monkeypatch, capsys):
        monkeypatch.setenv("PATH", str(tmp_path))
        assert self.get("https://example.org/a", tmp_path)[0] == 1
        assert "has no git" in capsys.readouterr().err


class TestInstalling:
    def installed(self, folder, name, content):
        record = folder / f"{name}.dist-info"
        record.mkdir(parents=True)
        (record / "RECORD").write_text(content)

    def test_the_hash_is_of_all_names_versions_and_files(self, tmp_path):
        self.installed(tmp_path / "a", "numpy-2.1.0", "numpy/__init__.py,sha256=x,1")
        self.installed(tmp_path / "a", "pandas-2.2.0", "")
        (tmp_path / "a" / "numpy").mkdir()
        found = install.locked(str(tmp_path / "a"))
        assert sorted(found) == ["numpy==2.1.0", "pandas==2.2.0"]
        self.installed(tmp_path / "b", "pandas-2.2.0", "")
        self.installed(tmp_path / "b", "numpy-2.1.0", "numpy/__init__.py,sha256=x,1")
        assert install.lock_hash(install.locked(str(tmp_path / "b"))) == install.lock_hash(found)
        self.installed(tmp_path / "c", "pandas-2.2.0", "")
        self.installed(tmp_path / "c", "numpy-2.1.0", "numpy/__init__.py,sha256=y,1")
        assert install.lock_hash(install.locked(str(tmp_path / "c"))) != install.lock_hash(found)

    def test_pip_gets_requirements_after_its_options_and_its_exit_code_is_ours(
        self, tmp_path, monkeypatch
    ):
        asked = []
        monkeypatch.setattr(install.subprocess, "call", lambda words: asked.append(words) or 7)
        report = tmp_path / "report"
        assert install.main([str(tmp_path), str(report), "--index-url=x", "numpy"]) == 7
        assert asked[0][-3:] == ["--", "--index-url=x", "numpy"]
        assert not report.exists()

    def test_what_was_installed_is_told(self, tmp_path, monkeypatch):
        monkeypatch.setattr(install.subprocess, "call", lambda words: 0)
        self.installed(tmp_path / "a", "numpy-2.1.0", "")
        report = tmp_path / "report"
        assert install.main([str(tmp_path / "a"), str(report), "numpy"]) == 0
        assert json.loads(report.read_text())["dependencies"].startswith("sha256:")


class TestRenewing:
    @pytest.fixture
    def kinit(self, tmp_path, monkeypatch):
        """A kinit that writes its arguments into the cache, or fails so many times before."""
        waits = []
        monkeypatch.setattr(renew.time, "sleep", waits.append)
        monkeypatch.setattr(renew.signal, "signal", lambda *_: None)
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
        (tmp_path / "bin").mkdir()

        def make(failures=0):
            program = tmp_path / "bin" / "kinit"
            count = tmp_path / "count"
            count.write_text(str(failures))
            program.write_text(
                f"#!{sys.executable}\nimport sys, pathlib\n"
                f"count = pathlib.Path({str(count)!r})\nleft = int(count.read_text())\n"
                "count.write_text(str(left - 1))\n"
                "if left > 0: sys.exit(1)\n"
                "pathlib.Path(sys.argv[5][5:]).write_text(' '.join(sys.argv[1:]))\n"
            )
            program.chmod(0o755)
            return waits

        return make

    def test_a_ticket_is_got_and_its_cache_replaced_as_a_whole(self, tmp_path, kinit):
        kinit()
        cache = tmp_path / "cache" / "krb5cc"
        cache.parent.mkdir()
        assert renew.main(["once", "/k/keytab", "alice@R", str(cache)]) == 0
        assert cache.read_text() == f"-k -t /k/keytab -c FILE:{cache}.once alice@R"
        assert names(cache.parent) == ["krb5cc"]

    def test_a_kdc_that_does_not_answer_at_once_is_asked_again(self, tmp_path, kinit):
        waits = kinit(failures=2)
        assert renew.main(["once", "/k", "a@R", str(tmp_path / "cc")]) == 0
        assert waits == [renew.FIRST_RETRY_SECONDS] * 2

    def test_one_that_never_answers_is_given_up(self, tmp_path, kinit):
        kinit(failures=99)
        assert renew.main(["once", "/k", "a@R", str(tmp_path / "cc")]) == 1

    def test_an_image_without_kinit_says_so(self, tmp_path, kinit):
        with pytest.raises(SystemExit, match="has no kinit"):
            renew.main(["once", "/k", "a@R", str(tmp_path / "cc")])

    def test_the_ticket_is_renewed_again_and_again_sooner_after_a_failure(
        self, tmp_path, kinit, monkeypatch
    ):
        kinit(failures=1)
        waits = []

        def sleep(seconds):
            waits.append(seconds)
            if len(waits) == 3:
                raise KeyboardInterrupt

        monkeypatch.setattr(renew.time, "sleep", sleep)
        with pytest.raises(KeyboardInterrupt):
            renew.main(["keep", "/k", "a@R", str(tmp_path / "cc")])
        assert waits == [renew.RETRY_SECONDS, renew.RENEW_SECONDS, renew.RENEW_SECONDS]
