"""What identities and datasets bring into a pod, and when a job that names some has to wait."""

from __future__ import annotations

import json
from typing import ClassVar

import attrs
import pytest

from apis.v1alpha1.dataset import Dataset
from apis.v1alpha1.identity import Identity
from apis.v1alpha1.pythonjob import PythonJob
from controllers.jobs.job import Refusal
from controllers.jobs.pod.dataset_parts import dataset_parts, find_datasets, lineage
from controllers.jobs.pod.identity_parts import find_identity, identity_parts, mount_paths
from controllers.jobs.pod.parts import Parts
from controllers.jobs.pod.source_parts import source_parts
from controllers.jobs.pod.tools import tools_of
from mlctl_core.objects.codec import convert

PYTHON, JAVA = tools_of("Python", "pyjob-a"), tools_of("JVM", "jvmjob-a")
READY = {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True"}]}
KERBEROS = {
    "principal": "alice@EXAMPLE.ORG",
    "keytabSecret": {"name": "alice", "key": "alice.keytab"},
    "krb5ConfigMap": {"name": "krb5"},
}


def identity(status=READY, generation=1, **spec):
    metadata = {"name": "alice", "namespace": "team", "generation": generation}
    return convert(Identity, {"metadata": metadata, "spec": spec, "status": status})


def dataset(name="digits", **spec):
    return convert(Dataset, {"metadata": {"name": name, "namespace": "team"}, "spec": spec})


def job(status=None, **spec):
    base = {"framework": "python", "size": "small", "entrypoint": "train"}
    return convert(
        PythonJob,
        {
            "metadata": {"name": "a", "namespace": "team"},
            "spec": {**base, **spec},
            "status": status or {},
        },
    )


@attrs.frozen
class Seen:
    """As much of a view as is asked for."""

    objects: tuple

    def get(self, kind, name):
        return next((o for o in self.list(kind) if o.name == name), None)

    def list(self, kind):
        return [o for o in self.objects if isinstance(o, kind)]


class TestWaiting:
    def find(self, *objects):
        return find_identity(job(identity="alice"), Seen(objects))

    def test_a_job_without_one_needs_none(self):
        assert find_identity(job(), Seen(())) is None

    def test_one_that_is_ready_is_found(self):
        ready = identity(hadoop={"configMap": "h"})
        assert self.find(ready) is ready

    @pytest.mark.parametrize(
        ("status", "generation", "reason", "words"),
        [
            (None, 1, "IdentityNotReady", "alice is being looked at"),
            (READY, 2, "IdentityNotReady", "alice is being looked at"),
            (
                {
                    "observedGeneration": 1,
                    "conditions": [{"type": "Ready", "status": "False", "message": "no key x."}],
                },
                1,
                "IdentityNotReady",
                "Identity alice is not ready: no key x.",
            ),
        ],
    )
    def test_one_that_is_not_is_waited_for(self, status, generation, reason, words):
        found = self.find(identity(status or {}, generation))
        assert isinstance(found, Refusal)
        assert found.reason == reason
        assert words in found.message

    def test_one_that_is_not_there_is_waited_for(self):
        found = self.find()
        assert found.reason == "IdentityNotFound"
        assert "no Identity named alice in namespace team" in found.message


class TestKerberos:
    def parts(self, tools=PYTHON, **spec):
        return identity_parts(identity(kerberos={**KERBEROS, **spec}), tools)

    def test_the_program_gets_the_ticket_and_its_configuration_and_not_the_keytab(self):
        parts = self.parts()
        assert {v["name"]: v["value"] for v in parts.env} == {
            "KRB5_CONFIG": "/etc/krb5.conf",
            "KRB5CCNAME": "FILE:/mlctl/identity/cache/krb5cc",
        }
        assert [(m["name"], m["mountPath"], m["readOnly"]) for m in parts.mounts] == [
            ("krb5-conf", "/etc/krb5.conf", True),
            ("kerberos-cache", "/mlctl/identity/cache", True),
        ]

    def test_the_keytab_is_a_directory_so_that_a_new_one_is_seen(self):
        parts = self.parts()
        [step], [sidecar] = parts.init_containers, parts.sidecars
        for container in (step, sidecar):
            [mount] = [m for m in container["volumeMounts"] if m["name"] == "kerberos-keytab"]
            assert mount == {
                "name": "kerberos-keytab",
                "mountPath": "/mlctl/identity/keytab",
                "readOnly": True,
            }
        [volume] = [v for v in parts.volumes if v["name"] == "kerberos-keytab"]
        assert volume["secret"]["items"] == [{"key": "alice.keytab", "path": "keytab"}]

    def test_a_ticket_is_got_first_and_then_kept_fresh(self):
        parts = self.parts()
        keytab, cache = "/mlctl/identity/keytab/keytab", "/mlctl/identity/cache/krb5cc"
        [step], [sidecar] = parts.init_containers, parts.sidecars
        assert step["command"][4:] == ["once", keytab, "alice@EXAMPLE.ORG", cache]
        assert sidecar["command"][4:] == ["keep", keytab, "alice@EXAMPLE.ORG", cache]
        resources = {"cpu": "10m", "memory": "32Mi"}
        assert sidecar["resources"] == {"requests": resources, "limits": resources}

    def test_without_a_configuration_the_images_own_is_used(self):
        parts = identity_parts(
            identity(kerberos={k: v for k, v in KERBEROS.items() if k != "krb5ConfigMap"}), PYTHON
        )
        assert "KRB5_CONFIG" not in {v["name"] for v in parts.env}
        assert "krb5-conf" not in {v["name"] for v in parts.volumes}

    def test_a_jvm_logs_in_by_itself_with_the_keytab(self):
        assert "kerberos-keytab" in {m["name"] for m in self.parts(JAVA).mounts}
        assert "kerberos-keytab" not in {m["name"] for m in self.parts().mounts}
        [step] = self.parts(JAVA).init_containers
        assert "tools" in {m["name"] for m in step["volumeMounts"]}


def test_other_credentials_are_files_and_variables():
    parts = identity_parts(
        identity(
            hadoop={"configMap": "hadoop"},
            secrets=[
                {"name": "tls", "mountPath": "/certs"},
                {"name": "s3", "env": [{"name": "AWS_ACCESS_KEY_ID", "key": "id"}]},
            ],
            configMaps=[{"name": "aws", "mountPath": "/home/a/.aws"}],
        ),
        PYTHON,
    )
    assert parts.env == (
        {"name": "HADOOP_CONF_DIR", "value": "/mlctl/identity/hadoop"},
        {
            "name": "AWS_ACCESS_KEY_ID",
            "valueFrom": {"secretKeyRef": {"name": "s3", "key": "id"}},
        },
    )
    assert {m["mountPath"] for m in parts.mounts} == {
        "/mlctl/identity/hadoop",
        "/certs",
        "/home/a/.aws",
    }
    assert all(m["readOnly"] for m in parts.mounts)
    assert not parts.init_containers
    assert not parts.sidecars


def test_the_directories_that_its_author_chose_are_told():
    spec = identity(secrets=[{"name": "tls", "mountPath": "/certs"}]).spec
    assert mount_paths(spec) == ("/certs",)


class TestDatasets:
    WEB = "https://example.org/a/digits%20%C3%A9.csv?sig=1"

    def named(self, *datasets, **spec):
        references = [{"name": d.name} for d in datasets]
        return find_datasets(job(datasets=references, **spec), Seen(datasets))

    def parts(self, *datasets, tools=PYTHON, identity=None):
        return dataset_parts(self.named(*datasets), identity or Parts(), tools)

    def test_one_that_is_referred_to_is_a_variable(self):
        parts = self.parts(dataset(uri="hdfs://nn/data"))
        assert parts == Parts(env=[{"name": "MLCTL_DATASET_DIGITS", "value": "hdfs://nn/data"}])

    def test_one_on_a_volume_is_mounted_read_only(self):
        parts = self.parts(dataset(uri="pvc://data/digits/v1/"))
        assert parts.env == ({"name": "MLCTL_DATASET_DIGITS", "value": "/mlctl/datasets/digits"},)
        assert parts.volumes == (
            {
                "name": "dataset-0",
                "persistentVolumeClaim": {"claimName": "data", "readOnly": True},
            },
        )
        assert parts.mounts == (
            {
                "name": "dataset-0",
                "mountPath": "/mlctl/datasets/digits",
                "readOnly": True,
                "subPath": "digits/v1",
            },
        )

    def test_one_on_a_volume_is_writable_where_it_says_so(self):
        parts = self.parts(dataset(uri="pvc://data", readOnly=False, mountPath="/out"))
        assert parts.volumes[0]["persistentVolumeClaim"]["readOnly"] is False
        [mount] = parts.mounts
        assert mount == {"name": "dataset-0", "mountPath": "/out", "readOnly": False}

    @pytest.mark.parametrize("tools", [PYTHON, JAVA])
    def test_one_that_is_staged_is_copied_by_a_step_with_the_jobs_identity(self, tools):
        own = Parts(mounts=[{"name": "hadoop-conf", "mountPath": "/h"}])
        staged = dataset(uri=self.WEB, mode="Stage", sha256="a" * 64)
        parts = self.parts(staged, tools=tools, identity=own)
        path = "/mlctl/datasets/digits/digits_.csv"
        assert parts.env == ({"name": "MLCTL_DATASET_DIGITS", "value": path},)
        [step] = parts.init_containers
        assert step["name"] == "dataset-0-digits"
        assert step["command"][-5:] == ["copy", self.WEB, path, "a" * 64, "/dev/termination-log"]
        assert step["terminationMessagePolicy"] == "FallbackToLogsOnError"
        names = [m["name"] for m in step["volumeMounts"]]
        assert names == ["work", "dataset-0", "hadoop-conf", *(["tools"] if tools is JAVA else [])]
        [mount] = parts.mounts
        assert mount["readOnly"] is True

    @pytest.mark.parametrize(
        ("uri", "name"),
        [
            ("s3://bucket/a/b/", "b"),
            ("s3://bucket", "bucket"),
            ("hdfs://nn/data/part=1", "part=1"),
            ("https://example.org/.hidden", "hidden"),
            ("https://example.org/%2e%2e", "data"),
            ("https://example.org/a%2Fb", "b"),
            ("https://example.org/" + "x" * 500, "x" * 200),
        ],
    )
    def test_a_copy_is_called_like_the_end_of_its_address(self, uri, name):
        [named] = self.named(dataset(uri=uri, mode="Stage"))
        assert named.staged == f"/mlctl/datasets/digits/{name}"

    def test_a_name_is_made_into_one_of_a_variable(self):
        found = dataset("my.data-set", uri="hdfs://nn/a")
        assert self.parts(found).env[0]["name"] == "MLCTL_DATASET_MY_DATA_SET"
        referred = job(datasets=[{"name": "my.data-set", "as": "train-in"}])
        [named] = find_datasets(referred, Seen((found,)))
        assert named.variable == "MLCTL_DATASET_TRAIN_IN"
        assert named.directory == "/mlctl/datasets/train-in"

    def test_one_that_is_not_there_is_waited_for_and_a_name_like_it_told(self):
        missing = job(datasets=[{"name": "digit"}])
        found = find_datasets(missing, Seen((dataset(uri="hdfs://nn/a"),)))
        assert found.reason == "DatasetNotFound"
        assert "Did you mean digits?" in found.message

    def test_two_of_one_variable_are_refused(self):
        two = self.named(dataset("a-b", uri="hdfs://nn/a"), dataset("a.b", uri="hdfs://nn/b"))
        assert two.reason == "DatasetUnsuitable"
        assert "give one another name by as" in two.message

    def test_two_in_one_directory_are_refused(self):
        two = self.named(
            dataset("a", uri="pvc://a", mountPath="/data"),
            dataset("b", uri="pvc://b", mountPath="/data"),
        )
        assert two.reason == "DatasetUnsuitable"
        assert "change mountPath of one" in two.message

    @pytest.mark.parametrize(("own", "fits"), [(None, False), ("bob", False), ("alice", True)])
    def test_one_that_is_read_as_somebody_needs_that_identity(self, own, fits):
        spec = {"identity": own} if own else {}
        found = self.named(dataset(uri="hdfs://nn/a", identity="alice"), **spec)
        assert isinstance(found, Refusal) is not fits
        if not fits:
            assert "is read as identity alice" in found.message

    def test_lineage_says_which_version(self):
        named = self.named(
            dataset("a", uri="hdfs://nn/a", version="3"),
            dataset("b", uri=self.WEB, mode="Stage", sha256="a" * 64),
            dataset("c", uri="s3://b/c"),
        )
        assert [(d.name, d.version) for d in lineage(named)] == [
            ("a", "3"),
            ("b", "sha256:" + "a" * 64),
            ("c", None),
        ]


class TestSource:
    GIT: ClassVar = {"url": "https://example.org/a.git", "ref": "main", "subdirectory": "src"}

    def parts(self, source, status=None, tools=PYTHON):
        return source_parts(job(source=source, status=status), Parts(), tools)

    def test_code_in_the_cluster_needs_no_step(self):
        assert self.parts({"inline": {"a.py": ""}}) == Parts()
        assert self.parts({"configMap": {"name": "a"}}) == Parts()
        assert source_parts(job(), Parts(), PYTHON) == Parts()

    @pytest.mark.parametrize("tools", [PYTHON, JAVA])
    def test_a_repository_is_checked_out_by_a_step(self, tools):
        parts = self.parts({"git": {**self.GIT, "secret": "token"}}, tools=tools)
        [step] = parts.init_containers
        assert step["name"] == "source"
        assert step["command"][-7:] == [
            "https://example.org/a.git",
            "main",
            "src",
            "/mlctl/code",
            "/mlctl/work",
            "/mlctl/source/credentials",
            "/dev/termination-log",
        ]
        assert parts.mounts == ({"name": "code", "mountPath": "/mlctl/code", "readOnly": True},)
        assert "git-credentials" in {m["name"] for m in step["volumeMounts"]}
        assert "git-credentials" not in {m["name"] for m in parts.mounts}

    def test_a_commit_that_was_recorded_is_got_again_though_the_branch_moves_on(self):
        recorded = {"lineage": {"codeHash": "git:" + "a" * 40}}
        [step] = self.parts({"git": self.GIT}, recorded).init_containers
        assert step["command"][-6] == "a" * 40

    def test_an_archive_is_unpacked_by_a_step(self):
        [step] = self.parts({"uri": "s3://bucket/code.zip"}).init_containers
        words = ["unpack", "s3://bucket/code.zip", "/mlctl/code", "", "/dev/termination-log"]
        assert step["command"][-5:] == words

    def test_users_words_are_never_expanded(self):
        [step] = self.parts({"uri": "https://example.org/$(HOME)"}).init_containers
        assert "https://example.org/$$(HOME)" in step["command"]


def test_everything_is_plain_json():
    spec = {"kerberos": KERBEROS, "hadoop": {"configMap": "h"}}
    parts = identity_parts(identity(**spec), JAVA)
    json.dumps(attrs.asdict(parts))
