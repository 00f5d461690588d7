"""The Hub as publishing and backups need it: who writes, what a repository holds, what would change, one commit."""

from colorhub.hub.errors import PublishError, hub_errors
from colorhub.hub.plan import Plan, carry_out, check_repo_id, make_plan
from colorhub.hub.remote import Content, Hub, State

__all__ = [
    "Content",
    "Hub",
    "Plan",
    "PublishError",
    "State",
    "carry_out",
    "check_repo_id",
    "hub_errors",
    "make_plan",
]
