"""Variables mean what each platform needs, and paths find their way back into them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco.config.manager_settings import Config, default_variables
from flamenco.domain.model import Command, Submission
from flamenco.domain.variables import (
    Audience,
    Meaning,
    Variable,
    Variables,
    VariableValue,
    ensure_drive_absolute,
    everywhere,
    is_root,
    is_unc,
    problem_with,
    this_platform,
    to_platform,
    trim_trailing_separators,
)


def value(text: str, *platforms: str, audience: Audience = "all") -> VariableValue:
    """A value for some platforms."""
    return VariableValue(value=text, platforms=platforms, audience=audience)


def twoway(**by_platform: str) -> Variable:
    """A two-way variable with one value per platform."""
    return Variable(is_twoway=True, values=tuple(value(text, name) for name, text in by_platform.items()))


FARM = {
    **default_variables(),
    "shared": twoway(linux="/mnt/shared/", windows="S:\\", darwin="/Volumes/shared"),
    "fast": twoway(linux="/mnt/shared/fast", windows="F:\\", darwin="/Volumes/fast"),
    "linux_only": twoway(linux="/opt/cache"),
    "hello": Variable(values=(value("users", "all", audience="users"), value("workers", "all", audience="workers"))),
}


@pytest.fixture
def variables() -> Variables:
    """A farm whose manager runs on Linux."""
    return Variables(FARM, "linux")


# -- what a variable means ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("audience", "platform", "name", "expected"),
    [
        ("workers", "linux", "blender", "blender"),
        ("workers", "windows", "blender", "blender.exe"),
        ("users", "darwin", "blender", "blender"),
        ("workers", "haiku", "blender", None),
        ("workers", "haiku", "blenderArgs", "-b -y"),
        ("workers", "haiku", "ffmpeg", "ffmpeg"),
        ("workers", "windows", "ffmpeg", "ffmpeg.exe"),
        ("workers", "linux", "hello", "workers"),
        ("users", "linux", "hello", "users"),
        ("artists", "linux", "hello", None),
        ("all", "linux", "blenderArgs", None),
        ("workers", "windows", "linux_only", None),
        ("workers", "windows", "shared", "S:"),
        ("workers", "linux", "shared", "/mnt/shared"),
    ],
)
def test_meaning(variables: Variables, audience: str, platform: str, name: str, expected: str | None) -> None:
    """A value is found for its audience and platform; one for the platform wins over one for all platforms."""
    meaning = variables.meanings(audience, platform).get(name)
    assert (meaning and meaning.value) == expected


def test_later_values_win() -> None:
    """Of two values for the same target the later one counts, whatever order the platforms were named in."""
    variable = Variable(values=(value("specific", "linux"), value("general", "all"), value("later", "linux")))
    assert Variables({"v": variable}, "linux").meanings("users", "linux") == {"v": Meaning("later")}


def test_platform_and_platforms_both_count() -> None:
    """A value with `platform` and `platforms` is for all of them."""
    both = VariableValue(value="x", platform="linux", platforms=("darwin", "linux"))
    assert both.for_platforms() == ("linux", "darwin")


def test_jobs_is_computed() -> None:
    """The variable `jobs` is the storage path, even when somebody configured another."""
    config = Config(shared_storage_path="/mnt/shared", variables={"jobs": everywhere("/elsewhere")})
    variables = Variables(config.effective_variables)
    assert variables.meanings("users", "any")["jobs"] == Meaning(config.effective_storage_path)


@pytest.mark.parametrize(
    ("name", "variable", "problem"),
    [
        ("ok", everywhere("x"), None),
        ("empty", Variable(), "no values"),
        ("nowhere", Variable(values=(value("x", "linux"), value("y"))), r"no platform for its value number 2 \('y'\)"),
        ("{x}", everywhere("x"), "name"),
        ("", everywhere("x"), "name"),
    ],
)
def test_problems_are_told(name: str, variable: Variable, problem: str | None) -> None:
    """A variable that can never be replaced is reported, with the value that is wrong."""
    found = problem_with(name, variable)
    assert (found is None) == (problem is None)
    if problem:
        with pytest.raises(ValueError, match=problem):
            raise ValueError(found)


@pytest.mark.parametrize(
    ("system", "platform"),
    [("linux", "linux"), ("win32", "windows"), ("cygwin", "windows"), ("darwin", "darwin"), ("freebsd14", "freebsd14")],
)
def test_names_of_platforms(system: str, platform: str) -> None:
    """Python's names of systems become those that variables use."""
    assert this_platform(system) == platform


