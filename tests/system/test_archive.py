# SPDX-License-Identifier: Apache-2.0
"""Archives as sources: whatever shape an engine gives them, what arrives is the image, with its config and diffIDs;
another reader (skopeo, bsdtar) sees the same in them. Archives as destinations: others read them."""

import contextlib
import fcntl
import gzip
import json
import os
import shutil
import signal
import subprocess
import time

import pytest

from support import archives, clock, images, oracle, wire

IMAGE = archives.Image([archives.layer(1, 3_000_000), archives.layer(2), archives.layer(3)])
TWICE = archives.Image([archives.layer(4)] * 3)


def read(place, digest, is_manifest=False):
    data = b"".join(place.chunks(digest, is_manifest))
    assert images.digest_of(data) == digest
    return data


def document_of(place, tag):
    return json.loads(read(place, place.resolve(tag), True))


def pushed(place, tag):
    """(manifest digest, config bytes, [layers unpacked]) of an image at an oracle place."""
    document = document_of(place, tag)
    return place.resolve(tag), read(place, document["config"]["digest"]), [
        archives.unpacked(read(place, one["digest"])) for one in document["layers"]]


def layout(path):
    return oracle.LayoutPlace(path)


def check_image(place, tag, image):
    digest, config, layers = pushed(place, tag)
    assert config == image.config
    assert layers == image.layers
    return digest


def skopeo(*arguments):
    subprocess.run(["skopeo", "copy", "--quiet", *map(str, arguments)], check=True, capture_output=True)


def seen_by_skopeo(path, kind, tmp_path, words=""):
    """(config bytes, [layers unpacked]). The config as it is there: its copy to a layout writes another."""
    out = tmp_path / "by-skopeo"
    shutil.rmtree(out, ignore_errors=True)
    skopeo(f"{kind}:{path}{words}", f"oci:{out}:x")
    config = subprocess.run(["skopeo", "inspect", "--config", "--raw", f"{kind}:{path}{words}"], check=True,
                            capture_output=True).stdout
    return config, pushed(layout(out), "x")[2]


SHAPES = {
    "classic": archives.classic, "linked": archives.linked, "engine25": archives.engine25,
}


@pytest.mark.parametrize("packing", ["plain", "gzip", "zstd", "pipe", "gzip-pipe"])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_the_same_image(port, tmp_path, shape, packing):
    data = SHAPES[shape](IMAGE)
    data = {"gzip": archives.gzipped, "gzip-pipe": archives.gzipped, "zstd": archives.zstd}.get(packing, bytes)(data)
    path = archives.write(tmp_path / "image.tar", data)
    name = "-" if "pipe" in packing else path
    with contextlib.ExitStack() as stack:
        stdin = None
        if name == "-":
            cat = stack.enter_context(subprocess.Popen(["cat", path], stdout=subprocess.PIPE))
            stdin = cat.stdout
        port.run("push", f"docker-archive:{name}", "--to", f"oci:{tmp_path}/out", status=0, stdin=stdin)
    digest = check_image(layout(tmp_path / "out"), "v1", IMAGE)
    # the digest depends on the image alone: the shape is not in it
    again = archives.write(tmp_path / "other.tar", archives.classic(IMAGE))
    port.run("push", f"docker-archive:{again}", "--to", f"oci:{tmp_path}/again", status=0)
    assert layout(tmp_path / "again").resolve("v1") == digest
    assert not list((port.home / "state" / "safeport" / "spool").iterdir())


@pytest.mark.parametrize("make", [archives.classic, archives.linked, archives.engine25, archives.crane,
                                  archives.hard_linked], ids=lambda f: f.__name__)
def test_skopeo_and_bsdtar_see_the_same_in_it(port, tmp_path, make):
    image = TWICE if make is archives.hard_linked else IMAGE
    path = archives.write(tmp_path / "image.tar", make(image))
    port.run("copy", f"docker-archive:{path}", f"oci:{tmp_path}/out:v1", status=0)
    _, config, layers = pushed(layout(tmp_path / "out"), "v1")
    members = archives.members_by_bsdtar(path)
    entry = json.loads(members["manifest.json"])[0]
    assert members[entry["Config"]] == config
    assert [archives.unpacked(members[name]) for name in entry["Layers"]] == layers == image.layers
    if make is not archives.hard_linked:  # skopeo does not follow those
        assert seen_by_skopeo(path, "docker-archive", tmp_path) == (config, layers)


