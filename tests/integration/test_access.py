"""Coming in, and what one may do then: tokens, keys in the path, signing in, own jobs, approval, who changed what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from falcon import testing

from flamenco.config.access_settings import NetworkRule, ProxyConfig
from flamenco.domain.access import ITSELF, Role, hash_of, new_token, token_in
from flamenco.domain.errors import AccessDenied, Busy, SignInNeeded
from flamenco.domain.events import tag_event, task_log_event
from flamenco.domain.identity import approval_code
from flamenco.domain.model import Tag
from flamenco.farm import audit, sign_in, tokens, users
from flamenco.farm.context import Farm
from flamenco.farm.failed_sign_ins import MOST_AN_HOUR
from flamenco.farm.identification import Credentials, identify
from flamenco.farm.throttle import SIGNING_IN, SIGNING_IN_BY_NAME
from flamenco.services import upkeep
from flamenco.store import events as event_store
from flamenco.testing import Clock
from tests.integration.entering import (
    PASSWORD,
    PRIVATE_ADDRESS,
    PUBLIC_ADDRESS,
    Client,
    access,
    add_user,
    basic,
    token_of,
    with_token,
)
from tests.integration.farming import SECRET

MakeFarm = Callable[..., Farm]

JOB = {
    "name": "shot 12",
    "type": "echo-sleep-test",
    "priority": 50,
    "submitter_platform": "linux",
    "settings": {"message": "m", "sleep_duration_seconds": 1, "sleep_repeats": 1},
    "metadata": {"user.name": "anna"},
}
REGISTRATION = {
    "name": "render-07",
    "nickname": "render-07",
    "platform": "linux",
    "secret": SECRET,
    "supported_task_types": ["misc"],
}
"""As both protocols have it: each passes over the name that the other one has for the name."""


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Which database there is makes no difference to most of it."""
    return f"sqlite:///{tmp_path}/flamenco.sqlite"


def submit(client: Client, **changed: Any) -> str:
    """Submit a job; its UUID."""
    answer = client.post("/api/v3/jobs", JOB | changed)
    assert answer.status_code == 200, answer.text
    job_id: str = answer.json["id"]
    return job_id


def cancel(client: Client, job_id: str) -> testing.Result:
    """Try to cancel a job."""
    return client.post(f"/api/v3/jobs/{job_id}/setstatus", {"status": "cancel-requested", "reason": "no need"})


# -- without signing in ---------------------------------------------------------------------------------------------


def test_in_a_private_network_one_steers_what_one_has_submitted(make_farm: MakeFarm) -> None:
    """From the same address, whatever a submission claims; what came from elsewhere is left alone."""
    farm = make_farm(**access("lan"))
    here, there = Client(farm, address="10.0.0.7"), Client(farm, address="10.0.0.8")
    job_id = submit(here)
    refused = cancel(there, job_id)
    assert refused.status_code == 401
    assert "from the same address" in refused.json["message"]
    task_id = here.get(f"/api/v3/jobs/{job_id}/tasks").json["tasks"][0]["id"]
    of_task = {"status": "canceled", "reason": "no need"}
    assert there.post(f"/api/v3/tasks/{task_id}/setstatus", of_task).status_code == 401
    assert here.post(f"/api/v3/tasks/{task_id.upper()}/setstatus", of_task).status_code == 204
    assert cancel(here, job_id.upper()).status_code == 204
    assert with_token(farm, Role.WRANGLER).ask("DELETE", f"/api/v3/jobs/{job_id}").status_code == 204


def test_everybody_in_a_private_network_sees_all_jobs(make_farm: MakeFarm) -> None:
    """Looking is free there."""
    farm = make_farm(**access("lan"))
    job_id = submit(Client(farm, address="10.0.0.7"))
    assert Client(farm, address="10.0.0.8").get(f"/api/v3/jobs/{job_id}").status_code == 200


def test_a_manager_on_every_interface_is_in_mode_lan(make_farm: MakeFarm) -> None:
    """As soon as others reach it; and whoever comes from the internet may nothing."""
    farm = make_farm(listen=":8080")
    assert Client(farm, address=PRIVATE_ADDRESS).get("/api/v3/jobs").status_code == 200
    refused = Client(farm, address=PUBLIC_ADDRESS).get("/api/v3/jobs")
    assert refused.status_code == 401
    assert "flamenco login" in refused.json["message"]
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    assert Client(make_farm(), address=PUBLIC_ADDRESS).get("/api/v3/jobs").status_code == 200


def test_a_network_can_have_a_role(make_farm: MakeFarm) -> None:
    """The first rule that fits counts, before the mode."""
    rules = (NetworkRule(network="10.1.2.0/24", role="wrangler"), NetworkRule(network="10.0.0.0/8", role="viewer"))
    farm = make_farm(**access("login", networks=rules))
    assert Client(farm, address="10.1.2.3").get("/api/x/me").json["role"] == "wrangler"
    assert Client(farm, address="10.9.9.9").get("/api/x/me").json == {
        "mode": "login",
        "role": "viewer",
        "way": "network",
    }
    assert Client(farm, address="192.168.0.1").get("/api/x/me").status_code == 401


