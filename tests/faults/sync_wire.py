# SPDX-License-Identifier: Apache-2.0
"""Rows that need a scripted registry: the hostile scenarios of tests/support/scenarios, played with sync (a scripted
primary, a scripted backup and the vault), and some that only sync has."""

import collections
import json
import re
import shutil
import signal
import threading
import time
from urllib.parse import parse_qs

from sync_rig import check_no_storm, known_gone
from support import hostile, images, oracle, scenarios, stage, tls
from support.scenarios import BLOB, BY_DIGEST, BY_TAG, MANIFEST, TARGET, UPLOAD_POST, UPLOAD_PUT, Scenario, tokens
from sync_rows import row

PARALLEL = 6
LISTING = r"/tags/list"
IMAGE = "app"

# -- scenarios that only sync has
OWN = scenarios.Table()


def src(method, path, action, hits=None):
    return lambda c: c.src.on(method, path, action, hits)


def dst(method, path, action, hits=None):
    return lambda c: c.dst.on(method, path, action, hits)


def chunked(setup):
    """Uploads go in pieces of 8 KiB."""
    return lambda c: (c.options.extend(["--chunked", f"{c.dst.host}=8192"]), setup(c))


OWN("patch-range-tells-another-offset", 4, chunked(dst("PATCH", "/blobs/uploads/", hostile.with_headers(("Range", "0-5")))))
OWN("patch-range-tells-another-offset-once", 0, chunked(
    dst("PATCH", "/blobs/uploads/", hostile.with_headers(("Range", "0-5")), hits=1)))
OWN("patch-416-once", 0, chunked(dst("PATCH", "/blobs/uploads/", hostile.error(416, "RANGE_INVALID"), hits=2)))
OWN("patch-reset-once", 0, chunked(dst("PATCH", "/blobs/uploads/", hostile.drop_in_request(100), hits=2)))
OWN("token-ends-inside-a-patch", 0, chunked(
    lambda c: c.dst.on("PATCH", "/blobs/uploads/", tokens.ends_when_all_sessions_are_open(c), hits=1)), dst_auth="bearer")
OWN("chunked", 0, chunked(lambda c: None))
for status, wanted in ((400, 1), (403, 8), (404, 1), (405, 1), (413, 1), (416, 1), (451, 1)):
    OWN(f"{status}-on-a-blob-get", 5 if status == 416 else wanted, src("GET", BLOB, hostile.error(status)))
    OWN(f"{status}-on-a-manifest-get", wanted, src("GET", BY_DIGEST, hostile.error(status)))
    OWN(f"{status}-on-an-upload", wanted, dst("POST", UPLOAD_POST, hostile.error(status)))
for times, statuses in ((1, (408, 500, 502, 503, 504)), (4, (500, 503))):
    for status in statuses:
        OWN(f"{status}-on-a-listing-{times}-times", 0, src("GET", LISTING, hostile.error(status), hits=range(1, times + 1)))
for status in (500, 404):
    OWN(f"tag-answers-{status}-once", 0, src("*", BY_TAG, hostile.error(status), hits=1), second=True)
OWN("tag-is-listed-and-404-for-ever", 1, src("*", BY_TAG, hostile.error(404)), second=True)
OWN("upload-done-but-the-answer-times-out", 0, dst("PUT", UPLOAD_PUT, hostile.how(delay_s=30), hits=1), max_s=25)
OWN("backup-is-full-507", 1, dst("PUT", UPLOAD_PUT, hostile.error(507)))
OWN("backup-is-full-507-for-manifests", 1, dst("PUT", MANIFEST, hostile.error(507)))
OWN("backup-is-full-500-no-space", 1, dst("PUT", UPLOAD_PUT, hostile.error(500, message="no space left on device")))
OWN("listing-500-for-ever", 4, src("GET", LISTING, hostile.error(500)), options=["--retry-for", "1"])
OWN("listing-403", 8, src("GET", LISTING, hostile.error(403, "DENIED")))
OWN("listing-of-the-backup-500-for-ever", 4, dst("GET", LISTING, hostile.error(500)), options=["--retry-for", "1"])


# -- primaries that list nothing, or only half: played after a sync that went well
def listed(document, status=200, headers=()):
    body = document if isinstance(document, str) else json.dumps(document)
    return src("GET", LISTING, hostile.answer(status, body, [("Content-Type", "application/json"), *headers]))


