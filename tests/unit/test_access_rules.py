"""Who may do what, as rules: the matrix of roles, whose a job is, and tokens."""

from __future__ import annotations

import pytest

from flamenco.domain.access import (
    PEOPLE,
    Access,
    Caller,
    Owner,
    Reach,
    Role,
    Way,
    at_most,
    hash_of,
    is_private,
    machine_of,
    new_token,
    reach,
    token_in,
)
from flamenco.domain.identity import approval_code

N, O, A = Reach.NOTHING, Reach.OWN, Reach.ALL  # noqa: E741 - as they stand in the table

#                   viewer artist wrangler admin view submit register worker nobody
MATRIX = {
    Access.PUBLIC: (A, A, A, A, A, A, A, A, A),
    Access.PREPARE: (A, A, A, A, A, A, N, N, N),
    Access.LOOK: (A, A, A, A, A, N, N, N, N),
    Access.JOB: (A, A, A, A, A, O, N, N, N),
    Access.LOG: (A, A, A, A, A, O, N, N, N),
    Access.SUBMIT: (N, A, A, A, N, A, N, N, N),
    Access.STEER: (N, O, A, A, N, O, N, N, N),
    Access.MANAGE: (N, N, A, A, N, N, N, N, N),
    Access.AUDIT: (N, N, A, A, N, N, N, N, N),
    Access.ADMINISTER: (N, N, N, A, N, N, N, N, N),
    Access.ACCOUNT: (N, A, A, A, N, N, N, N, N),
    Access.REGISTER: (N, N, N, A, N, N, A, N, N),
    Access.WORK: (N, N, N, N, N, N, N, A, N),
}
COLUMNS = (*PEOPLE, Role.VIEW, Role.SUBMIT, Role.REGISTER, Role.WORKER, None)


def test_the_matrix_is_that_of_the_manual() -> None:
    """Every role and every need, one by one."""
    assert set(MATRIX) == set(Access)
    assert set(COLUMNS) == {*Role, None}
    assert {need: tuple(reach(role, need) for role in COLUMNS) for need in Access} == MATRIX


def caller(name: str = "", address: str = "10.0.0.7", **fields: object) -> Caller:
    """Somebody."""
    return Caller(role=Role.ARTIST, way=Way.MODE, address=address, name=name, **fields)  # type: ignore[arg-type]


def test_a_job_is_whose_who_was_signed_in() -> None:
    """Whatever its submission claims; and nobody else's, from wherever."""
    owner = caller("anna").owner("bob")
    assert owner == Owner("anna")
    assert caller("anna", "192.168.1.1").owns(owner)
    assert not caller("bob").owns(owner)
    assert not caller().owns(owner)


def test_without_signing_in_a_job_is_of_an_address() -> None:
    """What is claimed is shown, and opens nothing: the address does."""
    owner = caller().owner("anna")
    assert owner == Owner("anna", "10.0.0.7")
    assert owner.is_claim
    assert caller().owns(owner)
    assert not caller(address="10.0.0.8").owns(owner)
    assert not caller("anna", "10.0.0.8").owns(owner)
    assert caller().owner("") == Owner("10.0.0.7", "10.0.0.7")


def test_what_is_nobodys_is_not_everybodys() -> None:
    """Jobs from before there were owners are for those who look after all."""
    assert not caller().owns(Owner())
    assert not caller("", "").owns(Owner())


def test_a_token_is_found_in_what_it_is_written_as() -> None:
    """What is stored of it does not open anything, and what is no token is none."""
    token = new_token()
    assert token_in(str(token)) == token
    assert token.secret_hash == hash_of(token.secret) != token.secret
    assert new_token() != token
    for wrong in ("", "flt_", str(token)[:-1], f"{token} ", str(token).upper(), f"x{token}"):
        assert token_in(wrong) is None


@pytest.mark.parametrize(
    ("role", "highest", "left"),
    [
        (Role.ADMIN, Role.ADMIN, Role.ADMIN),
        (Role.ADMIN, Role.VIEWER, Role.VIEWER),
        (Role.ARTIST, Role.WRANGLER, Role.ARTIST),
        (Role.SUBMIT, Role.ARTIST, Role.SUBMIT),
        (Role.SUBMIT, Role.VIEWER, None),
        (Role.REGISTER, Role.ARTIST, None),
        (Role.REGISTER, Role.WRANGLER, Role.REGISTER),
        (Role.VIEW, Role.VIEWER, Role.VIEW),
    ],
)
def test_a_token_is_never_more_than_its_user(role: Role, highest: Role, left: Role | None) -> None:
    """Also once its user has become less."""
    assert at_most(role, highest) is left


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("127.0.0.1", True),
        ("10.1.2.3", True),
        ("172.16.0.1", True),
        ("192.168.7.1", True),
        ("169.254.3.4", True),
        ("::1", True),
        ("fd12::1", True),
        ("fe80::1%eth0", True),
        ("8.8.8.8", False),
        ("172.32.0.1", False),
        ("2a00:1450::1", False),
        ("", False),
        ("farm", False),
    ],
)
def test_which_networks_are_private(address: str, private: bool) -> None:
    """Those that the internet does not reach, and the machine itself."""
    assert is_private(address) is private


@pytest.mark.parametrize(
    ("address", "machine"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix:", "unix:"),
        ("nonsense", "nonsense"),
    ],
)
def test_what_machines_are_told_apart_by(address: str, machine: str) -> None:
    """For IPv6 a machine has as many addresses as it likes in its network; neighbours for IPv4 are others."""
    assert machine_of(address) == machine


def test_the_code_of_a_worker_is_six_digits_of_its_secret() -> None:
    """The same for both who know it, another one for another worker."""
    code = approval_code(hash_of("a secret of enough letters"))
    assert len(code) == 6
    assert code.isdigit()
    assert code == approval_code(hash_of("a secret of enough letters")) != approval_code(hash_of("another"))
