# Fine-mapping: which variables have an effect, and in which conditions.

#' Fine-mapping in one or many conditions with a learnt prior
#'
#' Finds the variables behind the associations of a region: fits `Y = X (b_1 + ... + b_L) + E`,
#' where each effect `b_l` is in one variable, with prior probabilities `prior_weights`, and its
#' sizes in the R conditions come from `sum_k w_k N(0, s_l U_k)`, a prior learnt elsewhere
#' ([mash()], [mixture_prior()], multiple regression). Rows of `E` are `N(0, V)`. With one
#' condition this is the sum of single effects of Wang et al. (2020), with many that of Zou et al.
#' (2024).
#'
#' Posteriors are approximated by independent effects, updated in turn until the evidence lower
#' bound (ELBO) gains less than `tol`; each update is exact. All decompositions are made once for a
#' fit: with `V` whitened, every component is diagonal, and a visit costs p times the sum of ranks.
#'
#' `scale = "optim"` gives every effect at every visit the scale `s_l` with the largest evidence,
#' and drops the effect where no scale has evidence above that of no effect: `L` is then an upper
#' limit, and costs nothing where it is too large. When the fit has converged, one more effect is
#' put in at the scale of the others, held for some sweeps, and kept if the ELBO ends higher.
#' `"em"` takes one step of expectation maximisation instead, and `"fixed"` keeps `s_l = 1` for all
#' `L` effects.
#'
#' Missing values of `Y` are integrated out exactly: the likelihood of an incomplete row is that of
#' its observed cells, and intercepts are estimated by generalised least squares. `V` must then be
#' given. Every variable has then a noise covariance of its own, and its p K decompositions are
#' kept, or where they take more than `getOption("mnmash.memory")` bytes, made anew at every visit.
#'
#' `compat = "mvsusieR"` follows the updates of that package (version 0.1.10) in their order: all
#' effects stay for ten sweeps, and scales move by one EM step after the posterior. Prior matrices
#' of standardised variables are multiplied by `sd(Y_r) / sqrt(n)` on both sides, relative to the
#' largest where scales are estimated; numbers (one condition) by the residual variance, as that
#' package does. It is slower and serves comparisons.
#'
#' @param data the region, from [finemap_data()], [finemap_suffstat()] or [finemap_sumstats()].
#' @param prior the prior of effects: anything [as_prior()] understands; with one condition also
#'   variances (one number, or several for a mixture with equal weights). Its null weight is not
#'   used: how many variables have effects is for the fit to say. A prior whose conditions have
#'   names is matched to those of the data; of more conditions, its exact margin is used. The scales
#'   of a mash fit are averaged over (`as_prior(scales = "collapse")`) unless `scale = "fixed"`.
#' @param L largest number of effects.
#' @param V R x R residual covariance, or where its estimation starts. Default for individual data
#'   and sufficient statistics: the covariance of `Y`, which is conservative where it is held. For
#'   summary statistics it is the correlation of z-scores without effects
#'   ([residual_correlation()]), to be given unless R is 1. Matched to the conditions by name.
#' @param prior_weights p prior probabilities, proportionally, matched to the variables by name.
#'   Default: equal.
#' @param scale how the scales of effects are found: `"optim"`, `"em"` or `"fixed"`.
#' @param estimate_V estimate the residual covariance too: `"none"`, its diagonal `"diag"` or
#'   `"full"`. Not for z-scores without `n` or with differing `n`, nor with missing outcomes.
#'   `"auto"`: it is held where `V` is given, where it cannot be estimated, and with `LD` of other
#'   samples (`LD_samples`); else it is estimated. Of several conditions it is first held, and what
#'   comes of letting it go is kept if the ELBO rises. `options$residual` says which it was.
#' @param effect_model the units of the prior covariances: `"EZ"`, z-scores (an effect of `u` is `u
#'   sd(Y_r) / sqrt(n)`, for a variable of unit variance), or `"EE"`, effects on `Y` of a variable
#'   as it is analysed (of z-scores, effects in standard deviations of `Y_r`). Default: what the
#'   prior says, else `"EZ"`; the contrary of what it says is an error. With estimated scales only
#'   their proportions matter; of effects in the units of outcomes that the data do not tell
#'   (z-scores of several conditions) not even these are known: an error.
#' @param standardize bring variables to unit variance: every variable then has the same prior
#'   variance explained. Coefficients are always returned for the variables as given. Not for
#'   z-scores, which are.
#' @param intercept fit intercepts (individual data).
#' @param min_log_bf an effect comes in only if its log Bayes factor, at its best scale, exceeds
#'   this. Traces of effects with evidence near zero have no place and raise all probabilities a
#'   little; 0 lets them in, for a slightly higher ELBO. Without meaning for `scale = "fixed"` and
#'   with `compat`.
#' @param compat `NULL`, or `"mvsusieR"`.
#' @param start where effects start: a fit of [finemap()] to the same or other data, of
#'   [mr_ash()] or [mr_mash()], or a p x R matrix of effects for the variables as given (0 where
#'   there is none), of which the `L` largest are taken. Variables are matched by name, those that
#'   the data have not are left out, and so are effects beyond `L`. Default: no effects.
#' @param refine compare the fit with others: `TRUE`, `FALSE`, or by default where it can pay. See
#'   Starts and optima.
#' @param background `"infinitesimal"`: beside many small effects of all variables. See Background.
#' @param ... other words for these arguments (`prior_variance`, `residual_variance`, `model_init`,
#'   `estimate_residual_variance`; see [mnmash]), and arguments of packages susieR and mvsusieR:
#'   those that change nothing here are taken with a message, others are an error that says what to
#'   use.
#' @inheritParams shared_arguments
#'
#' @return An object of class `finemap`, a list of
#' - `pip`: p posterior inclusion probabilities;
#' - `alpha`: L x p, where each effect is; `lbf` (L), `lbf_variable` (L x p): log Bayes factors
#'   (natural logarithms) of effects and of variables; `scale` (L): the scales, zero for effects
#'   not there;
#' - `sets`: see [credible_sets()];
#' - `coef` (p x R), `intercept` (R), `covariates` (q x R): posterior means of the effects of the
#'   variables as given, in the units of the outcomes (of z-scores, in standard deviations), the
#'   intercepts and the effects of covariates given these;
#' - `lfsr` (p x R) and `single_effect_lfsr` (L x R): see [lfsr.finemap()], also for the errors of
#'   sets and signals, which are in `sets`;
#' - `effects`: for each effect the variables where it may be (probability above 1e-14), and given
#'   each its posterior means and standard deviations (in the units of `coef`), lfsr, the
#'   probabilities that it is not positive (`not_positive`) and not negative (variables x R), and
#'   weights of the components of the prior; errors are raised where the prior says that few units
#'   taught it (see [learn_prior()]);
#' - `V`, `elbo` (one for each sweep), `n_iter`, `converged`, `message`;
#' - `near`: of the most probable variables of an effect, `correlation`, and on the scale of the fit
#'   what they say of it without the other effects: estimates `x`, standard errors `s`, their
#'   correlation `V`, what multiplies the prior (`scale`), and the `unit` that brings the estimates
#'   to those of `coef`; `lead_ld`: correlations of the first of them with all variables;
#' - `prior` (`size`: what brings it to the scale of the fit), `call`, `data` (its kind, sizes and
#'   names) and options;
#' - `check`, unless the data are individual: see Contradictions.
#'
#' @section Contradictions:
#' Statistics and correlations of the same samples cannot have swapped alleles, nor those of
#' different samples agree by chance. Every fit to statistics (of [finemap()], [mr_mash_rss()],
#' [mr_ash_rss()], [deconvolve_rss()], and of the loci of `enrich(method = "multi")`) looks for what
#' is impossible:
#' - it explains more than all the variance of a condition, or the bound on the log-likelihood
#'   exceeds that of a perfect fit. This is looked at after every sweep, and ends the fit;
#' - predictors k and l that are alike (a correlation r between 0.6 and 0.995) differ in what the
#'   fit leaves: `T = (e_k - r e_l)^2 / (1 - r^2)`, with `e` the residual z-scores, is chi-squared
#'   (R degrees of freedom, whitened by `V`) if the fit has found the effects. l are the
#'   predictors with effects, at most ten, and that with the largest z-score. The largest T counts
#'   if it has a probability below 1e-4 among so many pairs, and still so after effects that the
#'   fit may have missed, none of them larger than there can be, were taken out, at least six;
#' - z-scores have less noise than chance allows. Of at most 100 predictors, each of which keeps a
#'   fifth of its variance given the others, the decorrelated z-scores have a variance of one, and
#'   more with effects: the probabilities of their sum of squares and of their median count; where
#'   all z-scores lie between zero and one, as p-values do, that of this too.
#'
#' With `f` the fitted z-scores, `0.02^2 (f_k^2 + r^2 f_l^2)` is added to the variance in T, for
#' correlations that were rounded and numbers of samples that differ a little; for z-scores without
#' `n`, and with `LD_shrink`, 0.05 and `s / (1 - s)` take the place of 0.02. With `LD_samples` = N,
#' correlations are those of N other people of the same population, and `1 - r^2` becomes
#' `(1 - r^2) (1 + (f_k^2 + f_l^2) / N) + 1 / N`.
#'
#' What fails is an error of class `mnmash_error_contradiction` (with `contradiction = "warn"`, a
#' warning, and the fit is as it stood then). The message has the likely cause: swapped alleles,
#' `LD` of another population, r^2 in place of r, |z| or p-values in place of z, variances in place
#' of standard errors; the predictors that are furthest off; and the remedy. [qc_sumstats()] finds
#' swapped alleles and outliers one by one. What cannot be found are wrong signs of predictors that
#' are like no other, and of weak ones. Numbers of samples that differ by predictor change z-scores
#' by the root of their ratio: next to strong effects, that is a contradiction too.
#'
#' `check`, which such fits have, is a list of `bound` (the bound and the largest possible
#' log-likelihood, `NA` if that is not known), `explained` (the share of each condition's variance
#' that the fit explains, if known), `pairs` (a data frame of the predictors with the largest T:
#' `predictor`, `lead`, `statistic`, and whether they would agree with the other sign, `swapped`),
#' `p` (of the largest T among all pairs), `mean_square` (of whitened z-scores, and the probability
#' of so little), and `cause` if they contradict each other. It costs O(p) for each of ten
#' predictors.
#' @references Wang, Sarkar, Carbonetto and Stephens (2020), JRSS B 82, 1273-1300. Zou, Carbonetto,
#'   Xie, Wang and Stephens (2026), Nature Genetics 58, 454-462. Cui et al. (2024), Nature
#'   Genetics 56, 162-169.
#' @seealso [credible_sets()], [lfsr()], [summary.finemap()], [plot.finemap()], [enrich()],
#'   [qc_sumstats()], `vignette("fine-mapping")`
#' @export
#' @examples
#' set.seed(1)
#' X <- matrix(rbinom(300 * 50, 2, 0.3), 300, dimnames = list(NULL, paste0("v", 1:50)))
#' Y <- X[, 7] %o% c(0.5, 0.5, 0) + X[, 30] %o% c(0, 0, 0.6) + matrix(rnorm(900), 300)
#' colnames(Y) <- c("liver", "lung", "brain")
#' prior <- list(
#'   U = list(shared = matrix(1, 3, 3), any = diag(3), brain = diag(c(0, 0, 1))), w = c(0.4, 0.4,
#'   0.2)
#' )
#' fit <- finemap(finemap_data(X, Y), prior)
#' fit
#' summary(fit)
#'
#' # The same from z-scores
#' Z <- apply(Y, 2, \(y) apply(X, 2, \(x) summary(lm(y ~ x))$coefficients[2, 3]))
#' fit <- finemap(finemap_sumstats(Z, cor(X), n = 300), prior, V = cor(Y))
#' round(pip(fit)[c(7, 30)], 3)
finemap <- function(data, prior, L = 10, V = NULL, prior_weights = NULL,
                    scale = c("optim", "em", "fixed"),
                    estimate_V = c("auto", "none", "diag", "full"),
                    effect_model = NULL, standardize = TRUE, intercept = TRUE, min_log_bf = 0.1,
                    coverage = 0.95, min_abs_corr = 0.5, tol = 1e-4, max_iter = 100, compat = NULL,
                    contradiction = c("stop", "warn"), start = NULL, refine = NULL,
                    background = c("none", "infinitesimal"), n_threads = NULL, ...) {
  also <- c("estimate_residual_variance", names(finemap_peers))
  peers <- take_dots(..., also = also, words = own_synonyms$finemap)
  estimate_residual_variance <- peers$estimate_residual_variance
  if (!is.null(estimate_residual_variance)) {
    if (!missing(estimate_V)) {
      stop_mnmash("argument", "give `estimate_V` or `estimate_residual_variance`, not both")
    }
    estimate_V <- if (check_flag(estimate_residual_variance)) "full" else "none"
    peers$estimate_residual_variance <- NULL
  }
  peer_arguments(peers, finemap_peers)
  if (!inherits(data, "finemap_data")) {
    stop_mnmash(
      "type", as_typed("data"),
      " must come from finemap_data(), finemap_suffstat() or finemap_sumstats()"
    )
  }
  contradiction <- match_choice(contradiction, c("stop", "warn"))
  scale <- match_choice(scale, c("optim", "em", "fixed"))
  estimate_V <- match_choice(estimate_V, c("auto", "none", "diag", "full"))
  if (!is.null(compat)) {
    compat <- match_choice(compat, "mvsusieR")
    if (scale == "optim") scale <- "em"
  }
  standardize <- check_flag(standardize) || data$kind == "sumstats"
  intercept <- check_flag(intercept)
  given <- !missing(L)
  L <- check_count(L)
  if (L > data$p) {
    if (given) {
      warn_mnmash("argument", "`L` is ", L, ", more than the variables: ", data$p, " is used")
    }
    L <- as.double(data$p)
  }
  background <- match_choice(background, c("none", "infinitesimal"))
  if (!is.null(compat) && !is.null(start)) {
    stop_mnmash("argument", as_typed("start"), " has no use with `compat`")
  }
  place <- check_place(prior_weights, data)
  residual <- residual_rule(estimate_V, data, !is.null(V), compat)
  settings <- list(
    standardize = standardize, intercept = intercept, estimate_V = residual$rule, scale = scale,
    compat = compat
  )
  prior <- finemap_prior(prior, data, scale, effect_model)
  problem <- finemap_problem(data, V, settings)
  prior$size <- prior_size(prior, data, problem, settings)
  control <- list(
    place = place, L = L, rule = scale, scale = 1, entry = check_number(min_log_bf, 0),
    update = if (is.null(compat)) "direct" else "compat",
    hold_residual = residual$hold, refine = refine_word(refine),
    background = background_least(background, data, compat),
    starts = start_effects(start, data, problem_unit(problem), L),
    tol = check_number(tol, 0), max_iter = check_count(max_iter), mass = 0.995, most = 200,
    slack = problem$slack
  )
  coverage <- check_number(coverage, 0, 1)
  min_abs_corr <- check_number(min_abs_corr, 0, 1)
  structure <- c(none = "known", diag = "diagonal", full = "full")[[residual$rule]]
  found <- solve_region(
    problem, control,
    noise = core_noise(structure, problem$V), prior = effect_prior(prior),
    label = "Fine-mapping, visits", total = L * max_iter,
    n_threads = resolve_threads(n_threads)
  )
  # Other programs' results are what these would say.
  map <- if (is.null(compat)) prior$lfsr_map
  found$fit$effects <- lapply(found$fit$effects, with_raised_errors, map)
  fit <- new_finemap(found, data, names(prior$U))
  fit$prior <- prior[c("U", "w", "effect_model", "size")]
  fit$prior_weights <- place
  fit$options <- c(
    control[c("L", "rule", "update", "tol", "max_iter")],
    list(
      residual = if (residual$hold && all(found$fit$V == problem$V)) "none" else residual$rule,
      standardize = standardize, intercept = intercept, coverage = coverage,
      min_abs_corr = min_abs_corr
    )
  )
  fit$background <- finemap_background(found, data, fit$V)
  fit$sets <- find_sets(fit, coverage, min_abs_corr)
  fit$call <- match.call()
  if (!is.null(found$fit$check)) {
    bound <- c(fit$elbo[fit$n_iter], largest_loglik(fit$V, problem$samples))
    fit$check <- data_check(found$fit$check, bound, statistics_of(data, fit), contradiction)
  }
  if (fit$convergence$stop == "contradicted") return(fit)
  if (found$fit$decrease > max(tol, 1e-6 * abs(fit$elbo[fit$n_iter]))) {
    warn_mnmash("decrease", "the ELBO fell by ", signif(found$fit$decrease, 3), " in one sweep")
  }
  if (!fit$converged) {
    warn_mnmash("convergence", "no convergence in ", max_iter, " sweeps: see `elbo`")
  }
  fit
}

