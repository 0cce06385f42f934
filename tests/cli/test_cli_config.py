# SPDX-License-Identifier: Apache-2.0
"""safeport.yaml through the real program: what is wrong with a file, what is understood of one, where it is found."""

import json
import re
import shutil
import subprocess

import pytest
from cli_support import BUILD, ROOT, SAFEPORT, clean_env

CONFIG = ROOT / "tests" / "config"
WRONG = sorted((CONFIG / "wrong").glob("*.yaml"), key=lambda p: p.stem)
GOOD = sorted((CONFIG / "good").glob("*.yaml"), key=lambda p: p.stem)
APP = "images: {app: {primary: ghcr.io/acme/app, backups: [vault:app]}}\n"


def test_the_corpus_is_large():
    assert len(WRONG) >= 60 and len(GOOD) >= 3
    assert {p.stem for p in WRONG} == {p.stem for p in (CONFIG / "wrong").glob("*.txt")}


@pytest.mark.parametrize("path", WRONG, ids=lambda p: p.stem)
def test_wrong_file_and_its_complaint(safeport, path):
    """Every complaint, its place, and the line: as the .txt beside the file says."""
    result = safeport("config", "--config", path.name, cwd=path.parent, status=2)
    assert result.stderr == path.with_suffix(".txt").read_text(encoding="utf-8")
    assert not result.stdout
    assert "hunter" not in result.stderr, "a value that may be a secret was shown"


@pytest.mark.parametrize("path", GOOD, ids=lambda p: p.stem)
def test_what_is_printed_reads_as_the_same(safeport, path, tmp_path):
    def understood(file):
        return json.loads(safeport("config", "--json", "--config", file, status=0).stdout)["config"]

    first = understood(path)
    text = safeport("config", "--config", path, status=0).stdout
    assert text.startswith(f"# {path}\n") and "in-the-file" not in text + json.dumps(first)
    again = tmp_path / "again.yaml"
    again.write_text(text, encoding="utf-8")
    assert understood(again) == first
    as_json = tmp_path / "again.json.yaml"
    as_json.write_text(json.dumps(first), encoding="utf-8")
    assert understood(as_json) == first


def test_the_defaults_are_filled_in(safeport, tmp_path):
    (tmp_path / "c.yaml").write_text("version: 1\n" + APP)
    config = json.loads(safeport("config", "--json", "--config", tmp_path / "c.yaml", status=0).stdout)["config"]
    app = config["images"]["app"]
    assert (app["keep-history"], app["referrers"], app["referrers-every"]) == (5, True, "1d")
    assert "keep" not in app and "tags" not in app and "fixed" not in app
    assert "schedule" not in config and "notify" not in config
    assert (config["max-proof-age"], config["max-loss"], config["record"]) == ("7d", "20%", True)


def test_images_take_defaults_that_they_do_not_say(safeport, tmp_path):
    (tmp_path / "c.yaml").write_text(
        "images:\n  a: {primary: ghcr.io/x/a, backups: [vault:a]}\n"
        "  b: {primary: ghcr.io/x/b, backups: [vault:b], tags: {include: [b]}, required: true}\n"
        "version: 1\ndefaults: {tags: {exclude: [no], newest: 3}, required: false}\n")
    images = json.loads(safeport("config", "--json", "--config", tmp_path / "c.yaml", status=0).stdout)["config"]["images"]
    assert images["a"]["tags"] == {"exclude": ["no"], "newest": 3} and images["a"]["required"] is False
    assert images["b"]["tags"] == {"include": ["b"]} and images["b"]["required"] is True


