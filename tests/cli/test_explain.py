"""`mlctl explain`: what a file would create, written nowhere."""

from __future__ import annotations

import io

import pytest
import yaml

JOB = """\
apiVersion: mlctl.dev/v1alpha1
kind: PythonJob
metadata:
  name: digits
spec:
  framework: python
  size: small
  entrypoint: train.py
  source:
    inline:
      train.py: |
        import sys
        print("accuracy=0.9")
"""
FROM_CONFIG_MAP = JOB.partition("  source:")[0] + "  source: {configMap: {name: nowhere}}\n"


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "job.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


def test_the_children_are_shown_as_they_would_be_created(mlctl, namespace, file):
    answer = mlctl("explain", file(JOB))
    assert (answer.code, answer.err) == (0, "")
    code, pod = yaml.safe_load_all(answer.out)
    assert (code["kind"], code["metadata"]["name"]) == ("ConfigMap", "pyjob-digits-code")
    assert code["data"] == {"train.py": 'import sys\nprint("accuracy=0.9")\n'}
    assert (pod["kind"], pod["metadata"]["name"]) == ("Pod", "pyjob-digits-worker-0")
    assert pod["metadata"]["namespace"] == namespace.name
    [main] = pod["spec"]["containers"]
    assert main["image"] == "test.local/python:3"
    assert main["resources"]["limits"] == {"cpu": "100m", "memory": "64Mi"}


def test_the_first_line_says_what_framework_and_size_come_to(mlctl, file):
    assert mlctl("explain", file(JOB)).lines[0] == (
        "# PythonJob digits: framework python is image test.local/python:3; "
        "size small is cpu 100m, memory 64Mi"
    )


def test_it_is_written_for_people(mlctl, file):
    out = mlctl("explain", file(JOB)).out
    assert '  train.py: |\n    import sys\n    print("accuracy=0.9")\n' in out
    assert "&id" not in out


def test_another_size_is_shown_as_the_difference_that_it_makes(mlctl, file):
    lines = mlctl("explain", file(JOB), "--size", "large").lines
    changes = [line for line in lines[lines.index("--- size: small") :] if line[0] in "+-"]
    assert changes[1] == "+++ size: large"
    amounts = [line for line in changes[2:] if not line[1:].startswith("#")]
    assert amounts == 2 * [
        "-        cpu: 100m",
        "-        memory: 64Mi",
        "+        cpu: '2'",
        "+        memory: 1Gi",
    ]


def test_the_same_size_makes_no_difference(mlctl, file):
    lines = mlctl("explain", file(JOB), "--size", "small").lines
    assert lines[-1] == "# size small makes no difference"


def test_nothing_is_written(mlctl, namespace, file):
    mlctl("explain", file(JOB), "--size", "large")
    assert namespace.jobs() == []


def test_a_name_that_is_taken_is_explained_as_if_it_were_free(mlctl, namespace, file):
    namespace.job("digits", {"phase": "Running"}, framework="python")
    answer = mlctl("explain", file(JOB), "--size", "large")
    assert answer.code == 0
    assert "name: pyjob-digits-worker-0" in answer.out
    assert namespace.jobs() == ["digits"]


def test_a_file_may_hold_several_objects_and_come_by_standard_input(mlctl, monkeypatch):
    several = f"{JOB}---\n{JOB.replace('digits', 'letters')}---\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(several))
    names = [o["metadata"]["name"] for o in yaml.safe_load_all(mlctl("explain", "-").out)]
    assert names == [
        "pyjob-digits-code",
        "pyjob-digits-worker-0",
        "pyjob-letters-code",
        "pyjob-letters-worker-0",
    ]


def test_what_keeps_a_job_from_starting_is_said_in_the_controller_s_words(mlctl, file):
    answer = mlctl("explain", file(JOB.replace("framework: python", "framework: pyhton")))
    assert answer.code == 0
    assert answer.out.startswith(
        "# PythonJob digits: FrameworkNotFound: spec.framework: there is no Framework named pyhton"
    )


def test_what_no_cache_holds_is_asked_for(mlctl, file):
    answer = mlctl("explain", file(FROM_CONFIG_MAP))
    assert "SourceNotFound: spec.source.configMap: there is no ConfigMap named nowhere" in (
        answer.out
    )


def test_an_unknown_size_is_said_in_place_of_a_difference(mlctl, file):
    lines = mlctl("explain", file(JOB), "--size", "gigantic").lines
    assert lines[-1].startswith("# PythonJob digits: SizeNotFound: spec.size: there is no Size")
    assert "--- size: small" not in lines


REFUSED = {
    "an unknown field": (JOB.replace("size:", "siez:"), 'unknown field "spec.siez"'),
    "a value out of bounds": (
        JOB + "  backoffLimit: -1\n",
        "spec.backoffLimit",
    ),
    "an entrypoint that is not in the source": (
        JOB.replace("entrypoint: train.py", "entrypoint: other.py"),
        "spec.entrypoint",
    ),
    "another namespace that is not there": (
        JOB.replace("name: digits", "name: digits\n  namespace: nowhere"),
        "nowhere",
    ),
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_what_the_server_would_refuse_is_refused_in_its_words(mlctl, file, text):
    answer = mlctl("explain", file(text[0]))
    assert (answer.code, answer.out) == (1, "")
    assert text[1] in answer.err


BAD_FILES = {
    "bytes": (b"\xff\xfe\x00", " is not text in UTF-8"),
    "no YAML": ("a: [", " is not YAML: line 1"),
    "a tab": ("a:\n\tb: 1", " is not YAML: line 2"),
    "nothing": ("---\n# comment\n", " holds no object"),
    "a word": ("hello", ", object 1: not a mapping of fields"),
    "a list": ("- a\n- b\n", ", object 1: not a mapping of fields"),
    "no version": ("kind: PythonJob", ", object 1: apiVersion is missing"),
    "no kind": ("apiVersion: v1", ", object 1: kind is missing"),
    "no metadata": (JOB + "---\napiVersion: v1\nkind: Pod", ", object 2: metadata.name is missing"),
    "an odd name": ("apiVersion: v1\nkind: Pod\nmetadata: {name: 7}", "metadata.name is missing"),
    "a kind without a planner": (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}",
        ": nothing plans kind Pod; known: JVMJob, PythonJob",
    ),
}


@pytest.mark.parametrize("text", BAD_FILES.values(), ids=BAD_FILES)
def test_a_file_that_makes_no_sense_is_one_line_that_names_it(mlctl, file, text):
    path = file(text[0])
    answer = mlctl("explain", path)
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith(f"mlctl: {path}")
    assert text[1] in answer.err
    assert answer.err.count("\n") == 1


@pytest.mark.parametrize(
    ("path", "said"), [("missing.yaml", "No such file or directory"), (".", "Is a directory")]
)
def test_a_file_that_cannot_be_read_is_one_line(mlctl, monkeypatch, tmp_path, path, said):
    monkeypatch.chdir(tmp_path)
    answer = mlctl("explain", path)
    assert (answer.code, answer.err) == (1, f"mlctl: {path}: {said}\n")