@pytest.mark.parametrize(
    ("peer", "forwarded", "role"),
    [
        ("10.0.0.1", "10.5.5.5", "artist"),
        ("10.0.0.1", "8.8.8.8", None),
        ("10.0.0.1", "10.5.5.5, 8.8.8.8", None),
        ("10.0.0.1", "8.8.8.8, 10.5.5.5", "artist"),
        ("10.0.0.1", "8.8.8.8, 10.5.5.5, 10.0.0.2", "artist"),
        ("10.0.0.1", "", None),
        ("10.0.0.1", "nonsense", None),
        ("10.0.0.1", "10.5.5.5, unknown", None),
        ("10.0.0.1", "10.5.5.5, 8.8.8.8:51234", None),
        ("10.0.0.1", "8.8.8.8, 10.5.5.5:51234", "artist"),
        ("10.0.0.1", "10.5.5.5, [2001:4860::1]:51234", None),
        ("10.0.0.1", "10.0.0.2", "artist"),
        ("10.0.0.9", "10.5.5.5", None),
        ("8.8.8.8", "10.5.5.5", None),
    ],
)
def test_of_a_proxy_only_what_ours_has_seen_itself_counts(
    make_farm: MakeFarm, peer: str, forwarded: str, role: str | None
) -> None:
    """Whoever writes the header by hand gains nothing, and a proxy that nobody has named is told to be named."""
    farm = make_farm(**access("lan", proxy=ProxyConfig(trusted=("10.0.0.1", "10.0.0.2/32"))))
    answer = Client(farm, {"X-Forwarded-For": forwarded} if forwarded else {}, peer).get("/api/x/me")
    assert answer.json.get("role") == role
    if peer == "10.0.0.9":
        assert "access: {proxy: {trusted:" in answer.json["message"]


@pytest.mark.parametrize("header", ["Forwarded", "X-Real-IP"])
def test_headers_that_proxies_pass_on_say_nothing(make_farm: MakeFarm, header: str) -> None:
    """A client behind a proxy that is trusted can send them itself."""
    farm = make_farm(**access("lan", proxy=ProxyConfig(trusted=("10.0.0.1",))))
    value = "for=10.5.5.5" if header == "Forwarded" else "10.5.5.5"
    client = Client(farm, {header: value, "X-Forwarded-For": "8.8.8.8"}, "10.0.0.1")
    assert client.get("/api/x/me").status_code == 401


def test_a_manager_on_its_own_machine_is_not_open_to_whom_a_proxy_lets_in(make_farm: MakeFarm) -> None:
    """It listens to its own machine alone, so that is where its users are; unless somebody says that it is open."""
    forwarded = {"X-Forwarded-For": "8.8.8.8"}
    assert Client(make_farm(), forwarded, "127.0.0.1").get("/api/v3/jobs").status_code == 401
    assert Client(make_farm(), address="127.0.0.1").get("/api/v3/jobs").status_code == 200
    assert Client(make_farm(**access("open")), forwarded, "127.0.0.1").get("/api/v3/jobs").status_code == 200


def test_artists_have_limits(make_farm: MakeFarm) -> None:
    """Those that the configuration sets: priorities, and jobs that run any program."""
    farm = make_farm(**access("lan", highest_priority=60, artists_run_any_program=False))
    artist, wrangler = Client(farm), with_token(farm, Role.WRANGLER)
    job_id = submit(artist, priority=60)
    too_high = artist.post("/api/v3/jobs", JOB | {"priority": 61})
    assert too_high.status_code == 403
    assert "access.highest_priority" in too_high.json["message"]
    assert artist.post(f"/api/v3/jobs/{job_id}/setpriority", {"priority": 61}).status_code == 403
    assert artist.post(f"/api/v3/jobs/{job_id}/setpriority", {"priority": 40}).status_code == 204
    assert wrangler.post(f"/api/v3/jobs/{job_id}/setpriority", {"priority": 90}).status_code == 204


def test_viewers_read_logs_if_they_may(make_farm: MakeFarm) -> None:
    """By the endpoint as well as the file."""
    for may in (True, False):
        farm = make_farm(**access("login", viewers_read_logs=may))
        job_id = submit(with_token(farm, Role.ARTIST))
        task_id = with_token(farm, Role.VIEWER).get(f"/api/v3/jobs/{job_id}/tasks").json["tasks"][0]["id"]
        file = f"/job-files/job-{job_id[:4]}/{job_id}/task-{task_id}.txt"
        log = f"/api/x/tasks/{task_id}/log"
        for path in (f"/api/v3/tasks/{task_id}/logtail", file, log, f"{log}/search?q=x"):
            answer = with_token(farm, Role.VIEWER).get(path)
            assert (answer.status_code == 403) is not may, answer.text
            assert with_token(farm, Role.ARTIST).get(path).status_code in (200, 204, 404)


# -- tokens ---------------------------------------------------------------------------------------------------------


def test_a_token_comes_in_by_any_of_its_ways(make_farm: MakeFarm) -> None:
    """As Bearer, as the password of HTTP Basic whoever the user is, and in the path, where clients know no other."""
    farm = make_farm(**access("login"))
    text = token_of(farm, Role.SUBMIT)
    for client, prefix in (
        (Client(farm, {"Authorization": f"Bearer {text}"}), ""),
        (Client(farm, basic("anna", text)), ""),
        (Client(farm), f"/t/{text}"),
    ):
        assert client.get(f"{prefix}/api/x/me").json == {
            "mode": "login",
            "role": "submit",
            "way": "token",
            "name": f"token for submit {text.split('_')[1]}",
        }
    assert Client(farm).get("/api/x/me").status_code == 401


def test_what_opens_nothing_is_refused_and_not_passed_over(make_farm: MakeFarm) -> None:
    """In every mode: whoever sends a token wants to be somebody."""
    for mode in ("open", "lan", "login"):
        farm = make_farm(**access(mode))
        for text in (str(new_token()), "nonsense"):
            refused = Client(farm, {"Authorization": f"Bearer {text}"}).get("/api/v3/jobs")
            assert refused.status_code == 401
            assert "revoked" in refused.json["message"]
        good = token_in(token_of(farm, Role.ADMIN))
        assert good is not None
        forged = f"flt_{good.id}_{'0' * 64}"
        assert Client(farm, {"Authorization": f"Bearer {forged}"}).get("/api/v3/jobs").status_code == 401


