"""What Prometheus' own tool says of the files for it, and the command that writes the reference."""

import json
import shutil
import subprocess
import sys

import pytest

from hsid.observe.metrics.catalogue import HEADING, catalogue, reference
from tests.unit.observe.test_metric_catalogue import PROMETHEUS, ROOT, panels


def promtool(*arguments):
    return subprocess.run(
        [shutil.which("promtool"), *arguments], capture_output=True, text=True, check=False
    )


def test_promtool_accepts_configuration_and_rules():
    """All files, as an operator would check them."""
    checked = promtool("check", "config", str(PROMETHEUS / "prometheus.yml"))
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("name", ["hsid.rules_test.yml", "hsid.alerts_test.yml"])
def test_rules_do_what_their_tests_say(name):
    """Each alert stays silent first, and then fires."""
    tested = promtool("test", "rules", str(PROMETHEUS / name))
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_promtool_understands_every_question_of_the_dashboard(tmp_path):
    """As rules, the only form in which it takes them."""
    rules = tmp_path / "dashboard.yml"
    questions = [question for _, each in panels() for question in each]
    asked = [question.replace("$__rate_interval", "5m") for question in questions]
    records = [{"record": f"panel:{n}", "expr": expr} for n, expr in enumerate(asked)]
    rules.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": records}]}))
    checked = promtool("check", "rules", str(rules))

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_command_keeps_the_introduction(tmp_path):
    """It writes what follows the heading, and nothing else."""
    page = tmp_path / "metrics.md"
    page.write_text(f"By hand.\n\n{HEADING}\n\nOut of date.\n")
    command = [sys.executable, "-m", "hsid.observe.metrics.catalogue", str(page)]
    subprocess.run(command, cwd=ROOT, check=True)

    assert page.read_text() == "By hand.\n\n" + reference(catalogue())
