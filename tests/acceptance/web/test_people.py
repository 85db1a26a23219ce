"""People, in a farm that wants to know everybody: signing in, users, tokens, one's own page, approvals, the audit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests import length
from tests.acceptance.conftest import running_manager, wait_until
from tests.acceptance.signing_in import PASSWORD, add_user
from tests.acceptance.web.farms import HOSTILE, LookedAt, looked_at
from tests.acceptance.web.test_looks import axe, look_at

__all__ = ["axe"]

SECRET = "the secret of a worker that waits"
REVOKED_WITHIN_S = 30.0


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LookedAt]:
    """A manager in which nothing goes without signing in; what is asked beside the page, root asks."""
    folder = tmp_path_factory.mktemp("login")
    for name, role in (("root", "admin"), ("wendy", "wrangler"), ("anna", "artist"), ("vera", "viewer")):
        add_user(folder / "data", name, role)
    with (
        running_manager(folder, "--processes", "2", "--set", "access.mode=login") as manager,
        looked_at(manager) as farm,
    ):
        farm.client.post("/api/x/sign-in", json={"name": "root", "password": PASSWORD}).raise_for_status()
        yield farm


@pytest.fixture
def expected() -> list[str]:
    """Whoever has not signed in is refused, and so is who gives a wrong password; the console says so."""
    return ["401", "403"]


def sign_in(page: Page, name: str, password: str = PASSWORD, to: str = "/me") -> None:
    """Fill in the form, and be where that leads."""
    page.goto(f"sign-in?next={to}")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: urlsplit(url).path == to)


def bearer(farm: LookedAt, token: str, path: str = "me") -> int:
    """The status of what is asked with a token."""
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{farm.manager.url}/api/x/{path}", headers=headers, timeout=30).status_code


@pytest.mark.long
def test_signing_in_leads_back(page: Page, farm: LookedAt) -> None:
    """With the filters that one had, also after a wrong password; out again, one is nobody."""
    page.goto("jobs?status=failed&q=two+words")
    page.get_by_role("banner").get_by_role("link", name="Sign in").click()
    for password in ("wrong", PASSWORD):
        page.get_by_label("Name").fill("anna")
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(r"/jobs\?status=failed&q=two\+words$"))
    expect(page.get_by_role("link", name="anna")).to_be_visible()
    expect(page.get_by_role("link", name="Sign in")).to_have_count(0)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()


@pytest.mark.parametrize(
    "to", length.every(4, ["//evil.example/x", "https://evil.example", "/\\evil.example", "/api/x/me"])
)
def test_signing_in_leads_nowhere_else(page: Page, farm: LookedAt, to: str) -> None:
    """A link that somebody sends cannot."""
    page.goto(f"{farm.manager.url}/sign-in?next={to}")
    page.get_by_label("Name").fill("anna")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{farm.manager.url}/")
    expect(page.get_by_role("heading", name="Farm")).to_be_visible()


def test_users(page: Page, farm: LookedAt) -> None:
    """One is added, given another role and password, and removed; each of it holds for that one."""
    sign_in(page, "root", to="/users")
    added = page.get_by_role("form", name="Add a user")
    added.get_by_label("Name").fill("bob")
    added.get_by_label("Role").select_option("viewer")
    added.get_by_label("Password").fill(PASSWORD)
    added.get_by_role("button", name="Add").click()
    bob = page.get_by_role("form", name="bob")
    expect(bob.get_by_label("Role")).to_have_value("viewer")
    assert {each["name"]: each["role"] for each in farm.ask("users")["users"]}["bob"] == "viewer"
    bob.get_by_label("Role").select_option("wrangler")
    bob.get_by_label("Another password").fill(f"{PASSWORD} too")
    bob.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").get_by_text("Saved: bob")).to_be_visible()
    expect(bob.get_by_label("Another password")).to_have_value("")
    body = {"name": "bob", "password": f"{PASSWORD} too"}
    assert httpx.post(f"{farm.manager.url}/api/x/sign-in", json=body, timeout=30).json()["role"] == "wrangler"
    page.get_by_role("button", name="Remove: bob").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(bob).to_have_count(0)
    assert "bob" not in {each["name"] for each in farm.ask("users")["users"]}


def test_the_last_administrator_stays(page: Page, farm: LookedAt, expected: list[str]) -> None:
    """What the manager refuses is said, and nothing is otherwise."""
    expected.append("409")
    sign_in(page, "root", to="/users")
    expect(page.get_by_role("form", name="root").get_by_text("you", exact=True)).to_be_visible()
    page.get_by_role("button", name="Remove: root").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.locator(".notice.error")).to_contain_text("the only one with the role admin")
    expect(page.get_by_role("form", name="root")).to_be_visible()


@pytest.mark.parametrize(("name", "path", "role"), [("anna", "users", "administrator"), ("anna", "audit", "wrangler")])
def test_what_is_for_others(page: Page, farm: LookedAt, name: str, path: str, role: str) -> None:
    """It is not offered, and says for whom it is where somebody has the address."""
    sign_in(page, name)
    expect(page.get_by_role("link", name="Connect Blender")).to_be_visible()
    assert page.get_by_role("link", name="Users").count() == 0
    page.keyboard.press("/")
    page.keyboard.type("who changed")
    expect(page.get_by_text("Nothing is called that.")).to_be_visible()
    page.keyboard.press("Escape")
    page.goto(path)
    alert = page.get_by_role("alert").filter(has_text="This takes the role")
    expect(alert).to_contain_text(f"This takes the role {role}")
    expect(alert).to_contain_text("You are anna, with the role artist")


def test_tokens(page: Page, farm: LookedAt) -> None:
    """One is made and shown this once; it works until it is revoked."""
    sign_in(page, "anna")
    page.get_by_label("What it is for").fill(HOSTILE["markup"][:100])
    page.get_by_label("Role").select_option("submit")
    page.get_by_role("button", name="Make a token").click()
    shown = page.locator(".hold code").first
    expect(shown).to_have_text(re.compile(r"^flt_\w+"))
    token = shown.inner_text()
    assert bearer(farm, token, "me") == 200
    assert bearer(farm, token, "users") == 403
    page.reload()
    expect(page.get_by_role("rowheader", name=HOSTILE["markup"][:100])).to_be_visible()
    assert token not in page.content()
    page.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("There are none.")).to_be_visible()
    assert wait_until(lambda: all(bearer(farm, token) == 401 for _ in range(10)), REVOKED_WITHIN_S)
    assert page.title() != "hit"


def test_an_administrator_sees_all_tokens(page: Page, farm: LookedAt) -> None:
    """Of everybody, and makes some for others."""
    sign_in(page, "root", to="/users")
    page.get_by_label("What it is for").fill("of vera")
    page.get_by_label("Of which user").fill("vera")
    page.get_by_label("Days").fill("3")
    page.locator("form:has([name=days]) select").select_option("view")
    page.get_by_role("button", name="Make a token").click()
    row = page.get_by_role("row", name="of vera")
    expect(row).to_contain_text("program that looks")
    (made,) = [each for each in farm.ask("tokens")["tokens"] if each["name"] == "of vera"]
    assert (made["user"], made["role"]) == ("vera", "view")


def test_connecting_blender(page: Page, farm: LookedAt) -> None:
    """The address has a key, with which the add-on is let in, and which opens nothing else."""
    sign_in(page, "anna", to="/connect")
    page.get_by_label("Days").fill("30")
    page.get_by_role("button", name="Make the address").click()
    address = page.locator(".hold code").inner_text()
    assert address.startswith(f"{farm.manager.url}/t/flt_")
    assert address.endswith("/")
    with httpx.Client(base_url=address, timeout=30) as addon:
        assert addon.get("api/v3/jobs/types").status_code == 200
        assert addon.get("api/x/users").status_code == 403
        assert addon.get("").status_code != 200
    (made,) = [each for each in farm.ask("tokens")["tokens"] if each["name"] == "Blender of anna"]
    assert (made["user"], made["role"]) == ("anna", "submit")
    assert "expires" in made


def test_who_only_looks_connects_nothing(page: Page, farm: LookedAt) -> None:
    """It takes a role that submits, and says so."""
    sign_in(page, "vera")
    expect(page.get_by_role("link", name="Connect Blender")).to_have_count(0)
    page.goto("connect")
    expect(page.get_by_role("alert").filter(has_text="role")).to_contain_text("This takes the role artist")


def test_ones_own_password(page: Page, farm: LookedAt) -> None:
    """It is typed twice; with the new one, one signs in anew."""
    farm.client.post("/api/x/users", json={"name": "carl", "role": "viewer", "password": PASSWORD}).raise_for_status()
    sign_in(page, "carl")
    page.get_by_label("Present").fill(PASSWORD)
    page.get_by_label("New").fill(f"{PASSWORD} anew")
    page.get_by_label("Once more").fill("something else")
    page.get_by_role("button", name="Change password").click()
    expect(page.locator(".notice.error")).to_contain_text("differ")
    page.get_by_label("Once more").fill(f"{PASSWORD} anew")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("status").get_by_text("The password is changed.")).to_be_visible()
    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()
    sign_in(page, "carl", f"{PASSWORD} anew")
    expect(page.get_by_role("heading", name="carl")).to_be_visible()


def register(farm: LookedAt, name: str) -> str:
    """A worker registers, as one does; its id."""
    body = {"name": name, "platform": "linux", "secret": SECRET, "supported_task_types": ["misc"]}
    answer = httpx.post(f"{farm.manager.url}/api/v3/worker/register-worker", json=body, timeout=30)
    answer.raise_for_status()
    return str(answer.json()["uuid"])


@pytest.mark.parametrize("at", ["", "workers"])
def test_approving_workers(page: Page, farm: LookedAt, at: str) -> None:
    """A worker that waits needs somebody: with its address and code; a wrangler approves it there."""
    worker_id = register(farm, f"waits at {at or 'the farm'}")
    sign_in(page, "wendy")
    page.goto(at)
    waiting = page.get_by_role("region", name="Workers that wait for approval")
    line = waiting.get_by_role("listitem").filter(has_text=f"waits at {at or 'the farm'}")
    expect(line).to_contain_text("127.0.0.1")
    expect(line).to_contain_text(re.compile(r"with the code \d{6}"))
    line.get_by_role("button", name="Approve").click()
    expect(line).to_have_count(0)
    assert farm.ask(f"workers/{worker_id}")["approved"]


def test_who_may_not_approve_sees_who_waits(page: Page, farm: LookedAt) -> None:
    """Without a button."""
    worker_id = register(farm, HOSTILE["right to left"])
    sign_in(page, "vera")
    page.goto("workers")
    waiting = page.get_by_role("region", name="Workers that wait for approval")
    expect(waiting).to_contain_text("until a wrangler approves them")
    expect(waiting.get_by_role("button")).to_have_count(0)
    farm.client.delete(f"/api/v3/worker-mgt/workers/{worker_id}").raise_for_status()


def test_the_audit(page: Page, farm: LookedAt) -> None:
    """Who did what to what, before and after; narrowed by a click, and further back page by page."""
    for number in range(120):
        farm.tag(f"{HOSTILE['markup'][:60]} {number}")
    changed = {"role": "artist"}
    farm.client.put("/api/x/users/vera", json=changed).raise_for_status()
    farm.client.put("/api/x/users/vera", json={"role": "viewer"}).raise_for_status()
    sign_in(page, "wendy")
    page.get_by_role("link", name="Who changed what").click()
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(100)
    page.get_by_role("button", name="Earlier ones").click()
    page.wait_for_url(re.compile(r"before=\d+"))
    expect(page.get_by_role("button", name="The newest")).to_be_visible()
    page.go_back()
    page.get_by_role("searchbox", name="Kind").fill("user")
    page.wait_for_url(re.compile(r"kind=user"))
    line = page.get_by_role("row").filter(has_text="changeUser").first
    expect(line).to_contain_text("role")
    expect(line.locator("del")).to_have_text("artist")
    expect(line.locator("ins")).to_have_text("viewer")
    line.get_by_role("link", name="vera").first.click()
    page.wait_for_url(re.compile(r"object=vera"))
    page.reload()
    expect(page.get_by_role("row").filter(has_text="changeUser")).to_have_count(2)
    page.get_by_role("searchbox", name="Who").fill("nobody of that name")
    expect(page.get_by_text("Nothing fits these filters.")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(rows).to_have_count(100)
    assert page.title() != "hit"
    assert PASSWORD not in page.content()


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_how_it_looks(page: Page, farm: LookedAt, axe: str, pictures: Path, scheme: str) -> None:
    """Nobody is kept out, of what is for them and of what is not; and all of it fits on a phone."""
    register(farm, HOSTILE["long"][:200])
    token = {"name": HOSTILE["markup"][:100], "role": "submit", "user": "anna", "days": 9}
    farm.client.post("/api/x/tokens", json=token).raise_for_status()
    look_at(page, ["jobs", "me"], f"nobody-{scheme}", axe, pictures)
    sign_in(page, "root")
    look_at(page, ["users", "audit", "me", "connect", "workers", ""], f"root-{scheme}", axe, pictures)
    page.goto("connect")
    page.get_by_role("button", name="Make the address").click()
    expect(page.locator(".hold code")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()
    sign_in(page, "vera")
    look_at(page, ["users", "audit", "connect", "workers"], f"vera-{scheme}", axe, pictures)