def test_a_key_in_the_path_stays_in_links_and_out_of_everything_else(make_farm: MakeFarm) -> None:
    """What the manager answers leads back through it, behind a proxy too; nobody with more than a program has one."""
    farm = make_farm(**access("login"))
    text = token_of(farm, Role.SUBMIT)
    client = Client(farm)
    job_id = client.post(f"/t/{text}/api/v3/jobs", JOB).json["id"]
    farm.logs.append(job_id, (task_id := _first_task(farm, job_id)), "hello\n")
    found = client.get(f"/t/{text}/api/v3/tasks/{task_id}/log").json["url"]
    assert found.startswith(f"/t/{text}/job-files/")
    assert client.get(found).text == "hello\n"
    behind = client.ask("GET", f"/t/{text}/api/v3/tasks/{task_id}/log", None, **{"X-Forwarded-Prefix": "/farm"})
    assert behind.json["url"] == f"/farm{found}"
    for role in (Role.VIEWER, Role.ARTIST, Role.ADMIN):
        refused = client.get(f"/t/{token_of(farm, role)}/api/v3/version/../jobs".replace("version/../", ""))
        assert refused.status_code == 403
        assert "in the path" in refused.json["message"]
    assert client.get("/t/nonsense/api/v3/jobs").status_code == 404


def _first_task(farm: Farm, job_id: str) -> str:
    answer = with_token(farm, Role.VIEW).get(f"/api/v3/jobs/{job_id}/tasks")
    task_id: str = answer.json["tasks"][0]["id"]
    return task_id


def test_a_token_for_submitting_sees_its_own_jobs_alone(make_farm: MakeFarm) -> None:
    """In the list, one by one, and their files."""
    farm = make_farm(**access("login"))
    mine = Client(farm, {"Authorization": f"Bearer {token_of(farm, Role.SUBMIT)}"}, "10.0.0.7")
    add_user(farm, "bob", Role.ARTIST)
    theirs = with_token(farm, Role.SUBMIT, "10.0.0.8", user="bob")
    own, other = submit(mine), submit(theirs)
    assert [job["id"] for job in mine.get("/api/v3/jobs").json["jobs"]] == [own]
    assert [job["id"] for job in theirs.get("/api/v3/jobs").json["jobs"]] == [other]
    assert mine.get(f"/api/v3/jobs/{own}").status_code == 200
    for path in (f"/api/v3/jobs/{other}", f"/api/x/jobs/{other}/explain", f"/job-files/job-{other[:4]}/{other}/a.jpg"):
        assert mine.get(path).status_code == 403, path
    assert cancel(mine, other).status_code == 403
    assert cancel(mine, own).status_code == 204
    # What bob has submitted by a token is his, whichever way he comes in.
    assert cancel(with_token(farm, Role.ARTIST, user="bob"), other).status_code == 204


def test_what_opens_one_door_opens_no_other(make_farm: MakeFarm) -> None:
    """Not even within the seconds in which it is remembered who came by it."""
    farm = make_farm(**access("login"))
    add_user(farm, "anna", Role.ADMIN)
    cookie = cookie_of(Client(farm).post("/api/x/sign-in", {"name": "anna", "password": PASSWORD}))
    assert Client(farm, cookie).get("/api/x/me").status_code == 200
    secret = cookie["Cookie"].partition("=")[2]
    assert Client(farm, {"Authorization": f"Bearer {secret}"}).get("/api/x/me").status_code == 401
    text = token_of(farm, Role.VIEW)
    assert Client(farm, {"Authorization": f"Bearer {text}"}).get("/api/x/me").status_code == 200
    assert Client(farm, {"Cookie": f"flamenco_session={text}"}).get("/api/x/me").status_code == 401


def test_a_browser_may_ask_what_it_may_send(make_farm: MakeFarm) -> None:
    """Without its cookies, as browsers do, of a page that may; that tells nothing, and changes nothing."""
    farm = make_farm(**access("login"))
    asked = {"Origin": "http://localhost:8081", "Access-Control-Request-Method": "POST"}
    answer = Client(farm, asked).ask("OPTIONS", "/api/v3/jobs")
    assert (answer.status_code, answer.text) == (200, "")


def test_a_token_lasts_as_long_as_it_is_to(make_farm: MakeFarm, clock: Clock) -> None:
    """It expires; it is less when its user becomes less; it goes with its user."""
    farm = make_farm(**access("login"))
    _, text = tokens.add(farm, ITSELF, "short", Role.VIEW, lasts=timedelta(hours=1))
    short = Client(farm, {"Authorization": f"Bearer {text}"})
    assert short.get("/api/x/me").status_code == 200
    clock.forward(3601)
    assert short.get("/api/x/me").status_code == 401
    add_user(farm, "anna", Role.WRANGLER)
    of_anna = with_token(farm, Role.WRANGLER, user="anna")
    assert of_anna.get("/api/x/me").json["role"] == "wrangler"
    users.change(farm, "anna", Role.VIEWER)
    assert of_anna.get("/api/x/me").json["role"] == "viewer"
    users.remove(farm, "anna")
    assert of_anna.get("/api/x/me").status_code == 401


def test_who_gets_the_name_of_a_removed_user_does_not_get_their_jobs(make_farm: MakeFarm) -> None:
    """However they come to it; nor does what is remembered of the one who is gone bring in another job."""
    farm, other = make_farm(**access("login")), make_farm(**access("login"))
    add_user(farm, "anna", Role.ARTIST)
    before = with_token(farm, Role.ARTIST, user="anna")
    elsewhere = Client(other, before.headers)
    job_id = submit(before)
    assert elsewhere.get("/api/x/me").status_code == 200
    users.remove(farm, "anna")
    assert elsewhere.post("/api/v3/jobs", JOB).status_code == 401
    add_user(farm, "anna", Role.ARTIST)
    after = with_token(farm, Role.ARTIST, user="anna")
    assert cancel(after, job_id).status_code == 403
    assert cancel(after, submit(after)).status_code == 204
    assert cancel(with_token(farm, Role.WRANGLER), job_id).status_code == 204


