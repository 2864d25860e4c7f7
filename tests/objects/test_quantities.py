from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlctl_core.objects.quantities import canonical_quantity, format_quantity, parse_quantity

MOST = 2**63 - 1


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", "0"),
        ("2", "2"),
        ("+2", "2"),
        ("-0.5", "-0.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("500m", "0.5"),
        ("250u", "0.00025"),
        ("1n", "0.000000001"),
        ("1k", "1000"),
        ("3M", "3000000"),
        ("1E", "1e18"),
        ("1e3", "1000"),
        ("1E3", "1000"),
        ("1e-2", "0.01"),
        ("1Ki", "1024"),
        ("1.5Gi", "1610612736"),
        ("1Ei", str(2**60)),
        (2, "2"),
        (0.5, "0.5"),
    ],
)
def test_an_amount_is_read_exactly(text, amount):
    assert parse_quantity(text) == Decimal(amount)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "1 Gi",
        "1K",
        "1gi",
        "1Gib",
        "0x1",
        "1e",
        "1e1.5",
        "--1",
        "1,5",
        "Gi",
        ".",
        "e3",
        "\u0661",
    ],
)
def test_what_is_no_quantity_is_refused(text):
    with pytest.raises(ValueError, match="is no quantity"):
        parse_quantity(text)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0.1n", "1e-9"),
        ("1.2345678912", "1.234567892"),
        ("-1e-20", "-1e-9"),
        ("1e-999999999", "1e-9"),
    ],
)
def test_parts_below_a_nano_are_rounded_away_from_zero(text, amount):
    assert parse_quantity(text) == Decimal(amount)


@pytest.mark.parametrize(
    ("text", "amount"),
    [("9Ei", MOST), ("-9Ei", -MOST), ("1e999999999", MOST), ("9" * 150, MOST)],
)
def test_amounts_are_capped_where_upstream_caps_them(text, amount):
    assert parse_quantity(text) == amount


# Answers of a Kubernetes 1.37 API server.
@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0.5", "500m"),
        ("1.5Gi", "1536Mi"),
        ("1e3", "1e3"),
        ("1e4", "10e3"),
        ("1e1", "10"),
        ("1e-2", "10e-3"),
        ("1.5e-1", "150e-3"),
        ("1E", "1E"),
        ("1000", "1k"),
        ("1024", "1024"),
        ("1000Ki", "1000Ki"),
        ("1025Ki", "1025Ki"),
        ("1.5Ki", "1536"),
        ("0.1Mi", "104857600m"),
        ("1023.5Ki", "1048064"),
        ("0Gi", "0"),
        ("0.000", "0"),
        ("-0.5", "-500m"),
        ("9Ei", "9223372036854775807"),
    ],
)
def test_the_canonical_spelling_is_the_one_the_server_answers(text, canonical):
    assert canonical_quantity(text) == canonical


def test_a_sum_is_written_like_its_parts():
    total = parse_quantity("1.5Gi") + parse_quantity("512Mi")
    assert format_quantity(total, like="1Gi") == "2Gi"
    assert format_quantity(total) == "2147483648"
    assert format_quantity(Decimal("2.25"), like="1") == "2250m"
    assert format_quantity(3000, like="1e3") == "3e3"


quantities = st.builds(
    "{}{}".format,
    st.decimals(min_value=-(10**6), max_value=10**6, places=6, allow_nan=False),
    st.sampled_from(["", "n", "u", "m", "k", "M", "G", "Ki", "Mi", "Gi", "e3", "E-3"]),
)


@given(quantities)
def test_the_canonical_spelling_means_the_same_and_stays(text):
    canonical = canonical_quantity(text)
    assert parse_quantity(canonical) == parse_quantity(text)
    assert canonical_quantity(canonical) == canonical