PACKINGS = {"plain": bytes, "gzip": archives.gzipped, "zstd": archives.zstd}
OTHER = archives.Image([archives.layer(8), IMAGE.layers[1]], ["acme/other:v2"])


def check_others(path, words, seen, tmp_path):
    """bsdtar and skopeo see in a docker-archive what we saw: (config, layers)."""
    name = words.lstrip(":")
    members = archives.members_by_bsdtar(path)
    entry = next(one for one in json.loads(members["manifest.json"]) if not name or name in one["RepoTags"])
    assert (members[entry["Config"]], [archives.unpacked(members[layer]) for layer in entry["Layers"]]) == seen
    if not path.read_bytes().startswith(b"\x1f\x8b"):  # of these skopeo 1.9 says "invalid tar header"
        assert seen_by_skopeo(path, "docker-archive", tmp_path, words) == seen


@pytest.mark.parametrize("packing", PACKINGS)
def test_others_see_the_same_in_each_of_several_images(port, tmp_path, packing):
    path = archives.write(tmp_path / "image.tar", PACKINGS[packing](archives.classic(IMAGE, OTHER)))
    for number, (words, image) in enumerate([(":acme/app:v1", IMAGE), (":acme/other:v2", OTHER)]):
        port.run("copy", f"docker-archive:{path}{words}", f"oci:{tmp_path}/out{number}:x", status=0)
        seen = pushed(layout(tmp_path / f"out{number}"), "x")[1:]
        assert seen == (image.config, image.layers)
        check_others(path, words, seen, tmp_path)


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("absent", [(), ("linux/s390x",)], ids=["whole", "part"])
def test_others_see_the_same_in_what_newer_engines_save(port, tmp_path, packing, absent):
    data, _, manifests = archives.containerd({"linux/amd64": IMAGE}, absent)
    path = archives.write(tmp_path / "image.tar", PACKINGS[packing](data))
    for kind in ("docker-archive", "oci-archive"):
        port.run("copy", f"{kind}:{path}", f"oci:{tmp_path}/{kind}:x", "--platform", "linux/amd64", status=0)
        digest, *seen = pushed(layout(tmp_path / kind), "x")
        assert digest == manifests["linux/amd64"]["digest"]
        check_others(path, "", tuple(seen), tmp_path)


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("make", [lambda: images.small(41, tag="v1"), lambda: images.multi(42, tag="v1"),
                                  lambda: images.with_referrers(43, tag="v1", fallback=False)], ids=["small", "multi", "referrers"])
def test_bsdtar_and_skopeo_see_the_same_in_an_oci_archive(port, tmp_path, packing, make):
    content = make()
    path = archives.write(tmp_path / "image.tar", PACKINGS[packing](archives.oci(content)))
    port.run("copy", f"oci-archive:{path}:v1", f"oci:{tmp_path}/out:v1", status=0)
    blobs = {p.name: p.read_bytes() for p in (tmp_path / "out" / "blobs" / "sha256").iterdir()}
    members = archives.members_by_bsdtar(path)
    assert {f"blobs/sha256/{name}": data for name, data in blobs.items()} == {
        name: data for name, data in members.items() if name.startswith("blobs/")}
    if packing != "plain":  # skopeo reads only plain ones
        return
    subprocess.run(["skopeo", "copy", "--quiet", "--all", "--preserve-digests", f"oci-archive:{path}:v1",
                    f"oci:{tmp_path}/other:v1"], check=True)
    assert layout(tmp_path / "other").resolve("v1") == layout(tmp_path / "out").resolve("v1") == content.tags["v1"]
    other = {p.name: p.read_bytes() for p in (tmp_path / "other" / "blobs" / "sha256").iterdir()}
    assert other.items() <= blobs.items()


@pytest.mark.parametrize("kind, name", [("docker-archive", ":acme/app:v1"), ("oci-archive", ":v1")])
def test_what_skopeo_writes_is_read(port, tmp_path, debian, kind, name):
    path = tmp_path / "image.tar"
    skopeo(f"oci:{debian}:gzip", f"{kind}:{path}{name}")
    port.run("push", f"{kind}:{path}", "--to", f"oci:{tmp_path}/out", status=0)
    if kind == "oci-archive":  # it holds the very bytes of the layout
        oracle.check_tag(layout(tmp_path / "out"), "v1", layout(debian).resolve("gzip"))
        return
    _, config, layers = pushed(layout(tmp_path / "out"), "v1")
    assert seen_by_skopeo(path, kind, tmp_path) == (config, layers)


