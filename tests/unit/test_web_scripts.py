"""What is sent of the page's scripts does what the scripts do that lie there: comments and indentation stay at home."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from flamenco.web.assets import STATIC, Assets
from flamenco.web.scripts import parts, sent

MODULES = [name for name in Assets().by_path if name.startswith("app/")]

COMMENT = re.compile(r"[ \t]*/\*\*(?:(?!\*/).)*\*/[ \t]*|(?:^|(?<=[ \t;,{}]))// [^\n]*", re.DOTALL | re.MULTILINE)
"""What is a comment in a script of the page, for who knows nothing of scripts. None says this in a text."""


@pytest.mark.parametrize(
    ("script", "left"),
    [
        ("/** About\n * it. */\nlet a = 1; // one\n", "\n\nlet a = 1;\n"),
        ("let a = /** @type {any} */ (1);\n  /** More. */\nlet b;", "let a = (1);\n\nlet b;"),
        ("let b = '/** no', c = \"// no\", d = `// no /* no */`;", None),
        ("return/**/a", "return a"),
        ("  if (a)\n\tb();\n", "  if (a)\nb();\n"),
        ("f(/['\"`{/*]/, a / b / c, /\\//.exec('it\\'s // here'))", None),
        ("a => /`/.test(a) // no template begins", "a => /`/.test(a)"),
        ("x`\n  a\n`; html`\n  <p>\n    ${b}\n  </p>`", "x`\n  a\n`; html`\n<p>\n${b}\n</p>`"),
        (
            "html`\n  ${a.map(() => {\n    return `${{ b: `\n  c` }}`; // d\n  })}\n  \\` \\${\n  `",
            "html`\n${a.map(() => {\nreturn `${{ b: `\n  c` }}`;\n})}\n\\` \\${\n`",
        ),
        ("{ { html`${{ a: 1 }}\n  // b` } }\n  // c", "{ { html`${{ a: 1 }}\n// b` } }\n"),
    ],
)
def test_what_stays_at_home(script: str, left: str | None) -> None:
    """Comments and indentation; texts that are none of elements have all their space, and no line is missing."""
    assert sent(script) == (script if left is None else left)


@pytest.mark.parametrize("name", MODULES)
def test_nothing_else_stays_at_home(name: str) -> None:
    """Of every module, each line is sent but for comments, and what space there is at its ends."""
    text = (STATIC / name).read_text("utf-8")
    lying = COMMENT.sub(lambda found: "\n" * found[0].count("\n") or " ", text)
    kept = Assets().by_path[name].plain.decode()
    assert [line.strip() for line in kept.split("\n")] == [line.strip() for line in lying.split("\n")]


def templates(script: str) -> list[list[str]]:
    """The texts of each template of elements, between its values."""
    found: list[list[str]] = []
    open_templates: list[list[str]] = []
    before = ""
    for kind, text in parts(script):
        if kind == "markup":
            if before.endswith("`"):
                open_templates.append([])
            open_templates[-1].append(text.removesuffix("`").removesuffix("${"))
            if text.endswith("`"):
                found.append(open_templates.pop())
        before = text or before
    assert open_templates == []
    return found


ELEMENTS = """
import json, sys
from py_mini_racer import mini_racer

library, texts = json.load(sys.stdin)
with mini_racer() as engine:
    engine.eval(library.replace("export default", "var htm ="))
    engine.eval("const made = htm.bind((type, props, ...children) => ({ type, props, children }))")
    engine.eval("const element = (texts) => made(texts, ...texts.map((_, at) => '$' + at))")
    print(engine.eval("JSON.stringify(" + json.dumps(texts) + ".map(element))"))
"""
"""Makes elements of the texts of templates, as the page does."""


def elements(texts: list[list[str]]) -> list[object]:
    """The elements that each of these templates is."""
    library = (STATIC / "vendor" / "htm.js").read_text("utf-8")
    run = [sys.executable, "-c", ELEMENTS]
    done = subprocess.run(
        run, input=json.dumps([library, texts]), capture_output=True, text=True, check=True, timeout=60
    )
    made: list[object] = json.loads(done.stdout)
    return made


@pytest.mark.long
def test_elements_are_the_same() -> None:
    """Of every template, to the letter: also where a text goes on in another line."""
    lying = [text for name in MODULES for text in templates((STATIC / name).read_text("utf-8"))]
    kept = [text for name in MODULES for text in templates(Assets().by_path[name].plain.decode())]
    assert len(lying) == len(kept) > len(MODULES)
    assert lying != kept
    assert elements(kept) == elements(lying)