def test_where_it_is_found(safeport, tmp_path):
    """--config, then $SAFEPORT_CONFIG, then here, then $XDG_CONFIG_HOME, then ~/.config."""
    def write(name):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("version: 1\n")
        return path

    home, xdg, here = write("home/.config/safeport/safeport.yaml"), write("xdg/safeport/safeport.yaml"), tmp_path / "here"
    here.mkdir()
    env = {"HOME": str(tmp_path / "home")}

    def found(*args, **more):
        return json.loads(safeport("config", "--json", *args, env={**env, **more}, cwd=here, status=0).stdout)["file"]

    assert found() == str(home)
    assert found(XDG_CONFIG_HOME=str(tmp_path / "xdg")) == str(xdg)
    write("here/safeport.yaml")
    assert found(XDG_CONFIG_HOME=str(tmp_path / "xdg")) == "safeport.yaml"
    named, option = write("named.yaml"), write("option.yaml")
    assert found(SAFEPORT_CONFIG=str(named)) == str(named)
    assert found("--config", option, SAFEPORT_CONFIG=str(named)) == str(option)


def test_none_and_unreadable_ones(safeport, tmp_path):
    none = safeport("config", cwd=tmp_path, status=2)
    assert "./safeport.yaml" in none.stderr and "--config FILE" in none.stderr
    (tmp_path / "safeport.yaml").write_text("version: 1\n")
    missing = safeport("config", env={"SAFEPORT_CONFIG": "/no/such/file"}, cwd=tmp_path, status=2)
    assert "/no/such/file" in missing.stderr, "a file that was named is not replaced by another"
    assert "regular" in safeport("config", "--config", tmp_path, status=2).stderr
    (tmp_path / "large.yaml").write_bytes(b"# " + b"x" * (5 << 20))
    assert safeport("config", "--config", tmp_path / "large.yaml").returncode == 1


def test_a_link_and_paths_relative_to_the_file(safeport, tmp_path):
    """Mounted configurations are links; paths are relative to where the file is, not to where one stands."""
    (tmp_path / "real").mkdir()
    (tmp_path / "etc").mkdir()
    (tmp_path / "real" / "data").write_text("version: 1\nvault: v\nstate: ./s/t\nimages:\n"
                                            "  a: {primary: oci:in, backups: ['oci:./out']}\n")
    (tmp_path / "etc" / "safeport.yaml").symlink_to("../real/data")
    config = json.loads(safeport("config", "--json", "--config", tmp_path / "etc" / "safeport.yaml", cwd="/",
                                 status=0).stdout)["config"]
    assert config["vault"] == f"{tmp_path}/etc/v" and config["state"] == f"{tmp_path}/etc/s/t"
    assert config["images"]["a"] == {**config["images"]["a"], "primary": f"oci:{tmp_path}/etc/in",
                                     "backups": [f"oci:{tmp_path}/etc/out"]}


