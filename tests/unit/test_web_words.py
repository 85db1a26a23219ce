"""The page carries nothing along: each of its words is said, and each rule of its style is about something."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from flamenco.web.assets import STATIC

STRINGS = STATIC / "app" / "core" / "strings.js"
CHAIN = r"""((?:\??\.\w+|\["[^"]+"\])*)"""
"""How a word is come to from a part of them: `.farm.title`, `?.name` or `["requeue-task"]`."""

Path = tuple[str, ...]

READ = """
import sys
from py_mini_racer import mini_racer

with mini_racer() as engine:
    engine.eval(sys.stdin.read().replace("export const", "var"))
    print(engine.eval("JSON.stringify(strings, (_, value) => (typeof value === 'function' ? '' : value))"))
"""
"""Gives the words as JSON, empty for those that take arguments."""


def modules() -> Iterator[str]:
    """All modules of the page but the words themselves."""
    for path in sorted((STATIC / "app").rglob("*.js")):
        if path != STRINGS:
            yield path.read_text("utf-8")


def steps(chain: str) -> Path:
    """The names in a chain."""
    return tuple(re.findall(r"\w[\w-]*", chain))


def names_in(module: str) -> dict[str, set[Path]]:
    """What a module calls parts of the words, and which parts: `const words = strings.farm`, `const { used } = …`."""
    names: dict[str, set[Path]] = defaultdict(set, {"strings": {()}})
    for name, chain in re.findall(rf"const (\w+) = strings{CHAIN};", module):
        names[name].add(steps(chain))
    for parts, of, chain in re.findall(rf"const {{ ([^}}]*) }} = (strings|words){CHAIN};", module):
        for part in parts.split(","):
            word, _, called = (each.strip() for each in part.partition(":"))
            names[called or word] |= {(*path, *steps(chain), word) for path in names[of]}
    return names


def said_in(module: str, words: Any) -> Iterator[Path]:
    """All words, and parts of them, that a module says, as far as they are known by these names."""
    names = names_in(module)
    rest = re.sub(rf"const [^=]* = (?:strings|words){CHAIN};", "", module)
    for name, chain in re.findall(rf"(?<!\w)(?<!\w\.)({'|'.join(names)})(?!\w){CHAIN}", rest):
        yield from (known(words, path + steps(chain)) for path in names[name])


def known(words: Any, path: Path) -> Path:
    """As much of a path as leads to words: what is done with them may come after that."""
    for at, step in enumerate(path):
        if not isinstance(words, dict) or step not in words:
            return path[:at]
        words = words[step]
    return path


def unsaid(words: Any, said: set[Path], at: Path = ()) -> Iterator[str]:
    """The words that nobody says, neither themselves nor a part that they are in, of which one is chosen."""
    if at and at in said:
        return
    if isinstance(words, dict):
        for name, each in words.items():
            yield from unsaid(each, said, (*at, name))
    else:
        yield ".".join(at)


def test_every_word_is_said() -> None:
    """In some module; what is there for nobody would be sent to everybody."""
    run = [sys.executable, "-c", READ]
    text = STRINGS.read_text("utf-8")
    done = subprocess.run(run, input=text, capture_output=True, text=True, check=True, timeout=60)
    words = json.loads(done.stdout)
    said = {path for module in modules() for path in said_in(module, words)}
    assert len(said) > 100
    assert list(unsaid(words, said)) == []


def test_every_class_is_used() -> None:
    """What the style has rules for is in some module, in the document, or in the page of a plugin."""
    style = re.sub(r"/\*.*?\*/", "", (STATIC / "style.css").read_text("utf-8"), flags=re.DOTALL)
    selectors = re.sub(r"(?<=\{)[^{}]*(?=\})", "", style)
    classes = set(re.findall(r"\.([a-z][\w-]*)", selectors))
    assert len(classes) > 100
    pages = [path.read_text("utf-8") for path in sorted((STATIC.parents[2] / "plugins").rglob("*.js"))]
    text = "\n".join([*modules(), *pages, (STATIC / "index.html").read_text("utf-8")])
    assert [name for name in sorted(classes) if not re.search(rf"(?<![\w-]){name}(?![\w-])", text)] == []
