"""How files are named that clients hand in, and which paths they may ask for."""

from __future__ import annotations

import os
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flamenco.domain.errors import Refused
from flamenco.domain.shaman import (
    MOST_CHECKOUT_BYTES,
    MOST_NAME_BYTES,
    MOST_PATH_BYTES,
    UNFINISHED,
    Content,
    NamedFile,
    checked,
    checkout_parts,
    file_parts,
    fitting_parts,
    layout,
)

SHA = "be178c0543eb17f5f3043021c9e5fcf30285e557a4fc309cce97ff9ca6182912"
ONE, OTHER = Content(SHA, 6), Content(SHA, 7)

NASTY = st.text(st.sampled_from("a./\\ :~*?;{}\0-ö"), max_size=12)


@pytest.mark.parametrize("sha", [SHA, SHA.upper(), "0" * 64])
def test_checksums(sha: str) -> None:
    """64 hexadecimal digits are a checksum; one with capitals is too, though no file has it."""
    assert checked(Content(sha, 0)).sha == sha
    assert Content(sha, 0).is_canonical == (sha == sha.lower())


@pytest.mark.parametrize(
    "sha", ["", SHA[:-1], SHA + "0", SHA + "\n", "g" * 64, "../" + SHA[3:], SHA[:32] + "/" + SHA[33:], "٣" * 64]
)
def test_no_checksums(sha: str) -> None:
    """Anything else is refused, above all what would be a path."""
    with pytest.raises(Refused, match="64 hexadecimal digits"):
        checked(Content(sha, 0))


def test_no_negative_size() -> None:
    """A file has at least nothing in it."""
    with pytest.raises(Refused, match="-1 bytes"):
        checked(Content(SHA, -1))


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("a", ("a",)),
        ("a/b", ("a", "b")),
        ("valid_checkout-id", ("valid_checkout-id",)),
        ("Ein Film / Szene 3", ("Ein Film ", " Szene 3")),
        ("日本語/π", ("日本語", "π")),
        ("v1.2.3", ("v1.2.3",)),
        ("..a", ("..a",)),
        (".hidden", (".hidden",)),
        ("a//b/./c/", ("a", "b", "c")),
    ],
)
def test_checkout_paths(path: str, parts: tuple[str, ...]) -> None:
    """The folder of a job may have most names that people give to jobs."""
    assert checkout_parts(path) == parts


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", ".", "..", "/abs", "../a", "a/..", "a/../b", "a/..b", "b../c", "...", ". ", "a/.. /b", "a/ "),
        *("C:", "C:/a", "a:b", "a\\b", "\\a", "a?", "a*", "a;b", "{jobs}", "}", "a\0b"),
        *(UNFINISHED, f"{UNFINISHED}/a", UNFINISHED.upper()),
    ],
)
def test_no_checkout_paths(path: str) -> None:
    """What leads elsewhere, has a meaning of its own in paths and variables, or is ours, is refused by its name."""
    with pytest.raises(Refused) as refused:
        checkout_parts(path)
    assert str(refused.value) == f'invalid checkout path "{path}"'


