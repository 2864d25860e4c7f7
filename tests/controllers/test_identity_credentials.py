"""What is read out of keytabs, certificates and tokens, and what becomes of broken ones."""

from __future__ import annotations

import base64
import contextlib
import struct
from datetime import UTC, datetime, timedelta

import pytest
from credential_files import entry, hole, keytab, token
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from controllers.identities.expiry import ends
from controllers.identities.keytab import KeytabError, principals

END = datetime(2027, 3, 4, 5, 6, 7, tzinfo=UTC)


def test_all_principals_of_a_keytab_are_read():
    content = keytab("alice@EXAMPLE.ORG", "hdfs/nn.example.org@EXAMPLE.ORG", "alice@EXAMPLE.ORG")
    assert principals(content) == {"alice@EXAMPLE.ORG", "hdfs/nn.example.org@EXAMPLE.ORG"}


def test_holes_of_deleted_entries_are_skipped():
    content = keytab("a@R") + hole(40) + entry("b@R")
    assert principals(content) == {"a@R", "b@R"}


def test_an_entry_of_length_zero_ends_the_file():
    assert principals(keytab("a@R") + b"\0" * 12) == {"a@R"}


def test_a_keytab_without_entries_is_for_nobody():
    assert principals(b"\x05\x02") == frozenset()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\x05\x01abc", "old format"),
        (b"password", "no keytab"),
        (keytab("alice@EXAMPLE.ORG")[:20], "cut off"),
        (keytab("alice@EXAMPLE.ORG") + b"\0", "cut off"),
        (b"\x05\x02" + struct.pack(">i", 3) + b"\0\1\0", "cut off"),
        (b"\x05\x02" + struct.pack(">i", 4) + b"\0\0\0\xff", "cut off"),
    ],
)
def test_what_is_no_keytab_is_said_without_quoting_it(content, says):
    with pytest.raises(KeytabError, match=says) as refused:
        principals(content)
    assert "password" not in str(refused.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content):
    with contextlib.suppress(KeytabError):
        principals(b"\x05\x02" + content)


def certificate(not_after, **_):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "alice")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(not_after - timedelta(days=365))
        .not_valid_after(not_after)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize("end", [END, END.replace(year=2055)])
def test_a_certificate_tells_its_end_in_either_way_to_write_times(end):
    assert ends(b"subject=alice\n" + certificate(end)) == end


def test_of_a_chain_the_first_certificate_counts():
    assert ends(certificate(END) + certificate(END.replace(year=2040))) == END


def test_a_token_tells_its_end():
    assert ends(token({"exp": END.timestamp()}) + b"\n") == END


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"secret",
        b"a.b.c",
        b"www.example.org",
        token({}),
        token({"exp": "soon"}),
        token({"exp": True}),
        token({"exp": 1e300}),
        token([1]),
        b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n",
        b"\xff.\xff.\xff",
    ],
)
def test_what_does_not_say_has_no_end(content):
    assert ends(content) is None


@given(st.binary(max_size=120))
def test_no_bytes_do_harm(content):
    ends(content)
    ends(b".".join((content, base64.urlsafe_b64encode(content), content)))
    body = base64.encodebytes(content)
    ends(b"-----BEGIN CERTIFICATE-----\n" + body + b"-----END CERTIFICATE-----\n")
