# SPDX-License-Identifier: Apache-2.0
"""A hostile registry: the scenarios of support/scenarios, each with the exit status that it must lead to."""

import json
import shutil
from concurrent import futures

import pytest

from support import hostile, images, oracle, safeport, scenarios, wire

SRC_SECRET, DST_SECRET = "canary-secret-of-the-source", "canary-secret-of-the-destination"
SCENARIOS = scenarios.everything()
PARALLEL = 6
HOW_TO_TELL = ([], ["--debug"], ["--json"], ["--json", "--debug"])  # each scenario has one of them: all must be clean


class Context:
    """What a scenario is set up in: three servers and the program."""

    def __init__(self, folder, authority, pair, scenario):
        self.options, self.env = list(scenario.options), dict(scenario.env)
        self.src_secret, self.dst_secret = SRC_SECRET, DST_SECRET
        self.signature = "canary-presigned-signature-0123456789abcdef"
        self.far_is_trusted = False
        self.port = safeport.Safeport(folder / "home")
        self.port.options = ["--retry-for", "3"]
        self.src = hostile.Hostile(tls=pair if scenario.https_src else None,
                                   auth=(scenario.src_auth, "carol", SRC_SECRET))
        self.dst = hostile.Hostile(tls=pair if scenario.https_dst else None,
                                   auth=(scenario.dst_auth, "alice", DST_SECRET))
        self.ms2 = hostile.Hostile()
        self.far = hostile.Hostile(address="127.0.0.2")  # the canary under another host's name
        self.servers = (self.src, self.dst, self.ms2, self.far)
        self.port.login(self.src.host, "carol", SRC_SECRET)
        self.port.login(self.dst.host, "alice", DST_SECRET, how="config.json")
        for server, is_https in ((self.src, scenario.https_src), (self.dst, scenario.https_dst)):
            if is_https:
                self.port.options += ["--ca", f"{server.host}={authority.ca}"]
        self.content = None
        self.put_source(scenarios.ordinary())

    def put_source(self, content):
        """The source holds this image, and the canary has all of it under /cdn/."""
        self.content = content
        self.src.repositories.clear()
        self.src.fill(scenarios.SOURCE, content)
        for name in (scenarios.SOURCE, scenarios.TARGET):
            for digest, data in content.blobs.items():
                self.ms2.files[f"/cdn/v2/{name}/blobs/{digest}"] = (data, "application/octet-stream")
            named = {**{d: d for d in content.manifests}, **content.tags}
            for reference, digest in named.items():
                media_type, data = content.manifests[digest]
                self.ms2.files[f"/cdn/v2/{name}/manifests/{reference}"] = (data, media_type)

    def fill_destination(self, cut=False):
        """The destination has the image already; with every blob cut short, if asked for."""
        self.dst.fill(scenarios.TARGET, self.content)
        if cut:
            blobs = self.dst.repository(scenarios.TARGET).blobs
            for digest in blobs:
                blobs[digest] = blobs[digest][:-1]
            self.dst.repository(scenarios.TARGET).tags.clear()

    def foreign(self):
        """An image with a layer that says where else it can be had."""
        content = images.Content()
        base = content.add_blob(images.DOCKER_LAYER, images.random_bytes(9, 20_000))
        content.add_image([{**base, "urls": [f"{self.ms2.url}/foreign"]}], tag="latest")
        return content

    def other(self):
        """The digest of another image at the source."""
        another = images.small(99, tag="other")
        self.src.fill(scenarios.SOURCE, another)
        return another.tags["other"]

    def split_view(self):
        """`latest` is another image each time somebody asks."""
        digests = [self.content.tags["latest"], self.other()]
        count = iter(range(10_000))

        def act(exchange):
            self.src.repository(scenarios.SOURCE).tags["latest"] = digests[next(count) % 2]
            return exchange.default()
        self.src.on("*", scenarios.BY_TAG, act)

    def self_referrer(self):
        """The referrers API says that the image refers to itself."""
        self.src.referrers = True
        digest = self.content.tags["latest"]
        media_type, data = self.content.manifests[digest]
        entry = {"mediaType": media_type, "digest": digest, "size": len(data)}
        index = json.dumps({"schemaVersion": 2, "mediaType": images.INDEX, "manifests": [entry] * 3})
        self.src.on("GET", scenarios.REFERRERS, hostile.answer(200, index, [("Content-Type", images.INDEX)]))

    def story(self):
        """What was asked of whom, for the message of a failure."""
        named = zip(("src", "dst", "ms2", "far"), self.servers)
        lines = [f"{name}: {request}" for name, server in named for request in server.log]
        return "\n".join(lines[:80])

    def push(self, timeout_s):
        return self.port.run("push", f"{self.src.host}/{scenarios.SOURCE}:latest", "--to",
                             f"{self.dst.host}/{scenarios.TARGET}", "--timeout", "2", *self.options, env=self.env,
                             timeout_s=timeout_s)


def check_destination(c, result):
    """Nothing is tagged that is not whole; exit 0 means that it is there."""
    tags = c.dst.repository(scenarios.TARGET).tags
    if result.status == 0:
        assert tags.get("latest") in c.src.repository(scenarios.SOURCE).manifests
    if "latest" in tags:
        oracle.check_tag(StoredPlace(c.dst), "latest")