def test_to_two_registries_at_once_and_then_nothing_more(port, start, tmp_path):
    one, two = start("one"), start("two")
    path = archives.write(tmp_path / "image.tar", archives.classic(IMAGE))
    to = ["--to", f"{one.host}/a/b", "--to", f"{two.host}/a/b"]
    first = port.run("push", f"docker-archive:{path}", *to, "--json", status=0).report
    for server in (one, two):
        assert wire.Wire.to(server).manifest("a/b", "v1").headers["docker-content-digest"] == first.digest
    second = port.run("push", f"docker-archive:{path}", *to, "--json", "-v", status=0)
    assert "compressing" not in second.stderr
    assert second.report.digest == first.digest and second.report.number("bytes_read") == 0
    assert all(place.number("bytes_sent") == 0 for place in second.report.places)


def record_files(port):
    return sorted((port.home / "state" / "safeport" / "layers").iterdir())


def test_a_remembered_layer_is_compressed_when_it_has_to_be_sent(port, tmp_path):
    path = archives.write(tmp_path / "image.tar", archives.classic(IMAGE))
    for out in ("out1", "out2"):
        done = port.run("push", f"docker-archive:{path}", "--to", f"oci:{tmp_path}/{out}", "-v", status=0)
        assert done.stderr.count("compressing") == 3
        check_image(layout(tmp_path / out), "v1", IMAGE)


def test_garbage_in_the_memory_is_not_believed(port, tmp_path):
    path = archives.write(tmp_path / "image.tar", archives.classic(IMAGE))
    port.run("push", f"docker-archive:{path}", "--to", f"oci:{tmp_path}/out1", status=0)
    a, b, c = record_files(port)
    a.write_bytes(b"sha256:nonsense")
    b.write_bytes(c.read_bytes())  # another layer's: its checksum is not for this name
    c.write_bytes(c.read_bytes().replace(b" ", b" 1", 1))
    port.run("push", f"docker-archive:{path}", "--to", f"oci:{tmp_path}/out2", status=0)
    assert check_image(layout(tmp_path / "out2"), "v1", IMAGE) == layout(tmp_path / "out1").resolve("v1")


def test_a_wrong_memory_makes_no_wrong_image(port, tmp_path):
    """A record that is well formed and wrong, as a compressor that changed its mind would leave it."""
    path = archives.write(tmp_path / "image.tar", archives.classic(IMAGE))
    port.run("push", f"docker-archive:{path}", "--to", f"oci:{tmp_path}/out1", status=0)
    wrong = record_files(port)[0]
    digest, size = "sha256:" + "7" * 64, 4711
    checksum = images.digest_of(f"{wrong.name} {digest} {size}".encode())
    wrong.write_text(f"{digest} {size} {checksum}\n")
    done = port.run("push", f"docker-archive:{path}", "--to", f"oci:{tmp_path}/out2", status=5)
    assert "that is forgotten now, run again" in done.stderr
    assert not layout(tmp_path / "out2").tags()
    port.run("push", f"docker-archive:{path}", "--to", f"oci:{tmp_path}/out2", status=0)
    check_image(layout(tmp_path / "out2"), "v1", IMAGE)


def test_nothing_is_touched_that_is_only_remembered(port, tmp_path):
    """Another archive of the same config, with another layer: what is remembered of the diffID is no look at its bytes."""
    good = archives.classic(IMAGE)
    at = good.index(b"some text that repeats")
    path = archives.write(tmp_path / "good.tar", good)
    bad = archives.write(tmp_path / "bad.tar", good[:at] + b"S" + good[at + 1:])
    port.run("push", f"docker-archive:{path}", "--to", "vault:app", status=0)
    done = port.run("verify", f"docker-archive:{bad}", "vault:app:v1", "--json", status=0)
    proofs = {one["name"]: one["proof"] for one in done.report.document["places"]}
    assert proofs[f"docker-archive:{bad}"] == "claimed" and proofs["vault:app"] == "touched", proofs
    port.run("verify", f"docker-archive:{bad}", "vault:app:v1", "--read", status=5)


# -- the same bytes on every machine

QEMU = ["qemu-x86_64", "-cpu", "core2duo"]  # SSSE3: no AVX, no BMI2, no carry-less multiplication


