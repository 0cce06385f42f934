# SPDX-License-Identifier: Apache-2.0
"""Wrong and hostile archives (S13 to S17, S29): each is refused with its own reason, and nothing is written anywhere but
in the state directory."""

import bz2
import json
import lzma
import os
import re
import shutil
import subprocess

import pytest

from support import archives, images, oracle
from support.archives import END, base256, header, long_name, member, pax

IMAGE = archives.Image([archives.layer(1), archives.layer(2)])
GOOD = archives.classic(IMAGE)
MANIFEST = images.dump([archives.entry(IMAGE, ["a.tar", "b.tar"])])
DEEP = b"[" * 100 + b"]" * 100


def docker(*, manifest=MANIFEST, config=None, layers=None, name=None, more=b"", before=b""):
    """A classic archive with parts replaced."""
    parts = [before]
    for path, data in (layers if layers is not None else zip(("a.tar", "b.tar"), IMAGE.layers)):
        parts.append(member(path, data))
    parts.append(member(name or f"{IMAGE.id}.json", IMAGE.config if config is None else config))
    if manifest is not None:
        parts.append(member("manifest.json", manifest))
    return b"".join(parts) + more + END


def document(**changes):
    entry = {**archives.entry(IMAGE, ["a.tar", "b.tar"]), **changes}
    return images.dump([{k: v for k, v in entry.items() if v is not None}])


def config(**changes):
    """An archive whose config is another; named so that its name says nothing of it."""
    other = {**json.loads(IMAGE.config), **changes}
    data = images.dump({k: v for k, v in other.items() if v is not None})
    return docker(config=data, name="config.json", manifest=document(Config="config.json"))


def rootfs(diff_ids):
    return config(rootfs={"type": "layers", "diff_ids": diff_ids})


def odd(kind, **more):
    """An archive with one more member of a kind."""
    return docker(before=header("odd", kind=kind, **more))


def linked(target, kind=b"2", more=b""):
    return docker(layers=[("b.tar", IMAGE.layers[1])], before=header("a.tar", kind=kind, link=target) + more)


def sized(raw_size, data=b"x" * 100):
    return header("big", raw_size=raw_size) + archives.padded(data) + GOOD


def sparse():
    """A file of a terabyte with 512 bytes, as GNU tar writes it."""
    block = bytearray(header("s", 512, kind=b"S"))
    block[386:410] = archives.number(0, 12) + archives.number(512, 12)
    block[483:495] = base256(1 << 40)
    block[257:265] = b"ustar  \0"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + b"x" * 512


def zeros(size):
    """A bomb: a tar of zeros, packed 30 000 to 1."""
    return archives.zstd(header("zeros", raw_size=base256(size)) + bytes(size) + END, "-19")


def packed_layer(data):
    return docker(layers=[("a.tar", data), ("b.tar", IMAGE.layers[1])])


def large_window():
    """A zstd frame that asks for a window of 2 GiB (RFC 8878 3.1.1.1.2)."""
    return b"\x28\xb5\x2f\xfd" + bytes([0x00, (31 - 10) << 3]) + b"\x01\x00\x00"


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def replaced(old, new):
    assert old in GOOD
    return GOOD.replace(old, new, 1)


def two_images():
    return archives.classic(IMAGE, archives.Image([archives.layer(3)], ["acme/other:v2"]))


ARM = archives.Image([archives.layer(9)], arch="arm64")
ENGINE, ENGINE_INDEX, ENGINE_MANIFESTS = archives.containerd({"linux/amd64": IMAGE, "linux/arm64": ARM})


def rotten(tar, digest):
    """The archive with one bit flipped in a blob."""
    name = f"blobs/sha256/{digest[7:]}".encode()
    at = tar.index(name) + archives.BLOCK + 40
    return flipped(tar, at)


# one bit of each manifest in what a newer engine saved: never the image beside it
ROTTEN = {f"{what}-is-rotten": (rotten(ENGINE, one["digest"]), 5, "content is not 'sha256:") for what, one in
          (("index", ENGINE_INDEX), ("amd64", ENGINE_MANIFESTS["linux/amd64"]), ("arm64", ENGINE_MANIFESTS["linux/arm64"]))}

