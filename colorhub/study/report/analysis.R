# The mixed model of the report by maximum likelihood (lme4), from the trials that the report wrote:
#
#     Rscript analysis.R trials.csv [realfake|2afc] > mixed.json
#
# logit P(taken for real) = what is shown + rater + image + image within what is shown, the last three random.
# Prints JSON: estimates and standard errors on the logit scale, differences, standard deviations, log-likelihood.
# Needs lme4 (Debian: r-base-core, r-cran-lme4) and nothing else.

suppressPackageStartupMessages(library(lme4))

arguments <- commandArgs(trailingOnly = TRUE)
if (length(arguments) < 1) stop("usage: Rscript analysis.R trials.csv [realfake|2afc]")
protocol <- if (length(arguments) > 1) arguments[2] else "realfake"

trials <- read.csv(arguments[1], colClasses = "character")
kept <- trials$kind == "trial" & (is.na(trials$excluded) | trials$excluded == "")
trials <- trials[kept, ]
if (protocol == "2afc") {
  trials$real <- as.integer(trials$answer != trials$side) # side: where the original was
} else {
  trials$real <- as.integer(trials$answer == "real")
}
trials$shown <- factor(trials$model)
trials$rater <- factor(trials$rater)
trials$image <- factor(trials$image)

# One model alone has no images within models.
terms <- if (nlevels(trials$shown) > 1) {
  "real ~ 0 + shown + (1 | rater) + (1 | image) + (1 | image:shown)"
} else {
  "real ~ 1 + (1 | rater) + (1 | image)"
}
fitted <- suppressMessages(glmer(
  as.formula(terms), data = trials, family = binomial,
  control = glmerControl(optimizer = "bobyqa", optCtrl = list(maxfun = 200000))
))

names <- levels(trials$shown)
estimates <- unname(fixef(fitted))
covariance <- as.matrix(vcov(fitted))
errors <- sqrt(diag(covariance))
spread <- as.data.frame(VarCorr(fitted))

number <- function(value) if (is.finite(value)) format(value, digits = 10) else "null"
quoted <- function(text) {
  text <- gsub("\\", "\\\\", text, fixed = TRUE)
  paste0("\"", gsub("\"", "\\\"", text, fixed = TRUE), "\"")
}
entry <- function(name, value, error) {
  sprintf("{\"name\": %s, \"logit\": %s, \"error\": %s}", quoted(name), number(value), number(error))
}

groups <- mapply(entry, names, estimates, errors)
pairs <- c()
if (length(names) > 1) {
  for (i in 1:(length(names) - 1)) for (j in (i + 1):length(names)) {
    difference <- estimates[i] - estimates[j]
    error <- sqrt(covariance[i, i] + covariance[j, j] - 2 * covariance[i, j])
    p <- 2 * pnorm(-abs(difference / error))
    pairs <- c(pairs, sprintf(
      "{\"first\": %s, \"second\": %s, \"logit\": %s, \"error\": %s, \"p\": %s}",
      quoted(names[i]), quoted(names[j]), number(difference), number(error), number(p)
    ))
  }
}
deviations <- sprintf("%s: %s", sapply(spread$grp, quoted), sapply(spread$sdcor, number))
problems <- c(fitted@optinfo$conv$lme4$messages, fitted@optinfo$warnings)

cat(sprintf(
  "{\"lme4\": %s, \"votes\": %d, \"groups\": [%s], \"differences\": [%s], \"spread\": {%s}, \"log_likelihood\": %s, \"warnings\": [%s]}\n",
  quoted(as.character(packageVersion("lme4"))), nrow(trials), paste(groups, collapse = ", "), paste(pairs, collapse = ", "),
  paste(deviations, collapse = ", "), number(as.numeric(logLik(fitted))),
  paste(sapply(problems, quoted), collapse = ", ")
))
