"""The settings of each task, as typed sections: what stands under ``[task]`` in a recipe."""

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A part of a recipe: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", validate_default=True)


Probability = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
Positive = Annotated[int, Field(gt=0)]


class Task(Section):
    """What is optimized. ``name`` picks the task, which decides what else can be set."""

    name: str


class RegressionTask(Task):
    """Predict the colour itself. ``beta`` is in CIELAB units: where smooth L1 turns from a square into a line."""

    name: Literal["regression"] = "regression"
    loss: Literal["mse", "l1", "smooth_l1"] = "l1"
    beta: Annotated[float, Field(gt=0)] = 11.0
    chroma_weight: Weight = 0.0  # a pixel of chroma 50 counts 1 + this times a grey one


class RarityTask(Task):
    """Regression where rare colours count more (report 000)."""

    name: Literal["rarity"]
    loss: Literal["mse", "l1", "smooth_l1"] = "smooth_l1"
    beta: Annotated[float, Field(gt=0)] = 11.0
    prior: str = "training/priors/photos+people.json"  # python -m training.prior
    mix: Probability = 0.5  # 1: all colours count the same
    literal: bool = False  # what the report's code computes: one factor for the whole batch, and no prior


class _DistributionTask(Task):
    prior: str | None = None  # rebalance by how rare a colour is in this prior; none: all count the same
    mix: Probability = 0.5  # 1: all colours count the same, whatever the prior says
    mean_weight: Weight = 0.0  # of the distance between the distribution's mean and the true colour, smooth L1
    beta: Annotated[float, Field(gt=0)] = 20.0  # of that, in CIELAB units
    chroma_weight: Weight = 0.0  # of that: a pixel of chroma 50 counts 1 + this times a grey one
    variation_weight: Weight = 0.0  # of the mean's total variation where the lightness is flat
    feature_weight: Weight = 0.0  # of the distance between the features of the answer and of the true colours
    feature_network: str = "tf_efficientnet_lite2"  # the timm backbone that computes those, kept as it is
    # Its pre-trained weights: "timm" or a file; none: random, to try it out.
    feature_network_weights: str | None = "timm"


class ClassificationTask(_DistributionTask):
    """Choose among colour bins (report 001)."""

    name: Literal["classification"]


class ChromaMeanTask(Task):
    """Predict the picture's mean colour (report 002); squared error on the report's scale, (ab + 128) / 255."""

    name: Literal["chroma_mean"]


class _AdversarialTask(Task):
    width: Positive = 64  # of the adversary
    adversary_learning_rate: Annotated[float, Field(gt=0)] | None = None  # none: that of the model
    adversary_init: str | None = None  # a folder "adversary" of another run
    class_weight: Weight = 0.0  # of naming the scene, for models with classes


class _PatchTask(_AdversarialTask):
    adversarial_weight: Weight = 1.0
    smoothing: Annotated[float, Field(ge=0, lt=0.5)] = 0.1  # true colours are labelled 1 - this
    head_start: Annotated[int, Field(ge=0)] = 0  # steps in which the adversary learns, but does not count yet


class GANTask(_PatchTask):
    """L1 and a patch discriminator (report 003, after pix2pix)."""

    name: Literal["gan"]
    l1_weight: Weight = 100.0


class ClassificationGANTask(_DistributionTask, _PatchTask):
    """Choose among colour bins, against a patch discriminator: a short last phase after ``classification``."""

    name: Literal["classification_gan"]
    adversarial_weight: Weight = 0.1


class WGANTask(_AdversarialTask):
    """L2 and a Wasserstein critic with gradient penalty (report 003)."""

    name: Literal["wgan_gp"]
    l2_weight: Weight = 100.0
    adversarial_weight: Weight = 1.0
    penalty: Weight = 10.0
    critic_steps: Positive = 5  # for each step of the model, each with a batch of its own


class TransferTask(Task):
    """Name the picture's class with an encoder that learned to colour (report 000)."""

    name: Literal["transfer"]
    encoder: str | None = None  # name, folder or Hub id of an encoder-decoder; none: random weights, the control
    freeze: bool = False


Tasks = (
    RegressionTask
    | RarityTask
    | ClassificationTask
    | ChromaMeanTask
    | GANTask
    | ClassificationGANTask
    | WGANTask
    | TransferTask
)


TASK_SECTIONS: dict[str, type[Task]] = {
    get_args(section.model_fields["name"].annotation)[0]: section for section in get_args(Tasks)
}