def test_nobody_makes_a_token_that_may_more_than_themselves(make_farm: MakeFarm) -> None:
    """Not by a token of little of somebody who may much, either; and without an account there are none."""
    farm = make_farm(**access("lan"))
    add_user(farm, "root", Role.ADMIN)
    add_user(farm, "bob", Role.ARTIST)
    little = with_token(farm, Role.ARTIST, user="root")
    assert little.post("/api/x/tokens", {"name": "more", "role": "admin"}).status_code == 400
    assert little.post("/api/x/tokens", {"name": "same"}).json["token"]["role"] == "artist"
    bob = with_token(farm, Role.ARTIST, user="bob")
    assert bob.post("/api/x/tokens", {"name": "more", "role": "register"}).status_code == 400
    assert bob.post("/api/x/tokens", {"name": "for root", "user": "root"}).status_code == 403
    assert Client(farm).post("/api/x/tokens", {"name": "lan"}).status_code == 403
    assert Client(farm).get("/api/x/tokens").json == {"tokens": []}
    mine = bob.post("/api/x/tokens", {"name": "Blender", "role": "submit", "days": 365}).json
    assert mine["path"] == f"/t/{mine['text']}/"
    assert [each["name"] for each in bob.get("/api/x/tokens").json["tokens"]] == ["for artist", "Blender"]
    other = next(each["id"] for each in with_token(farm, Role.ADMIN).get("/api/x/tokens").json["tokens"])
    assert bob.ask("DELETE", f"/api/x/tokens/{other}").status_code == 404
    assert bob.ask("DELETE", f"/api/x/tokens/{mine['token']['id']}").status_code == 204
    assert Client(farm, {"Authorization": f"Bearer {mine['text']}"}).get("/api/x/me").status_code == 401


def test_what_is_revoked_by_one_manager_is_refused_by_the_other_within_ten_seconds(
    make_farm: MakeFarm, clock: Clock
) -> None:
    """They have nothing in common but the database."""
    one, other = make_farm(**access("login")), make_farm(**access("login"))
    token, text = tokens.add(one, ITSELF, "t", Role.VIEW)
    asks = Client(other, {"Authorization": f"Bearer {text}"})
    assert asks.get("/api/x/me").status_code == 200
    tokens.revoke(one, ITSELF, token.id)
    assert Client(one, {"Authorization": f"Bearer {text}"}).get("/api/x/me").status_code == 401
    clock.forward(9)
    assert asks.get("/api/x/me").status_code == 401


def test_it_is_seen_when_a_token_was_used_last(make_farm: MakeFarm, clock: Clock) -> None:
    """To the minute: not every request writes."""
    farm = make_farm(**access("login"))
    _, text = tokens.add(farm, ITSELF, "t", Role.VIEW)
    client = Client(farm, {"Authorization": f"Bearer {text}"})

    def used() -> Any:
        return tokens.listed(farm, ITSELF)[0].last_used

    assert used() is None
    client.get("/api/x/me")
    first = used()
    assert first == clock()
    clock.forward(30)
    client.get("/api/x/me")
    assert used() == first
    clock.forward(31)
    client.get("/api/x/me")
    assert used() == clock()


# -- signing in -----------------------------------------------------------------------------------------------------


def cookie_of(answer: testing.Result) -> dict[str, str]:
    """The header with the cookie that an answer has set."""
    cookie = SimpleCookie(answer.headers["set-cookie"])
    name, morsel = next(iter(cookie.items()))
    assert morsel["httponly"]
    assert morsel["samesite"] == "Lax"
    assert morsel["path"] == "/"
    return {"Cookie": f"{name}={morsel.value}"}


def test_somebody_signs_in_and_out(make_farm: MakeFarm, clock: Clock) -> None:
    """Their browser keeps it as long as it is used, and for no script to see."""
    farm = make_farm(**access("login"))
    add_user(farm, "anna", Role.WRANGLER)
    answer = Client(farm).post("/api/x/sign-in", {"name": "anna", "password": PASSWORD})
    assert answer.json == {"mode": "login", "role": "wrangler", "way": "session", "name": "anna"}
    browser = Client(farm, cookie_of(answer))
    for _ in range(3):
        clock.forward(10 * 86_400)
        assert browser.get("/api/x/me").json["name"] == "anna"
    assert browser.post("/api/x/sign-out").status_code == 204
    assert browser.get("/api/x/me").status_code == 401
    again = Client(farm, cookie_of(Client(farm).post("/api/x/sign-in", {"name": "anna", "password": PASSWORD})))
    clock.forward(15 * 86_400)
    assert again.get("/api/x/me").status_code == 401
    upkeep.forget_access(farm)


def test_under_tls_no_other_host_can_have_set_the_cookie(make_farm: MakeFarm) -> None:
    """It has the name that browsers hold to that, and never goes over plain HTTP."""
    farm = make_farm(**access("login"))
    add_user(farm, "anna", Role.ARTIST)
    body = {"name": "anna", "password": PASSWORD}
    answer = Client(farm).ask("POST", "/api/x/sign-in", body, **{"X-Forwarded-Proto": "https"})
    assert answer.headers["set-cookie"].startswith("__Host-flamenco_session=")
    assert "Secure" in answer.headers["set-cookie"]
    over_tls = {"X-Forwarded-Proto": "https"}
    assert Client(farm, cookie_of(answer) | over_tls).get("/api/x/me").json["name"] == "anna"
    tossed = {"Cookie": cookie_of(answer)["Cookie"].replace("__Host-", "")}
    assert Client(farm, tossed | over_tls).get("/api/x/me").status_code == 401


