# SPDX-License-Identifier: Apache-2.0
"""The vault: readable by others, whole after power loss of a kind, safe for two writers at once."""

import os
import random
import signal
import time

import pytest

from support import backed_up, images, oracle, registry, skopeo, wire


@pytest.fixture
def layout(tmp_path):
    """Writes a content as a layout and answers the reference without a tag."""
    count = iter(range(1000))
    return lambda content: f"oci:{content.write_layout(tmp_path / f'layout{next(count)}')}"


def pool(port):
    """digest -> path of what is in the pool."""
    root = port.vault / "pool"
    return {f"{p.parts[-3]}:{p.name}": p for p in root.glob("*/*/*") if p.is_file()}


@pytest.mark.parametrize("name", ["app", "ghcr.io/acme/app", "docker.io/library/debian", "127.0.0.1_5000/a/b"])
def test_skopeo_reads_a_repository_of_the_vault(port, layout, tmp_path, name):
    content = images.multi(81)
    port.run("push", f"{layout(content)}:latest", "--to", f"vault:{name}", "--tag", "v1", "--tag", "latest", status=0)
    for tag in ("v1", "latest"):
        assert skopeo.pull_layout(port.vault_layout(name), tag, tmp_path) == content.tags["latest"]


def test_an_image_in_dockers_format_stays_as_it_is(port, layout, start, tmp_path):
    """skopeo does not see it in the vault (safeport(1) says so), and reads it where safeport brings it."""
    registry, content = start(), images.small(81, docker=True)
    port.run("push", f"{layout(content)}:latest", "--to", "vault:app", status=0)
    digest = content.tags["latest"]
    assert oracle.check_tag(oracle.LayoutPlace(port.vault_layout("app")), "latest", digest) == digest
    port.run("copy", "vault:app:latest", f"{registry.host}/back/app", status=0)
    assert skopeo.pull_registry(registry, "back/app", "latest", tmp_path) == digest
    port.run("copy", "vault:app:latest", f"docker-archive:{tmp_path}/app.tar:app:latest", status=0)
    assert skopeo.run("inspect", f"docker-archive:{tmp_path}/app.tar").returncode == 0


def test_root_is_chosen_by_option_then_variable(port, layout, tmp_path):
    where = f"{layout(images.small(82))}:latest"
    port.run("push", where, "--to", "vault:app", "--vault", tmp_path / "by-option",
             env={"SAFEPORT_VAULT": str(tmp_path / "by-variable")}, status=0)
    assert (tmp_path / "by-option" / "repos" / "app" / "_" / "index.json").exists()
    assert not (tmp_path / "by-variable").exists()
    port.run("push", where, "--to", "vault:app", env={"SAFEPORT_VAULT": str(tmp_path / "by-variable")}, status=0)
    assert (tmp_path / "by-variable" / "repos" / "app" / "_" / "index.json").exists()
    assert not port.vault.exists()


def test_a_blob_is_stored_once_for_all_repositories(port, layout):
    content = images.multi(83)
    where = f"{layout(content)}:latest"
    port.run("push", where, "--to", "vault:one", "--to", "vault:two/deep", status=0)
    stored = pool(port)
    assert set(content.blobs) <= set(stored)
    for digest in content.blobs:
        assert os.stat(stored[digest]).st_nlink == 3


def test_a_later_push_links_what_the_pool_has(port, layout):
    content = images.multi(83)
    where = f"{layout(content)}:latest"
    port.run("push", where, "--to", "vault:one", status=0)
    done = port.run("push", where, "--to", "vault:two", "--json", status=0)
    assert done.report.places[0].number("bytes_sent") == 0
    for digest in content.blobs:
        assert os.stat(pool(port)[digest]).st_nlink == 3


def test_a_damaged_file_of_the_pool_is_not_linked_but_sent_again(port, layout):
    content = images.multi(85)
    where = f"{layout(content)}:latest"
    port.run("push", where, "--to", "vault:one", status=0)
    digest, path = next((d, p) for d, p in pool(port).items() if d in content.blobs)
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)
    done = port.run("push", where, "--to", "vault:two", "--json", status=0)
    assert done.report.places[0].number("bytes_sent") == len(content.blobs[digest])
    oracle.check_tag(oracle.LayoutPlace(port.vault_layout("two")), "latest", content.tags["latest"])


def test_vault_as_a_source_brings_the_image_back(start, port, layout):
    server = start("new")
    content = images.with_referrers(84)
    port.run("push", f"{layout(content)}:latest", "--to", "vault:ghcr.io/acme/app", status=0)
    port.run("push", "vault:ghcr.io/acme/app:latest", "--to", f"{server.host}/acme/app", status=0)
    place = oracle.StoragePlace(server.storage, "acme/app")
    assert oracle.check_tag(place, "latest", content.tags["latest"])
    for digest in content.manifests:
        if digest not in (content.tags.get(t) for t in content.tags if t.startswith("sha256-") and "." not in t):
            oracle.closure(place, digest)


