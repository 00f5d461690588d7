"""Logistic model with crossed random effects: raters, images, and images within models.

logit P(taken for real) = b[shown] + u[rater] + v[image] + w[image, shown]. Fitted by variational Bayes, which is
approximate: its point estimates are near those of maximum likelihood, its standard deviations are too small, for it
takes the effects of raters and images to be known apart from the models'. ``analysis.R`` fits the same model with lme4.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from colorhub.study.statistics.table import Trials

MOST_EFFECTS = 20_000  # beyond, a fit takes too long beside the rest of a report: analysis.R is for that


@dataclass(frozen=True)
class MixedModel:
    """On the logit scale: mean and (too small) standard deviation of every group, and the spread of raters, of images,
    and of images within groups. ``converged``: whether the fit ended by itself."""

    names: tuple[str, ...]
    mean: np.ndarray
    deviation: np.ndarray
    spread: dict[str, float]
    converged: bool


def fit_mixed_model(trials: Trials) -> MixedModel | None:
    """Fit by ``BinomialBayesMixedGLM.fit_vb``. ``None`` where all votes are alike or there are too many effects."""
    from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM

    within = trials.image * len(trials.names) + trials.shown
    codes = [trials.rater, trials.image, np.unique(within, return_inverse=True)[1]]
    sizes = [int(code.max()) + 1 for code in codes]
    if len(np.unique(trials.real)) < 2 or sum(sizes) > MOST_EFFECTS:
        return None
    design = (trials.shown[:, None] == np.arange(len(trials.names))).astype(float)
    effects = sparse.hstack([_indicators(code, size) for code, size in zip(codes, sizes, strict=True)]).tocsr()
    kinds = np.repeat(np.arange(len(sizes)), sizes)
    model = BinomialBayesMixedGLM(trials.real, design, effects, kinds, vcp_p=1, fe_p=2)
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        fitted = model.fit_vb(  # L-BFGS-B: BFGS would hold a square matrix over all effects
            mean=np.zeros(model.k_fep + model.k_vcp + model.k_vc),
            sd=np.full(model.k_fep + model.k_vcp + model.k_vc, 0.5),
            fit_method="L-BFGS-B",
            minim_opts={"maxiter": 2000},
        )
    return MixedModel(
        names=trials.names,
        mean=np.asarray(fitted.fe_mean),
        deviation=np.asarray(fitted.fe_sd),
        spread=dict(zip(("raters", "images", "images within models"), np.exp(fitted.vcp_mean).tolist(), strict=True)),
        converged=not any("converge" in str(warning.message) for warning in raised),
    )


def _indicators(code: np.ndarray, size: int) -> sparse.csr_array:
    return sparse.csr_array((np.ones(code.size), (np.arange(code.size), code)), shape=(code.size, size))