def test_a_wrong_name_is_answered_as_a_wrong_password(make_farm: MakeFarm) -> None:
    """Word by word; and whoever has no password cannot sign in by an empty one."""
    farm = make_farm(**access("login"))
    add_user(farm, "anna", Role.ARTIST)
    users.add(farm, "by-plugin", Role.ADMIN)
    answers = [
        Client(farm).post("/api/x/sign-in", {"name": name, "password": password})
        for name, password in (("anna", "wrong"), ("nobody", PASSWORD), ("by-plugin", ""))
    ]
    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.json["message"] for answer in answers}) == 1


def test_whoever_guesses_waits(make_farm: MakeFarm, clock: Clock) -> None:
    """The right password included, until the time is over; it is said how long that takes. Others do not."""
    farm = make_farm(**access("login"))
    add_user(farm, "anna", Role.ARTIST)
    for _ in range(SIGNING_IN.waits_from):
        with pytest.raises(AccessDenied):
            sign_in.sign_in(farm, "anna", "wrong", PUBLIC_ADDRESS)
    there = Client(farm, address=PUBLIC_ADDRESS)
    refused = there.post("/api/x/sign-in", {"name": "Anna", "password": PASSWORD})
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "1"
    assert Client(farm).post("/api/x/sign-in", {"name": "anna", "password": PASSWORD}).status_code == 200
    clock.forward(1)
    assert there.post("/api/x/sign-in", {"name": "anna", "password": PASSWORD}).status_code == 200


def test_whoever_knows_one_password_does_not_guess_others(make_farm: MakeFarm) -> None:
    """To be right now and then, in a name of one's own, does not buy more guesses."""
    farm = make_farm(**access("login"))
    add_user(farm, "own", Role.VIEWER)
    for number in range(SIGNING_IN.waits_from):
        sign_in.sign_in(farm, "own", PASSWORD, PUBLIC_ADDRESS)
        with pytest.raises(AccessDenied):
            sign_in.sign_in(farm, f"name-{number}", "wrong", PUBLIC_ADDRESS)
    with pytest.raises(Busy):
        sign_in.sign_in(farm, "own", PASSWORD, PUBLIC_ADDRESS)


@pytest.mark.long
def test_very_many_wrong_passwords_for_one_name_from_everywhere(make_farm: MakeFarm, clock: Clock) -> None:
    """That is no mistake of anybody, so the name waits as well; from one network for IPv6 they are of one machine."""
    farm = make_farm(**access("login"))
    for number in range(SIGNING_IN_BY_NAME.waits_from):
        with pytest.raises(AccessDenied):
            sign_in.sign_in(farm, "anna", "wrong", f"10.0.{number}.1")
    with pytest.raises(Busy):
        sign_in.sign_in(farm, "anna", "wrong", "10.1.0.1")
    for number in range(SIGNING_IN.waits_from):
        with pytest.raises(AccessDenied):
            sign_in.sign_in(farm, f"bob-{number}", "wrong", f"2001:db8::{number}")
    with pytest.raises(Busy):
        sign_in.sign_in(farm, "bob", "wrong", "2001:db8::ff")


def test_no_more_than_a_few_wait_for_a_password_to_be_hashed(make_farm: MakeFarm) -> None:
    """Hashing takes a while on purpose; whoever comes when many wait is told to come again."""
    farm = make_farm()
    for _ in range(2):
        farm.passwords._places.__enter__()
    waiting = farm.passwords._places._waiting
    while waiting.acquire(blocking=False):
        pass
    with pytest.raises(Busy):
        farm.passwords.is_right("x", "")


def test_the_first_user_comes_by_a_link(make_farm: MakeFarm, clock: Clock) -> None:
    """Once, within the hour, and of several that were printed only the last one."""
    farm = make_farm(**access("lan"))
    old, link = sign_in.first_link(farm), sign_in.first_link(farm)
    assert old
    assert link
    body = {"name": "root", "password": PASSWORD}
    assert Client(farm).post("/api/x/sign-in", body | {"link": old}).status_code == 403
    assert Client(farm, {"Authorization": f"Bearer {link}"}).get("/api/x/users").status_code == 401
    assert Client(farm).post("/api/x/sign-in", body | {"link": link, "password": "short"}).status_code == 400
    answer = Client(farm).post("/api/x/sign-in", body | {"link": link})
    assert answer.json["role"] == "admin"
    assert Client(farm, cookie_of(answer)).get("/api/x/users").json["users"][0]["name"] == "root"
    assert Client(farm).post("/api/x/sign-in", {"name": "b", "password": PASSWORD, "link": link}).status_code == 403
    assert sign_in.first_link(farm) is None
    assert sign_in.first_link(make_farm()) is None


def test_a_link_is_for_the_first_alone(make_farm: MakeFarm) -> None:
    """However somebody else has become an administrator meanwhile."""
    farm = make_farm(**access("login"))
    link = sign_in.first_link(farm)
    users.add(farm, "anna", Role.ARTIST)
    users.change(farm, "anna", Role.ADMIN)
    answer = Client(farm).post("/api/x/sign-in", {"name": "root", "password": PASSWORD, "link": link})
    assert answer.status_code == 403


