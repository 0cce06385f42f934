# SPDX-License-Identifier: Apache-2.0
"""push, copy and verify as a user meets them, between places of this machine: what is printed, in which form, with
which exit status. What they do to registries is tested in tests/system."""

import json
import os
import pathlib
import pty
import re
import subprocess

import pytest
from cli_support import SAFEPORT, clean_env, make_image, tags_of

SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def here(tmp_path):
    """A directory with an image layout `image` (tag `build`), and the environment of a vault in it."""
    image = tmp_path / "image"
    image.mkdir()
    digest = make_image(image, ["build"])
    return Here(tmp_path, digest)


class Here:
    def __init__(self, path, digest):
        self.path, self.digest = path, digest
        self.env = {"SAFEPORT_VAULT": str(path / "vault")}

    def vault(self, name):
        return self.path / "vault" / "repos" / name / "_"


def result(safeport, here, *args, status=0):
    return json.loads(safeport(*args, "--json", env=here.env, cwd=here.path, status=status).stdout)


def test_text_says_what_is_where(safeport, here):
    out = safeport("push", "oci:image:build", "--to", "vault:acme/app", "--to", "oci:out", "--tag", "latest", "--tag",
                   "1.0", env=here.env, cwd=here.path, status=0)
    first, second, summary = out.stdout.split("\n\n")
    for block, name in ((first, "vault:acme/app"), (second, "oci:out")):
        assert block.startswith(f"{name}: published\n")
        assert re.search(r"^  tags +1\.0 +set\n +latest +set$", block, flags=re.M)
        assert re.search(rf"^  digest +{here.digest}$", block, flags=re.M)
        assert re.search(r"^  proof +touched: ", block, flags=re.M)
        assert re.search(r"^  blobs +3 sent \(\d+ KiB\), 0 mounted, 0 there already$", block, flags=re.M)
    assert summary.startswith(f"{here.digest} is in 2 of 2 places")
    assert not out.stderr
    assert tags_of(here.vault("acme/app")) == tags_of(here.path / "out") == {"latest": here.digest, "1.0": here.digest}


def test_second_push_sends_nothing_and_proves(safeport, here):
    args = ["push", "oci:image:build", "--to", "vault:acme/app", "--tag", "latest"]
    safeport(*args, env=here.env, cwd=here.path, status=0)
    again = safeport(*args, env=here.env, cwd=here.path, status=0)
    assert "vault:acme/app: already up to date" in again.stdout
    place = result(safeport, here, *args)["places"][0]
    assert place["tags"] == [{"name": "latest", "result": "already", "digest_before": here.digest}]
    assert place["blobs"] == {"total": 3, "present": 3, "mounted": 0, "sent": 0, "to_send": 0}
    assert place["proof"] == "touched" and place["bytes_sent"] == 0


def test_json_and_text_agree(safeport, here):
    doc = result(safeport, here, "push", "oci:image:build", "--to", "vault:a", "--to", "oci:missing/dir", "--tag", "t")
    assert doc["kind"] == "push" and doc["exit_status"] == 0 and doc["digest"] == here.digest
    assert [p["name"] for p in doc["places"]] == ["vault:a", "oci:missing/dir"]
    doc = result(safeport, here, "copy", "oci:image:build", "vault:b")
    assert doc["kind"] == "copy" and [t["name"] for t in doc["places"][0]["tags"]] == ["build"]
    doc = result(safeport, here, "verify", "oci:image:build", "vault:b")
    assert doc["kind"] == "verify" and [p["proof"] for p in doc["places"]] == ["touched", "touched"]
    doc = result(safeport, here, "verify", "oci:image:build", "vault:b", "--read")
    assert [p["proof"] for p in doc["places"]] == ["read", "read"]


@pytest.mark.parametrize("source, code", [("oci:nowhere", "not-found"), ("oci:nowhere:t", "not-found"),
                                          ("oci:torn", "invalid")])
