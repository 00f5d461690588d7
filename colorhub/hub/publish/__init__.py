"""Publishing to the Hub: a folder is checked, uploaded in one commit, loaded back and compared."""

from colorhub.hub.publish.models import ModelFolder, Outcome, Published, check_folder, plan_models, publish_model
from colorhub.hub.publish.space import create_space, find_hardware, plan_space
from colorhub.hub.remote import Hub, Plan, PublishError, carry_out

__all__ = [
    "Hub",
    "ModelFolder",
    "Outcome",
    "Plan",
    "PublishError",
    "Published",
    "carry_out",
    "check_folder",
    "create_space",
    "find_hardware",
    "plan_models",
    "plan_space",
    "publish_model",
]