def test_a_token_that_a_token_made_ends_with_it(make_farm: MakeFarm, clock: Clock) -> None:
    """And with another password go all that may do what their user may."""
    farm = make_farm(**access("login"))
    add_user(farm, "anna", Role.ARTIST)
    _, text = tokens.add(farm, ITSELF, "short", Role.ARTIST, lasts=timedelta(hours=1), for_user="anna")
    made = Client(farm, {"Authorization": f"Bearer {text}"}).post("/api/x/tokens", {"name": "for ever"}).json
    assert made["token"]["expires"]
    program = with_token(farm, Role.SUBMIT, user="anna")
    users.change(farm, "anna", password=f"{PASSWORD}!")
    assert Client(farm, {"Authorization": f"Bearer {made['text']}"}).get("/api/x/me").status_code == 401
    assert program.get("/api/x/me").status_code == 200


def test_sinks_and_those_who_may_hear_of_changes(make_farm: MakeFarm) -> None:
    """Who changed what is an event, that says what the record says; nobody gets it who may not read that."""
    farm = make_farm(**access("login"))
    admin, wrangler, viewer = (with_token(farm, role) for role in (Role.ADMIN, Role.WRANGLER, Role.VIEWER))
    start = wrangler.get("/api/x/events?topics=/audit").json["next"]
    assert admin.post("/api/x/users", {"name": "berta", "role": "artist", "password": PASSWORD}).status_code < 300
    told = wrangler.get(f"/api/x/events?topics=/audit&after={start}").json["events"]
    [record] = [each for each in wrangler.get("/api/x/audit").json["changes"] if each["kind"] == "user"]
    assert [(each["topic"], each["payload"]["object_name"], each["payload"]["after"]) for each in told] == [
        ("/audit", "berta", record["after"])
    ]
    assert PASSWORD not in str(told)
    assert viewer.get(f"/api/x/events?topics=/audit&after={start}").json["events"] == []
    assert not [
        each for each in wrangler.get(f"/api/x/events?after={start}").json["events"] if "audit" in each["topic"]
    ]


def test_who_may_not_read_logs_does_not_by_events(make_farm: MakeFarm) -> None:
    """Nor by what event sinks could not deliver."""
    for may in (True, False):
        farm = make_farm(**access("login", viewers_read_logs=may))
        viewer = with_token(farm, Role.VIEWER)
        start = viewer.get("/api/x/events?topics=/tasklog/*,/jobs").json["next"]
        with farm.store.write() as tx:
            happened = [task_log_event("t", "a line"), tag_event(Tag(key=0, id="i", name="n"))]
            event_store.append(tx, happened, farm.clock())
        told = viewer.get(f"/api/x/events?topics=/tasklog/*&after={start}").json["events"]
        assert [each["topic"] for each in told] == ["/tasklog/t"] * may
        assert viewer.get("/api/x/dead-letters").status_code == 403


def test_a_key_in_the_path_is_in_no_answer(make_farm: MakeFarm) -> None:
    """Wherever it stands."""
    farm = make_farm(**access("login"))
    text = token_of(farm, Role.SUBMIT)
    twice = f"/t/{text}/t/{text}/api/version"
    for path in (f"//t//{text}/nothing", twice, f"/api/t/{text}", f"/t/{text}/api/jobs/types"):
        answer = Client(farm).ask("PUT", path)
        assert answer.status_code in (403, 404, 405), path
        assert text.split("_")[2] not in answer.text


def test_a_link_is_too_old_after_an_hour(make_farm: MakeFarm, clock: Clock) -> None:
    """Whoever finds it in a log the next day gets nowhere."""
    farm = make_farm(**access("login"))
    link = sign_in.first_link(farm)
    clock.forward(3600)
    answer = Client(farm).post("/api/x/sign-in", {"name": "root", "password": PASSWORD, "link": link})
    assert answer.status_code == 403


def test_users_are_managed_by_administrators(make_farm: MakeFarm) -> None:
    """And the last of those stays one; whoever has another password signs in anew."""
    farm = make_farm(**access("login"))
    add_user(farm, "root", Role.ADMIN)
    root = with_token(farm, Role.ADMIN, user="root")
    new = {"name": "anna", "role": "artist", "password": PASSWORD}
    assert root.post("/api/x/users", new).json["role"] == "artist"
    assert root.post("/api/x/users", new).status_code == 409
    assert root.post("/api/x/users", new | {"name": "a b"}).status_code == 400
    assert root.post("/api/x/users", new | {"name": "w", "role": "worker"}).status_code == 400
    for password in ("", "too short"):
        answer = root.post("/api/x/users", new | {"name": "w", "password": password})
        assert (answer.status_code, answer.json["message"]) == (400, "password: is to have from 10 to 1000 characters")
    browser = Client(farm, cookie_of(Client(farm).post("/api/x/sign-in", {"name": "anna", "password": PASSWORD})))
    changed = {"old": PASSWORD, "new": f"{PASSWORD}!"}
    assert browser.ask("PUT", "/api/x/me/password", changed | {"old": "wrong"}).status_code == 403
    assert browser.ask("PUT", "/api/x/me/password", changed).status_code == 204
    assert browser.get("/api/x/me").status_code == 401
    assert root.ask("PUT", "/api/x/users/anna", {"role": "wrangler"}).json["role"] == "wrangler"
    assert root.ask("PUT", "/api/x/users/root", {"role": "artist"}).status_code == 409
    assert root.ask("DELETE", "/api/x/users/root").status_code == 409
    assert root.ask("DELETE", "/api/x/users/anna").status_code == 204
    assert root.ask("DELETE", "/api/x/users/anna").status_code == 404
    assert [user["name"] for user in root.get("/api/x/users").json["users"]] == ["root"]


