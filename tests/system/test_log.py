# SPDX-License-Identifier: Apache-2.0
"""The log has a line of every run, however early it ended, with what it ended with."""

import json
import shutil
import signal
import time

import pytest

from support import backed_up, images


@pytest.fixture
def backed(port, start, tmp_path):
    backed = backed_up.BackedUp(port, start, tmp_path)
    for number, name in enumerate(["app", "web"]):
        backed.put(name, images.small(number, tag="v1.0.0", layer_bytes=2000))
    backed.write()
    backed.sync()
    return backed


def runs(backed):
    """The newest first."""
    kept, backed.port.options = backed.port.options, []
    listed = json.loads(backed.port.run("log", "--json", status=0).stdout)["runs"]
    last = backed.port.run("log", "--json", "--run", str(listed[0]["id"]), status=0)
    backed.port.options = kept
    return [json.loads(last.stdout)["runs"][0], *listed[1:]]


def outcomes(run):
    return {(o["image"], o["result"], o["error"] and o["error"]["code"]) for o in run["outcomes"]}


@pytest.mark.parametrize("command", [["sync"], ["verify"], ["restore", "app", "web"], ["restore", "--drill"]],
                         ids=lambda command: "-".join(command))
def test_nobody_can_be_reached(backed, command):
    for registry in (backed.primary, backed.one, backed.two):
        registry.stop()
    shutil.rmtree(backed.port.vault)
    backed.port.vault.write_text("no directory")
    done = backed.run(*command, "--retry-for", "0", status=None)
    last, before = runs(backed)
    assert done.status not in (0, None) and last["exit_status"] == done.status and last["ended"]
    assert last["images"] == last["failed"] > 0 and before["command"] == "sync"
    assert {(image, result) for image, result, _ in outcomes(last)} == {("app", "failed"), ("web", "failed")}


def test_somebody_else_works_on_it(backed):
    """A verify that would repair waits for nobody, nor does a sync."""
    backed.put("app", images.small(7, layer_bytes=300_000, tag="v2.0.0"))
    backed.one.pause()
    first = backed.port.start("sync", "--config", backed.file, "app")
    time.sleep(1)
    try:
        for command in (["sync", "app"], ["verify", "app", "--repair"]):
            backed.run(*command, status=3)
            last = runs(backed)[0]
            assert last["command"] == command[0] and last["exit_status"] == 3 and last["failed"] == 1
            assert outcomes(last) == {("app", "failed", "locked")}
    finally:
        backed.one.resume()
    first.wait(60, status=0)


@pytest.mark.parametrize("command", [
    ["sync", "--accept", "nope:v1.0.0"], ["sync", "nope"], ["verify", "nope"], ["restore", "app", "web", "--to", "vault:x"]],
    ids=lambda command: "-".join(command))
def test_said_wrong(backed, command):
    backed.run(*command, status=2)
    last = runs(backed)[0]
    assert last["command"] == command[0] and last["exit_status"] == 2 and last["ended"] and last["images"] == 0


@pytest.mark.parametrize("number,status", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("command", ["sync", "verify", "restore"])
def test_interrupted(backed, command, number, status):
    """While the first image is listed."""
    backed.primary.pause()
    backed.one.pause()
    try:
        running = backed.port.start(command, "--config", backed.file, *(["app"] if command == "restore" else []))
        time.sleep(1)
        running.signal(number)
        running.wait(60, status=status)
    finally:
        backed.primary.resume()
        backed.one.resume()
    last = runs(backed)[0]
    assert last["command"] == command and last["exit_status"] == status and last["ended"]
    assert {result for _, result, _ in outcomes(last)} == {"failed"}