def second_page(action):
    """The first page has one tag and names a second one, which is answered by action."""
    def setup(c):
        first = hostile.answer(200, '{"name":"a/b","tags":["latest"]}', [
            ("Content-Type", "application/json"), ("Link", '</v2/a/b/tags/list?last=latest&n=1>; rel="next"')])
        c.src.on("GET", LISTING + ".*last=", action)
        c.src.on("GET", LISTING, first)
    return setup


LOST = {
    "404-name-unknown": (6, src("GET", LISTING, hostile.error(404, "NAME_UNKNOWN"))),
    "null": (6, listed({"name": "a/b", "tags": None})), "nothing": (6, listed({"name": "a/b", "tags": []})),
    "no-member": (6, listed({})), "html": (1, listed("<html>")), "204": (1, listed("", 204)),
}
HALF = {
    "half-of-the-tags": (6, listed({"name": "a/b", "tags": ["latest"]})),
    "page-two-500": (4, second_page(hostile.error(500))), "page-two-404": (1, second_page(hostile.error(404))),
    "page-two-cut": (4, second_page(hostile.how(cut_after=5, rst=True))),
    "page-two-is-page-one": (1, second_page(hostile.with_headers(
        ("Link", '</v2/a/b/tags/list?last=latest&n=1>; rel="next"')))),
}


# -- which scenarios are which row
ROWS = collections.OrderedDict([
    ("06", ("connection reset during a blob GET", "resumed with Range from where it broke, hashed over the whole",
            r"download-(reset|end)-|resume-good|no-answer-to-a-(manifest|upload)")),
    ("07", ("Range ignored, or another range answered", "noticed; begun anew; never spliced", r"resume-(?!good)")),
    ("08", ("reset during PATCH or PUT", "a new session from 0", r"upload-(reset|end)-|upload-session|patch-reset|chunked$")),
    ("09", ("PATCH accepted, but Range tells another offset", "begun anew, or an error", r"patch-(range|416)")),
    ("10", ("final PUT without an answer", "asked whether it is there; not sent twice blindly", r"upload-done-but")),
    ("11", ("manifest PUT answered wrongly", "what is read back decides",
            r"manifest-put-(done|says|answers|keeps|202|413)|tag-put|-on-a-manifest-put|manifest-blob-unknown")),
    ("12", ("truncated blob, Content-Length right", "short: never under its name", r"blob-length-too-large")),
    ("13", ("truncated blob, Content-Length consistent", "exit 5", r"blob-one-byte-short|blob-empty|blob-length-too-small")),
    ("14", ("wrong bytes, right length", "read once more; then exit 5", r"blob-(first|last)-byte|blob-wrong-once|"
            r"blob-another|blob-200|manifest-(one-bit|of-another)|upload-digest-invalid")),
    ("15", ("longer than declared", "stopped at size + 1", r"blob-one-byte-long|blob-of-1-tib|blob-without-length|"
            r"manifest-without-end|manifest-length|-without-end$")),
    ("16", ("429, Retry-After in every shape", "waited for, up to the budget", r"retry-after|429|ratelimit")),
    ("17", ("5xx and 408, once, often, for ever", "retried within the budget", r"^(408|50\d)-|listing-500|listing-of")),
    ("18", ("4xx", "not blindly retried; each with its own words", r"^4(?!08|29)\d\d-on|418|upload-(405|413|no-space|403|"
            r"500|201)|source-403|destination-403|listing-403|touch-answers|post-answers|error-body")),
    ("19", ("slow and silent servers", "the worker is freed in time; other images go on", r"stall|one-byte-at-a-time|blob-touch")),
    ("20", ("tokens that end", "one new token per 401; bodies rewound; never a loop", r"destination-token|tokens-live|"
            r"401|token-expires|token-ends|refuses-basic")),
    ("21", ("token server down, slow, wrong", "said as what it is", r"^token-(401|403|500|429|html|empty|no-|not-|null|with|of|"
            r"body|redirect|deep|dup|content)|realm|challenge")),
    ("26w", ("the tag moves between HEAD and GET", "the digest that was pinned is copied whole", r"tag-changes|"
             r"manifest-head-lies")),
    ("27", ("a tag answers 500 or 404", "retried; never taken for deleted", r"tag-answers-|tag-is-listed")),
    ("39w", ("the backup says that it is full", "it is said; the vault gets all; nothing is asked more than three times; the "
             "next run finishes", r"backup-is-full")),
])


