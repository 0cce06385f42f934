# SPDX-License-Identifier: Apache-2.0
"""A job of GitLab CI: its log, as its documentation says, and what it left in the project's folder."""

import re

from .safeport import find_secret

SECTION = re.compile(r"\x1b\[0Ksection_(start|end):(\d+):([\w.-]+)(\[collapsed=true\])?\r\x1b\[0K([^\n]*)\n")


def run(port, tmp_path, *arguments):
    """As port.run, without its look for control characters: a section is made of them. Answers what it said, and the
    folder."""
    project = tmp_path / "project"
    project.mkdir(exist_ok=True)
    running = port.start(*arguments, env={"GITLAB_CI": "true", "CI_PROJECT_DIR": str(project)})
    out, err = running.process.communicate(timeout=60)
    result = running._result(out, err)
    plain = SECTION.sub("", err.decode())
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", plain), plain
    assert find_secret(result.text, port.secrets) is None
    return result, project
