"""Cutting, splicing and merging texts."""

from __future__ import annotations

import pytest

from machinery import holes
from machinery.catalogue import Hole, Lab, Step

REFERENCE = """int f(int x) {
  // region book-only
  int y = x;
  // endregion
  // region one
  y += 1;
  // region inner
  y += 2;
  // endregion
  // endregion
  return y;
}
int g() {
  // region two
  return 2;
  // endregion
}
"""
ONE = Hole("one", "f.cpp", "Add three to y.", ("x",))
TWO = Hole("two", "f.cpp", "Return two.")


class Toy(Lab):
    """A lab whose reference is a text."""

    text = REFERENCE

    def reference(self, file: str) -> str:
        return self.text


def toy(text: str = REFERENCE) -> Toy:
    steps = [
        Step(number, hole.name, hole.name.title(), "codec", "", "", "", (), (hole,), {}, ())
        for number, hole in enumerate((ONE, TWO), 1)
    ]
    lab = Toy("toy", "Toy", 1, "", tuple(steps))
    object.__setattr__(lab, "text", text)
    return lab


def test_the_starter():
    assert holes.starter(toy(), "f.cpp").splitlines() == [
        "int f(int x) {",
        "  int y = x;",
        "  // region one",
        "  // Step 1, one. Add three to y.",
        "  (void)x;  // until your code uses it",
        '  throw wire::UsageError("step 1 is not implemented yet");',
        "  // endregion",
        "  return y;",
        "}",
        "int g() {",
        "  // region two",
        "  // Step 2, two. Return two.",
        '  throw wire::UsageError("step 2 is not implemented yet");',
        "  // endregion",
        "}",
    ]


def test_splicing_keeps_the_learners_line_numbers():
    learner = holes.with_body(holes.starter(toy(), "f.cpp"), "one", "  y += 3;\n")
    names = {"learner": "work/f.cpp", "reference": "chapters/f.cpp"}
    text = holes.spliced(toy(), "f.cpp", learner, {"one"}, names)
    shown, file, number = {}, "", 0
    for line in text.splitlines():
        if line.startswith("#line"):
            _, number, file = line.split()
            number = int(number)
        else:
            shown[line.strip()] = (file.strip('"'), number)
            number += 1
    assert shown["y += 3;"] == ("work/f.cpp", learner.splitlines().index("  y += 3;") + 1)
    reference = REFERENCE.splitlines().index("  return 2;") + 1
    assert shown["return 2;"] == ("chapters/f.cpp", reference)
    assert shown["int g() {"][1] == learner.splitlines().index("int g() {") + 1


@pytest.mark.parametrize("gone", ["// region one", "// region two"])
def test_marks_that_are_gone(gone):
    learner = holes.starter(toy(), "f.cpp").replace(gone, "")
    with pytest.raises(holes.BrokenMarks, match=gone):
        holes.spliced(toy(), "f.cpp", learner, {"one"}, {"learner": "", "reference": ""})


def merged(change_reference, change_learner):
    base = holes.starter(toy(), "f.cpp")
    return holes.merged(toy(change_reference(REFERENCE)), "f.cpp", base, change_learner(base))


def test_merging_takes_what_only_one_side_changed():
    text, conflicts = merged(
        lambda text: text.replace("int g()", "long g()"),
        lambda text: holes.with_body(text, "one", "  y += 3;\n").replace("int y = x;", "int y{x};"),
    )
    assert conflicts == []
    assert "long g()" in text and "y += 3;" in text and "int y{x};" in text


def test_merging_keeps_the_learners_where_both_changed():
    text, conflicts = merged(
        lambda text: text.replace("int y = x;", "int y(x);"),
        lambda text: text.replace("int y = x;", "int y{x};"),
    )
    assert conflicts == ["the text before one"]
    assert "int y{x};" in text and "int y(x);" not in text


def test_merging_nothing():
    text, conflicts = merged(lambda text: text, lambda text: text + "// more\n")
    assert text.endswith("// more\n") and conflicts == []