def every_scenario():
    return [*scenarios.everything(), *OWN]


def of_row(number):
    """The scenarios of a row; "35s" has all that are in no other. The first row that fits has it."""
    found = []
    for scenario in every_scenario():
        first = next((n for n, (_, _, pattern) in ROWS.items() if re.search(pattern, scenario.name)), "S")
        if first == number:
            found.append(scenario)
    return found


# -- playing
def _sync(c, *more, timeout_s=60, silent_s=2, start=False):
    """Whatever is in step is looked at again: its proof is older than max-proof-age."""
    file = c.port.home / "safeport.yaml"
    file.write_text(json.dumps({"version": 1, "max-proof-age": "1s", "images": {IMAGE: {
        "primary": f"{c.src.host}/{scenarios.SOURCE}", "backups": [f"{c.dst.host}/{TARGET}", f"vault:{IMAGE}"],
        "tags": {"include": ["latest"]}}, **c.other_images}}))
    running = c.port.start("sync", "--config", file, "--timeout", silent_s, *more, env=c.env)
    return running if start else running.wait(timeout_s)


def _log(c):
    with c.dst.lock:
        done = sorted((r for r in c.dst.log if r.status is not None), key=lambda r: r.done_seq)
        return [(r.method, r.path, r.query, r.status) for r in done]


def _layout(c):
    return oracle.LayoutPlace(c.port.vault_layout(IMAGE))


def _tags_of_the_vault(c):
    return _layout(c).tags() if (_layout(c).path / "index.json").exists() else {}


def _known(c):
    content = images.Content().merge(c.content)
    source = c.src.repository(scenarios.SOURCE)
    content.manifests.update(source.manifests)
    content.tags.pop("latest", None)  # what it names may have changed
    return content


def wanted_status(scenario, c):
    """What fails at the backup alone is part of the work: the vault has all."""
    is_of_backup = bool(c.dst.rules) and not c.src.rules
    if scenario.name in STATUS:
        return STATUS[scenario.name]
    return 1 if is_of_backup and scenario.status in (4, 8) else scenario.status


# Where sync comes to another status than push.
STATUS = {
    "token-429-for-ever": 1, "429-for-ever": 1,  # what is throttled goes on in the next run: not all of it
    "destination-refuses-basic": 1,  # by no rule, but at the backup alone
    "touch-of-blobs-that-are-not-there": 1,  # it knows nothing of the record's blobs, which the registry lies about too
}


def check(c, scenario, result):
    """I1-I3, I7, I8 and I10 after one scenario."""
    assert result.status == wanted_status(scenario, c), f"exit {result.status}, expected {wanted_status(scenario, c)}"
    stage.check_secrets(c, result)
    oracle.check_sync_order(_log(c), _known(c))
    assert not [r for r in c.src.log if r.method not in ("GET", "HEAD", "POST") or r.method == "POST" and "/v2/" in r.path]
    if not scenario.may_differ:
        for tag in c.dst.repository(TARGET).tags:
            oracle.check_tag(stage.StoredPlace(c.dst), tag)
    for tag in _tags_of_the_vault(c):
        oracle.check_tag(_layout(c), tag)
    if result.status == 0:
        assert c.dst.repository(TARGET).tags.get("latest") and _tags_of_the_vault(c).get("latest")
    elif result.status not in (2, 6, 7):
        check_told(c, result)


def check_told(c, result):
    """I10: the image failed as a whole and it is said why; or each place where it is not as it should be is named, with the
    tag and the reason."""
    if re.search(rf"(?m)^{IMAGE}(?: <- \S+)?: failed\n  \S", result.stdout):
        return
    for place in (f"{c.dst.host}/{TARGET}", f"vault:{IMAGE}"):
        block = re.search(rf"(?m)^  {re.escape(place)}: .*\n((?:    .*\n)*)", result.stdout)
        assert block, f"does not tell of '{place}'"
    is_named = re.search(r"(?m)^    \S+: (failed|not moved|unproven, and left as it is): \S", result.stdout)
    assert is_named or "cannot write the record" in result.text, "nothing is said to have failed"