@pytest.mark.parametrize("same", [True, False], ids=["same-repository", "two-repositories"])
def test_pushes_at_once_lose_nothing(port, layout, same):
    contents = [images.multi(85, layer_bytes=400_000), *(images.multi(850 + n, layer_bytes=200_000) for n in range(3))]
    for number, content in enumerate(contents):  # all share the first one's layers
        content.merge(contents[0].copy()) if number else None
    jobs = []
    for number, content in enumerate(contents):
        name = "vault:app" if same else f"vault:app{number}"
        jobs.append(port.start("push", f"{layout(content)}:latest", "--to", f"{name}:t{number}"))
    for job in jobs:
        job.wait(60, status=0)
    for number, content in enumerate(contents):
        place = oracle.LayoutPlace(port.vault_layout("app" if same else f"app{number}"))
        assert oracle.check_tag(place, f"t{number}", content.tags["latest"])
        assert len(place.tags()) == (4 if same else 1)


def test_full_disk_is_7_and_old_tags_stay(port, layout, tmpfs_dir, tmp_path):
    old, new = images.small(86, tag="latest"), images.small(87, tag="latest", layer_bytes=3_000_000)
    with registry.tmpfs(tmp_path / "disk", 8) as disk:
        options = ["--vault", disk / "vault"]
        port.run("push", f"{layout(old)}:latest", "--to", "vault:app", *options, status=0)
        place = oracle.LayoutPlace(disk / "vault" / "repos" / "app" / "_")
        ballast = registry.fill(disk, 1 << 20)
        done = port.run("push", f"{layout(new)}:latest", "--to", "vault:app", *options, status=7)
        assert "no space left" in done.stderr.lower() + done.stdout.lower()
        assert oracle.check_all(place) == old.tags
        ballast.unlink()
        port.run("push", f"{layout(new)}:latest", "--to", "vault:app", *options, status=0)
        assert oracle.check_all(place) == new.tags


@pytest.mark.parametrize("leave", [0, 4096, 12288])
def test_full_disk_at_the_last_step(port, layout, tmpfs_dir, tmp_path, leave):
    """No room for index.json: the old one stays."""
    old, new = images.small(88), images.small(89, layers=1, layer_bytes=1000)
    with registry.tmpfs(tmp_path / "disk", 2) as disk:
        options = ["--vault", disk / "vault"]
        port.run("push", f"{layout(old)}:latest", "--to", "vault:app", *options, status=0)
        ballast = registry.fill(disk, leave)
        done = port.run("push", f"{layout(new)}:latest", "--to", "vault:app", *options)
        place = oracle.LayoutPlace(disk / "vault" / "repos" / "app" / "_")
        assert done.status == 7 or (done.status == 0 and leave), repr(done)
        assert oracle.check_all(place) == (new.tags if done.status == 0 else old.tags)
        ballast.unlink()
        port.run("push", f"{layout(new)}:latest", "--to", "vault:app", *options, status=0)
        assert oracle.check_all(place) == new.tags


def test_out_of_inodes_is_7(port, layout, tmpfs_dir, tmp_path):
    with registry.tmpfs(tmp_path / "disk", 8, inodes=24) as disk:
        where = f"{layout(images.multi(90))}:latest"
        port.run("push", where, "--to", "vault:app", "--vault", disk / "vault", status=7)


def test_vault_that_cannot_be_made_is_7_and_the_others_go_on(start, port, layout, tmp_path):
    server = start("good")
    (tmp_path / "file").write_text("not a directory")
    content = images.small(91)
    done = port.run("push", f"{layout(content)}:latest", "--to", "vault:app", "--to", f"{server.host}/a/b", "--vault",
                    tmp_path / "file" / "vault", "--json", status=7)
    assert done.report.place(server.host).tags == {"latest": "set"}
    assert oracle.check_all(oracle.StoragePlace(server.storage, "a/b")) == content.tags


def test_kill_9_at_random_times_leaves_nothing_broken(port, layout):
    seed = time.time_ns() & 0xFFFFFF
    chance = random.Random(seed)
    old = images.small(92, layer_bytes=300_000)
    began = time.monotonic()
    port.run("push", f"{layout(old)}:latest", "--to", "vault:app", status=0)
    cycle = time.monotonic() - began
    place, current = oracle.LayoutPlace(port.vault_layout("app")), dict(old.tags)
    for number in range(16):
        new = images.small(920 + number, layers=4, layer_bytes=300_000)
        where = f"{layout(new)}:latest"
        running = port.start("push", where, "--to", "vault:app")
        time.sleep(chance.random() * cycle * 1.5)
        running.signal(signal.SIGKILL)
        running.wait(10)
        found = oracle.check_all(place)
        assert found in (current, new.tags), f"seed {seed}, round {number}"
        port.run("push", where, "--to", "vault:app", status=0)
        current = oracle.check_all(place)
        assert current == new.tags, f"seed {seed}, round {number}"


