"""The command line of a JVM, word by word."""

from __future__ import annotations

import pytest

from controllers.jvm.command import command

OURS = ["java", "-XX:MaxRAMPercentage=75.0", "-XX:+ExitOnOutOfMemoryError"]
PATH = "/mlctl/code:/mlctl/code/*:/mlctl/dependencies/*"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"entrypoint": "org.example.Main"}, [*OURS, "-cp", PATH, "org.example.Main", "a"]),
        ({"entrypoint": "app.jar"}, [*OURS, "-jar", "/mlctl/code/app.jar", "a"]),
        (
            {"entrypoint": "lib/app.jar", "main_class": "Main"},
            [*OURS, "-cp", f"/mlctl/code/lib/app.jar:{PATH}", "Main", "a"],
        ),
        (
            {"entrypoint": "Main", "options": ["-Xmx1g"], "krb5_config": "/etc/krb5.conf"},
            [*OURS, "-Djava.security.krb5.conf=/etc/krb5.conf", "-Xmx1g", "-cp", PATH, "Main", "a"],
        ),
        (
            {"entrypoint": "Main", "launcher": ["/opt/java", "-Dx=y"]},
            ["/opt/java", "-Dx=y", *OURS[1:], "-cp", PATH, "Main", "a"],
        ),
    ],
)
def test_what_runs(fields, words):
    assert command(args=["a"], **fields) == words
