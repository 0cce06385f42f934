# SPDX-License-Identifier: Apache-2.0
"""A hostile registry: the scenarios of support/scenarios, each with the exit status that it must lead to."""

import shutil
from concurrent import futures

import pytest

from support import hostile, images, oracle, scenarios, stage

SCENARIOS = scenarios.everything()
PARALLEL = 6
HOW_TO_TELL = ([], ["--debug"], ["--json"], ["--json", "--debug"])  # each scenario has one of them: all must be clean


def push(c, timeout_s):
    return c.port.run("push", f"{c.src.host}/{scenarios.SOURCE}:latest", "--to", f"{c.dst.host}/{scenarios.TARGET}",
                      "--timeout", "2", *c.options, env=c.env, timeout_s=timeout_s)


def check_destination(c, result):
    """Nothing is tagged that is not whole; exit 0 means that it is there."""
    tags = c.dst.repository(scenarios.TARGET).tags
    if result.status == 0:
        assert tags.get("latest") in c.src.repository(scenarios.SOURCE).manifests
    if "latest" in tags:
        oracle.check_tag(stage.StoredPlace(c.dst), "latest")


def play(folder, authority, pair, scenario):
    """One scenario from beginning to end."""
    c = stage.Stage(folder, authority, pair, scenario)
    try:
        if scenario.second:
            c.fill_destination()
        scenario.setup(c)
        c.options += HOW_TO_TELL[sum(scenario.name.encode()) % len(HOW_TO_TELL)]
        result = push(c, timeout_s=scenario.max_s)
        story = f"exit {result.status}, expected {scenario.status}: {result!r}\n{c.story()}"
        assert result.status == scenario.status, story
        if result.status:
            assert "safeport: " in result.stderr or result.stdout, "a failure without a word"
        if "--json" in c.options and result.status != 2:
            assert result.report.exit_status == result.status
        stage.check_secrets(c, result)
        if scenario.check:
            assert scenario.check(c, result) is not False, f"{result!r}\n{c.story()}"
        oracle.check_order(c.dst.order())
        c.dst.check_overlap()
        if not scenario.may_differ:
            check_destination(c, result)
        if not scenario.may_miss:
            assert c.missed() == [], f"nothing was asked that this rule is about: {c.story()}"
        assert [problem for server in c.servers for problem in server.problems] == []
    finally:
        c.stop()
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
    server = hostile.Hostile(tls=pair, auth=("basic", "alice", stage.DST_SECRET))
    port.login(server.host, "alice", stage.DST_SECRET)
    layout = images.small(98).write_layout(tmp_path / "layout")
    done = port.run("push", f"oci:{layout}:latest", "--to", f"{server.host}/a/b", "--ca",
                    f"{server.host}={authority.ca}", "--retry-for", "0")
    server.stop()
    assert done.status == 4, repr(done)
    assert {"wrong-name": "use the name that it is for", "expired": "the clock"}.get(fault, "TLS") in done.stderr
    assert server.log == [], "something was sent"


# -- wrong names, exactly
def test_credentials_of_one_port_are_not_for_another(hostile_server, tmp_path, port):
    """S08: exactly that host and port."""
    mine, other = hostile_server(), hostile_server()
    other.auth = ("basic", "alice", "another-password")
    port.login(mine.host, "alice", stage.DST_SECRET)
    port.login(mine.host, "alice", stage.DST_SECRET, how="config.json")
    port.login("127.0.0.1", "alice", stage.DST_SECRET, how="config.json")
    port.login(f"{other.host}.test", "alice", stage.DST_SECRET, how="config.json")
    layout = images.small(97).write_layout(tmp_path / "layout")
    port.run("push", f"oci:{layout}:latest", "--to", f"{other.host}/a/b", status=8)
    assert not [r for r in other.log if r.header("Authorization")]