def test_a_source_that_cannot_be_read_is_in_the_document(safeport, here, source, code):
    (here.path / "torn").mkdir()
    (here.path / "torn" / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (here.path / "torn" / "index.json").write_text("{")
    doc = result(safeport, here, "push", source, "--to", "vault:a", status=1)
    assert doc["exit_status"] == 1 and doc["error"]["code"] == code and doc["digest"] is None
    assert [p["name"] for p in doc["places"]] == ["vault:a"] and not tags_of(here.vault("a"))


def snapshot(path):
    return {str(p): p.stat().st_mtime_ns for p in path.rglob("*")}


def test_dry_run_touches_nothing(safeport, here):
    before = snapshot(here.path)
    args = ["push", "oci:image:build", "--to", "vault:acme/app", "--to", "oci:out", "--tag", "latest", "--dry-run"]
    out = safeport(*args, env=here.env, cwd=here.path, status=0).stdout
    assert "vault:acme/app: would be published" in out and "oci:out: would be published" in out
    assert re.search(r"^  tags +latest +would be set$", out, flags=re.M)
    assert re.search(r"^  blobs +3 to send", out, flags=re.M)
    assert out.rstrip().endswith("dry run: nothing was sent")
    assert snapshot(here.path) == before
    safeport(*args[:-1], env=here.env, cwd=here.path, status=0)
    before = snapshot(here.path)
    out = safeport(*args, env=here.env, cwd=here.path, status=0).stdout
    assert out.count(": nothing to do") == 2
    assert snapshot(here.path) == before


def test_tag_of_a_layout_with_one_image(safeport, here):
    result(safeport, here, "push", "oci:image", "--to", "vault:a", "--to", "vault:b:own")
    assert tags_of(here.vault("a")) == {"build": here.digest}
    assert tags_of(here.vault("b")) == {"own": here.digest}


def test_company_of_an_image_is_not_its_tag(safeport, here):
    """Signatures and lists of referrers have tags in a layout, too."""
    other = here.path / "other"
    other.mkdir()
    name = "sha256-" + "0" * 64
    digest = make_image(other, ["build", name, name + ".sig"], seed="y")
    result(safeport, here, "push", "oci:other", "--to", "vault:a")
    assert tags_of(here.vault("a"))["build"] == digest
    result(safeport, here, "push", "oci:image", "--to", "vault:a:older")
    result(safeport, here, "verify", "oci:other", "vault:a")


def test_copy_names_no_option_that_it_lacks(safeport, here):
    other = here.path / "other"
    other.mkdir()
    digest = make_image(other, ["a", "b"])
    for source in ("oci:other", f"oci:other@{digest}"):
        out = safeport("copy", source, "vault:a", env=here.env, cwd=here.path, status=2)
        assert "DST:TAG" in out.stderr and "--tag" not in out.stderr


@pytest.mark.parametrize("tags, says", [(["a", "b"], "more than one tag"), ([None], "no tag to give on")])
def test_layout_that_cannot_say_which_tag(safeport, here, tags, says):
    other = here.path / "other"
    other.mkdir()
    make_image(other, tags)
    out = safeport("push", "oci:other", "--to", "vault:a", env=here.env, cwd=here.path, status=2)
    assert says in out.stderr and "--tag TAG" in out.stderr
    assert not here.vault("a").exists()


def test_image_without_a_name(safeport, here):
    """What `docker buildx build --output type=oci,tar=false` writes where no name was given."""
    other = here.path / "other"
    other.mkdir()
    digest = make_image(other, [None], seed="y")
    result(safeport, here, "push", "oci:other", "--to", "vault:a", "--tag", "latest")
    assert tags_of(here.vault("a")) == {"latest": digest}


def test_same_place_twice_is_one_place(safeport, here):
    doc = result(safeport, here, "push", "oci:image:build", "--to", "vault:a:1", "--to", "vault:a:2", "--tag", "3")
    assert len(doc["places"]) == 1
    assert set(tags_of(here.vault("a"))) == {"1", "2", "3"}


def test_retag_in_place(safeport, here):
    result(safeport, here, "push", "oci:image:build", "--to", "oci:image", "--tag", "latest")
    assert tags_of(here.path / "image") == {"build": here.digest, "latest": here.digest}


@pytest.mark.parametrize("env", [
    {"GITHUB_SHA": SHA, "CI_COMMIT_SHA": "f" * 40},
    {"CI_COMMIT_SHA": SHA, "GIT_COMMIT": "f" * 40},
    {"GIT_COMMIT": SHA},
    {"GITHUB_SHA": "", "GIT_COMMIT": SHA},
], ids=lambda e: "-".join(e))
def test_tag_git_from_the_environment(safeport, here, env):
    safeport("push", "oci:image:build", "--to", "vault:a", "--tag", "latest", "--tag-git", env={**here.env, **env},
             cwd=here.path, status=0)
    assert set(tags_of(here.vault("a"))) == {"latest", SHA}


def test_tag_git_from_a_checkout(safeport, here):
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example", "-C", str(here.path)]
    subprocess.run([*git, "init", "-q"], check=True)
    out = safeport("push", "oci:image:build", "--to", "vault:a", "--tag-git", env=here.env, cwd=here.path, status=2)
    assert "--tag TAG" in out.stderr  # no commit yet
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    safeport("push", "oci:image:build", "--to", "vault:a", "--tag-git", env=here.env, cwd=here.path, status=0)
    assert set(tags_of(here.vault("a"))) == {head}


def test_note_on_merge_commits(safeport, here):
    env = {**here.env, "GITHUB_SHA": SHA, "GITHUB_EVENT_NAME": "pull_request"}
    out = safeport("push", "oci:image:build", "--to", "vault:a", "--tag-git", env=env, cwd=here.path, status=0)
    assert "merge commit" in out.stderr


def test_one_destination_fails_the_other_goes_on(safeport, here):
    (here.path / "file").write_text("in the way")
    args = ["push", "oci:image:build", "--to", "oci:file/x", "--to", "vault:a", "--tag", "t"]
    out = safeport(*args, env=here.env, cwd=here.path)
    assert out.returncode == 7
    assert "oci:file/x: failed" in out.stdout and "vault:a: published" in out.stdout
    assert re.search(r"^safeport: .*'oci:file/x'", out.stderr, flags=re.M)
    assert "is in 1 of 2 places" in out.stdout
    assert tags_of(here.vault("a")) == {"t": here.digest}


def test_atomic_moves_no_tag_when_one_fails(safeport, here):
    (here.path / "file").write_text("in the way")
    args = ["push", "oci:image:build", "--to", "oci:file/x", "--to", "vault:a", "--tag", "t", "--atomic"]
    out = safeport(*args, env=here.env, cwd=here.path)
    assert out.returncode == 7
    assert "vault:a: not published" in out.stdout
    assert re.search(r"^  tags +t +left as it was$", out.stdout, flags=re.M)
    assert not here.vault("a").exists() or tags_of(here.vault("a")) == {}


@pytest.mark.parametrize("source", ["oci:nowhere:t", "oci:image:nope", "vault:nowhere"])
def test_source_that_is_not_there(safeport, here, source):
    out = safeport("push", source, "--to", "vault:a", env=here.env, cwd=here.path, status=1)
    assert source.rsplit(":", 1)[0].split(":")[-1] in out.stderr
    assert "vault:a: not published" in out.stdout
    assert not here.vault("a").exists() or tags_of(here.vault("a")) == {}


def damage(here, how):
    """Does something to the larger files of the vault's copy."""
    for path in here.vault("a").glob("blobs/sha256/*"):
        if path.stat().st_size != 20000:
            continue
        for copy in (path, here.path / "vault" / "pool" / "sha256" / path.name[:2] / path.name):
            how(copy)
        return "sha256:" + path.name


def flip(path):
    content = bytearray(path.read_bytes())
    content[100] = ord("!")
    path.chmod(0o644)
    path.write_bytes(content)


@pytest.mark.parametrize("how, options, status, finding", [
    (lambda p: p.unlink(), [], 1, "missing"),
    (lambda p: (p.chmod(0o644), os.truncate(p, 100)), [], 5, "short"),
    (flip, [], 0, None),  # only reading shows it
    (flip, ["--read"], 5, "wrong bytes"),
], ids=["missing", "short", "flipped, touched", "flipped, read"])
def test_verify_finds_damage(safeport, here, how, options, status, finding):
    result(safeport, here, "push", "oci:image:build", "--to", "vault:a")
    digest = damage(here, how)
    out = safeport("verify", "oci:image:build", "vault:a", *options, env=here.env, cwd=here.path, status=status)
    if finding:
        assert f"  {digest} (layer): {finding}" in out.stdout
        assert "vault:a: not whole" in out.stdout and "oci:image: whole" in out.stdout
        doc = result(safeport, here, "verify", "oci:image:build", "vault:a", *options, status=status)
        assert doc["places"][1]["damage"] == [{"digest": digest, "what": "layer", "finding": finding}]


def test_verify_of_different_images(safeport, here):
    other = here.path / "other"
    other.mkdir()
    make_image(other, ["build"], seed="y")
    out = safeport("verify", "oci:image:build", "oci:other", env=here.env, cwd=here.path, status=1)
    assert "do not hold the same" in out.stdout


def test_result_that_cannot_be_written(here):
    with open("/dev/full", "w") as full:
        out = subprocess.run([str(SAFEPORT), "push", "oci:image:build", "--to", "vault:a"], env=clean_env(**here.env),
                             cwd=here.path, stdout=full, stderr=subprocess.PIPE, text=True)
    assert out.returncode == 7 and "cannot write the result" in out.stderr
    assert tags_of(here.vault("a")) == {"build": here.digest}


@pytest.mark.parametrize("closed", [[1], [0, 1, 2]])
def test_closed_descriptors_are_no_files_of_ours(here, closed):
    """The number of a closed stdout must not go to a file or socket, which would get the report."""
    redirections = " ".join(f"{n}>&-" for n in closed)
    out = subprocess.run(["sh", "-c", f'exec "$0" "$@" {redirections}', str(SAFEPORT), "push", "oci:image:build", "--to",
                          "vault:a"], env=clean_env(**here.env), cwd=here.path, stderr=subprocess.PIPE, text=True)
    assert out.returncode == 7
    if 2 not in closed:
        assert out.stderr.count("cannot write the result: Bad file descriptor") == 1, out.stderr
    assert tags_of(here.vault("a")) == {"build": here.digest}


def on_terminal(here, *args, **env):
    """Runs the program on a pseudo-terminal; answers what it wrote there."""
    main, side = pty.openpty()
    process = subprocess.Popen([str(SAFEPORT), *args], env=clean_env(**{**here.env, "TERM": "xterm", **env}),
                               cwd=here.path, stdin=side, stdout=side, stderr=side)
    os.close(side)
    seen = b""
    try:
        while chunk := os.read(main, 65536):
            seen += chunk
    except OSError:  # the other side is closed
        pass
    os.close(main)
    assert process.wait(timeout=60) == 0
    return seen.decode()


def test_colours_only_where_they_are_wanted(here):
    args = ["push", "oci:image:build", "--to", "vault:a"]
    assert "\x1b[32m" in on_terminal(here, *args)
    assert "\x1b[32m" not in on_terminal(here, *args, NO_COLOR="1")
    assert "\x1b[32m" not in on_terminal(here, *args, "--no-color")
    assert "\x1b" not in on_terminal(here, *args, TERM="dumb")


def test_text_from_outside_is_escaped(safeport, here):
    odd = here.path / "\x1b[31mred"
    pathlib.Path(odd).mkdir()
    make_image(odd, ["t"])
    out = safeport("push", "oci:\x1b[31mred:t", "--to", "oci:\x1b[32mgreen", "--tag", "t", env=here.env, cwd=here.path,
                   status=0)
    assert "\x1b" not in out.stdout + out.stderr
    assert "oci:\\x1b[32mgreen: published" in out.stdout