# 20 blocks: enough that eight threads are used, and pass each other
MANY_BLOCKS = archives.Image([archives.layer(1, 20 << 20), archives.layer(2)])


@pytest.mark.parametrize("compress", ["gzip:4", "gzip:9", "zstd:3", "zstd:9"])
def test_threads_and_cpu_do_not_change_the_digest(port, tmp_path, compress):
    path = archives.write(tmp_path / "image.tar", archives.classic(MANY_BLOCKS))
    digests = set()

    def run(number, *before, **env):
        out = tmp_path / f"out{number}"
        subprocess.run([*before, *port.command("push", f"docker-archive:{path}", "--compress", compress, "--to",
                                               f"oci:{out}")],
                       env={**port.env, **env}, cwd=port.home, check=True, capture_output=True)
        shutil.rmtree(port.home / "state")  # nothing remembered
        digests.add(check_image(layout(out), "v1", MANY_BLOCKS))
        shutil.rmtree(out)

    def threads(count):
        """How many were started."""
        run(count, "strace", "-f", "-qq", "-o", tmp_path / "trace", "-e", "trace=clone,clone3", SAFEPORT_THREADS=str(count))
        return sum(" = " in line and "-1 E" not in line for line in (tmp_path / "trace").read_text().splitlines())

    assert threads(8) > threads(1) or compress == "zstd:9", "one thread cannot show it"  # memory may allow no second one
    run(0, "taskset", "-c", "0")
    if "AddressSanitizer" not in subprocess.run([*port.command("version")], env=port.env, capture_output=True,
                                                text=True, check=False).stderr and not os.environ.get("ASAN_OPTIONS"):
        assert "avx" not in cpu_flags(QEMU), "the emulated CPU has what it should not have"
        run(2, *QEMU)
    assert len(digests) == 1


@pytest.mark.parametrize("word,is_said", [("17", True), ("many", True), ("0", True), ("-1", True), ("16", False), ("", False)])
def test_a_number_of_threads_that_is_none_is_said(port, tmp_path, word, is_said):
    path = archives.write(tmp_path / "image.tar", archives.classic(IMAGE))
    done = port.run("push", f"docker-archive:{path}", "--to", f"oci:{tmp_path}/out", env={"SAFEPORT_THREADS": word}, status=0)
    assert ("SAFEPORT_THREADS is no number from 1 to 16" in done.stderr) == is_said, done


def cpu_flags(before):
    """What a program under `before` is told by CPUID, as OpenSSL's capability word says."""
    word = subprocess.run([*before, "/usr/bin/openssl", "info", "-cpusettings"], capture_output=True, text=True,
                          check=True).stdout
    bits = int(word.split("=")[1].split(":")[0].lstrip("~"), 16)
    return {"avx"} if bits >> (32 + 28) & 1 else set()


def test_zstd_layers_are_called_so(port, tmp_path):
    path = archives.write(tmp_path / "image.tar", archives.classic(IMAGE))
    port.run("push", f"docker-archive:{path}", "--compress", "zstd", "--to", f"oci:{tmp_path}/out", status=0)
    place = layout(tmp_path / "out")
    document = document_of(place, "v1")
    assert {one["mediaType"] for one in document["layers"]} == {images.LAYER_ZSTD}
    check_image(place, "v1", IMAGE)


@pytest.mark.parametrize("word", ["gzip:0", "gzip:13", "zstd:20", "xz", "gzip:", "gzip:x", ""])
def test_compressions_that_there_are_not(port, tmp_path, word):
    done = port.run("copy", "docker-archive:x.tar", "vault:app:v1", "--compress", word, status=2)
    assert "write gzip[:1-12] or zstd[:1-19]" in done.stderr


# -- newer engines

def test_a_whole_index_goes_over_as_it_is(port, tmp_path):
    arm = archives.Image([archives.layer(7)], arch="arm64")
    data, index, _ = archives.containerd({"linux/amd64": IMAGE, "linux/arm64": arm})
    path = archives.write(tmp_path / "image.tar", data)
    done = port.run("push", f"docker-archive:{path}", "--to", f"oci:{tmp_path}/out", "-v", status=0)
    assert layout(tmp_path / "out").resolve("v1") == index["digest"]
    assert "compressing" not in done.stderr and "part of its index" not in done.stderr
    oracle.closure(layout(tmp_path / "out"), index["digest"])