# -- towards workers ------------------------------------------------------------------------------------------------

EXPANSIONS = [
    ("one-way", "linux", "{blender} {blenderArgs}", "blender -b -y"),
    ("one-way, other platform", "windows", "{blender}", "blender.exe"),
    ("one-way is no path", "windows", "{blender} a//b/", "blender.exe a//b/"),
    ("several times", "linux", "{hello}{hello} {hello}", "workersworkers workers"),
    ("unknown stays", "linux", "{nothing} {Blender} {} {", "{nothing} {Blender} {} {"),
    ("unknown on this platform stays", "windows", "{linux_only}/x", "{linux_only}/x"),
    ("two-way", "linux", "{shared}/show/a.blend", "/mnt/shared/show/a.blend"),
    ("two-way, backslashes", "linux", "{shared}\\show\\a.blend", "/mnt/shared/show/a.blend"),
    ("two-way to a drive", "windows", "{shared}/show/a.blend", "S:\\show\\a.blend"),
    ("two-way to a bare drive", "windows", "{shared}", "S:\\"),
    ("two-way without a separator", "windows", "{shared}show", "S:\\show"),
    ("two-way, mixed and doubled", "darwin", "{shared}/show\\\\a//b/", "/Volumes/shared/show/a/b"),
    ("two-way in the middle", "windows", "out/{shared}/x", "out\\S:\\x"),
    ("prefix", "windows", "/mnt/shared/show/a.blend", "S:\\show\\a.blend"),
    ("prefix, itself", "windows", "/mnt/shared", "S:\\"),
    ("prefix, backslashes", "darwin", "\\mnt\\shared\\show", "/Volumes/shared/show"),
    ("prefix, longest", "windows", "/mnt/shared/fast/a.blend", "F:\\a.blend"),
    ("prefix, whole components only", "windows", "/mnt/shared2/x", "/mnt/shared2/x"),
    ("prefix, not even at the end", "windows", "/mnt/sharedfoo", "/mnt/sharedfoo"),
    ("prefix, the shorter one where the longer goes on", "windows", "/mnt/shared/faster/a", "S:\\faster\\a"),
    ("prefix, same platform", "linux", "/mnt/shared//x/", "/mnt/shared/x"),
    ("prefix is case-sensitive", "windows", "/mnt/Shared/x", "/mnt/Shared/x"),
    ("prefix at the start only", "windows", "-o /mnt/shared/x", "-o /mnt/shared/x"),
    ("prefix without a value there", "windows", "/opt/cache/x", "/opt/cache/x"),
    ("prefix on an unknown platform", "haiku", "/mnt/shared/x", "/mnt/shared/x"),
    ("no path of ours", "windows", "a//b\\c/", "a//b\\c/"),
    ("empty", "windows", "", ""),
]


@pytest.mark.parametrize(
    ("platform", "text", "expected"), [row[1:] for row in EXPANSIONS], ids=[row[0] for row in EXPANSIONS]
)
def test_expansion(variables: Variables, platform: str, text: str, expected: str) -> None:
    """A string for a worker has its names replaced and its paths translated, as the specification's steps say."""
    assert variables.for_worker(platform).text(text) == expected


def test_one_way_value_is_translated() -> None:
    """A path that came out of `{jobs}` is the manager's, and is translated like one that was written out."""
    variables = Variables({**FARM, "jobs": everywhere("/mnt/shared/jobs")}, "linux")
    assert variables.for_worker("windows").text("{jobs}/shot/a.blend") == "S:\\jobs\\shot\\a.blend"


def test_nothing_is_translated_twice() -> None:
    """The target's value is left alone, even when it looks like a path of the manager."""
    variables = Variables({"shared": twoway(linux="/mnt", darwin="/mnt/farm")}, "linux")
    assert variables.for_worker("darwin").text("{shared}/x") == "/mnt/farm/x"
    assert variables.for_worker("darwin").text("/mnt/x") == "/mnt/farm/x"


def test_values_are_not_expanded_again() -> None:
    """A value that looks like a name stays: replacing is one pass, so it always ends."""
    variables = Variables({"a": everywhere("{b}"), "b": everywhere("{a}")}, "linux")
    assert variables.for_worker("linux").text("{a}{b}") == "{b}{a}"


def test_variables_of_a_job() -> None:
    """A job's own variables come before the farm's; what they stand for is not looked through for further names."""
    farm = Variables({"a": everywhere("farm"), "b": everywhere("farm"), "shared": twoway(linux="/mnt")}, "linux")
    expansion = farm.for_worker("linux")
    own = expansion.with_those_of({"a": "{b}", "script": "print({a})"})
    assert own.text("{a} {b} {script}") == "{b} farm print({a})"
    assert own.text("{shared}/x") == "/mnt/x"
    assert expansion.text("{a} {script}") == "farm {script}"
    assert expansion.with_those_of({}) is expansion