# The data of a region as data_check() wants them.
statistics_of <- function(data, fit) {
  Z <- data$Z
  LD <- data$LD
  if (data$kind == "suffstat") {
    sd <- sqrt(diag(data$XtX))
    Z <- data$XtY / outer(sd, sqrt(diag(data$YtY) / (data$n - 1)))
    LD <- data$XtX / outer(sd, sd)
  }
  list(
    Z = Z, V = fit$V, LD = LD, Shat = data$Shat, predictors = data$variables,
    conditions = data$conditions, typed = typed_data(data$given)
  )
}

check_place <- function(prior_weights, data) {
  if (is.null(prior_weights)) return(rep(1 / data$p, data$p))
  if (!is.numeric(prior_weights)) {
    stop_mnmash("type", "`prior_weights` must be ", data$p, " numbers, one for each variable")
  }
  prior_weights <- align_vector(
    prior_weights, data$variables, data$p, "prior_weights", "variable"
  )
  bad <- which(!is.finite(prior_weights) | prior_weights < 0)
  if (length(bad)) {
    stop_mnmash("value", "`prior_weights` must be numbers, not negative: ",
                describe_index("number", bad[1L], data$variables), " is ", prior_weights[bad[1L]])
  }
  if (sum(prior_weights) <= 0) stop_mnmash("value", "`prior_weights` are all zero")
  as.double(prior_weights) / sum(prior_weights)
}