@pytest.mark.parametrize("damage,found_by", [("truncate", "verify"), ("remove", "verify"), ("flip", "read")])
def test_damage_in_the_pool_is_found_and_healed(port, layout, damage, found_by):
    content = images.small(93)
    where = f"{layout(content)}:latest"
    port.run("push", where, "--to", "vault:app", status=0)
    victim = sorted(content.blobs)[0]
    for path in (pool(port)[victim], port.vault_layout("app") / "blobs" / "sha256" / victim[7:]):
        data = bytearray(content.blobs[victim])
        path.chmod(0o600)
        if damage == "remove":
            path.unlink()
            continue
        if damage == "flip":
            data[len(data) // 2] ^= 1
        path.write_bytes(data[:-1] if damage == "truncate" else data)
    options = ["--read"] if found_by == "read" else []
    done = port.run("verify", where, "vault:app:latest", *options, "--json")
    assert done.status in (1, 5) and victim in done.stdout, repr(done)
    if damage == "flip":
        assert done.status == 5
        return
    port.run("push", where, "--to", "vault:app", status=0)
    assert oracle.check_all(oracle.LayoutPlace(port.vault_layout("app"))) == content.tags


def test_link_in_place_of_a_blob_is_not_followed(port, start, tmp_path):
    """S13: a layout is somebody else's directory."""
    server = start("plain")
    content = images.small(94)
    folder = content.write_layout(tmp_path / "evil")
    victim = sorted(content.blobs)[0]
    path = folder / "blobs" / "sha256" / victim[7:]
    (tmp_path / "outside").write_bytes(content.blobs[victim])
    path.unlink()
    path.symlink_to(tmp_path / "outside")
    done = port.run("push", f"oci:{folder}:latest", "--to", f"{server.host}/a/b")
    assert done.status not in (0, 2), repr(done)
    assert wire.Wire.to(server).tags("a/b") == []


@pytest.mark.parametrize("kept", [50, 0])
def test_index_that_is_damaged(port, start, tmp_path, kept):
    """What is wrong and what helps is said, and nothing else: the blobs and the manifests are good."""
    backed = backed_up.BackedUp(port, start, tmp_path)
    for number, tag in enumerate(["latest", "v1.0.0"]):
        backed.put("app", images.small(number, tag=tag, layers=1, layer_bytes=500))
    backed.write()
    backed.sync()
    index = port.vault / "repos" / "app" / "_" / "index.json"
    index.write_bytes(index.read_bytes()[:kept])
    for command in (["sync"], ["status"], ["verify"], ["verify", "--repair"]):
        done = backed.run(*command, status=1)
        assert "index.json" in done.text and "or move it away" in done.text, done
        assert "operator must" not in done.text and "missing" not in done.text and "--repair" not in done.stdout, done
    index.rename(tmp_path / "moved")
    done = backed.run("sync", status=0)
    assert "'vault:app' has blobs and no 'index.json': a new one is made" in done.stderr
    assert "vault:app: 2 copied" in done.stdout
    again = backed.run("sync", status=0)
    assert "index.json" not in again.text and backed.json("verify", "--read")["totals"]["damaged"] == 0


def test_new_layout_has_lost_nothing(port, start, tmp_path):
    backed = backed_up.BackedUp(port, start, tmp_path)
    backed.put("app", images.small(1, layers=1, layer_bytes=500))
    backed.write()
    assert "index.json" not in backed.run("sync", status=0).text


def test_two_disks_in_turn_are_two_places(port, start, tmp_path):
    """Each has a vault:app. What was proven on one is not believed of the other."""
    backed = backed_up.BackedUp(port, start, tmp_path)
    backed.put("app", images.small(1, tag="v1.0.0"))
    backed.write()
    one, two = ("--vault", tmp_path / "one"), ("--vault", tmp_path / "two")

    def standing(vault, status):
        (tag,) = backed.json("status", *vault, status=status)["images"][0]["tags"]
        return tag["at"][2]["standing"], tag["at"][2].get("read")

    backed.run("sync", *two, status=0)
    layer = max((path for path in (tmp_path / "two" / "pool").rglob("*") if path.is_file()),
                key=lambda path: path.stat().st_size)
    data = bytearray(layer.read_bytes())
    data[5] ^= 1
    layer.chmod(0o600)
    layer.write_bytes(data)
    backed.run("sync", *one, status=0)
    backed.run("verify", "--read", *one, status=0)
    backed.run("sync", *two, status=0)
    assert standing(one, 0)[1] and not standing(two, 0)[1]
    document = backed.json("verify", "--read", "--max-age", "30d", *two, status=5)
    assert [place["name"] for place in document["images"][0]["places"]][3] == "vault:app"
    assert len(document["images"][0]["places"][3]["damage"]) == 1
    assert standing(two, 1)[0] == "damaged"
    assert standing(one, 0)[0] == "in_step", "what is bad on one disk is not on the other"