# name: (archive, exit status, what the reason says)
DOCKER = {
    # not a tar, or not all of one
    "empty": (b"", 1, "no tar archive"),
    "noise": (images.random_bytes(1, 20_000), 1, "no tar archive"),
    "text": (b"this is not an archive\n" * 100, 1, "no tar archive"),
    "nothing-in-it": (END, 1, "no member 'manifest.json'"),
    "cut-in-a-header": (GOOD[:700], 1, "damaged: Truncated"),
    "cut-in-a-layer": (GOOD[:20_000], 1, "longer than the archive"),
    "checksum-of-the-first": (header("x", checksum=1) + GOOD, 1, "no tar archive"),
    "checksum-of-a-later": (member("x", b"1") + header("y", checksum=1) + GOOD, 1, "damaged: Damaged tar"),
    # names
    "absolute": (docker(before=member("/etc/passwd", b"x")), 1, "'/etc/passwd' in it is absolute"),
    "up": (docker(before=member("../up", b"x")), 1, "'../up' in it has '..'"),
    "up-inside": (docker(before=member("a/../../up", b"x")), 1, "has '..'"),
    "up-at-the-end": (docker(before=header("a/..", kind=b"5")), 1, "has '..'"),
    "up-by-gnu-long-name": (docker(before=long_name("../" + "a" * 120) + member("a", b"x")), 1, "has '..'"),
    "up-by-pax": (docker(before=pax([("path", "../../up")]) + member("a", b"x")), 1, "has '..'"),
    "absolute-by-pax": (docker(before=pax([("path", "/up")]) + member("a", b"x")), 1, "is absolute"),
    "too-long": (docker(before=long_name("a" * 5000) + member("a", b"x")), 1, "is too long"),
    "escape-in-a-name": (docker(before=member("../\x1b[2J", b"x")), 1, r"'../\\x1b\[2J' in it"),
    "no-name": (docker(before=member("", b"x")), 1, "has no name"),
    "only-dots": (docker(before=member("./.", b"x")), 1, "has no name"),
    "twice": (docker(more=member("manifest.json", MANIFEST)), 1, "'manifest.json' is there twice"),
    "twice-by-dots": (docker(more=member("./manifest.json", MANIFEST)), 1, "'manifest.json' is there twice"),
    "layer-twice": (docker(more=member("a.tar", b"other")), 1, "'a.tar' is there twice"),
    "file-and-link": (docker(more=header("a.tar", kind=b"2", link="b.tar")), 1, "'a.tar' is there twice"),
    # kinds
    "device": (odd(b"3"), 1, "'odd' is a device, FIFO or socket"),
    "block-device": (odd(b"4"), 1, "'odd' is a device, FIFO or socket"),
    "fifo": (odd(b"6"), 1, "'odd' is a device, FIFO or socket"),
    "sparse": (docker(before=sparse()), 1, "'s' is a sparse file"),
    "sparse-by-pax": (docker(before=pax([("GNU.sparse.major", 1), ("GNU.sparse.minor", 0), ("GNU.sparse.name", "s"),
                                         ("GNU.sparse.realsize", 1 << 40)]) + member("s", b"1\n0\n512\n".ljust(
                                             512, b"\0") + b"x" * 512)), 1, "'s' is a sparse file"),
    # sizes
    "negative": (sized(base256(-1)), 1, "negative"),
    "negative-by-pax": (docker(before=pax([("size", -5)]) + member("a", b"x")), 1, "negative"),
    "huge": (sized(base256(1 << 62)), 1, "longer than the archive"),
    "largest": (sized(base256((1 << 88) - 1)), 1, "size overflow"),
    "no-number": (sized(b"not a size!\0"), 1, "no tar archive"),
    "beyond-the-end": (sized(b"77777777777\0"), 1, "longer than the archive"),
    "huge-by-pax": (docker(before=pax([("size", 1 << 50)]) + member("a", b"x")), 1, "longer than the archive"),
    "too-small-by-pax": (docker(before=pax([("size", 1)]) + member("a", b"x" * 5000)), 1, "damaged"),
    "record-with-a-wrong-length": (docker(before=pax([("size", 1)], length=99999) + member("a", b"x")), 1, "malformed pax"),
    # links
    "link-absolute": (linked("/etc/passwd"), 1, "'/etc/passwd' in it is absolute"),
    "link-out": (linked("../../etc/passwd"), 1, "leads out of the archive"),
    "link-in-a-circle": (linked("a.tar"), 1, "leads to no file"),
    "link-to-a-link-in-a-circle": (linked("c", more=header("c", kind=b"2", link="a.tar")), 1, "leads to no file"),
    "link-nowhere": (linked("missing"), 1, "leads to no file"),
    "link-to-another-layer": (linked("b.tar"), 5, "has the diffID"),
    "hard-link-absolute": (linked("/etc/passwd", b"1"), 1, "is absolute"),
    "hard-link-out": (linked("../etc/passwd", b"1"), 1, "has '..'"),
    "hard-link-nowhere": (linked("missing", b"1"), 1, "leads to no file"),
    "link-with-bytes": (docker(before=header("l", 512, kind=b"1", link="b.tar") + b"x" * 512), 1,
                        "damaged"),
    "manifest-is-a-link-out": (docker(manifest=None, more=header("manifest.json", kind=b"2", link="/etc/hostname")), 1,
                               "is absolute"),
    "manifest-is-a-directory": (docker(manifest=None, more=header("manifest.json", kind=b"5")), 1,
                                "no member 'manifest.json'"),
    # manifest.json
    "no-manifest": (docker(manifest=None), 1, "not what docker save writes.*no member 'manifest.json'"),
    "manifest-is-no-json": (docker(manifest=b"{"), 1, "manifest.json: .*line 1"),
    "manifest-is-an-object": (docker(manifest=b"{}"), 1, "lists no images"),
    "manifest-is-empty": (docker(manifest=b"[]"), 1, "lists no images"),
    "manifest-of-numbers": (docker(manifest=b"[1]"), 1, "image 0 of manifest.json: it is no object"),
    "manifest-has-a-member-twice": (docker(manifest=MANIFEST.replace(b'"Config"', b'"Config":"x","Config"')), 1,
                                    "duplicate"),
    "manifest-is-deep": (docker(manifest=DEEP), 1, "nested deeper"),
    "manifest-is-large": (docker(manifest=b" " * (5 << 20)), 1, "'manifest.json' is larger than 4194304"),
    "manifest-has-an-end": (docker(manifest=MANIFEST + b"x"), 1, "manifest.json: "),
    "manifest-has-a-mark": (docker(manifest=b"\xef\xbb\xbf" + MANIFEST), 1, "manifest.json: "),
    "manifest-is-not-utf-8": (docker(manifest=MANIFEST.replace(b"acme", b"\xff\xfe")), 1, "manifest.json: .*decode byte 0xff"),
    "no-config": (docker(manifest=document(Config=None)), 1, "'Config' is missing"),
    "config-is-a-number": (docker(manifest=document(Config=7)), 1, "'Config'"),
    "layers-are-text": (docker(manifest=document(Layers="a.tar")), 1, "'Layers'"),
    "layers-are-numbers": (docker(manifest=document(Layers=[1, 2])), 1, "entry 0 of 'Layers' is no text"),
    "layer-with-a-zero-byte": (docker(manifest=document(Layers=["a.tar\0x", "b.tar"])), 1, "manifest.json"),
    "names-are-an-object": (docker(manifest=document(RepoTags={})), 1, "'RepoTags'"),
    "config-is-missing": (docker(manifest=document(Config="gone.json")), 1, "config: it has no member 'gone.json'"),
    "config-is-absolute": (docker(manifest=document(Config="/etc/passwd")), 1, "config: .*is absolute"),
    "config-is-up": (docker(manifest=document(Config="../x")), 1, "config: .*has '..'"),
    "layer-is-missing": (docker(manifest=document(Layers=["a.tar", "gone"])), 1, "layer 1: it has no member 'gone'"),
    "layer-is-up": (docker(manifest=document(Layers=["a.tar", "x/../b.tar"])), 1, "layer 1: .*has '..'"),
    # the config
    "config-is-not-its-name": (docker(config=IMAGE.config + b" "), 5, "is not what its name says"),
    "config-is-no-json": (docker(config=b"nothing", name="c", manifest=document(Config="c")), 1, "config 'c': .*line 1"),
    "config-is-a-list": (docker(config=b"[]", name="c", manifest=document(Config="c")), 1, "no config of an image"),
    "config-is-large": (docker(config=b" " * (5 << 20), name="c", manifest=document(Config="c")), 1,
                        "'c' is larger than"),
    "no-rootfs": (config(rootfs=None), 1, "has no 'rootfs'"),
    "too-few-diff-ids": (rootfs(IMAGE.diff_ids[:1]), 1, "1 diffIDs and manifest.json 2 layers"),
    "too-many-diff-ids": (rootfs(IMAGE.diff_ids * 2), 1, "4 diffIDs and manifest.json 2 layers"),
    "diff-id-is-a-number": (rootfs([1, 2]), 1, "entry 0 of 'diff_ids': it is no text"),
    "diff-id-is-short": (rootfs(["sha256:abc", IMAGE.diff_ids[1]]), 1, "entry 0 of 'diff_ids'"),
    "diff-id-is-md5": (rootfs(["md5:" + "0" * 32, IMAGE.diff_ids[1]]), 1, "md5"),
    "diff-id-is-a-path": (rootfs(["sha256:../../etc/passwd", IMAGE.diff_ids[1]]), 1, "entry 0 of 'diff_ids'"),
    # the layers
    "layer-is-another": (replaced(b"some text", b"some taxt"), 5, "has the diffID .* and the config says"),
    "layers-are-exchanged": (docker(manifest=document(Layers=["b.tar", "a.tar"])), 5, "has the diffID"),
    "layer-is-cut": (packed_layer(archives.gzipped(IMAGE.layers[0])[:-9]), 1, "layer 'a.tar': .*ends in the middle"),
    "layer-with-a-wrong-crc": (packed_layer(flipped(archives.gzipped(IMAGE.layers[0]), -6)), 1,
                               "gzip data is broken.*check"),
    "layer-with-something-behind": (packed_layer(archives.gzipped(IMAGE.layers[0]) + b"more"), 1,
                                    "gzip data is broken.*header"),
    "packed-layer-is-another": (packed_layer(archives.gzipped(IMAGE.layers[1])), 5, "has the diffID"),
    "packed-layer-is-a-bomb": (packed_layer(zeros(200 << 20)), 1, "this is a bomb"),
    # a layout inside, of newer engines
    **ROTTEN,
    "index-names-what-is-not-there": (ENGINE.replace(ENGINE_INDEX["digest"].encode(), b"sha256:" + b"1" * 64), 1,
                                      "index.json names manifest 'sha256:1111.*which is not there"),
    "entry-of-the-index-is-no-digest": (ENGINE.replace(ENGINE_INDEX["digest"].encode(), b"sha256:" + b"g" * 64), 1,
                                        "entry 0 of 'index.json'"),
    # compressed archives
    "gzip-is-cut": (archives.gzipped(GOOD)[:-1000], 1, "ends in the middle"),
    "gzip-is-only-a-header": (b"\x1f\x8b\x08\0", 1, "ends in the middle"),
    "gzip-is-noise": (b"\x1f\x8b" + images.random_bytes(3, 1000), 1, "gzip data is broken"),
    "gzip-with-a-wrong-crc": (flipped(archives.gzipped(GOOD), -7), 1, "gzip data is broken.*check"),
    "gzip-with-something-behind": (archives.gzipped(GOOD) + b"\0\0\0\0", 1, "gzip data is broken.*header"),
    "gzip-in-gzip": (archives.gzipped(archives.gzipped(GOOD)), 1, "no tar archive"),
    "zstd-is-cut": (archives.zstd(GOOD)[:-1000], 1, "ends in the middle"),
    "zstd-with-a-wrong-checksum": (flipped(archives.zstd(GOOD), -2), 1, "zstd data is broken.*checksum"),
    "zstd-with-a-large-window": (large_window(), 1, "zstd data is broken.*memory"),
    "zstd-bomb": (zeros(200 << 20), 1, "this is a bomb"),
    **{name: (module.compress(GOOD), 1, f"compressed with {name}, .* unpack it first with '{name} -d'")
       for name, module in (("xz", lzma), ("bzip2", bz2))},
    "many-members": (archives.gzipped(b"".join(header(f"m{i}") for i in range(100_001)) + END), 1,
                     "more than 100000 members"),
}


