from __future__ import annotations

import argparse

import pytest

from mlctl_core.manager import args
from mlctl_core.manager.args import BindAddress, ManagerOptions, parse_args


def test_no_flags_are_the_defaults():
    assert parse_args([]) == ManagerOptions()


def test_flags_have_kubebuilders_names():
    options = parse_args(
        [
            "--kubeconfig=/k",
            "--namespaces=a,b,a",
            "--metrics-bind-address=127.0.0.1:0",
            "--metrics-secure",
            "--metrics-cert-path=/certificates",
            "--health-probe-bind-address=[::1]:9000",
            "--leader-elect",
            "--leader-elect-lease-name=l",
            "--leader-elect-namespace=n",
            "--concurrency=PythonJob=8",
            "--concurrency=Size=2",
            "--cluster-domain=cluster.local",
            "--log-format=console",
            "--log-level=debug",
        ]
    )
    assert options == ManagerOptions(
        kubeconfig="/k",
        namespaces=("a", "b"),
        metrics_address=BindAddress("127.0.0.1", 0),
        metrics_secure=True,
        metrics_cert_path="/certificates",
        health_address=BindAddress("::1", 9000),
        leader_elect=True,
        lease_name="l",
        lease_namespace="n",
        concurrency={"PythonJob": 8, "Size": 2},
        cluster_domain="cluster.local",
        log_format="console",
        log_level="debug",
    )


def test_a_program_may_have_flags_of_its_own(capsys):
    own = argparse.ArgumentParser(add_help=False)
    own.add_argument("--colour", choices=["red", "blue"], help="of the program")
    options = parse_args(["--colour=red", "--log-level=debug"], flags=own)
    assert options == ManagerOptions(log_level="debug")
    with pytest.raises(SystemExit) as raised:
        parse_args(["--colour=green"], flags=own)
    assert raised.value.code == 2
    with pytest.raises(SystemExit):
        parse_args(["--help"], flags=own)
    assert "of the program" in capsys.readouterr().out


def test_a_server_can_be_left_out():
    options = parse_args(["--metrics-bind-address=0", "--health-probe-bind-address=0"])
    assert options.metrics_address is options.health_address is None


def test_two_free_ports_are_no_clash():
    options = parse_args(["--metrics-bind-address=:0", "--health-probe-bind-address=:0"])
    assert options.metrics_address == BindAddress("", 0)


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["--no-such-flag"], "unrecognized"),
        (["--metrics-bind-address=8080"], "neither"),
        (["--metrics-bind-address=:99999"], "neither"),
        (["--metrics-bind-address=:8081"], "share :8081"),
        (["--leader-elect-lease-name=x"], "need --leader-elect"),
        (["--leader-elect-namespace=x"], "need --leader-elect"),
        (["--metrics-secure", "--metrics-bind-address=0"], "serves no metrics"),
        (["--metrics-cert-path=/c"], "needs --metrics-secure"),
        (["--dry-run", "--leader-elect"], "not even a Lease"),
        (["--concurrency=PythonJob"], "KIND=N"),
        (["--cluster-domain=.local"], "no DNS domain"),
        (["--cluster-domain=cluster.local:80"], "no DNS domain"),
        (["--concurrency=PythonJob=0"], "KIND=N"),
        (["--concurrency=A=1", "--concurrency=A=2"], "twice"),
        (["--namespaces=a,,b"], "no list of names"),
        (["--log-level=loud"], "invalid choice"),
        (["--lead"], "unrecognized"),
    ],
)
def test_what_makes_no_sense_is_refused_with_exit_code_2(argv, complaint, capsys):
    with pytest.raises(SystemExit) as raised:
        parse_args(argv)
    assert raised.value.code == 2
    assert complaint in capsys.readouterr().err


def test_the_lease_is_in_the_pods_namespace(monkeypatch, tmp_path):
    monkeypatch.setattr(args, "_POD_NAMESPACE", tmp_path / "namespace")
    assert parse_args(["--leader-elect"]).lease_namespace == "mlctl-system"
    (tmp_path / "namespace").write_text("ml\n")
    assert parse_args(["--leader-elect"]).lease_namespace == "ml"


def test_addresses_print_as_they_are_given():
    assert str(BindAddress("", 8080)) == ":8080"
    assert str(BindAddress("::1", 80)) == "[::1]:80"
