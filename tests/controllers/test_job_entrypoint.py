import subprocess
import sys

import pytest

from controllers.jobs.pod.entrypoint import command, is_missing, missing_file


@pytest.mark.parametrize(
    ("entrypoint", "expected"),
    [
        ("train.py", ["python", "-u", "/mlctl/code/train.py", "--lr", "$(rm) '"]),
        ("src/train.py", ["python", "-u", "/mlctl/code/src/train.py", "--lr", "$(rm) '"]),
        ("package.module", ["python", "-u", "-m", "package.module", "--lr", "$(rm) '"]),
    ],
)
def test_a_file_is_run_and_a_module_is_run_with_m_and_args_follow_untouched(entrypoint, expected):
    assert command(entrypoint, ["--lr", "$(rm) '"]) == expected


def test_a_framework_may_bring_its_own_interpreter():
    assert command("train.py", [], ["ipython"]) == ["ipython", "/mlctl/code/train.py"]


def test_only_a_file_can_be_known_to_be_missing():
    assert missing_file("train.py", ["main.py"]) == "train.py"
    assert missing_file("train.py", ["train.py"]) is None
    assert missing_file("train", ["main.py"]) is None
    assert missing_file("train:main", ["main.py"]) is None


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("return None", 0),
        ("return 3", 3),
        ("return True", 0),
        ("return object()", 0),
        ("import sys; return 0 if sys.argv[1:] == ['a', 'b c'] else 9", 0),
        ("import sys; sys.exit(4)", 4),
        ("raise ValueError", 1),
    ],
)
def test_a_function_is_called_and_only_a_whole_number_is_its_exit_code(tmp_path, body, code):
    (tmp_path / "job.py").write_text(
        f"class Main:\n    @staticmethod\n    def run():\n        {body}\n"
    )
    argv = command("job:Main.run", ["a", "b c"], [sys.executable, "-u"])
    done = subprocess.run(argv, cwd=tmp_path, check=False, capture_output=True)
    assert done.returncode == code, done.stderr


def last_words(tmp_path, entrypoint):
    argv = command(entrypoint, [], [sys.executable])
    argv = [word.replace("/mlctl/code", str(tmp_path)) for word in argv]
    done = subprocess.run(argv, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode != 0
    return done.stderr.replace(str(tmp_path), "/mlctl/code")


@pytest.mark.parametrize(
    ("entrypoint", "missing"),
    [
        ("nowhere.py", True),
        ("nowhere", True),
        ("nowhere.at.all", True),
        ("job.nowhere", True),
        ("nowhere:main", True),
        ("job:nowhere", True),
        ("job:broken", False),
        ("imports", False),
        ("imports.py", False),
        ("imports:main", False),
    ],
)
def test_an_entrypoint_that_does_not_exist_is_told_from_one_that_fails(
    tmp_path, entrypoint, missing
):
    (tmp_path / "job.py").write_text("def broken():\n    import math\n    math.nowhere\n")
    (tmp_path / "imports.py").write_text("import not_installed\n")
    assert is_missing(entrypoint, last_words(tmp_path, entrypoint)) == missing


def test_a_run_without_output_says_nothing_about_its_entrypoint():
    assert not is_missing("train.py", "")
