"""The tests themselves: a comparison that nobody looks at, and an assertion that cannot fail, are none."""

import ast
import pathlib

import pytest

HERE = pathlib.Path(__file__).parent


def is_always_true(test):
    """A text where a condition should be, a comma too many, a generator that nobody went through."""
    if isinstance(test, ast.BoolOp):
        return any(is_always_true(value) for value in test.values)
    return isinstance(test, (ast.Constant, ast.JoinedStr, ast.Tuple, ast.GeneratorExp, ast.Lambda))


def faults(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assert) and is_always_true(node.test):
            yield node.lineno, "an assertion that cannot fail"
        if isinstance(node, ast.Expr) and isinstance(node.value, (ast.Compare, ast.BoolOp, ast.UnaryOp, ast.GeneratorExp)):
            yield node.lineno, "a result that nobody looks at"
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and getattr(node.value.func, "id", "") in ("all", "any", "isinstance"):
            yield node.lineno, "a result that nobody looks at"


@pytest.mark.parametrize("path", sorted(HERE.glob("*.py")), ids=lambda path: path.name)
def test_every_assertion_can_fail(path):
    assert [f"{path.name}:{line}: {fault}" for line, fault in faults(path.read_text())] == []


@pytest.mark.parametrize("line", ["a == b", "a in b", "not a", "all(a)", "assert (a, b)", "assert 'a'", "assert a or 'b'", "assert (x for x in a)"])
def test_what_cannot_fail_is_found(line):
    assert len(list(faults(line))) == 1


def test_what_can_fail_is_left_alone():
    assert list(faults('"""Words."""\nassert a == b, "why"\nassert all(x for x in a)\na.wait()\nb = a == c')) == []
