"""COMPATIBILITY.md is true: every operation it calls served was called with success by a client of this run.

It comes last, and only says something when all modules of this folder ran.
"""

import pathlib
import re

import pytest
from support import PROVED, ROOT


def test_every_served_operation_was_called_with_success(request):
    modules = {path.name for path in pathlib.Path(__file__).parent.glob("test_*.py")}
    ran = {pathlib.Path(item.fspath).name for item in request.session.items}
    if not modules <= ran:
        pytest.skip("only a part of the end-to-end tests was asked for")
    text = (ROOT / "COMPATIBILITY.md").read_text()
    promised = {
        (service, operation)
        for service, listed in re.findall(r"^## (\w+)\n\nServed: ([^.]+)\.", text, re.MULTILINE)
        for operation in listed.split(", ")
        if service != "tidegate"
    }
    assert len(promised) > 100
    assert sorted(promised - PROVED.keys()) == []