new_finemap <- function(found, data, components) {
  fit <- found$fit[c(
    "alpha", "lbf_variable", "lbf", "scale", "V", "effects", "near", "lead_ld"
  )]
  fit$convergence <- ending(found$fit)
  fit$elbo <- fit$convergence$trace
  fit$converged <- fit$convergence$converged
  live <- fit$scale > 1e-9
  names <- data$variables
  conditions <- data$conditions
  fit$pip <- 1 - exp(colSums(log1p(-pmin(fit$alpha[live, , drop = FALSE], 1))))
  fit$coef <- found$coef
  fit$intercept <- found$intercept
  fit$covariates <- found$covariates
  fit$effects <- lapply(fit$effects, in_given_units, unit = found$unit)
  fit$near <- lapply(fit$near, \(near) {
    c(near, list(unit = found$unit[near$variable, , drop = FALSE]))
  })
  if (is.null(conditions)) conditions <- numbered_conditions(data$R)
  if (is.null(names)) names <- as.character(seq_len(data$p))
  fit <- c(fit, finemap_lfsr(fit, data$p, data$R))
  effect_names <- paste0("L", seq_along(fit$lbf))
  dimnames(fit$alpha) <- dimnames(fit$lbf_variable) <- list(effect_names, names)
  names(fit$lbf) <- names(fit$scale) <- names(fit$effects) <- effect_names
  fit$effects <- lapply(fit$effects, named_effect, conditions, components)
  names(fit$near) <- colnames(fit$lead_ld) <- effect_names[fit$scale > 0]
  names(fit$pip) <- rownames(fit$lead_ld) <- names
  dimnames(fit$coef) <- dimnames(fit$lfsr) <- list(names, conditions)
  dimnames(fit$single_effect_lfsr) <- list(effect_names, conditions)
  if (!is.null(fit$intercept)) names(fit$intercept) <- conditions
  if (!is.null(fit$covariates)) {
    dimnames(fit$covariates) <- list(colnames(data$covariates), conditions)
  }
  dimnames(fit$V) <- list(conditions, conditions)
  fit$n_iter <- length(fit$elbo)
  fit$message <- if (fit$converged) "the gain of the ELBO is below the tolerance" else
    "the number of sweeps is used up"
  fit$data <- data[c("kind", "variables", "conditions", "p", "R", "n")]
  fit$terms <- data$terms
  structure(fit, class = "finemap")
}