def test_no_password_and_no_token_is_stored(make_farm: MakeFarm, tmp_path: Path) -> None:
    """Whoever reads the database can be nobody with what is there."""
    farm = make_farm(**access("login"))
    add_user(farm, "anna", Role.ADMIN)
    text = token_in(token_of(farm, Role.ADMIN, "anna"))
    cookie = cookie_of(Client(farm).post("/api/x/sign-in", {"name": "anna", "password": PASSWORD}))["Cookie"]
    farm.store.checkpoint()
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("flamenco.sqlite*"))
    assert text
    assert text.id.encode() in stored
    for secret in (PASSWORD, text.secret, cookie.partition("=")[2]):
        assert secret.encode() not in stored


# -- workers --------------------------------------------------------------------------------------------------------


def register(client: Client, api: str = "/api/v3") -> testing.Result:
    """A worker registers."""
    return client.post(f"{api}/worker/register-worker", REGISTRATION)


@pytest.mark.parametrize("api", ["/api", "/api/v3"])
@pytest.mark.parametrize(
    ("mode", "registration", "private", "public", "with_key"),
    [
        ("open", "auto", 200, 200, 200),
        ("lan", "auto", 200, 403, 200),
        ("login", "auto", 200, 200, 200),
        ("login", "open", 200, 403, 200),
        ("open", "secret", 403, 403, 200),
        ("lan", "secret", 403, 403, 200),
        ("lan", "closed", 403, 403, 403),
    ],
)
def test_who_becomes_a_worker(
    make_farm: MakeFarm, api: str, mode: str, registration: str, private: int, public: int, with_key: int
) -> None:
    """By the setting, from where, and with what; what is refused is 403, as workers know it."""
    farm = make_farm(**access(mode, registration))
    assert register(Client(farm, address=PRIVATE_ADDRESS), api).status_code == private
    refused = register(Client(farm, address=PUBLIC_ADDRESS), api)
    assert refused.status_code == public
    assert "WWW-Authenticate" not in refused.headers
    key = token_of(farm, Role.REGISTER)
    assert Client(farm).post(f"/t/{key}{api}/worker/register-worker", REGISTRATION).status_code == with_key
    assert register(with_token(farm, Role.WRANGLER), api).status_code == 403 if mode == "login" else True


def test_a_worker_is_given_nothing_until_a_person_agrees(make_farm: MakeFarm) -> None:
    """It signs on and asks, as every Flamenco Worker does; who approves it sees the code that it has printed."""
    farm = make_farm(**access("login"))
    job_id = submit(with_token(farm, Role.ARTIST))
    worker_id = register(Client(farm, address=PUBLIC_ADDRESS)).json["uuid"]
    worker = Client(farm, basic(worker_id, SECRET), PUBLIC_ADDRESS)
    signing = {"name": "render-07", "supported_task_types": ["misc"], "software_version": "3.9"}
    assert worker.post("/api/v3/worker/sign-on", signing).json == {"status_requested": "awake"}
    assert worker.post("/api/v3/worker/state-changed", {"status": "awake"}).status_code == 204
    assert worker.post("/api/v3/worker/task").status_code == 204
    assert worker.get("/api/v3/jobs").status_code == 401
    wrangler = with_token(farm, Role.WRANGLER)
    shown = wrangler.get("/api/x/overview").json["workers"][0]["warning"]
    assert approval_code(hash_of(SECRET)) in shown
    why = wrangler.get(f"/api/x/jobs/{job_id}/explain").json["waiting"]
    assert any("flamenco workers approve render-07" in each["reason"] for each in why)
    assert wrangler.post(f"/api/x/workers/{worker_id}/approve").status_code == 204
    assert worker.post("/api/v3/worker/task").status_code == 200
    assert "warning" not in wrangler.get("/api/x/overview").json["workers"][0]


def test_a_worker_that_waits_is_told_nothing(make_farm: MakeFarm) -> None:
    """And stays who it was when somebody looked at the list."""
    farm = make_farm(**access("login"))
    worker = Client(farm, basic(register(Client(farm)).json["uuid"], SECRET))
    signing = {"name": "render-01", "supported_task_types": ["misc"], "software_version": "3.9"}
    assert worker.post("/api/v3/worker/sign-on", signing).status_code == 200
    assert worker.post("/api/x/worker/commands", {"commands": ["echo"]}).json == {"commands": []}
    assert with_token(farm, Role.VIEW).get("/api/x/overview").json["workers"][0]["name"] == "render-07"


def test_a_worker_can_be_made_beforehand(make_farm: MakeFarm) -> None:
    """With credentials that somebody carries to it; it never registers."""
    farm = make_farm(**access("login", "closed"))
    made = with_token(farm, Role.WRANGLER).post("/api/x/workers", {"name": "render-08", "platform": "linux"}).json
    worker = Client(farm, basic(made["worker_id"], made["secret"]))
    signing = {"name": "render-08", "supported_task_types": ["misc"], "software_version": "3.9"}
    assert worker.post("/api/v3/worker/sign-on", signing).status_code == 200
    assert worker.post("/api/v3/worker/state-changed", {"status": "awake"}).status_code == 204
    submit(with_token(farm, Role.ARTIST))
    assert worker.post("/api/v3/worker/task").status_code == 200


def test_a_worker_speaks_through_a_key_in_the_path(make_farm: MakeFarm) -> None:
    """All that a Flamenco Worker asks goes that way, with its own secret as always."""
    farm = make_farm(**access("login", "secret"))
    key = token_of(farm, Role.REGISTER)
    worker_id = Client(farm).post(f"/t/{key}/api/v3/worker/register-worker", REGISTRATION).json["uuid"]
    worker = Client(farm, basic(worker_id, SECRET))
    signing = {"name": "render-07", "supported_task_types": ["misc"], "software_version": "3.9"}
    assert worker.get(f"/t/{key}/api/v3/version").status_code == 200
    assert worker.post(f"/t/{key}/api/v3/worker/sign-on", signing).status_code == 200
    assert worker.get(f"/t/{key}/api/v3/worker/state").status_code in (200, 204)
    assert worker.get(f"/t/{key}/api/v3/jobs").status_code == 403