class StoredPlace:
    """What a scripted registry holds in memory, for the oracle."""

    def __init__(self, server):
        self.repository = server.repository(scenarios.TARGET)

    def resolve(self, tag):
        return self.repository.tags.get(tag)

    def chunks(self, digest, is_manifest):
        kept = self.repository.manifests if is_manifest else self.repository.blobs
        if digest not in kept:
            raise oracle.Damage(f"{digest} is missing")
        return [kept[digest][1] if is_manifest else kept[digest]]


def check_secrets(c, result):
    tokens = [*c.src.tokens, *c.dst.tokens, c.signature]
    assert safeport.find_secret(result.text, tokens) is None, repr(result)
    if c.far_is_trusted:
        return
    forms = {form for secret in (SRC_SECRET, DST_SECRET, *c.src.tokens, *c.dst.tokens)
             for form in safeport.disguises(secret)}
    assert hostile.leaks(c.ms2, forms) + hostile.leaks(c.far, forms) == []
    for server, secret in ((c.src, DST_SECRET), (c.dst, SRC_SECRET)):
        sent = [r for r in server.log if safeport.find_secret(repr(r.headers), [secret])]
        assert sent == [], "the secret of one registry was sent to the other"


def play(folder, authority, pair, scenario):
    """One scenario from beginning to end."""
    c = Context(folder, authority, pair, scenario)
    try:
        if scenario.second:
            c.fill_destination()
        scenario.setup(c)
        c.options += HOW_TO_TELL[sum(scenario.name.encode()) % len(HOW_TO_TELL)]
        result = c.push(timeout_s=scenario.max_s)
        story = f"exit {result.status}, expected {scenario.status}: {result!r}\n{c.story()}"
        assert result.status == scenario.status, story
        if result.status:
            assert "safeport: " in result.stderr or result.stdout, "a failure without a word"
        if "--json" in c.options and result.status != 2:
            assert result.report.exit_status == result.status
        check_secrets(c, result)
        if scenario.check:
            assert scenario.check(c, result) is not False, f"{result!r}\n{c.story()}"
        oracle.check_order(c.dst.order())
        c.dst.check_overlap()
        if not scenario.may_differ:
            check_destination(c, result)
        if not scenario.may_miss:
            missed = [f"{rule.method} {rule.path.pattern}" for s in c.servers for rule in s.rules if not rule.fired]
            assert missed == [], f"nothing was asked that this rule is about: {c.story()}"
        assert [problem for server in c.servers for problem in server.problems] == []
    finally:
        for server in c.servers:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def played(request, tmp_path_factory, authority, server_pair):
    """All scenarios that were selected, begun together: most of their time is waiting."""
    root = tmp_path_factory.mktemp("hostile")
    chosen = [item.callspec.params["scenario"] for item in request.session.items
              if "scenario" in getattr(getattr(item, "callspec", None), "params", {})]
    with futures.ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        yield {scenario.name: pool.submit(play, root / scenario.name, authority, server_pair, scenario)
               for scenario in chosen}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[s.name for s in SCENARIOS])
def test_hostile(played, port, scenario):
    played[scenario.name].result()


def test_there_are_enough_scenarios():
    assert len(SCENARIOS) >= 60


# -- TLS
@pytest.mark.parametrize("fault", ["unknown-ca", "wrong-name", "expired", "plain-http"])
def test_tls_that_cannot_be_trusted(hostile_server, authority, tmp_path, port, fault):
    from support import tls
    pair = {"unknown-ca": lambda: tls.Authority(tmp_path / "other-ca").issue("x"),
            "wrong-name": lambda: authority.issue(f"wrong-{tmp_path.name}", names=("elsewhere.test",),
                                                  addresses=("127.0.0.9",)),
            "expired": lambda: authority.issue(f"expired-{tmp_path.name}", expired=True),
            "plain-http": lambda: None}[fault]()
    server = hostile.Hostile(tls=pair, auth=("basic", "alice", DST_SECRET))
    port.login(server.host, "alice", DST_SECRET)
    layout = images.small(98).write_layout(tmp_path / "layout")
    done = port.run("push", f"oci:{layout}:latest", "--to", f"{server.host}/a/b", "--ca",
                    f"{server.host}={authority.ca}", "--retry-for", "0")
    server.stop()
    assert done.status == 4, repr(done)
    assert server.log == [], "something was sent"


# -- wrong names, exactly
def test_credentials_of_one_port_are_not_for_another(hostile_server, tmp_path, port):
    """S08: exactly that host and port."""
    mine, other = hostile_server(), hostile_server()
    other.auth = ("basic", "alice", "another-password")
    port.login(mine.host, "alice", DST_SECRET)
    port.login(mine.host, "alice", DST_SECRET, how="config.json")
    port.login("127.0.0.1", "alice", DST_SECRET, how="config.json")
    port.login(f"{other.host}.test", "alice", DST_SECRET, how="config.json")
    layout = images.small(97).write_layout(tmp_path / "layout")
    port.run("push", f"oci:{layout}:latest", "--to", f"{other.host}/a/b", status=8)
    assert not [r for r in other.log if r.header("Authorization")]
