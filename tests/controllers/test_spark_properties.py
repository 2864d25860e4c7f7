from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.spark.properties import text

READER = """\
import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.Properties;

public class Reader {
  // Reads a file as Spark does, and writes names and values as Java's UTF-16 numbers.
  public static void main(String[] args) throws IOException {
    Properties found = new Properties();
    InputStream file = new FileInputStream(args[0]);
    if (args[1].equals("UTF-8")) {
      found.load(new InputStreamReader(file, StandardCharsets.UTF_8));
    } else {
      found.load(file);
    }
    for (String name : found.stringPropertyNames()) {
      System.out.println(numbers(name) + ";" + numbers(found.getProperty(name)));
    }
  }

  static String numbers(String text) {
    StringBuilder all = new StringBuilder();
    for (char unit : text.toCharArray()) all.append((int) unit).append(' ');
    return all.toString().trim();
  }
}
"""

TRICKY = {
    "plain": "value",
    "empty": "",
    "master": "k8s://https://kubernetes.default.svc",
    "equals": "-Dkey=value -Dother:x",
    "leading spaces": "  two",
    "trailing spaces": "two  ",
    "a tab": "\tx\t",
    "lines": "one\ntwo\r\nthree\\",
    "no comment": "#x !y",
    "!key": "v",
    "#key": "v",
    "key:with=all of them": "v",
    "backslash": "C:\\temp\\new\\u0041",
    "umlaut \xe9": "caf\xe9 \u65e5\u672c \U0001f600",
    "control": "\x00\x07\x1b\x7f\x0c",
    "a continuation": "x\\\n  y",
    "injection": "x\nspark.master=local",
}


def units(numbers):
    raw = b"".join(int(number).to_bytes(2) for number in numbers.split())
    return raw.decode("utf-16-be", "surrogatepass")


@pytest.fixture(scope="session")
def read_by_java(tmp_path_factory):
    """What Java reads from a text."""
    if not shutil.which("javac") or not shutil.which("java"):
        pytest.skip("no JDK on PATH: javac and java are needed")
    folder = tmp_path_factory.mktemp("reader")
    (folder / "Reader.java").write_text(READER)
    subprocess.run(["javac", "-d", folder, folder / "Reader.java"], check=True, timeout=100)

    def read(content, charset):
        (folder / "file").write_bytes(content.encode())
        command = ["java", "-cp", folder, "Reader", folder / "file", charset]
        lines = subprocess.run(command, check=True, capture_output=True, text=True, timeout=100)
        pairs = (line.split(";") for line in lines.stdout.splitlines())
        return {units(name): units(value) for name, value in pairs}

    return read


@pytest.mark.parametrize("charset", ["UTF-8", "Latin-1"])
def test_java_reads_what_was_written(read_by_java, charset):
    assert read_by_java(text(TRICKY), charset) == TRICKY


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_every_setting_is_one_line_of_plain_characters(settings):
    lines = text(settings).split("\n")
    assert len(lines) == len(settings) + 1
    assert all(line.isascii() and line.isprintable() for line in lines)


def test_the_form_is_that_of_a_submission():
    written = text({"spark.master": "k8s://https://a:6443", "spark.app.name": "a b"})
    assert written == "spark.app.name=a b\nspark.master=k8s\\://https\\://a\\:6443\n"


def test_the_order_of_settings_makes_no_difference():
    assert text({"b": "1", "a": "2"}) == text({"a": "2", "b": "1"}) == "a=2\nb=1\n"


@pytest.mark.parametrize("name", TRICKY, ids=[json.dumps(name) for name in TRICKY])
def test_no_value_brings_a_setting_of_its_own(name):
    assert text({name: TRICKY[name]}).count("\n") == 1