named_effect <- function(effect, conditions, components) {
  tables <- c("mean", "sd", "lfsr", "not_positive", "not_negative")
  effect[tables] <- lapply(effect[tables], `colnames<-`, conditions)
  # Where an effect is nowhere, nothing is known of its components.
  if (length(effect$variable)) colnames(effect$weights) <- components
  effect
}

# The moments of an effect, for the variables as given.
in_given_units <- function(effect, unit) {
  here <- unit[effect$variable, , drop = FALSE]
  effect$mean <- effect$mean * here
  effect$sd <- effect$sd * here
  effect
}

# By variable, 1 - max over effects of alpha (1 - lfsr); by effect, the mean of its lfsr over where
# it may be: what is wrong of an effect that is there.
finemap_lfsr <- function(fit, p, R) {
  variable <- matrix(1, p, R)
  set <- matrix(1, length(fit$lbf), R)
  for (l in seq_along(fit$lbf)) {
    effect <- fit$effects[[l]]
    at <- effect$variable
    if (!length(at)) next
    alpha <- fit$alpha[l, at]
    variable[at, ] <- pmin(variable[at, , drop = FALSE], 1 - alpha * (1 - effect$lfsr))
    # The places left out count as wrong.
    set[l, ] <- drop(alpha %*% effect$lfsr) + max(1 - sum(alpha), 0)
  }
  list(lfsr = pmax(variable, 1e-20), single_effect_lfsr = pmax(set, 1e-20))
}