@pytest.mark.parametrize("attestation", [False, True])
def test_of_an_index_with_absent_platforms_the_image_is_taken(port, tmp_path, attestation):
    data, _, manifests = archives.containerd({"linux/amd64": IMAGE}, ["linux/arm64", "linux/s390x"],
                                             attestation=attestation)
    path = archives.write(tmp_path / "image.tar", data)
    for kind in ("docker-archive", "oci-archive"):
        done = port.run("push", f"{kind}:{path}", "--to", f"oci:{tmp_path}/{kind}", status=0)
        assert layout(tmp_path / kind).resolve("v1") == manifests["linux/amd64"]["digest"]
        assert "not: linux/arm64, linux/s390x" in done.stderr
        check_image(layout(tmp_path / kind), "v1", IMAGE)


def test_of_several_platforms_one_is_chosen(port, tmp_path):
    arm = archives.Image([archives.layer(7)], arch="arm64")
    data, _, manifests = archives.containerd({"linux/amd64": IMAGE, "linux/arm64": arm}, ["linux/s390x"])
    path = archives.write(tmp_path / "image.tar", data)
    # manifest.json says which one the engine would run
    port.run("push", f"docker-archive:{path}", "--to", f"oci:{tmp_path}/out", status=0)
    assert layout(tmp_path / "out").resolve("v1") == manifests["linux/amd64"]["digest"]
    for kind in ("docker-archive", "oci-archive"):
        port.run("push", f"{kind}:{path}", "--platform", "linux/arm64", "--to", f"oci:{tmp_path}/{kind}", status=0)
        assert layout(tmp_path / kind).resolve("v1") == manifests["linux/arm64"]["digest"]
    done = port.run("push", f"oci-archive:{path}", "--to", f"oci:{tmp_path}/none", status=1)
    assert "--platform (linux/amd64, linux/arm64)" in done.stderr
    done = port.run("push", f"docker-archive:{path}", "--platform", "linux/s390x", "--to", f"oci:{tmp_path}/none",
                    status=1)
    assert "linux/amd64, linux/arm64" in done.stderr


def test_an_image_of_another_platform_is_refused(port, tmp_path):
    path = archives.write(tmp_path / "image.tar", archives.classic(IMAGE))
    content = images.Content()
    content.tags["v1"] = archives.with_blobs_of(IMAGE, content)["digest"]
    oci = archives.write(tmp_path / "oci.tar", archives.oci(content))
    for source in (f"docker-archive:{path}", f"oci-archive:{oci}"):
        done = port.run("push", source, "--platform", "linux/arm64", "--to", f"oci:{tmp_path}/out", status=1)
        assert "is of the platform 'linux/amd64' only: there is none of 'linux/arm64'" in done.stderr
        assert not list((tmp_path / "out").rglob("index.json")) or not layout(tmp_path / "out").tags()
        out = tmp_path / source.partition(":")[0]
        port.run("push", source, "--platform", "linux/amd64", "--to", f"oci:{out}", status=0)
        check_image(layout(out), "v1", IMAGE)


def test_one_of_several_images_by_name_and_by_number(port, tmp_path):
    other = archives.Image([archives.layer(8), IMAGE.layers[1]], ["acme/other:v2", "ghcr.io/acme/other:v3"])
    path = archives.write(tmp_path / "image.tar", archives.classic(IMAGE, other))
    for number, (words, image, tag) in enumerate([
            (":acme/app:v1", IMAGE, "v1"), (":docker.io/acme/other:v2", other, "v2"),
            (":ghcr.io/acme/other:v3", other, "v3"), (":@0", IMAGE, "v1")]):
        port.run("push", f"docker-archive:{path}{words}", "--to", f"oci:{tmp_path}/out{number}", status=0)
        check_image(layout(tmp_path / f"out{number}"), tag, image)
    done = port.run("push", f"docker-archive:{path}:@1", "--to", f"oci:{tmp_path}/out", status=2)
    assert "more than one tag" in done.stderr


def test_referrers_in_an_oci_archive_go_along(port, tmp_path):
    content = images.with_referrers(22, fallback=False)
    path = archives.write(tmp_path / "image.tar", archives.oci(content))
    port.run("push", f"oci-archive:{path}:latest", "--to", f"oci:{tmp_path}/out", status=0)
    for digest in content.manifests:
        read(layout(tmp_path / "out"), digest, True)


# -- destinations

