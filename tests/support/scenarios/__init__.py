# SPDX-License-Identifier: Apache-2.0
"""What a hostile registry can do to us: a table of scenarios, each with the exit status that it must lead to.

In each, one image is pushed from a scripted registry (`src`, token auth) to another (`dst`, basic auth), with a third
server as canary (`ms2`), to which no secret may ever go. Checked after every scenario, whatever it is about: the exit
status, no secret in any output or at the canary, no control character, no tag at `dst` unless the whole image is there,
the order of writes, no DELETE, and that it ended in time.
"""

from .. import images

SOURCE, TARGET = "a/b", "c/d"
BLOB, MANIFEST = r"/blobs/sha256", r"/manifests/"
BY_TAG, BY_DIGEST = r"/manifests/latest", r"/manifests/sha256"
UPLOAD_POST, UPLOAD_PUT = r"/blobs/uploads/$", r"/blobs/uploads/[^?]+\?"
REFERRERS = r"/referrers/"


class Scenario:
    """setup(c): puts rules on c.src, c.dst, c.ms2. status: the exit status, one and no other.
    check(c, result): more to look at; it asserts, or answers False. options: more of the command line. Keywords:
    https_src, https_dst, src_auth, dst_auth, second (the image is there already) max_s (seconds that it may take),
    may_miss (a rule need not be hit) and may_differ (what is stored is not looked at)."""

    def __init__(self, name, status, setup, check=None, options=(), **settings):
        self.name, self.setup, self.check, self.options = name, setup, check, list(options)
        assert isinstance(status, int), f"{name}: one exit status, not {status}"
        self.status = status
        self.https_src = settings.pop("https_src", False)
        self.https_dst = settings.pop("https_dst", False)
        self.src_auth = settings.pop("src_auth", "bearer")
        self.dst_auth = settings.pop("dst_auth", "basic")
        self.second = settings.pop("second", False)
        self.max_s = settings.pop("max_s", 15)
        self.env = settings.pop("env", {})
        self.may_miss = settings.pop("may_miss", False)
        self.may_differ = settings.pop("may_differ", False)
        assert not settings, settings


def ordinary():
    """The image of most scenarios: an index over two images."""
    content = images.Content()
    shared = images.random_bytes(1, 40_000)
    children = [{**content.add_image([shared, images.random_bytes(2 + n, 30_000)], arch=arch),
                 "platform": images.platform(arch)} for n, arch in enumerate(("linux/amd64", "linux/arm64"))]
    content.add_index(children, tag="latest")
    return content


class Table(list):
    """Collects scenarios: table("name", status, setup, ...)."""

    def __call__(self, name, status, setup, check=None, **settings):
        assert name not in [s.name for s in self], name
        self.append(Scenario(name, status, setup, check, **settings))


def everything():
    from . import bodies, manifests, network, origins, tokens
    found = [*origins.TABLE, *tokens.TABLE, *bodies.TABLE, *network.TABLE, *manifests.TABLE]
    names = [scenario.name for scenario in found]
    assert len(names) == len(set(names)), "two scenarios have one name"
    return found