def converges(c, scenario):
    """I5: without the fault an ordinary run brings all."""
    is_all_of_rules = (c.src.rules or c.dst.rules) and c.content.tags == scenarios.ordinary().tags
    if not is_all_of_rules or scenario.may_differ:
        return
    for server in c.servers:
        with server.lock:
            server.rules.clear()
    c.src.expires_in = 300
    result = _sync(c, "--retry-for", "3")
    if result.status == 5 and "verify --read --repair" in result.stdout:
        # What was seen to be bad at a backup is so until somebody has read it: what to run for that is said.
        c.port.run("verify", "--read", "--repair", "--config", c.port.home / "safeport.yaml", "--timeout", "2",
                   env=c.env, status=0)
        result = _sync(c, "--retry-for", "3")
    assert result.status == 0, f"the next run: {result!r}"
    for place in (stage.StoredPlace(c.dst), _layout(c)):
        oracle.check_tag(place, "latest", c.content.tags["latest"])


def sent_once(c, result):
    """No blob's bytes are sent a second time: whether they came is asked for first."""
    assert result.status == 0
    sent = collections.Counter(r.query for r in c.dst.log if r.method == "PUT" and "/uploads/" in r.path
                               and int(r.header("Content-Length") or 0))
    digests = collections.Counter(parse_qs(query)["digest"][0] for query in sent.elements())
    assert set(c.content.blobs) <= set(digests), "the log is not whole"
    assert set(digests.values()) == {1}, f"sent more than once: {digests}"


def is_full(c, result):
    assert re.search("has no room|disk is full", result.text) and c.dst.host in result.text
    oracle.check_tag(_layout(c), "latest", c.content.tags["latest"])
    check_no_storm(_log(c), len(c.content.blobs) + len(c.content.manifests))


def is_kept(c, _result):
    """A tag that could not be read is not taken for deleted, by the journal or in a record."""
    assert not known_gone(c.port.home)
    assert c.dst.repository(TARGET).tags.get("latest") == _tags_of_the_vault(c).get("latest") == c.content.tags["latest"]


JUDGES = {"10": sent_once, "27": is_kept, "39w": is_full}


class Stuck:
    """From their first fault on, these servers answer nothing more until the other image is there; and that one's server
    begins when they are stuck. So neither is ever too quick for the other, however slow this machine is."""
    LONGEST_S = 60

    def __init__(self, servers, other):
        self.has_begun, self.is_over = threading.Event(), threading.Event()
        for server in servers:
            for rule in server.rules:
                rule.action = self._fault(rule.action)
            server.serve = self._correct(server.serve)
        serve = other.serve
        other.serve = lambda *asked: (self.has_begun.wait(self.LONGEST_S), serve(*asked))[1]

    def _hold(self):
        if self.has_begun.is_set():
            self.is_over.wait(self.LONGEST_S)

    def _fault(self, action):
        def act(exchange):
            self._hold()
            self.has_begun.set()
            exchange.is_fault = True
            return action(exchange)
        return act

    def _correct(self, serve):
        def answer(request, exchange):
            if not hasattr(exchange, "is_fault"):
                self._hold()
            return serve(request, exchange)
        return answer


def add_other_image(c):
    """Another image of the same file, between hosts that are well. It shares nothing with the first one: for a blob that is
    on its way already one does wait."""
    c.other = images.small(5, tag="latest", layers=3)
    c.ms2.fill("a/web", c.other)
    c.other_images = {"web": {"primary": f"{c.ms2.host}/a/web", "backups": ["vault:web"]}}


def play_beside_another(folder, authority, pair, scenario):
    """Whatever becomes of one image, the other goes on, and does not wait for it. What becomes of it, play() has shown."""
    c = stage.Stage(folder, authority, pair, scenario)
    try:
        add_other_image(c)
        scenario.setup(c)
        assert not set(c.other.blobs) & set(c.content.blobs)
        stuck = Stuck((c.src, c.dst), c.ms2)
        running = _sync(c, *c.options, silent_s=2 * Stuck.LONGEST_S, start=True)
        place = oracle.LayoutPlace(c.port.vault_layout("web"))
        end = time.monotonic() + Stuck.LONGEST_S / 2
        is_there = False
        while not is_there and time.monotonic() < end and running.process.poll() is None:
            time.sleep(0.02)
            is_there = (place.path / "index.json").exists() and place.resolve("latest") == c.other.tags["latest"]
        stuck.is_over.set()
        running.signal(signal.SIGTERM)
        result = running.wait()
        assert stuck.has_begun.is_set(), f"nothing went wrong: {result!r}"
        assert is_there, f"the other image waited: {result!r}"
        oracle.check_tag(place, "latest", c.other.tags["latest"])
    finally:
        c.stop()
        shutil.rmtree(folder, ignore_errors=True)