@pytest.mark.parametrize(
    ("name", "used"),
    [
        ("Shot: 1", "Shot_ 1"),
        ("a*b{c}d:e;f?g\\h", "a_b_c_d_e_f_g_h"),
        ('"<a>|b"', "__a__b_"),
        ("line\nfeed\x1b[31m\u202e", "line_feed_[31m_"),
        *((dots, "_") for dots in ("", ".", "..", "...", " ", "/", "../..")),
        ("Shot 1.", "Shot 1"),
        (" Shot 1. . ", "Shot 1"),
        ("..hidden", "_hidden"),
        ("../out", "out"),
        ("/abs/../a", "abs/a"),
        ("C:/a", "C_/a"),
        ("film / shot 3 ", "film/shot 3"),
        *((device, f"_{device}") for device in ("CON", "nul", "com1.blend", "Lpt9", "aux")),
        ("console", "console"),
        (UNFINISHED, "_unfinished"),
        (f"{UNFINISHED.upper()}/a", "_UNFINISHED/a"),
        ("x" * 300, "x" * MOST_CHECKOUT_BYTES),
        ("ö" * 300, "ö" * (MOST_CHECKOUT_BYTES // 2)),
        ("日" * 100, "日" * (MOST_CHECKOUT_BYTES // 3)),
        ("a/" * 3_000, ("a_" * MOST_CHECKOUT_BYTES)[:MOST_CHECKOUT_BYTES]),
        *((name, name) for name in ("a", "a/b", "valid_checkout-id", "Szene 3", "日本語/π", "v1.2.3", ".hidden")),
    ],
)
def test_names_of_jobs(name: str, used: str) -> None:
    """Whatever people call their jobs, there is a folder for it; a name that fits is left as it is."""
    assert fitting_parts(name) == tuple(used.split("/"))


@given(st.one_of(NASTY, st.text(), st.text(st.sampled_from("ö/.日 \U0001f3ac"), min_size=150, max_size=3_000)))
def test_any_name_fits(name: str) -> None:
    """A name that was made to fit is one of a checkout, short enough for every file system, with a suffix too."""
    parts = fitting_parts(name)
    assert checkout_parts("/".join(parts)) == parts == fitting_parts("/".join(parts))
    assert all(len(f"{part}-abcd".encode()) <= MOST_NAME_BYTES for part in parts)
    assert len("/".join(parts).encode()) <= MOST_PATH_BYTES
    assert PureWindowsPath("R:/root", *parts).parts == ("R:\\", "root", *parts)
    assert not any(PureWindowsPath(part).is_reserved() for part in parts)


@pytest.mark.parametrize(
    ("path", "reason"),
    [("a/" + "x" * 256, "file name"), ("ö" * 128 + "/a", "file name"), ("abc/" * 500 + "a", "file path")],
)
def test_long_file_paths(path: str, reason: str) -> None:
    """What no disk takes is refused while nothing has been sent yet, in bytes as file systems count."""
    with pytest.raises(Refused, match=f"the {reason} .* is too long"):
        file_parts(path)
    assert file_parts("x" * 255 + "/" + "ö" * 127)


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("shot.blend", ("shot.blend",)),
        ("textures/wood.png", ("textures", "wood.png")),
        ("textures\\wood.png", ("textures", "wood.png")),
        ("a\\b/c", ("a", "b", "c")),
        (".//a/./b", ("a", "b")),
        ("_outside_project/home/x.png", ("_outside_project", "home", "x.png")),
        ("frame?*;{}.png", ("frame?*;{}.png",)),
        ("..a/b..", ("..a", "b..")),
        ("wood:1.png", ("wood:1.png",)),
    ],
)
def test_file_paths(path: str, parts: tuple[str, ...]) -> None:
    """A file may have any name that is one, with either slash between folders."""
    assert file_parts(path) == parts


@pytest.mark.parametrize(
    "path",
    [
        *("", ".", "..", "/", "\\", "./", "a/", "a\\", "a/.", "/etc/passwd", "\\\\server\\share\\x", "//server/x"),
        *("../a", "..\\a", "a/../b", "a/..\\..\\b", "a/..", "a/.. /b", "a/. . /b", "...", "a/ "),
        *("C:\\a", "C:a", "c:/a", "a/C:b", "a:b", "a\0b", "\0"),
    ],
)
def test_no_file_paths(path: str) -> None:
    """What names no file, or would lead out of the folder of the job on some platform, is refused."""
    with pytest.raises(Refused, match="invalid file path"):
        file_parts(path)


@given(NASTY)
@example("a/b")
def test_paths_stay_inside(path: str) -> None:
    """Whatever is accepted is below the folder it is meant for, on every platform, however it is looked at."""
    for parse in (checkout_parts, file_parts):
        try:
            parts = parse(path)
        except Refused:
            continue
        assert parts
        assert os.path.normpath("/root/" + "/".join(parts)).startswith("/root/")
        assert PurePosixPath("/root", *parts).parts == ("/", "root", *parts)
        assert PureWindowsPath("R:/root", *parts).parts == ("R:\\", "root", *parts)
        assert not any(part.rstrip(" .") in ("", "..") or "\\" in part or "/" in part for part in parts)


def test_layout() -> None:
    """Each file has its place; one that is listed twice has one, and one content may be in several."""
    files = [NamedFile(ONE, "a/b"), NamedFile(ONE, "a\\b"), NamedFile(OTHER, "a/c"), NamedFile(ONE, "d")]
    assert layout(files) == {("a", "b"): ONE, ("a", "c"): OTHER, ("d",): ONE}


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ([NamedFile(ONE, "a/b"), NamedFile(OTHER, "a\\b")], "two different files"),
        ([NamedFile(ONE, "a"), NamedFile(OTHER, "a/b")], "a file and a folder"),
        ([NamedFile(ONE, "a/b/c"), NamedFile(ONE, "a/b")], "a file and a folder"),
        ([NamedFile(Content("x", 1), "a")], "SHA-256"),
        ([NamedFile(ONE, "a"), NamedFile(ONE, "../b")], "invalid file path"),
    ],
)
def test_no_layout(files: list[NamedFile], reason: str) -> None:
    """Two things cannot be in one place."""
    with pytest.raises(Refused, match=reason):
        layout(files)


@given(st.lists(st.builds(NamedFile, st.sampled_from([ONE, OTHER]), NASTY), max_size=6))
def test_layout_of_anything(files: list[NamedFile]) -> None:
    """What can be laid out has every file in it, and no file is a folder."""
    try:
        placed = layout(files)
    except Refused:
        return
    assert [placed[file_parts(file.path)] for file in files] == [file.content for file in files]
    for parts in placed:
        assert not any(other != parts and other[: len(parts)] == parts for other in placed)
