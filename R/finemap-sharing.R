# Effects that are alike in two conditions.

#' Sharing of the effects of credible sets between conditions
#'
#' For each set and pair of conditions, the probability that a variable of the set has effects in
#' both that have the same sign and are within a `factor` of each other, `factor < b_r / b_s < 1 /
#' factor`. By default within a factor of two: with learnt priors, whose matrices seldom have exact
#' zeros, "both are not zero" is nearly always true and says nothing, while this depends little on
#' the prior.
#'
#' Given the variable and the component of the prior, the two effects are a normal pair, and the
#' probability is that of two orthants; these are averaged over variables and components, and
#' multiplied by the probability that the effect is there. Variables beyond the 200 most probable,
#' or beyond 99.5% of the effect, count as not shared. It takes O(R^2) orthants for each variable of
#' a set and component of the prior with weight.
#'
#' Effects are compared in the units of `coef()`, those of the outcomes; of z-scores, in standard
#' deviations. Where outcomes are in different units only `factor = 0`, the same sign, makes sense.
#'
#' @param x a fit from [finemap()].
#' @param factor how near the effects must be, from 0 (the same sign) to below 1.
#' @param coverage,min_abs_corr as in [credible_sets()]; default: those of the fit.
#' @inheritParams shared_arguments
#'
#' @return A data frame with a row for each set and pair of conditions: `set`, `condition_1`,
#'   `condition_2`, `probability`, and `prior`, what it would be of an effect of which nothing but
#'   its prior is known.
#' @seealso [lfsr.finemap()] for single conditions, [get_pairwise_sharing()] for fits of [mash()].
#' @export
#' @examples
#' set.seed(1)
#' X <- matrix(rbinom(300 * 50, 2, 0.3), 300)
#' Y <- X[, 7] %o% c(liver = 0.5, lung = 0.4, brain = 0) + matrix(rnorm(900), 300)
#' prior <- list(shared = matrix(1, 3, 3), any = diag(3), two = diag(c(1, 1, 0)))
#' fit <- finemap(finemap_data(X, Y), prior)
#' set_sharing(fit)
set_sharing <- function(x, factor = 0.5, coverage = NULL, min_abs_corr = NULL, n_threads = NULL,
                        ...) {
  take_dots(...)
  if (!inherits(x, "finemap")) {
    stop_mnmash("type", as_typed("x"), " must be a fit from finemap(), not ", class(x)[1L])
  }
  factor <- check_number(factor, 0, 1)
  if (factor == 1) stop_mnmash("value", "`factor` must be below 1")
  sets <- credible_sets(x, coverage, min_abs_corr)
  threads <- resolve_threads(n_threads)
  R <- x$data$R
  if (R < 2L) sets <- list()
  conditions <- colnames(x$lfsr)
  pairs <- which(lower.tri(diag(R)), arr.ind = TRUE)
  rows <- lapply(names(sets), \(l) {
    found <- shared_effects(x, l, unname(sets[[l]]$variables), factor, threads)
    data.frame(
      set = l, condition_1 = conditions[pairs[, 2L]], condition_2 = conditions[pairs[, 1L]],
      probability = found$posterior, prior = found$prior
    )
  })
  none <- data.frame(
    set = character(), condition_1 = character(), condition_2 = character(),
    probability = numeric(), prior = numeric()
  )
  do.call(rbind, c(list(none), rows))
}

shared_effects <- function(fit, l, members, factor, n_threads) {
  near <- fit$near[[l]]
  rows <- which(near$variable %in% members)
  there <- effect_probability(fit)[[l]]
  call_core(
    "set_sharing",
    places = c(seen_near(fit, l, rows), list(
      probability = there * unname(fit$alpha[l, near$variable[rows]]),
      unit = near$unit[rows, , drop = FALSE]
    )),
    prior = effect_prior(fit$prior), control = list(conditions = fit$data$R, factor = factor),
    n_threads = n_threads
  )
}