def content():
    return images.small(5, tag="v1")


def layer_of(one):
    return json.loads(one.manifests[one.tags["v1"]][1])["layers"][0]["digest"]


def nested(depth):
    one = images.Content()
    child = one.add_image([b"layer"])
    for _ in range(depth):
        child = one.add_index([child])
    one.tags["v1"] = child["digest"]
    return one


def tagged(text):
    one = images.small(6, tag="v1")
    good = archives.oci(one)
    return good.replace(one.tags["v1"].encode(), text.encode().ljust(71, b"0")[:71])


def two_tags():
    one = images.small(7, tag="v1").merge(images.small(8, tag="v2"))
    return archives.oci(one)


def with_index(text):
    return member("oci-layout", b'{"imageLayoutVersion":"1.0.0"}') + member("index.json", text) + END


def without(digest_of):
    one = content()
    whole = archives.oci(one)
    digest = digest_of(one)
    data = one.blobs.get(digest) or one.manifests[digest][1]
    return whole.replace(member(f"blobs/sha256/{digest[7:]}", data), b"", 1)


def altered(digest_of):
    one = content()
    digest = digest_of(one)
    data = one.blobs.get(digest) or one.manifests[digest][1]
    other = flipped(data, len(data) // 2)
    return archives.oci(one).replace(archives.padded(data), archives.padded(other), 1)


OCI = {
    "no-index": (member("oci-layout", b"{}") + END, 1, "no index.json: it is no OCI archive"),
    "docker-archive": (GOOD, 1, "no index.json: write 'docker-archive:'"),
    "index-is-no-json": (with_index(b"index"), 1, "index.json: .*line 1"),
    "index-without-manifests": (with_index(b"{}"), 1, "'manifests' is missing"),
    "index-is-deep": (with_index(DEEP), 1, "index.json: "),
    "index-is-empty": (with_index(b'{"manifests":[]}'), 1, "it holds no image"),
    "two-images": (two_tags(), 1, "several images: name a tag .it has 'v1', 'v2'"),
    "digest-of-another-kind": (tagged("blake3:" + "0" * 64), 1, "blake3"),
    "digest-is-a-path": (tagged("sha256:../../../etc/passwd"), 1, "digest"),
    "manifest-is-missing": (without(lambda one: one.tags["v1"]), 1, "it is not there"),
    "manifest-is-another": (altered(lambda one: one.tags["v1"]), 5, "digest"),
    "layer-is-missing": (without(layer_of), 1, "it is not there"),
    "layer-is-another": (altered(layer_of), 5, "other bytes"),
    "nested-indexes": (archives.oci(nested(9)), 1, "nested deeper"),
    **{f"oci-{name}": row for name, row in ROTTEN.items()},
}


def write(tmp_path, data):
    path = tmp_path / "bad.tar"
    path.write_bytes(data)
    return path


def check_nothing_written(port):
    """Neither in the vault nor anywhere in the state directory but for what was learnt of whole layers."""
    left = [p for p in port.home.rglob("*") if p.is_file()]
    assert not [p for p in left if "layers" not in p.parts and "data" not in p.parts], left
    assert not [p for p in left if "blobs" in p.parts and "data" in p.parts and p.suffix == ""
                and p.read_bytes()[:1] == b"{" and b'"layers"' in p.read_bytes()], "a manifest was published"


@pytest.mark.parametrize("name", DOCKER)
def test_docker_archive_is_refused(port, tmp_path, name):
    data, status, reason = DOCKER[name]
    done = port.run("copy", f"docker-archive:{write(tmp_path, data)}", "vault:app:v1", status=status)
    assert re.search(reason, done.stderr, re.S), done
    check_nothing_written(port)


@pytest.mark.parametrize("name", OCI)
def test_oci_archive_is_refused(port, tmp_path, name):
    data, status, reason = OCI[name]
    done = port.run("copy", f"oci-archive:{write(tmp_path, data)}", "vault:app:v1", status=status)
    assert re.search(reason, done.stderr, re.S), done


def test_there_are_sixty_of_them_and_each_is_another():
    both = [*DOCKER.values(), *(row for name, row in OCI.items() if name[4:] not in ROTTEN)]
    assert len(both) >= 60 and len({data for data, _, _ in both}) == len(both)


def test_the_good_one_they_are_made_of_is_good(port, tmp_path):
    port.run("copy", f"docker-archive:{write(tmp_path, docker())}", "vault:app:v1", status=0)
    port.run("copy", f"oci-archive:{write(tmp_path, archives.oci(content()))}", "vault:other:v1", status=0)


def test_a_rotten_referrer_is_no_absent_one(port, tmp_path):
    """S23: a signature that cannot be read is not one that there is not."""
    one = images.with_referrers(22, fallback=False)
    whole = archives.oci(one)
    referrers = [digest for digest, (_, data) in one.manifests.items() if b'"subject"' in data]
    assert len(referrers) == 3
    for digest in referrers:
        path = write(tmp_path, rotten(whole, digest))
        done = port.run("copy", f"oci-archive:{path}:latest", "vault:app:v1", status=5)
        assert f"its manifest '{digest}' cannot be used" in done.stderr
        assert not list(port.vault.rglob("index.json")) or not oracle.LayoutPlace(port.vault_layout("app")).tags()


# -- graphs that would be walked for ever (S21), and documents that would fill the memory (S16)

def many_names(count):
    """An OCI archive in which one image has many tags."""
    one = images.small(5, tag="v1")
    one.tags = {f"v{n}": one.tags["v1"] for n in range(count)}
    return archives.oci(one)


def many_children(entries=1, before=b""):
    """An index that names one manifest of 1 MB ten thousand times, as often as one likes."""
    one = images.Content()
    child = one.add_image([b"layer"], annotations={"a": "x" * 1_000_000})
    index = one.add_index([child] * 9999)
    return before + b"".join(archives.layout_members(one, [index] * entries))


def many_referrers(count):
    """As many referrers in index.json, of which each is a child of the image too, and its referrers are looked for."""
    one = images.Content()
    image = one.add_image([b"layer"])
    children = [one.add_artifact("application/vnd.test", b"%d" % n, subject=image) for n in range(count)]
    one.add_index([image, *children], tag="v1")
    return archives.oci(one)


LONG = {
    "oci-archive-children": (lambda: many_children() + END, 0), "oci-archive-names": (
        lambda: many_names(12_000), 0),
    "docker-archive-children": (lambda: many_children(10_000, GOOD[:-len(END)]) + END, 0),
    "oci-archive-referrers": (lambda: many_referrers(8000), 0),
}


def measured(port, *arguments):
    """(exit status, stderr, seconds of CPU, MiB of memory)."""
    done = subprocess.run(["/usr/bin/time", "-f", "%U %S %M", *port.command(*arguments)], env=port.env, cwd=port.home,
                          capture_output=True, text=True, timeout=90, check=False)
    user, system, kib = done.stderr.rsplit("\n", 2)[-2].split()
    return done.returncode, done.stderr, float(user) + float(system), int(kib) / 1024


@pytest.mark.parametrize("name", LONG)
def test_what_is_named_ten_thousand_times_is_read_once(port, tmp_path, name):
    make, want = LONG[name]
    path = write(tmp_path, make())
    words = ":v1" if "names" in name else ""
    more = ["--dry-run"] if "referrers" in name else []  # eight thousand manifests take a disk its time
    source = f"{name.rpartition('-')[0]}:{path}{words}"
    status, stderr, seconds, mib = measured(port, "copy", source, f"oci:{tmp_path}/out:v1", *more)
    assert status == want, stderr
    if not os.environ.get("ASAN_OPTIONS"):
        assert seconds < 10 and mib < (80 if "referrers" in name else 64), (seconds, mib)


def array_of(one, size):
    return b"[" + b",".join([one] * (size // (len(one) + 1))) + b"]"


def in_index(one, size):
    return with_index(b'{"manifests":[],"x":%s}' % array_of(one, size))


def in_config(one):
    return docker(config=b'{"x":%s}' % array_of(one, 4_000_000), name="c", manifest=document(Config="c"))


def in_manifest(one):
    content = images.Content()
    content.tags["v1"] = content.add_manifest(images.MANIFEST, b'{"x":%s}' % array_of(one, 4_000_000))["digest"]
    return archives.oci(content)


WIDE = {
    "oci-archive-index-of-5-MB": (lambda: in_index(b"[]", 5_000_000), "'index.json' is larger than 4194304"),
    **{f"{kind}-{where}-{one.decode()}": (lambda make=make, one=one: make(one), "MiB of memory")
       for one in (b"{}", b"[]", b"0", b'""') for kind, where, make in (
           ("oci-archive", "index", lambda one: in_index(one, 4_000_000)), ("oci-archive", "manifest", in_manifest),
           ("docker-archive", "manifest.json", lambda one: docker(manifest=array_of(one, 4_000_000))),
           ("docker-archive", "config", in_config))},
}


@pytest.mark.parametrize("name", WIDE)
def test_documents_of_nothing_take_no_memory(port, tmp_path, name):
    make, reason = WIDE[name]
    path = write(tmp_path, archives.zstd(make(), "-3"))
    kind = "-".join(name.split("-")[:2])
    status, stderr, _, mib = measured(port, "copy", f"{kind}:{path}", f"oci:{tmp_path}/out:v1")
    assert status == 1 and reason in stderr, stderr
    if not os.environ.get("ASAN_OPTIONS"):
        assert mib < 64, mib


def at_each_read(port, tmp_path, path, source, fault):
    """Copies with a fault at the first, second, third... read of the archive; yields (exit status, stderr, layout)."""
    for when in range(1, 100):
        out, log = tmp_path / f"out{when}", tmp_path / "trace"
        shutil.rmtree(port.home / "state", ignore_errors=True)  # nothing remembered
        done = subprocess.run(
            ["strace", "-f", "-qq", "-o", log, "-P", path, "-e", f"inject=pread64,read:{fault}:when={when}",
             *port.command("copy", source, f"oci:{out}:v1", "--retry-for", "0")],
            env=port.env, cwd=port.home, capture_output=True, timeout=60, check=False)
        if "(INJECTED)" not in log.read_text() and "SIGTERM" not in log.read_text():
            assert done.returncode == 0, done
            return
        yield done.returncode, done.stderr, oracle.LayoutPlace(out)


SOURCES = {
    "docker-archive-engine": ENGINE, "oci-archive-engine": ENGINE, "docker-archive-classic": GOOD,
    "docker-archive-gzip": archives.gzipped(GOOD), "oci-archive-referrers": archives.oci(images.with_referrers(22, fallback=False)),
}


def source_of(tmp_path, name):
    path = write(tmp_path, SOURCES[name])
    return path, f"{name.rpartition('-')[0]}:{path}{':latest' if 'referrers' in name else ''}"


@pytest.mark.parametrize("name", SOURCES)
def test_a_disk_that_fails_makes_no_other_image(port, tmp_path, name):
    """Each read of the archive fails once: the same image is there then, or none is."""
    path, source = source_of(tmp_path, name)
    port.run("copy", source, f"oci:{tmp_path}/whole:v1", status=0)
    digest = oracle.LayoutPlace(tmp_path / "whole").resolve("v1")
    blobs = sorted(p.name for p in (tmp_path / "whole" / "blobs" / "sha256").iterdir())
    statuses = []
    for status, stderr, out in at_each_read(port, tmp_path, path, source, "error=EIO"):
        statuses.append(status)
        if status == 0:
            assert out.resolve("v1") == digest
            assert sorted(p.name for p in (out.path / "blobs" / "sha256").iterdir()) == blobs
            continue
        assert status == 7 and b"Input/output error" in stderr, (len(statuses), status, stderr)
        assert not (out.path / "index.json").exists() or not out.tags()
    assert len(statuses) > 1 and statuses.count(7) >= len(statuses) - 2, statuses


@pytest.mark.parametrize("name", ["docker-archive-engine", "oci-archive-engine"])
def test_whoever_stops_is_told_so(port, tmp_path, name):
    """SIGTERM at each read: it was stopped, and not an image that is not there."""
    path, source = source_of(tmp_path, name)
    statuses = []
    for status, stderr, _ in at_each_read(port, tmp_path, path, source, "signal=SIGTERM"):
        statuses.append(status)
        assert status in (0, 143), (len(statuses), status, stderr)
    assert statuses.count(143) > len(statuses) // 2, statuses


@pytest.mark.parametrize("words,reason", [
    ("", "several images: write FILE:NAME:TAG or FILE:@N; it has @0 'acme/app:v1', @1 'acme/other:v2'"),
    (":acme/gone:v1", "no image of this name"), (":acme/other", "no image of this name"), (":@2", "no image of this number"),
])
def test_an_image_that_is_not_there_is_said_with_those_that_are(port, tmp_path, words, reason):
    path = write(tmp_path, two_images())
    done = port.run("copy", f"docker-archive:{path}{words}", "vault:app:v1", status=1)
    assert reason in done.stderr and "acme/other:v2" in done.stderr, done


def test_a_file_that_is_no_file(port, tmp_path):
    done = port.run("copy", f"docker-archive:{tmp_path}", "vault:app:v1", status=1)
    assert "it is a directory" in done.stderr
    done = port.run("copy", f"docker-archive:{tmp_path}/gone.tar", "vault:app:v1", status=1)
    assert "cannot be opened" in done.stderr


# -- what is written where, as the kernel saw it

CALL = re.compile(r"^(?:\d+\s+)?(\w+)\((.*)")
# a directory descriptor with its path (strace -y), and what is looked up from there
ARGUMENT = re.compile(r'(?:(?:AT_FDCWD|-?\d+)<(?P<dir>[^>]*)>|AT_FDCWD|-?\d+)?(?:, )?"(?P<path>(?:[^"\\]|\\.)*)"')
WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_TMPFILE")
MAKING = ("mkdir", "mkdirat", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "unlink",
          "unlinkat", "rmdir", "mknod", "mknodat", "truncate", "chmod", "fchmodat", "chown", "lchown", "fchownat",
          "utimensat", "setxattr", "lsetxattr", "creat")


def written_paths(trace, cwd):
    """The paths that a run opened to write, made, renamed, linked or removed: of two that a call has, both."""
    for line in trace.splitlines():
        match = CALL.match(line)
        if not match or not (match[1] in MAKING or (match[1].startswith("open") and WRITING.search(match[2]))):
            continue
        for argument in ARGUMENT.finditer(match[2]):
            yield os.path.normpath(os.path.join(argument["dir"] or cwd, argument["path"]))


def traced(command, log, **more):
    """What it wrote where. strace has to see it all: that is what the result is good for."""
    done = subprocess.run(["strace", "-f", "-y", "-qq", "-s", "4096", "-o", log, "-e", "trace=file,desc", *command],
                          capture_output=True, timeout=60, check=False, **more)
    written = written_paths(log.read_text(errors="surrogateescape"), str(more["cwd"]))
    return done.returncode, {p for p in written if not p.startswith(("/dev/null", "/proc/self"))}


@pytest.mark.parametrize("script,want", [
    ("echo x > evil", {"evil"}), ("echo x >> evil", {"evil"}), ("mkdir sub", {"sub"}), ("mv old new", {"old", "new"}),
    ("ln old hard", {"old", "hard"}), ("ln -s /etc/passwd soft", {"soft"}), ("rm old", {"old"}),
    ("cd sub0; echo x > ../evil", {"evil"}), ("touch old", {"old"}), ("chmod 600 old", {"old"}), ("cat old", set()),
])
def test_the_eye_on_what_is_written_sees(tmp_path, script, want):
    """Without this, the next test could not fail."""
    folder = tmp_path / "folder"
    (folder / "sub0").mkdir(parents=True)
    (folder / "old").write_text("old")
    _, written = traced(["/bin/sh", "-c", script], tmp_path / "trace", cwd=folder)
    found = {os.path.relpath(p, folder) for p in written if p.startswith(str(folder))}
    assert want <= found and (want or not found), (want, written)


GOOD_ONES = {"docker-archive": {"good": GOOD, "engine": ENGINE}, "oci-archive": {"good": archives.oci(content())}}
FAMILIES = [(kind, first) for kind in ("docker-archive", "oci-archive") for first in range(4)]


@pytest.mark.parametrize("kind,first", FAMILIES)
def test_nothing_is_written_outside_the_state_directory_and_the_target(port, tmp_path, kind, first):
    """Every one of them, a quarter at a time; each second one compressed, so that it goes through the spool."""
    bad = {name: row[0] for name, row in (DOCKER if kind == "docker-archive" else OCI).items()}
    good = GOOD_ONES[kind]
    target, state = tmp_path / "target", port.home / "state"
    target.mkdir()
    for number, (name, data) in enumerate([*good.items(), *list(bad.items())[first::4]]):
        path = write(tmp_path, archives.zstd(data, "-1") if number % 2 else data)
        status, written = traced(port.command("copy", f"{kind}:{path}", f"docker-archive:{target}/out.tar:acme/app:v1"),
                                 tmp_path / "trace", env=port.env, cwd=port.home)
        outside = {p for p in written if not p.startswith((str(state), str(target))) and not str(state).startswith(p)}
        assert not outside, (name, outside)
        is_good = name in good and number < len(good)
        assert (status == 0) == is_good, name
        assert any(p.startswith(str(target)) for p in written) == is_good, (name, written)
        if number % 2 or is_good:
            assert any(p.startswith(str(state)) for p in written), f"{name}: strace saw nothing"
        (target / "out.tar").unlink(missing_ok=True)
        assert not list(target.iterdir()), name