@pytest.mark.parametrize("kind", ["docker-archive", "oci-archive"])
def test_what_is_written_is_read_by_skopeo_and_by_us(port, tmp_path, kind):
    content = images.Content()
    content.tags["v1"] = archives.with_blobs_of(IMAGE, content)["digest"]
    content.write_layout(tmp_path / "in")
    path = tmp_path / "out.tar"
    name = ":acme/app" if kind == "docker-archive" else ""
    done = port.run("push", f"oci:{tmp_path}/in:v1", "--to", f"{kind}:{path}{name}", "--tag", "v1", "--tag", "latest",
                    "--json", status=0)
    assert done.report.digest == content.tags["v1"]
    words = ":acme/app:latest" if kind == "docker-archive" else ":latest"
    assert seen_by_skopeo(path, kind, tmp_path, words) == (IMAGE.config, IMAGE.layers)
    port.run("push", f"{kind}:{path}{words}", "--to", f"oci:{tmp_path}/back", status=0)
    assert layout(tmp_path / "back").resolve("latest") == content.tags["v1"]
    first = path.read_bytes()
    port.run("push", f"oci:{tmp_path}/in:v1", "--to", f"{kind}:{path}{name}", "--tag", "v1", "--tag", "latest",
             status=0)
    assert path.read_bytes() == first, "the same image gives the same archive"
    assert not [p for p in (port.home / "state").rglob("*") if p.is_file()]


def test_an_archive_is_called_as_its_source_is(port, start, tmp_path):
    server = start("source")
    wire.Wire.to(server).put_image("o/app", images.small(9, tag="v1"))
    port.run("copy", f"{server.host}/o/app:v1", f"docker-archive:{tmp_path}/a.tar", status=0)
    members = archives.members_by_bsdtar(tmp_path / "a.tar")
    assert json.loads(members["manifest.json"])[0]["RepoTags"] == [f"{server.host}/o/app:v1"]
    done = port.run("copy", f"oci:{tmp_path}/in:v1", f"docker-archive:{tmp_path}/a.tar", status=2)
    assert "docker-archive:FILE:NAME" in done.stderr


def test_of_an_index_docker_gets_the_image_of_this_host(port, tmp_path):
    images.multi(31, tag="v1").write_layout(tmp_path / "in")
    port.run("copy", f"oci:{tmp_path}/in:v1", f"docker-archive:{tmp_path}/a.tar:acme/app:v1", status=0)
    members = archives.members_by_bsdtar(tmp_path / "a.tar")
    config = members[json.loads(members["manifest.json"])[0]["Config"]]
    assert json.loads(config)["architecture"] == {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    port.run("verify", f"oci:{tmp_path}/in:v1", f"oci-archive:{tmp_path}/a.tar:v1", "--read", status=0)


def test_what_no_engine_can_load_is_refused(port, tmp_path):
    content = images.Content()
    content.add_artifact("application/vnd.test", b"data", tag="v1")
    content.write_layout(tmp_path / "in")
    done = port.run("copy", f"oci:{tmp_path}/in:v1", f"docker-archive:{tmp_path}/a.tar:acme/app:v1", status=1)
    assert "no image but an artifact" in done.stderr and not (tmp_path / "a.tar").exists()
    port.run("copy", f"oci:{tmp_path}/in:v1", f"oci-archive:{tmp_path}/a.tar", status=0)


def small_layout(tmp_path):
    content = images.Content()
    content.tags["v1"] = archives.with_blobs_of(IMAGE, content)["digest"]
    content.write_layout(tmp_path / "in")
    return f"oci:{tmp_path}/in:v1"


def test_to_standard_output(port, tmp_path):
    source = small_layout(tmp_path)
    command = port.command("copy", source, "docker-archive:-:acme/app:v1")
    done = subprocess.run(command, env=port.env, cwd=port.home, capture_output=True, check=True)
    assert b"published" in done.stderr
    path = archives.write(tmp_path / "a.tar", done.stdout)
    assert seen_by_skopeo(path, "docker-archive", tmp_path) == (IMAGE.config, IMAGE.layers)
    done = port.run("copy", source, "oci-archive:-", "--json", status=2)
    assert "standard output is the archive's" in done.stderr
    subprocess.run(["/bin/sh", "-c", " ".join(command) + " | true"], env=port.env, cwd=port.home, check=True,
                   capture_output=True, timeout=60)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666])
