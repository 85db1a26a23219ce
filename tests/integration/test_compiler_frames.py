"""What scripts say of the order of frames, and of those that are looked at first."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from flamenco.domain.errors import JobTypeError
from flamenco.domain.previews import Preview, Then
from tests.docs import manual
from tests.integration.compiling import Studio


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """One studio for all tests here: scripts leave nothing behind, so they may share a helper."""
    studio = Studio(tmp_path_factory.mktemp("studio"))
    yield studio
    studio.compiler.close()


TASK = "job.addTask(author.Task('a', 'b'));"


def test_what_the_manual_has_a_script_say(studio: Studio) -> None:
    """Is what the job has then; it is not one of Flamenco's fields."""
    text = (manual.ROOT / "docs" / "previews.md").read_text("utf-8")
    order, preview = re.findall(r"```js\n(.*?)```", text, re.DOTALL)[-2:]
    job = studio.run(f"{TASK} {order} {preview} job.settings.fields = Object.keys(job).join();")
    assert job.frame_order == "middle-out"
    assert job.previewed == Preview("first,middle,last", Then.ASK, 4 * 3600.0)
    assert not {"orderFrames", "previewFrames"} & set(job.settings["fields"].split(","))


def test_what_is_not_said(studio: Studio) -> None:
    """Is none."""
    job = studio.run(TASK)
    assert (job.frame_order, job.previewed) == ("", None)
    assert studio.run(f"{TASK} job.previewFrames('1');").previewed == Preview("1")


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("job.orderFrames('sideways');", "'sideways' is no order of frames"),
        ("job.previewFrames('frist');", "write such as first,middle,last"),
        ("job.previewFrames('first', { then: 'cancel' });", "'cancel' is nothing that follows"),
        ("job.previewFrames('first', { after: '4h' });", "what the second argument has is then or continueAfter"),
        ("job.previewFrames('first', 'ask');", "how a preview goes on must be an object"),
        ("job.previewFrames('first', { continueAfter: 'soon' });", "'soon' is not a duration"),
    ],
)
def test_what_is_wrong(studio: Studio, body: str, complaint: str) -> None:
    """Is told in a sentence."""
    with pytest.raises(JobTypeError, match=re.escape(complaint)):
        studio.run(f"{TASK} {body}")
