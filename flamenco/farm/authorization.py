"""Whether somebody may do what they ask for: by role, and where that reaches to their own alone, by whose a job is."""

from __future__ import annotations

from typing import Final

from flamenco.domain.access import Access, Caller, Mode, Owner, Reach, Role, is_private, reach
from flamenco.domain.errors import AccessDenied, SignInNeeded
from flamenco.farm.context import Farm
from flamenco.farm.identification import HOW_TO_SIGN_IN
from flamenco.store import jobs

_WHAT: Final = {
    Access.PREPARE: "see what is needed to submit",
    Access.LOOK: "look at the farm",
    Access.JOB: "look at jobs",
    Access.LOG: "read what tasks logged",
    Access.SUBMIT: "submit jobs",
    Access.STEER: "steer jobs",
    Access.MANAGE: "manage workers, tags and undelivered events",
    Access.AUDIT: "see who changed what",
    Access.ADMINISTER: "change settings and users",
    Access.ACCOUNT: "have tokens",
    Access.REGISTER: "register workers",
}


def require(farm: Farm, caller: Caller, access: Access, *, job_id: str = "", task_id: str = "") -> Reach:
    """How far somebody reaches there: to the job in question, to all, or, where it is about none, to their own.

    Raises `SignInNeeded` for whoever is not known, `AccessDenied` where the role does not reach.
    """
    found = _reach(farm, caller, access)
    if found is Reach.NOTHING:
        raise _refusal(caller, access)
    if found is Reach.OWN and (job_id or task_id):
        with farm.store.read() as tx:
            owner = jobs.owner(tx, job_id.lower()) if job_id else jobs.owner_of_task(tx, task_id.lower())
        # What is not there is nobody's, and whoever asks is told that.
        if owner is not None:
            check_theirs(caller, access, owner)
    return found


def check_theirs(caller: Caller, access: Access, owner: Owner) -> None:
    """Raise `AccessDenied` unless what is `owner`'s is theirs: for whoever reaches to their own alone."""
    if not caller.owns(owner):
        raise _not_theirs(caller, access)


def may(farm: Farm, caller: Caller, access: Access) -> bool:
    """Whether somebody reaches all of that."""
    return _reach(farm, caller, access) is Reach.ALL


def _reach(farm: Farm, caller: Caller, access: Access) -> Reach:
    if access is Access.LOG and caller.role in (Role.VIEWER, Role.VIEW) and not farm.config.access.viewers_read_logs:
        return Reach.NOTHING
    if access is Access.REGISTER:
        return Reach.ALL if _may_register(farm, caller) else Reach.NOTHING
    return reach(caller.role, access)


def _may_register(farm: Farm, caller: Caller) -> bool:
    """By the settings for whoever brings nothing, else by what they bring."""
    match farm.config.registration:
        case "closed":
            return False
        case "open" | "approve" if not caller.is_known:
            return _may_register_unknown(farm, caller)
        case _:
            return caller.is_known and reach(caller.role, Access.REGISTER) is Reach.ALL


def _may_register_unknown(farm: Farm, caller: Caller) -> bool:
    """Somebody who brings nothing: where a person has to agree, from anywhere in mode `login`; else from nearby."""
    mode = farm.config.mode
    if mode is Mode.LOGIN:
        return farm.config.registration == "approve" or (not caller.by_strange_proxy and is_private(caller.address))
    return caller.role is not None and (mode is Mode.OPEN or is_private(caller.address))


def _refusal(caller: Caller, access: Access) -> AccessDenied:
    if access is Access.REGISTER:
        return AccessDenied(
            "This manager takes no worker that comes without a token for it, as in http://MANAGER/t/TOKEN/; "
            "`flamenco tokens add NAME --role register` makes one, and `flamenco workers add NAME` credentials."
        )
    if caller.role is None:
        return SignInNeeded(caller.why_not)
    if caller.name:
        return AccessDenied(f"{caller.name}, with the role {caller.role}, may not {_WHAT[access]}.")
    return SignInNeeded(f"Whoever has not signed in may not {_WHAT[access]}: {HOW_TO_SIGN_IN}.")


def _not_theirs(caller: Caller, access: Access) -> AccessDenied:
    if caller.name:
        return AccessDenied(f"{caller.name}, with the role {caller.role}, may only {_WHAT[access]} of their own.")
    return SignInNeeded(f"Whoever has not signed in may only {_WHAT[access]} that came from the same address.")