def play(folder, authority, pair, scenario, judge=lambda c, result: None):
    c = stage.Stage(folder, authority, pair, scenario)
    c.other_images = {}
    try:
        if scenario.second:
            _sync(c)
            time.sleep(1.1)
            for server in c.servers:
                server.log.clear()
        scenario.setup(c)
        result = _sync(c, *c.options, timeout_s=scenario.max_s + 30)
        try:
            check(c, scenario, result)
            judge(c, result)
            converges(c, scenario)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{result!r}\n{c.story()}") from None
    finally:
        c.stop()
        shutil.rmtree(folder, ignore_errors=True)


def play_all(context, found, judge):
    """Most of their time is waiting: some at once."""
    authority = tls.Authority(context.folder_of("ca"))
    pair = authority.issue("server")
    named = {scenario.name: scenario for scenario in found}
    assert len(named) == len(found), "two scenarios of one name"
    context.each("", named, lambda name: play(context.folder_of("stage"), authority, pair, named[name],
                                                judge), threads=PARALLEL)


def _register(number, fault, expected):
    def inject(context):
        found = of_row(number)
        assert found, f"row {number} has no scenario"
        play_all(context, found, JUDGES.get(number, lambda c, result: None))
        if number == "19":
            named = {s.name: s for s in found if not s.second and not s.https_src and not s.https_dst}
            context.each("beside another image: ", named, lambda name: play_beside_another(
                context.folder_of("stage"), None, None, named[name]), threads=PARALLEL)
    inject.__doc__ = f"{len(of_row(number))} scenarios of a scripted registry"
    row(number, fault, expected)(inject)


for _number, (_fault, _expected, _) in ROWS.items():
    _register(_number, _fault, _expected)
_register("S", "everything else that a hostile registry does (origins, redirects, JSON, graphs of manifests)",
          "as for push; no secret goes elsewhere")


# -- 30, 31
@row("30w", "the primary lists nothing", "nothing is written; exit 6 if it lost more than max-loss, else what the listing's "
     "failure is")
def lists_nothing(context):
    """404 NAME_UNKNOWN, 200 null, 200 [], no list at all; after a good sync"""
    context.each("listing: ", sorted(LOST), lambda name: _lose(context, LOST[name]))


@row("31", "the primary lists half of its tags, or breaks off in the second page", "nothing is written: of a listing that broke "
     "off nothing is copied (departs from \"page 1's images are copied\": see DESIGN.md); exit 6 for a loss, else what the "
     "listing's failure is; the next run goes on")
def lists_half(context):
    """one of two tags; a second page that answers 500 or 404, breaks off, or is the first one again; after a good sync"""
    context.each("listing: ", sorted(HALF), lambda name: _lose(context, HALF[name]))


def _lose(context, loss):
    status, setup = loss
    scenario = Scenario("listing", status, setup)
    c = stage.Stage(context.folder_of("stage"), None, None, scenario)
    try:
        for number in (1, 2):
            c.src.fill(scenarios.SOURCE, images.small(number, tag=f"v{number}.0.0"))
        file = c.port.home / "safeport.yaml"
        file.write_text(json.dumps({"version": 1, "images": {IMAGE: {
            "primary": f"{c.src.host}/{scenarios.SOURCE}", "backups": [f"{c.dst.host}/{TARGET}", f"vault:{IMAGE}"]}}}))
        c.port.run("sync", "--config", file, status=0)
        before = (dict(c.dst.repository(TARGET).tags), _tags_of_the_vault(c))
        c.dst.log.clear()
        setup(c)
        c.port.run("sync", "--config", file, "--retry-for", "1", "--timeout", "2", status=status)
        assert (dict(c.dst.repository(TARGET).tags), _tags_of_the_vault(c)) == before
        assert not c.dst.asked("PUT") + c.dst.asked("POST") + c.dst.asked("DELETE"), "something was written"
        c.src.rules.clear()
        c.port.run("sync", "--config", file, status=0)
    finally:
        c.stop()