# -- who changed what -----------------------------------------------------------------------------------------------


def test_it_is_kept_who_changed_what(make_farm: MakeFarm, clock: Clock) -> None:
    """People and tokens, from where, by which operation, from what to what; not what is refused or only looked at."""
    farm = make_farm(**access("lan"))
    add_user(farm, "anna", Role.WRANGLER)
    anna = with_token(farm, Role.WRANGLER, user="anna")
    job_id = submit(Client(farm, address="10.0.0.7"))
    anna.post(f"/api/v3/jobs/{job_id}/setpriority", {"priority": 80})
    cancel(Client(farm, address="10.0.0.8"), job_id)
    anna.get("/api/v3/jobs")
    cancel(anna, job_id)
    anna.post("/api/v3/worker-mgt/tags", {"name": "gpu"})
    changes = anna.get("/api/x/audit").json["changes"]
    assert [(each["who"], each["way"], each["operation"], each["kind"]) for each in changes] == [
        ("anna", "token", "createWorkerTag", "tag"),
        ("anna", "token", "setJobStatus", "job"),
        ("anna", "token", "setJobPriority", "job"),
        ("10.0.0.7", "mode", "submitJob", "job"),
    ]
    assert changes[2]["object_name"] == "shot 12"
    assert (changes[2]["before"], changes[2]["after"]) == ({"priority": 50}, {"priority": 80})
    assert anna.get("/api/x/audit?kind=tag").json["changes"] == changes[:1]
    assert anna.get(f"/api/x/audit?limit=1&before={changes[0]['number']}").json["changes"] == changes[1:2]
    assert Client(farm).get("/api/x/audit").status_code == 401
    clock.forward(401 * 86_400)
    upkeep.forget_access(farm)
    assert anna.get("/api/x/audit").json["changes"] == []


def test_it_is_kept_who_could_not_sign_in(make_farm: MakeFarm) -> None:
    """Who it was to be, from where; no secret, and nothing that a terminal obeys."""
    farm = make_farm(**access("login"))
    client = Client(farm, address="10.0.0.7")
    assert client.post("/api/x/sign-in", {"name": "an\x1b[2Jna", "password": PASSWORD}).status_code == 403
    token = new_token()
    assert Client(farm, {"Authorization": f"Bearer {token}"}, "10.0.0.8").get("/api/v3/jobs").status_code == 401
    assert Client(farm, {"Authorization": "Bearer a secret"}, "10.0.0.8").get("/api/v3/jobs").status_code == 401
    worker = Client(farm, basic("6f1c3c3e-4d7e-4f0b-9a55-0d3d1f0e9b1a", SECRET), "10.0.0.9")
    assert worker.post("/api/v3/worker/task").status_code == 403
    found = audit.records(farm, 10, kind="sign-in")
    assert [(each.who, each.way, each.object_name) for each in found] == [
        ("10.0.0.8", "token", "what is no token"),
        ("10.0.0.8", "token", f"token {token.id}"),
        ("10.0.0.7", "nobody", found[2].object_name),
    ]
    assert "\x1b" not in found[2].object_name
    assert "an" in found[2].object_name
    assert found[2].after == {"result": "refused", "why": "no such user, or another password", "times": 1}


def test_whoever_guesses_fills_no_record(make_farm: MakeFarm) -> None:
    """Ten thousand tokens from one machine are a few lines, which say how many; many machines together have a bound."""
    farm = make_farm(**access("login"))
    for _ in range(10_000):
        with pytest.raises(SignInNeeded):
            identify(farm, Credentials(address="10.0.0.7", token="guessed"))
    times = [each.after["times"] for each in audit.records(farm, 100, kind="sign-in") if each.after]
    assert times == [10_000, 1_000, 100, *range(10, 0, -1)]
    for number in range(300):
        with pytest.raises(SignInNeeded):
            identify(farm, Credentials(address=f"10.0.{number // 250}.{number % 250}", token="guessed"))
    assert len(audit.records(farm, 1_000, kind="sign-in")) == MOST_AN_HOUR


def test_a_change_that_is_not_made_is_not_recorded(make_farm: MakeFarm) -> None:
    """The record is part of the transaction."""
    farm = make_farm()
    wrong = Client(farm).post("/api/v3/jobs", JOB | {"type": "no-such-type"})
    assert wrong.status_code == 400
    assert Client(farm).post("/api/v3/worker-mgt/tags", {"name": "gpu"}).status_code == 200
    assert Client(farm).post("/api/v3/worker-mgt/tags", {"name": "gpu"}).status_code == 409
    assert [each.operation for each in audit.records(farm, 10)] == ["createWorkerTag"]


def test_settings_of_access_are_changed_in_the_file_alone(make_farm: MakeFarm) -> None:
    """By nobody over the network, whatever their role; what is sent back as it is does no harm."""
    farm = make_farm()
    client = Client(farm)
    refused = client.ask("PUT", "/api/v3/configuration/file", {"access": {"mode": "open"}})
    assert refused.status_code == 400
    assert "access.mode" in refused.json["message"]
    for content in (
        {"access": {"networks": [{"from": "0.0.0.0/0", "role": "admin"}]}},
        {"workers": {"registration": "open"}},
    ):
        assert client.ask("PUT", "/api/v3/configuration/file", content).status_code == 400
    assert client.ask("PUT", "/api/v3/configuration/file", {"manager_name": "Ours"}).status_code == 204
    change = audit.records(farm, 1)[0]
    assert (change.kind, change.before, change.after) == (
        "configuration",
        {"manager_name": None},
        {"manager_name": "Ours"},
    )
