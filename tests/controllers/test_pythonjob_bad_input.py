"""What the API server cannot refuse: a condition that names the field and the fix."""

import pytest
from job_world import FRAMEWORK, SIZE, World

from mlctl_core.objects.kinds import POD

POD_NAME = "pyjob-mnist-worker-0"


@pytest.fixture
def world():
    return World()


@pytest.mark.parametrize(
    ("spec", "reason", "words"),
    [
        (
            {"framework": "scikit-lern"},
            "FrameworkNotFound",
            "spec.framework: there is no Framework named scikit-lern. Did you mean scikit-learn?",
        ),
        ({"framework": "x"}, "FrameworkNotFound", "kubectl get frameworks"),
        (
            {"size": "gpu-larg"},
            "SizeNotFound",
            "spec.size: there is no Size named gpu-larg. Did you mean gpu-large",
        ),
        ({"framework": "jvm"}, "FrameworkUnsuitable", "spec.framework jvm is of type JVM"),
        (
            {"framework": "spark"},
            "FrameworkUnsuitable",
            "cannot run: choose one of type Jupyter, PyTorch, Python, TensorFlow.",
        ),
        (
            {"framework": "cpu-only", "size": "gpu-small"},
            "FrameworkUnsuitable",
            "has no image for GPUs, and spec.size gpu-small has a GPU",
        ),
        (
            {"entrypoint": "trian.py"},
            "EntrypointNotFound",
            "spec.entrypoint: trian.py is not in spec.source.inline, which has train.py. Add the",
        ),
        (
            {"source": {"configMap": {"name": "nowhere"}}},
            "SourceNotFound",
            "spec.source.configMap: there is no ConfigMap named nowhere in namespace default.",
        ),
        (
            {"source": {"configMap": {"name": "code"}}},
            "EntrypointNotFound",
            "spec.entrypoint: train.py is not in ConfigMap code, which has main.py.",
        ),
    ],
)
def test_what_is_missing_is_named_with_its_field_and_the_fix(world, spec, reason, words):
    images = {"cpu": "python:3"}
    framework = {"type": "Python", "version": "3", "images": images}
    world.add({"kind": "Framework", "metadata": {"name": "cpu-only"}, "spec": framework})
    world.user_config_maps["code"] = ["main.py"]
    world.submit(**spec)
    world.settle()
    assert (world.status.phase, world.status.reason) == ("Pending", reason)
    assert words in world.status.message
    [condition] = world.status.conditions
    assert (condition.type, condition.status, condition.reason) == ("PodsReady", "False", reason)
    assert condition.message == world.status.message
    assert [e.reason for e in world.events] == [reason]
    assert world.pods() == []
    world.pass_time(100)
    world.settle()
    assert len(world.events) == 1
    assert condition == world.status.conditions[0]


def test_an_empty_catalogue_is_said_to_be_empty(world):
    for name in [e.metadata.name for e in world.stores[FRAMEWORK].list()]:
        world.remove(FRAMEWORK, name)
    world.submit()
    world.settle()
    assert "apply manifests/catalogue" in world.status.message


def test_a_hidden_framework_is_not_suggested(world):
    framework = world.raw(FRAMEWORK, "scikit-learn")
    framework["spec"]["hidden"] = True
    world.put(FRAMEWORK, framework)
    world.submit(framework="scikit-lern")
    world.settle()
    assert "scikit-learn?" not in world.status.message


def test_the_job_goes_on_by_itself_once_the_mistake_is_mended(world):
    world.submit(framework="scikit-lern")
    world.settle()
    world.edit(framework="scikit-learn")
    world.settle()
    assert len(world.pods()) == 1


def test_a_users_config_map_is_asked_for_again_until_it_is_there(world):
    world.submit(source={"configMap": {"name": "code"}})
    assert world.settle().requeue_after == 15
    world.user_config_maps["code"] = ["train.py"]
    world.pass_time(15)
    world.settle()
    [pod] = world.pods()
    assert {"name": "code", "configMap": {"name": "code"}} in pod["spec"]["volumes"]


def test_a_users_config_map_that_cannot_be_asked_for_is_left_to_the_kubelet(world):
    world.submit(source={"configMap": {"name": "code"}})
    world.facts = lambda *_: None
    world.settle()
    assert len(world.pods()) == 1


def test_a_deprecated_framework_runs_and_warns_once(world):
    framework = world.raw(FRAMEWORK, "scikit-learn")
    framework["spec"]["deprecated"] = {"message": "No fixes any more.", "redirect": "python"}
    world.put(FRAMEWORK, framework)
    world.submit()
    world.settle()
    world.run()
    world.settle()
    assert [(e.type, e.reason) for e in world.events] == [("Warning", "FrameworkDeprecated")]
    assert "No fixes any more. Use python instead." in world.events[0].message


class TestPins:
    def test_what_a_job_found_when_it_was_taken_up_is_pinned_in_its_status(self, world):
        world.submit(size="gpu-large")
        world.settle()
        status = world.status
        assert status.framework.name == "scikit-learn"
        assert status.framework.image == "rapidsai/base:24.08-cuda12.5-py3.11"
        assert status.framework.hash.startswith("sha256:")
        assert status.size.gpu.count == 1
        assert status.resources == {"cpu": "8", "memory": "32Gi", "nvidia.com/gpu": "1"}
        assert status.lineage.code_hash.startswith("sha256:")

    def test_a_restart_uses_the_pins_though_the_catalogue_was_edited_and_emptied(self, world):
        world.submit(backoffLimit=1)
        world.settle()
        first = world.raw(POD, POD_NAME)["spec"]
        size = world.raw(SIZE, "small")
        size["spec"]["memory"] = "4Gi"
        world.put(SIZE, size)
        world.remove(FRAMEWORK, "scikit-learn")
        world.settle()
        assert world.status.phase == "Scheduling"
        world.finish(1)
        world.settle()
        world.pass_time(5)
        world.settle()
        [pod] = world.pods()
        assert pod["metadata"]["labels"]["mlctl.dev/attempt"] == "2"
        assert pod["spec"] == first

    def test_a_suspended_job_that_names_another_size_is_made_anew_of_it(self, world):
        world.submit()
        world.settle()
        world.edit(suspend=True)
        world.settle()
        world.edit(suspend=False, size="gpu-large")
        world.settle()
        [pod] = world.pods()
        assert pod["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
        assert pod["spec"]["containers"][0]["image"].startswith("rapidsai/")

    def test_a_suspended_job_that_is_only_resumed_keeps_its_pins(self, world):
        world.submit()
        world.settle()
        world.edit(suspend=True)
        world.settle()
        world.remove(FRAMEWORK, "scikit-learn")
        world.edit(suspend=False)
        world.settle()
        assert len(world.pods()) == 1

    def test_the_digest_that_a_node_reports_is_noted(self, world):
        world.submit()
        world.settle()
        digest = "sha256:" + "a" * 64
        world.run(imageID=f"registry/image@{digest}")
        world.settle()
        assert world.status.framework.digest == digest
