"""TLS in all views, with and without the secrets."""

from pathlib import Path

from click.testing import CliRunner

from netchat.cli.main import cli

CAPTURES = Path(__file__).parents[3] / "captures"


def inspect(name, *options):
    done = CliRunner().invoke(cli, ["inspect", str(CAPTURES / name), *options])
    assert done.exit_code == 0, done.output
    return done.output


def test_lines():
    shown = inspect("tls.pcapng")
    assert "TLS ClientHello: TLS 1.3" in shown
    assert '"Hi Orion, can anyone else read this?" [TLS]' in shown
    assert "application data" not in shown
    hidden = inspect("tls-without-keys.pcapng")
    assert "encrypted bytes [no key]" in hidden
    assert "SEND" not in hidden


def test_tree_and_hex():
    tree = inspect("tls.pcapng", "--tree")
    assert "type         23 application data" in tree
    assert "application key, record 0" in tree
    assert "of type 22 handshake" in tree
    assert " of the content of TLS" in tree
    assert "decrypted, " in inspect("tls.pcapng", "--hex")
    assert "encrypted    no key" in inspect("tls-without-keys.pcapng", "--tree")


def test_stats_follow_and_ladder():
    assert "TLS 1.3" in inspect("tls.pcapng", "--stats")
    assert "0 decrypted" in inspect("tls-without-keys.pcapng", "--stats")
    assert '"cipher_suite": "TLS_AES_256_GCM_SHA384"' in inspect("tls.pcapng", "--stats", "--json")
    assert "[lobby] Nova: Hi Orion" in inspect("tls.pcapng", "--follow")
    assert inspect("tls-without-keys.pcapng", "--follow").count("cannot be read: no key") == 2
    assert "[TLS] " in inspect("tls-without-keys.pcapng", "--ladder")
    assert "TLS record" in inspect("tls.pcapng", "--svg", "-")
    assert '"item": "tls"' in inspect("tls.pcapng", "--json")