def test_values_are_not_patterns() -> None:
    """Names and values with characters that patterns give a meaning to are plain text."""
    variables = Variables({"a.b": everywhere("\\1\\g<0>"), "a*": twoway(linux="$(x)", windows="^")}, "linux")
    assert variables.for_worker("linux").text("{a.b} {axb}") == "\\1\\g<0> {axb}"
    assert variables.for_worker("windows").text("$(x)/y") == "^\\y"


def test_empty_two_way_value_is_no_prefix() -> None:
    """A variable that is empty on a platform does not take hold of every string there."""
    variables = Variables({"empty": twoway(linux="", windows="S:")}, "linux")
    assert variables.for_worker("windows").text("any//text/") == "any//text/"
    assert variables.name_prefix("anything", "linux") == "anything"


def test_command_parameters(variables: Variables) -> None:
    """Strings and strings directly inside lists are expanded; keys, deeper values and other types are not."""
    parameters: dict[str, Any] = {
        "exe": "{blender}",
        "args": ["{blenderArgs}", 3, None, ["{blender}"], {"x": "{blender}"}],
        "nested": {"exe": "{blender}"},
        "{blender}": 1.5,
        "flag": True,
    }
    original = Command("exec", parameters, 4)
    (expanded,) = variables.for_worker("windows").commands([original])
    assert expanded == Command(
        "exec",
        {
            "exe": "blender.exe",
            "args": ["-b -y", 3, None, ["{blender}"], {"x": "{blender}"}],
            "nested": {"exe": "{blender}"},
            "{blender}": 1.5,
            "flag": True,
        },
        4,
    )
    assert original.parameters is parameters
    assert parameters["exe"] == "{blender}"


@pytest.mark.parametrize("parameters", [None, {}])
def test_command_without_parameters(variables: Variables, parameters: dict[str, Any] | None) -> None:
    """A command without parameters goes out as it is."""
    command = Command("echo", parameters)
    assert variables.for_worker("linux").command(command) == command


def test_expansion_is_prepared_once(variables: Variables) -> None:
    """Handing out the next task does not look the variables up again."""
    assert variables.for_worker("windows") is variables.expansion("workers", "windows")


def test_unknown_audience_expands_nothing(variables: Variables) -> None:
    """Somebody who is neither worker nor user gets the text as it is stored."""
    assert variables.expansion("artists", "windows").text("{blender} /x") == "{blender} /x"
    assert variables.expansion("artists", "windows").text("/mnt/shared/x") == "/mnt/shared/x"


# -- from submitters ------------------------------------------------------------------------------------------------

SUBMITTED = [
    ("linux", "/mnt/shared/show/a.blend", "{shared}/show/a.blend"),
    ("linux", "/MNT/Shared/Show/A.blend", "{shared}/Show/A.blend"),
    ("linux", "/mnt/shared", "{shared}"),
    ("linux", "/mnt/shared/fast/x", "{fast}/x"),
    ("linux", "/mnt/sharedx", "/mnt/sharedx"),
    ("linux", "/mnt/shared2/x", "/mnt/shared2/x"),
    ("linux", "/mnt/shared/faster/x", "{shared}/faster/x"),
    ("linux", "\\mnt\\shared\\x", "{shared}\\x"),
    ("linux", "-o /mnt/shared/x", "-o /mnt/shared/x"),
    ("linux", "S:\\show", "S:\\show"),
    ("windows", "S:\\show\\a.blend", "{shared}\\show\\a.blend"),
    ("windows", "s:/Show/a.blend", "{shared}/Show/a.blend"),
    ("windows", "S:", "{shared}"),
    ("windows", "S:\\", "{shared}\\"),
    ("windows", "S:a.blend", "S:a.blend"),
    ("windows", "/opt/cache/x", "/opt/cache/x"),
    ("manager", "/mnt/shared/x", "{shared}/x"),
    ("haiku", "/mnt/shared/x", "/mnt/shared/x"),
    ("", "/mnt/shared/x", "/mnt/shared/x"),
    ("linux", "", ""),
]


@pytest.mark.parametrize(("platform", "text", "expected"), SUBMITTED)
def test_name_prefix(variables: Variables, platform: str, text: str, expected: str) -> None:
    """The submitter's value at the beginning becomes the name; what follows keeps its case and its slashes."""
    assert variables.name_prefix(text, platform) == expected


