from __future__ import annotations

import stat

import pytest
from node_pods import container, pod

from mlctl_core.embedded.node.environment import Facts, Sources
from mlctl_core.embedded.node.manifest import TokenSource
from mlctl_core.embedded.node.references import references
from mlctl_core.embedded.node.volumes import MountError, is_read_only, write_volumes

SOURCES = Sources(
    config_maps={"code": {"train.py": b"print(1)", "util.py": b"x = 1"}, "gone": None},
    secrets={"keys": {"id": b"key"}, "gone": None},
)


@pytest.fixture
def write(tmp_path):
    def write(*volumes, tokens=None, **fields):
        return write_volumes(
            pod(volumes=list(volumes), **fields),
            tmp_path / "volumes",
            sources=SOURCES,
            facts=Facts(address="127.0.0.1", allocatable={"cpu": "8"}),
            tokens=tokens or {},
        )

    return write


def tree(path):
    return {
        str(file.relative_to(path)): file.read_text() for file in path.rglob("*") if file.is_file()
    }


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_an_empty_dir_is_an_empty_directory_for_everybody(write):
    made = write({"name": "work", "emptyDir": {}})["work"]

    assert list(made.iterdir()) == []
    assert mode(made) == 0o777


def test_a_config_map_is_a_directory_of_its_keys(write):
    made = write({"name": "code", "configMap": {"name": "code"}})["code"]

    assert tree(made) == {"train.py": "print(1)", "util.py": "x = 1"}
    assert mode(made / "train.py") == 0o644


def test_items_choose_keys_paths_and_modes(write):
    items = [{"key": "train.py", "path": "deep/run.py", "mode": 0o755}]
    made = write(
        {"name": "v", "configMap": {"name": "code", "items": items, "defaultMode": 0o400}},
        {"name": "w", "secret": {"secretName": "keys", "defaultMode": 0o400}},
    )

    assert tree(made["v"]) == {"deep/run.py": "print(1)"}
    assert mode(made["v"] / "deep/run.py") == 0o755
    assert mode(made["w"] / "id") == 0o400


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        ({"configMap": {"name": "gone"}}, 'configmap "gone" not found'),
        ({"secret": {"secretName": "gone"}}, 'secret "gone" not found'),
        (
            {"configMap": {"name": "code", "items": [{"key": "nope", "path": "n"}]}},
            "references non-existent config key: nope",
        ),
        ({"nfs": {"server": "s", "path": "/"}}, "does not know this kind of volume"),
        ({"hostPath": {"path": "/no/such/path"}}, "hostPath type check failed"),
        (
            {"configMap": {"name": "code", "items": [{"key": "util.py", "path": "../out"}]}},
            "invalid path '../out'",
        ),
    ],
)
def test_a_volume_that_cannot_be_made_is_named_with_the_reason(write, volume, message):
    with pytest.raises(MountError) as caught:
        write({"name": "v", **volume})

    assert str(caught.value).startswith('MountVolume.SetUp failed for volume "v" : ')
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "volume",
    [
        {"configMap": {"name": "gone", "optional": True}},
        {"secret": {"secretName": "gone", "optional": True}},
        {"configMap": {"name": "code", "optional": True, "items": [{"key": "no", "path": "n"}]}},
    ],
)
def test_what_is_optional_may_be_missing(write, volume):
    assert tree(write({"name": "v", **volume})["v"]) == {}


def test_the_downward_api_writes_fields_and_resources(write):
    items = [
        {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
        {"path": "cpu", "resourceFieldRef": {"containerName": "main", "resource": "limits.cpu"}},
    ]
    made = write(
        {"name": "info", "downwardAPI": {"items": items}},
        metadata={"labels": {"b": 'say "hi"', "a": "1"}},
    )

    assert tree(made["info"]) == {"labels": 'a="1"\nb="say \\"hi\\""', "cpu": "8"}


def test_a_projected_volume_holds_several_sources_and_their_default_mode(write):
    token = TokenSource(path="token", expiration_seconds=3607)
    sources = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
        {"configMap": {"name": "code", "items": [{"key": "util.py", "path": "ca.crt"}]}},
        {"secret": {"name": "keys"}},
        {
            "downwardAPI": {
                "items": [{"path": "ns", "fieldRef": {"fieldPath": "metadata.namespace"}}]
            }
        },
    ]
    made = write(
        {"name": "api", "projected": {"sources": sources, "defaultMode": 0o440}},
        tokens={token: "t0ken"},
    )["api"]

    assert tree(made) == {"token": "t0ken", "ca.crt": "x = 1", "id": "key", "ns": "ns"}
    assert mode(made / "token") == 0o440


def test_making_volumes_again_after_a_failure_is_harmless(write):
    volume = {"name": "v", "configMap": {"name": "code", "defaultMode": 0o400}}
    write(volume)

    assert tree(write(volume)["v"]) == {"train.py": "print(1)", "util.py": "x = 1"}


def test_a_host_path_is_itself(write, tmp_path):
    path = tmp_path / "data"
    made = write(
        {"name": "h", "hostPath": {"path": str(path), "type": "DirectoryOrCreate"}},
    )

    assert made == {"h": path}
    assert path.is_dir()


def test_what_comes_from_the_api_is_read_only():
    sources = ({"emptyDir": {}}, {"hostPath": {"path": "/"}}, {"configMap": {"name": "c"}})
    volumes = pod(volumes=[{"name": "v", **source} for source in sources]).spec.volumes

    assert [is_read_only(volume) for volume in volumes] == [False, False, True]


def test_everything_a_pod_names_is_found():
    a_pod = pod(
        inits=[container("i", envFrom=[{"secretRef": {"name": "s-env"}}])],
        containers=[
            container(
                env=[
                    {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c-env", "key": "k"}}},
                    {"name": "B", "value": "plain"},
                ],
            )
        ],
        volumes=[
            {"name": "a", "configMap": {"name": "c-vol"}},
            {"name": "b", "secret": {"secretName": "s-vol"}},
            {
                "name": "c",
                "projected": {
                    "sources": [
                        {"configMap": {"name": "c-proj"}},
                        {"serviceAccountToken": {"path": "t"}},
                    ]
                },
            },
            {"name": "d", "emptyDir": {}},
        ],
    )
    found = references(a_pod)

    assert found.config_maps == {"c-env", "c-vol", "c-proj"}
    assert found.secrets == {"s-env", "s-vol"}
    assert [token.path for token in found.tokens] == ["t"]