def test_a_file_that_is_replaced_keeps_its_mode(port, tmp_path, mode):
    source, path = small_layout(tmp_path), tmp_path / "a.tar"
    path.write_bytes(b"old")
    path.chmod(mode)
    port.run("copy", source, f"oci-archive:{path}", status=0)
    assert path.read_bytes() != b"old" and path.stat().st_mode & 0o777 == mode


def test_never_half_written_under_its_name(port, tmp_path):
    """Killed at any moment there is the old file or the new one; what failed leaves nothing."""
    source = small_layout(tmp_path)
    target = tmp_path / "target"
    target.mkdir()
    path = archives.write(target / "a.tar", b"old")
    command = port.command("copy", source, f"docker-archive:{path}:acme/app:v1")
    whole = subprocess.run(port.command("copy", source, "docker-archive:-:acme/app:v1"), env=port.env, cwd=port.home,
                           capture_output=True, check=True).stdout
    for call in ("fsync", "rename,renameat,renameat2", "write"):
        for when in range(1, 40):
            path.write_bytes(b"old")
            trace = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", str(target), "-P", str(path), "-e",
                     f"inject={call}:signal=SIGKILL:when={when}"]
            done = subprocess.run([*trace, *command], env=port.env, cwd=port.home, capture_output=True, timeout=60,
                                  check=False)
            assert path.read_bytes() in (b"old", whole)
            if done.returncode == 0:
                break
    port.run("copy", source, f"docker-archive:{path}:acme/app:v1", status=0)  # and sweeps what the killed ones left
    assert path.read_bytes() == whole
    left = [p for p in target.iterdir() if p != path]
    assert left, "none of those that were killed left anything: this test could not fail"
    if not os.environ.get("ASAN_OPTIONS"):
        in_use = left.pop()
        with open(in_use, "rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)  # as a run that is alive does
            later = subprocess.run(command, env={**port.env, "LD_PRELOAD": str(clock.ahead(tmp_path, 61))}, cwd=port.home,
                                   capture_output=True, check=False)
        assert later.returncode == 0, later
        assert sorted(target.iterdir()) == sorted([path, in_use]), "a minute later they go"
    assert not [p for p in (port.home / "state").rglob("*") if p.is_file()]


def test_a_device_is_not_replaced(port, tmp_path):
    source = small_layout(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    for name in (tmp_path / "fifo", "/dev/null"):
        done = port.run("copy", source, f"oci-archive:{name}", status=6)
        assert "no regular file" in done.stderr
    done = port.run("copy", source, f"oci-archive:{tmp_path}/gone/a.tar", status=1)
    assert "gone" in done.stderr
    done = port.run("push", source, "--to", f"docker-archive:{tmp_path}/a.tar:x:1", "--to",
                    f"docker-archive:{tmp_path}/a.tar:y:1", status=2)
    assert "the same file" in done.stderr


# -- trouble

@contextlib.contextmanager
def small_disk(path, size):
    path.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True)


def test_a_full_disk_is_said_and_leaves_nothing(port, tmp_path, tmpfs_dir):
    big = archives.Image([images.random_bytes(1, 3_000_000)])  # no tar, but nobody asks: its diffID is right
    path = archives.write(tmp_path / "image.tar", archives.classic(big))
    packed = archives.write(tmp_path / "image.tar.gz", archives.gzipped(archives.classic(big)))
    with small_disk(tmp_path / "disk", "1m") as disk:
        port.env["SAFEPORT_STATE"] = str(disk / "state")
        for source in (path, packed):
            done = port.run("push", f"docker-archive:{source}", "--to", f"oci:{tmp_path}/out", status=7)
            assert "disk full at" in done.stderr and "SAFEPORT_STATE" in done.stderr
        done = port.run("copy", f"oci:{small_layout(tmp_path)[4:]}", f"docker-archive:{tmp_path}/a.tar:x:1", status=7)
        assert "disk full at" in done.stderr and not (tmp_path / "a.tar").exists()
        assert not [p for p in disk.rglob("*") if p.is_file()]
        assert os.statvfs(disk).f_bfree * 4096 > 900_000, "the spool was not given back"
    port.env["SAFEPORT_STATE"] = str(tmp_path / "state")
    with small_disk(tmp_path / "disk2", "1m") as disk:
        big_layout = images.Content()
        big_layout.tags["v1"] = archives.with_blobs_of(big, big_layout)["digest"]
        big_layout.write_layout(tmp_path / "big")
        done = port.run("copy", f"oci:{tmp_path}/big:v1", f"docker-archive:{disk}/a.tar:x:1", status=7)
        assert f"disk full at '{disk}/a.tar'" in done.stderr and not list(disk.iterdir())


@pytest.mark.parametrize("number,status", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_silent_pipe_can_be_left(port, tmp_path, number, status):
    read, write = os.pipe()
    running = port.start("copy", "docker-archive:-", f"oci:{tmp_path}/out:v1", stdin=read)
    os.write(write, archives.classic(IMAGE)[:1000])
    time.sleep(0.5)
    running.signal(number)
    done = running.wait(10, status)
    os.close(read), os.close(write)
    assert "interrupted" in done.stderr.lower() or "stop" in done.stderr.lower()


@pytest.mark.parametrize("number,status", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_fifo_that_nobody_writes_can_be_left(port, tmp_path, number, status):
    os.mkfifo(tmp_path / "fifo")
    running = port.start("copy", f"docker-archive:{tmp_path}/fifo", f"oci:{tmp_path}/out:v1")
    time.sleep(0.5)
    running.signal(number)
    running.wait(10, status)


def test_a_fifo_is_read_whenever_somebody_writes_it(port, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    running = port.start("copy", f"docker-archive:{tmp_path}/fifo", f"oci:{tmp_path}/out:v1")
    time.sleep(0.5)
    (tmp_path / "fifo").write_bytes(archives.classic(IMAGE))
    running.wait(60, 0)
    check_image(layout(tmp_path / "out"), "v1", IMAGE)


def test_a_run_that_was_killed_while_compressing_leaves_no_file(port, tmp_path):
    image = archives.Image([archives.layer(1, 60_000_000)])
    path = archives.write(tmp_path / "image.tar", archives.classic(image))
    running = port.start("push", f"docker-archive:{path}", "--compress", "gzip:12", "--to", f"oci:{tmp_path}/out")
    time.sleep(0.5)
    running.signal(signal.SIGKILL)
    running.wait(10)
    assert not [p for p in (port.home / "state").rglob("*") if p.is_file()]


def test_memory_is_bounded(port, tmp_path):
    """A layer of 400 MB, as one of 4: RSS does not follow the size."""
    sizes = {}
    for size in (4_000_000, 400_000_000):
        image = archives.Image([images.random_bytes(1, 1_000_000) * (size // 1_000_000)])
        path = archives.write(tmp_path / "image.tar", archives.classic(image))
        command = port.command("push", f"docker-archive:{path}", "--compress", "gzip:1", "--to", f"oci:{tmp_path}/o{size}")
        done = subprocess.run(["/usr/bin/time", "-f", "%M", *command], env=port.env, cwd=port.home, check=True,
                              capture_output=True, text=True)
        sizes[size] = int(done.stderr.split()[-1])
        path.unlink()
    if not os.environ.get("ASAN_OPTIONS"):
        assert sizes[400_000_000] < 32 * 1024, sizes


@pytest.mark.parametrize("compress,mib", [("gzip", 32), ("zstd", 32), ("gzip:12", 40), ("zstd:9", 52)])
def test_memory_does_not_follow_the_cores(port, tmp_path, compress, mib):
    """As on a machine with 16: bytes that do not shrink fill every block."""
    image = archives.Image([images.random_bytes(1, 24_000_000)])
    path = archives.write(tmp_path / "image.tar", archives.classic(image))
    command = port.command("push", f"docker-archive:{path}", "--compress", compress, "--to", f"oci:{tmp_path}/out")
    done = subprocess.run(["/usr/bin/time", "-f", "%M", *command], env={**port.env, "SAFEPORT_THREADS": "16"},
                          cwd=port.home, check=True, capture_output=True, text=True)
    if not os.environ.get("ASAN_OPTIONS"):
        assert int(done.stderr.split()[-1]) < mib * 1024


def test_gzip_members_are_read_by_gzip(port, tmp_path):
    """Multi-member gzip is gzip: RFC 1952 2.2."""
    path = archives.write(tmp_path / "image.tar", archives.classic(IMAGE))
    port.run("push", f"docker-archive:{path}", "--to", f"oci:{tmp_path}/out", status=0)
    place = layout(tmp_path / "out")
    blob = read(place, document_of(place, "v1")["layers"][0]["digest"])
    assert gzip.decompress(blob) == IMAGE.layers[0]
    assert subprocess.run(["gzip", "-dc"], input=blob, capture_output=True, check=True).stdout == IMAGE.layers[0]