def test_slashes_count_without_backslashes() -> None:
    """Only a backslash on either side makes slashes and backslashes the same."""
    variables = Variables({"unc": twoway(windows="\\\\NAS\\share")}, "linux")
    assert variables.name_prefix("//nas/share/x", "windows") == "{unc}/x"


@pytest.mark.parametrize("written", ["\\\\NAS\\share", "\\\\NAS\\share\\", "//NAS/share", "//NAS/share/"])
@pytest.mark.parametrize(
    ("sent", "opened"),
    [
        ("\\\\NAS\\share\\a.blend", "/mnt/nas/a.blend"),
        ("\\\\nas\\share\\a.blend", "/mnt/nas/a.blend"),
        ("\\\\NAS\\share", "/mnt/nas"),
        ("//NAS/share/a.blend", "/mnt/nas/a.blend"),
        ("\\\\NAS\\share2\\a.blend", "\\\\NAS\\share2\\a.blend"),
        ("\\\\NAS\\shared", "\\\\NAS\\shared"),
    ],
)
def test_shares_are_whole_components(written: str, sent: str, opened: str) -> None:
    """A share matches with and without a separator at its end, and never the share that only begins like it."""
    variables = Variables({"nas": twoway(windows=written, linux="/mnt/nas")}, "linux")
    assert variables.for_worker("linux").text(variables.name_prefix(sent, "windows")) == opened


@pytest.mark.parametrize(
    ("roots", "source", "target", "sent", "opened"),
    [
        ({"linux": "/", "darwin": "/Volumes/root"}, "linux", "darwin", "/show/a", "/Volumes/root/show/a"),
        ({"linux": "/", "darwin": "/Volumes/root"}, "darwin", "linux", "/Volumes/root/show/a", "/show/a"),
        ({"linux": "/", "windows": "S:\\"}, "windows", "linux", "S:\\show\\a", "/show/a"),
        ({"linux": "/", "windows": "S:\\"}, "linux", "windows", "/show/a", "S:\\show\\a"),
        ({"linux": "/", "windows": "S:\\"}, "linux", "windows", "show/a", "show/a"),
        ({"linux": "/", "windows": "S:\\"}, "linux", "windows", "", ""),
    ],
)
def test_whole_disks(roots: dict[str, str], source: str, target: str, sent: str, opened: str) -> None:
    """A variable may stand for the root of a disk; its separator is not lost, nor there twice."""
    for manager in roots:
        variables = Variables({"disk": twoway(**roots)}, manager)
        assert variables.for_worker(target).text(variables.name_prefix(sent, source)) == opened
    assert Variables({"disk": twoway(**roots)}, source).for_worker(target).text(sent) == opened


def test_one_way_variables_stay_as_they_are(variables: Variables) -> None:
    """Only two-way variables are put back: `blender` is a word before it is a variable."""
    assert variables.name_prefix("blender", "linux") == "blender"


def test_values_for_users_are_not_put_back() -> None:
    """A submission is stored for workers, so the workers' values count."""
    shared = Variable(
        is_twoway=True, values=(value("/users", "linux", audience="users"), value("/farm", "linux", audience="workers"))
    )
    variables = Variables({"shared": shared}, "linux")
    assert variables.name_prefix("/users/x", "linux") == "/users/x"
    assert variables.name_prefix("/farm/x", "linux") == "{shared}/x"


def test_submission(variables: Variables) -> None:
    """Settings that are strings and all metadata are replaced; the name and deeper values are not."""
    submission = Submission(
        name="S:\\name",
        type="t",
        submitter_platform="windows",
        settings={"file": "S:\\a.blend", "list": ["S:\\a"], "map": {"x": "S:\\a"}, "n": 3, "none": None},
        metadata={"project": "S:\\show", "S:\\key": "x"},
    )
    replaced = variables.in_submission(submission)
    assert replaced.settings == {**submission.settings, "file": "{shared}\\a.blend"}
    assert replaced.metadata == {"project": "{shared}\\show", "S:\\key": "x"}
    assert (replaced.name, replaced.submitter_platform) == ("S:\\name", "windows")


def test_from_windows_to_linux(variables: Variables) -> None:
    """What an artist on Windows names is what a worker on Linux opens, and the other way round."""
    for source, target, sent, opened in [
        ("windows", "linux", "s:\\Show\\shot 1\\a.blend", "/mnt/shared/Show/shot 1/a.blend"),
        ("linux", "windows", "/mnt/shared/fast/a.blend", "F:\\a.blend"),
        ("darwin", "linux", "/Volumes/shared/a.blend", "/mnt/shared/a.blend"),
    ]:
        assert variables.for_worker(target).text(variables.name_prefix(sent, source)) == opened


