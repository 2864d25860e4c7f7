"""What the pods of a job hold together, by the size of each role."""

from gang_world import GangWorld, role

GPU = "nvidia.com/gpu"


def test_what_a_job_holds_is_the_sum_over_its_pods():
    world = GangWorld([role(replicas=3), role("chief", size="gpu-small")])
    world.add(gpu_size())
    world.settle()
    assert world.status.resources[GPU] == "1"
    small, gpu = world.status.size, world.status.role_sizes["chief"]
    assert gpu.name == "gpu-small"
    total = 3 * cores(small.cpu) + cores(gpu.cpu)
    assert cores(world.status.resources["cpu"]) == total


def test_a_role_with_a_gpu_gets_the_image_that_is_made_for_it():
    world = GangWorld(
        [role(replicas=2), role("chief", size="gpu-small")], framework="tensorflow-2.17"
    )
    world.add(gpu_size())
    world.add(framework())
    world.settle()
    assert world.pod("chief-0")["spec"]["containers"][0]["image"] == "example.com/gpu:1"
    assert world.pod("worker-0")["spec"]["containers"][0]["image"] == "example.com/cpu:1"


def test_gpu_time_is_the_sum_over_the_pods_each_from_its_node_to_its_end():
    world = GangWorld([role(replicas=2, size="gpu-small")], framework="tensorflow-2.17")
    world.add(gpu_size())
    world.add(framework())
    world.edit(size="gpu-small")
    world.settle()
    world.start("worker-0")
    world.pass_time(30)
    world.start("worker-1")
    world.pass_time(60)
    world.end("worker-0")
    world.pass_time(10)
    world.end("worker-1")
    world.settle()
    assert world.status.phase == "Succeeded"
    assert world.status.gpu_seconds == 90 + 70


def test_a_role_without_a_gpu_is_not_charged_for_that_of_another():
    world = GangWorld([role("chief", size="gpu-small"), role("ps", decides="none")])
    world.edit(framework="tensorflow-2.17")
    world.add(gpu_size())
    world.add(framework())
    world.started_all(50)
    world.end("chief-0")
    world.settle()
    assert world.status.gpu_seconds == 50


def test_a_size_that_a_role_names_and_nobody_knows_is_told_with_its_field():
    world = GangWorld([role(), role("ps", size="smal", size_field="spec.roles.ps.size")])
    world.settle()
    assert world.status.reason == "SizeNotFound"
    assert world.status.message.startswith("spec.roles.ps.size: ")
    assert world.made() == []


def cores(quantity):
    text = str(quantity)
    return int(text[:-1]) if text.endswith("m") else int(text) * 1000


def gpu_size():
    return {
        "apiVersion": "mlctl.dev/v1alpha1",
        "kind": "Size",
        "metadata": {"name": "gpu-small"},
        "spec": {"cpu": "2", "memory": "8Gi", "gpu": {"resource": GPU, "count": 1}},
    }


def framework():
    return {
        "apiVersion": "mlctl.dev/v1alpha1",
        "kind": "Framework",
        "metadata": {"name": "tensorflow-2.17"},
        "spec": {
            "type": "Python",
            "version": "1",
            "images": {"cpu": "example.com/cpu:1", "gpu": "example.com/gpu:1"},
        },
    }
