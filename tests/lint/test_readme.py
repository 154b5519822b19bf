"""The README's Python runs as it stands."""

import re

import pytest

FULL_RECIPE = """
assert trained.report.exact
assert trained.accuracy_smooth >= 0.95
assert trained.accuracy_hard >= 0.95
assert abs(trained.accuracy_smooth - trained.accuracy_hard) <= 0.01
assert trained.agreement >= 0.99
assert {"DILATION", "EROSION", "POPCOUNT"} <= set(trained.report.statuses)
"""
"""What holds for the digits recipe in full, which the first example trains."""


@pytest.mark.slow
def test_python_examples(run, root, python, tmp_path):
    examples = re.findall(r"```python\n(.*?)```", (root / "README.md").read_text("utf-8"), re.DOTALL)
    assert len(examples) == 2
    for example, more in zip(examples, (FULL_RECIPE, ""), strict=True):
        assert len([line for line in example.splitlines() if line]) <= 15
        run(python, "-c", example.replace('"digits.bmorph"', repr(str(tmp_path / "digits.bmorph"))) + more)
    assert (tmp_path / "digits.bmorph").is_file()


def test_install_commands_are_the_two_that_ci_runs(root):
    commands = re.findall(r"^python -m pip install.*", (root / "README.md").read_text("utf-8"), re.MULTILINE)
    assert [command.split("&& ")[1] for command in commands] == ["binmorph demo", "python -m pytest -n auto"]


def test_links_lead_somewhere(root):
    for document in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"):
        targets = re.findall(r"\]\(([^)#:]+)\)", (root / document).read_text("utf-8"))
        missing = [target for target in targets if not (root / target).exists()]
        assert not missing, f"{document}: {missing}"