PLATFORMS = st.sampled_from(["linux", "windows", "darwin"])
NAMES = st.text(alphabet="abcXYZ09 ._-é", min_size=1, max_size=8)


@given(st.lists(NAMES, max_size=5), PLATFORMS, PLATFORMS)
def test_paths_arrive(parts: list[str], source: str, target: str) -> None:
    """A path below shared storage names the same file for the submitter and for every worker."""
    roots = {"linux": "/mnt/shared", "windows": "S:", "darwin": "/Volumes/shared"}
    variables = Variables({"shared": twoway(**roots)}, "linux")
    sent = to_platform("/".join([roots[source], *parts]), source)
    expected = to_platform("/".join([roots[target], *parts]), target)
    assert variables.for_worker(target).text(variables.name_prefix(sent, source)) == expected


@given(st.text(), PLATFORMS)
def test_other_text_passes_unchanged(text: str, platform: str) -> None:
    """Text that is neither a known name nor a path of ours is nobody's business."""
    variables = Variables(
        {"shared": twoway(linux="/mnt/§", windows="S:§", darwin="/§"), "x§": everywhere("y")}, "linux"
    )
    if "§" not in text:
        assert variables.for_worker(platform).text(text) == text
        assert variables.name_prefix(text, platform) == text


# -- paths ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "platform", "expected"),
    [
        ("opposite/path", "windows", "opposite\\path"),
        ("opposite\\path", "linux", "opposite/path"),
        ("F:/mixed/path\\to\\file.blend", "windows", "F:\\mixed\\path\\to\\file.blend"),
        ("F:\\", "windows", "F:\\"),
        ("F:", "windows", "F:\\"),
        ("F:\\directory\\", "linux", "F:/directory"),
        ("/dir/path/", "windows", "\\dir\\path"),
        ("\\\\NAS\\share\\path", "windows", "\\\\NAS\\share\\path"),
        ("\\\\NAS\\share\\path", "linux", "//NAS/share/path"),
        ("a//b\\\\c\\/d", "darwin", "a/b/c/d"),
        ("/", "linux", "/"),
        ("", "linux", ""),
        ("", "windows", ""),
    ],
)
def test_to_platform(path: str, platform: str, expected: str) -> None:
    """Separators become the platform's, each once; leading ones are kept, trailing ones are not."""
    assert to_platform(path, platform) == expected


@given(st.text(alphabet="aF:/\\. "), PLATFORMS)
def test_to_platform_is_stable(path: str, platform: str) -> None:
    """A path that has been written for a platform is not changed by writing it again."""
    once = to_platform(path, platform)
    assert to_platform(once, platform) == once
    assert ("/" if platform == "windows" else "\\") not in once


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "/"),
        ("\\\\\\", "\\"),
        ("/\\\\", "/"),
        ("trailing/slashes///", "trailing/slashes"),
        ("a/ ", "a/ "),
        ("", ""),
    ],
)
def test_trim_trailing_separators(path: str, expected: str) -> None:
    """Separators at the end go, except the first one of a path that has nothing else."""
    assert trim_trailing_separators(path) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("F:path\\to", "F:\\path\\to"),
        ("F:", "F:\\"),
        ("F", "F"),
        ("F:\\x", "F:\\x"),
        ("F:/x", "F:/x"),
        ("©:x", "©:x"),
        ("\\\\NAS\\x", "\\\\NAS\\x"),
        ("", ""),
    ],
)
def test_ensure_drive_absolute(path: str, expected: str) -> None:
    """A drive letter is followed by a separator; what only looks like one is left alone."""
    assert ensure_drive_absolute(path) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", True),
        ("C:", True),
        ("C:/", True),
        ("C:\\", True),
        ("", False),
        ("\\", False),
        ("C:subdir", False),
        ("/subdir/..", False),
        ("\\\\NAS\\Share\\", False),
    ],
)
def test_is_root(path: str, expected: bool) -> None:
    """Roots of file systems and drives are told from everything below them."""
    assert is_root(path) is expected


@pytest.mark.parametrize(("path", "expected"), [("\\\\NAS\\x", True), ("//NAS/x", False), ("\\x", False), ("", False)])
def test_is_unc(path: str, expected: bool) -> None:
    """A path on another machine begins with two backslashes."""
    assert is_unc(path) is expected
