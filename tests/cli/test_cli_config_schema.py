# SPDX-License-Identifier: Apache-2.0
"""The JSON schema, the manual page and the parser of safeport.yaml agree."""

import json
import re

import jsonschema
import pytest
import yaml
from cli_support import ROOT

CONFIG = ROOT / "tests" / "config"
SCHEMA = json.loads((ROOT / "docs" / "safeport.schema.json").read_text(encoding="utf-8"))
MANUAL = (ROOT / "docs" / "man" / "safeport.yaml.5.scd").read_text(encoding="utf-8")


class EditorLoader(yaml.SafeLoader):
    """YAML as editors read it (the core schema of YAML 1.2): `yes` is a text, a day is a text."""


EditorLoader.yaml_implicit_resolvers = {}
for tag, pattern, first in [
    ("bool", r"^(true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", "-+0123456789"),
    ("float", r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$", "-+.0123456789"),
    ("null", r"^(~|null|Null|NULL|)$", ["~", "n", "N", ""]),
]:
    EditorLoader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))

VALIDATOR = jsonschema.Draft7Validator(SCHEMA)


def schema_takes(document):
    return VALIDATOR.is_valid(document)


def loaded(path):
    """The document, or None where YAML itself says no."""
    try:
        return yaml.load(path.read_bytes(), EditorLoader)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, TypeError):
        return None


def walk(schema, path=()):
    """(path, schema) of every key; "*" where the user chooses names."""
    for key, value in schema.get("properties", {}).items():
        yield path + (key,), value
        yield from walk(value, path + (key,))
    if isinstance(schema.get("additionalProperties"), dict):
        yield from walk(schema["additionalProperties"], path + ("*",))


KEYS = dict(walk(SCHEMA))


def test_the_schema_is_the_one_that_the_program_prints(safeport):
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert json.loads(safeport("config", "--schema", status=0).stdout) == SCHEMA, \
        "renew it: safeport config --schema > docs/safeport.schema.json"


@pytest.mark.parametrize("path", sorted((CONFIG / "good").glob("*.yaml")), ids=lambda p: p.stem)
def test_what_the_parser_takes_the_schema_takes(safeport, path):
    assert not list(VALIDATOR.iter_errors(loaded(path)))
    shown = json.loads(safeport("config", "--json", "--config", path, status=0).stdout)["config"]
    assert not list(VALIDATOR.iter_errors(shown))


def test_good_files_use_every_key():
    used = set()

    def mark(value, schema, path):
        if not isinstance(value, dict):
            return
        for key, item in value.items():
            name = key if key in schema.get("properties", {}) else "*"
            if name != "*":
                used.add(path + (name,))
            mark(item, schema["properties"][key] if name != "*" else schema["additionalProperties"], path + (name,))

    for file in (CONFIG / "good").glob("*.yaml"):
        mark(loaded(file), SCHEMA, ())
    left = {key for key in KEYS if key not in used and key[0] != "defaults"}
    assert not left


# -- every key with values of other kinds: what the schema refuses, the parser refuses

OTHERS = [None, True, False, 0, 1, 7, -1, 1.5, "", "x", "true", "7", "7d", "20%", "101%", "4MiB", "2026-09-01", [], ["x"],
          [1], [[]], [None], {}, {"x": 1}]
# Kinds of which the schema knows all there is to know, but for ranges of durations and days: there both say the same.
EXACT = ("boolean", "integer")


def document_with(path, value):
    """A good file in which this key has that value."""
    document = {"version": 1, "images": {"app": {"primary": "ghcr.io/acme/app", "backups": ["vault:app"]}},
                "registries": {"ghcr.io": {"username": "me", "password": "$P"}}}
    at = document
    for key in path[:-1]:
        name = {"images": "app", "registries": "ghcr.io"}[previous] if key == "*" else key
        at = at.setdefault(name, {})
        previous = key
    if path[-2:-1] == ("keep",):
        at.update({"candidates": ["git-sha"], "last": 1})
    if path[-2:-1] == ("token",):
        at.update({"created": "2026-09-01", "rotate-after": "90d"})
    at[path[-1]] = value
    return document


# Below `defaults` stand the same rows once more: there the first level is enough.
TRIED = sorted(key for key in KEYS if key[0] != "defaults" or len(key) == 2)


@pytest.mark.parametrize("key", TRIED, ids=".".join)
def test_the_parser_refuses_what_the_schema_refuses(safeport, tmp_path, key):
    path = tmp_path / "c.yaml"
    for value in OTHERS:
        document = document_with(key, value)
        path.write_text(json.dumps(document))
        is_taken = safeport("config", "--config", path).returncode == 0
        if not schema_takes(document):
            assert not is_taken, f"the parser takes {value!r}, the schema does not"
        elif KEYS[key].get("type") in EXACT:
            assert is_taken, f"the schema takes {value!r}, the parser does not"


@pytest.mark.parametrize("table", sorted({key[:-1] for key in KEYS}), ids=lambda t: ".".join(t) or "top")
def test_both_refuse_unknown_keys(safeport, tmp_path, table):
    document = document_with(table + ("no-such-key",), 1)
    (tmp_path / "c.yaml").write_text(json.dumps(document))
    assert not schema_takes(document)
    assert "unknown key 'no-such-key'" in safeport("config", "--config", tmp_path / "c.yaml", status=2).stderr


# Numbers in a form that the parser does not take, and a schema cannot tell from others.
WRITTEN_OTHERWISE = ("number-hex", "number-zero", "version-float")


@pytest.mark.parametrize("path", sorted((CONFIG / "wrong").glob("*.yaml")), ids=lambda p: p.stem)
def test_wrong_files_that_the_schema_sees(path):
    """The corpus is wrong for the parser (test_cli_config.py); where its mistake is one of kind, the schema sees it."""
    complaints = path.with_suffix(".txt").read_text(encoding="utf-8")
    document = loaded(path)
    of_kind = re.search(r"unknown key|is missing|' takes (a list|keys|names|true|a number|a share|a size)", complaints)
    if document is not None and of_kind and path.stem not in WRITTEN_OTHERWISE:
        assert not schema_takes(document)


# -- the manual

def sections():
    """Heading -> {key: (text, ...)} of the lists of keys in safeport.yaml(5)."""
    found = {}
    for part in re.split(r"^# ", MANUAL, flags=re.M)[1:]:
        heading, _, body = part.partition("\n")
        found[heading] = dict(re.findall(r"^\*([a-z-]+)\*[^\n]*\n((?:\t[^\n]*\n)+)", body, flags=re.M))
    return found


TABLES = {"KEYS": (), "IMAGES": ("images", "*"), "TAGS": ("images", "*", "tags"), "KEEP": ("images", "*", "keep"),
          "REGISTRIES": ("registries", "*"), "TOKEN": ("registries", "*", "token"), "SCHEDULE": ("schedule",),
          "VERIFY-READ": ("schedule", "verify-read"), "NOTIFY": ("notify",)}


@pytest.mark.parametrize("heading", TABLES)
def test_the_manual_has_every_key_and_its_default(heading):
    entries = sections()[heading]
    want = {key[-1]: schema for key, schema in KEYS.items() if key[:-1] == TABLES[heading]}
    assert set(entries) == set(want)
    for key, schema in want.items():
        said = re.search(r"Default: _([^_]+)_", entries[key])
        default = schema.get("default")
        assert (said.group(1) if said else None) == (None if default is None else json.dumps(default).strip('"')), key


def test_the_manual_has_no_table_too_many():
    tables = {key[:-1] for key in KEYS if key[0] != "defaults"}
    assert tables == set(TABLES.values())