def test_variables(safeport, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("version: 1\nregistries:\n  ghcr.io: {username: $U, password: $P}\nvault: $V\n")
    lenient = safeport("config", "--config", path, env={"U": "me", "V": ""}, status=0)
    assert f"# {path}:3:37: 'password' is $P" in lenient.stdout and "'vault' is $V" in lenient.stdout
    assert "'username'" not in lenient.stdout
    strict = safeport("config", "--strict", "--config", path, env={"U": "me"}, status=2)
    assert f"{path}:3:37: 'password' is $P, which is not set or empty" in strict.stderr and not strict.stdout
    full = safeport("config", "--strict", "--json", "--config", path, env={"U": "me", "P": "canary-1234", "V": "/v"},
                    status=0)
    assert json.loads(full.stdout)["unset"] == [] and "canary" not in full.stdout + full.stderr
    assert json.loads(full.stdout)["config"]["registries"]["ghcr.io"]["password"] == "$P"


def test_what_has_no_effect_yet_is_said(safeport, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("version: 1\n" + APP)
    assert "no effect" not in safeport("config", "--config", path, status=0).stdout
    path.write_text("version: 1\nnotify: {webhook: $URL}\nschedule: {sync: 1h}\ndefaults: {keep: {last: 3, candidates: [git-sha]}}\n"
                    "registries: {ghcr.io: {token: {created: 2026-01-01, rotate-after: 90d}}}\n" + APP)
    assert "# no effect yet: keep, token, schedule, notify (" in safeport("config", "--config", path, status=0).stdout
    shown = json.loads(safeport("config", "--json", "--config", path, status=0).stdout)
    assert shown["no_effect_yet"] == ["keep", "token", "schedule", "notify"]
    assert shown["config"]["schedule"]["verify-read"] == {"every": "1d", "percent": "5%"}


def test_many_mistakes_and_no_more_than_that(safeport, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("version: 1\n" + "".join(f"key-{i}: 1\n" for i in range(1000)))
    result = safeport("config", "--config", path, status=2)
    assert result.stderr.count("unknown key") == 50 and "more than 50 mistakes" in result.stderr


@pytest.mark.parametrize("text", ["[" * 100000, "{" * 100000, "- " * 100000, "a: " * 50000, "? " * 100000, "!" * 100000,
                                  "x: " + "[1," * 100000, "&a [" * 1000, '"' + "x" * 3000000, "x: |\n" + " y\n" * 300000],
                         ids=["lists", "maps", "items", "keys", "questions", "tags", "long", "anchors", "quote", "block"])
def test_hostile_files_end_soon(safeport, tmp_path, text):
    (tmp_path / "c.yaml").write_text(text)
    assert safeport("config", "--config", tmp_path / "c.yaml", status=2).stderr.count("\n") < 200


def test_ten_thousand_images(safeport, tmp_path):
    """The largest file that is taken, in bounded time and memory."""
    path = tmp_path / "c.yaml"
    path.write_text("version: 1\nimages:\n" + "".join(
        f"  app-{i}: {{primary: ghcr.io/acme/app-{i}, backups: ['docker.io/acme/app-{i}', 'vault:app-{i}'],"
        f" tags: {{include: [latest, 'glob:v*', git-sha]}}}}\n" for i in range(10000)))
    time = shutil.which("time", path="/usr/bin:/bin")
    assert time, "needs /usr/bin/time"
    result = subprocess.run([time, "-f", "%U %M", str(SAFEPORT), "config", "--config", str(path)], env=clean_env(),
                            capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    user_s, rss_kib = map(float, result.stderr.split())
    assert user_s < 5 and rss_kib < 128 * 1024, result.stderr
    path.write_text(path.read_text() + "  one-more: {primary: ghcr.io/acme/x, backups: [vault:x]}\n")
    assert "at most 10000" in safeport("config", "--config", path, status=2).stderr


@pytest.mark.skipif(not shutil.which("msgfmt"), reason="needs gettext")
def test_another_language(safeport):
    result = safeport("config", "--config", "mistyped-keys.yaml", cwd=CONFIG / "wrong", status=2,
                      env={"LANGUAGE": "zh_CN", "SAFEPORT_LOCALEDIR": str(BUILD / "po")})
    assert "mistyped-keys.yaml:4:5: 未知的键 'primry'：是否想写 'primary'？\n" in result.stderr
    assert "'mistyped-keys.yaml' 有 6 处错误" in result.stderr


def test_stdout_that_is_full(safeport):
    with open("/dev/full", "w", encoding="utf-8") as full:
        result = subprocess.run([str(SAFEPORT), "config", "--config", str(GOOD[0])], env=clean_env(), stdout=full,
                                stderr=subprocess.PIPE, text=True, timeout=60)
    assert result.returncode == 7 and result.stderr


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md", "docs/man/safeport.yaml.5.scd"])
def test_examples_in_the_documents_are_taken(safeport, tmp_path, name):
    text = (ROOT / name).read_text(encoding="utf-8")
    examples = re.findall(r"^```(?:yaml)?\n(version: 1\n.*?)^```", text, flags=re.M | re.S)
    assert examples
    for example in examples:
        (tmp_path / "safeport.yaml").write_text(example, encoding="utf-8")
        safeport("config", cwd=tmp_path, status=0)
