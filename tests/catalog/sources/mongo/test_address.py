"""What of a URI may be shown, and that nothing else ever is."""

from __future__ import annotations

import pickle
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.catalog import Catalog
from catalog.sources.address import shown
from catalog.sources.mongo.address import MongoAddress
from catalog.sources.mongo.connection import Connection
from curation.cli import main
from tests.support.command_line import invoke
from tests.support.mongo_server import PASSWORD

words = st.text(min_size=1, max_size=12)


@settings(max_examples=150)
@given(words, words, st.sampled_from(["mongodb", "mongodb+srv"]), st.sampled_from(["h", "h:1,i:2", "[::1]:27017"]))
def test_a_uri_comes_apart_and_together_without_its_credentials(user, password, scheme, hosts):
    place = f"{hosts}/shop.products.new?replicaSet=rs0&authSource=admin"
    address = MongoAddress.parse(f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{place}", {})
    assert (address.username, address.password) == (user, password)
    assert (address.database, address.collection) == ("shop", "products.new")
    assert str(address) == address.uri == f"{scheme}://{place}"
    assert MongoAddress.parse(str(address), {}) == MongoAddress.parse(f"{scheme}://{place}", {})
    assert f"password='{password}'" not in repr(address)


@settings(max_examples=200)
@given(st.text("ab/@:?#%.=&", max_size=14))
def test_a_password_that_is_not_encoded_is_never_shown(password):
    uri = f"mongodb://user:TOPSECRET{password}TOPSECRET@host/db.collection"
    try:
        said = str(MongoAddress.parse(uri, {}))
    except ValueError as error:
        said = str(error)
    assert "TOPSECRET" not in said


def test_a_password_whose_host_was_forgotten_is_not_shown():
    with pytest.raises(ValueError, match="names no collection") as error:
        MongoAddress.parse("mongodb://user:TOPSECRET", {})
    assert "TOPSECRET" not in str(error.value)


def test_without_credentials_those_of_the_environment_are_used(monkeypatch):
    monkeypatch.setenv("MONGODB_USERNAME", "reader")
    monkeypatch.setenv("MONGODB_PASSWORD", PASSWORD)
    address = MongoAddress.parse("mongodb://host/db.collection")
    assert (address.username, address.password) == ("reader", PASSWORD)
    named = MongoAddress.parse("mongodb://writer@host/db.collection")
    assert (named.username, named.password) == ("writer", PASSWORD)
    own = MongoAddress.parse("mongodb://writer:word@host/db.collection")
    assert (own.username, own.password) == ("writer", "word")


def test_secret_options_reach_the_driver_and_nobody_else():
    uri = "mongodb://h/db.c?tls=true&TLSCertificateKeyFilePassword=top%2Fsecret&w=1"
    address = MongoAddress.parse(uri, {})
    assert str(address) == "mongodb://h/db.c?tls=true&w=1"
    assert "TLSCertificateKeyFilePassword=top%2Fsecret" in address.uri
    assert address.masked("bad top/secret, top%2Fsecret") == "bad ***, ***"


@pytest.mark.parametrize("place", ["h", "h/", "h/db", "h/db.", "h/.c", "/db.c", "h/d b.c", "h/a/b.c"])
def test_a_uri_that_names_no_collection_says_what_was_expected(place):
    with pytest.raises(ValueError, match=r"names no collection: expected mongodb://\[user:password@\]host"):
        MongoAddress.parse(f"mongodb://{place}", {})


def test_an_option_that_the_driver_does_not_know_is_a_plain_error():
    for option in ("colour=red", "serverSelectionTimeoutMS=soon"):
        connection = Connection(MongoAddress.parse(f"mongodb://h/db.c?{option}", {}))
        with pytest.raises(ValueError, match=f"{option.partition('=')[0]}"):
            _ = connection.client


def test_a_server_that_never_answered_is_not_asked_again_and_again(caplog):
    with pytest.raises(ConnectionError, match="no server answers"):
        Catalog("mongodb://127.0.0.1:1/db.c?serverSelectionTimeoutMS=50")
    assert "waiting for" not in caplog.text


def test_a_password_is_never_on_disk_nor_on_the_screen(locked_port, tmp_path: Path, tree_csv, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    place = f"127.0.0.1:{locked_port}/shop.products?authSource=admin"
    uri = f"mongodb://reader:{quote(PASSWORD, safe='')}@{place}"
    said = ""
    for command in (
        ["info", uri, "--tree", str(tree_csv), "--strict"],
        ["--verbose", "info", uri],
        ["split", uri, "--tree", str(tree_csv), "--workspace", str(tmp_path / "runs")],
    ):
        result = invoke(main, *command)
        said += result.output
    catalog = Catalog(uri)
    assert catalog.address == str(catalog) == f"mongodb://{place}"
    assert len(list(pickle.loads(pickle.dumps(catalog)))) == 30
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "plan.json" for path in written)
    assert any(path.name.endswith(".md5") for path in written)
    for secret in (PASSWORD, quote(PASSWORD), quote(PASSWORD, safe=""), "s3cr"):
        assert secret not in said
        assert not any(secret.encode() in path.read_bytes() for path in written)


def test_who_may_not_read_is_told_how_to_say_who_they_are(locked_port, monkeypatch):
    place = f"127.0.0.1:{locked_port}/shop.products"
    with pytest.raises(ValueError, match="MONGODB_USERNAME and MONGODB_PASSWORD") as nobody:
        Catalog(f"mongodb://{place}")
    with pytest.raises(ValueError, match=r"refuses the user name or password.*authSource=admin") as wrong:
        Catalog(f"mongodb://reader:wr0ng@{place}?authSource=admin")
    assert "wr0ng" not in str(wrong.value)
    assert place in str(nobody.value)
    monkeypatch.setenv("MONGODB_USERNAME", "reader")
    monkeypatch.setenv("MONGODB_PASSWORD", PASSWORD)
    assert len(Catalog(f"mongodb://{place}?authSource=admin")) == 30


def test_an_address_is_shown_without_credentials():
    assert shown("mongodb://u:p@h/db.c") == "mongodb://h/db.c"
    assert shown(Path("train.bson")) == "train.bson"
