# Credible sets of a fit.

#' Credible sets and local false sign rates of a fine-mapping fit
#'
#' `credible_sets()` gives for each effect the smallest set of variables that holds it with
#' probability `coverage`. Sets with a smaller absolute correlation between two of their variables
#' than `min_abs_corr` (their purity) are left out: they belong to effects that are not there, or
#' that cannot be placed. So are sets equal to an earlier one.
#'
#' A set needs correlations of its members. The fit keeps those of the up to 200 most probable
#' variables of each effect that hold 99.5% of it; purity of larger sets is that of these.
#'
#' `pip(fit)` are the probabilities that a variable has any of the effects. `lfsr(fit)` is by
#' variable and condition `1 - max_l alpha_lj (1 - lfsr_ljr)`: the probability that the variable
#' has no effect, or one of the other sign than the more probable one, in condition r. `lfsr(fit,
#' "set")` is by set and condition: the mean over the places of the effect.
#'
#' @param x a fit from [finemap()].
#' @param coverage,min_abs_corr as in [finemap()]; default: those of the fit.
#' @param level `"variable"` or `"set"`.
#' @inheritParams shared_arguments
#'
#' @return `credible_sets()`: a list with one element for each set, named by its effect: a list of
#'   `variables` (numbers, most probable first, named), `coverage` (the probability that it has),
#'   `purity` (smallest, mean and median absolute correlation), `log_bf` (natural logarithm) and
#'   `probability`: that the effect is there at all (see [summary.finemap()]). Sets are in the
#'   order of purity. `pip()`: p probabilities. `lfsr()`: p x R or sets x R.
#' @name finemap-sets
#' @examples
#' set.seed(1)
#' X <- matrix(rbinom(300 * 50, 2, 0.3), 300)
#' Y <- X[, 7] %o% c(0.5, 0.5) + matrix(rnorm(600), 300)
#' fit <- finemap(finemap_data(X, Y), list(matrix(1, 2, 2), diag(2)))
#' credible_sets(fit)
#' lfsr(fit, "set")
NULL

#' @rdname finemap-sets
#' @export
pip.finemap <- function(x, ...) {
  take_dots(...)
  x$pip
}

#' @rdname finemap-sets
#' @export
credible_sets.finemap <- function(x, coverage = NULL, min_abs_corr = NULL, ...) {
  take_dots(...)
  if (is.null(coverage) && is.null(min_abs_corr)) return(x$sets)
  if (is.null(coverage)) coverage <- x$options$coverage
  if (is.null(min_abs_corr)) min_abs_corr <- x$options$min_abs_corr
  find_sets(
    x, check_number(coverage, 0, 1),
    check_number(min_abs_corr, 0, 1)
  )
}

#' @rdname finemap-sets
#' @export
lfsr.finemap <- function(x, level = c("variable", "set"), ...) {
  take_dots(...)
  level <- match_choice(level, c("variable", "set"))
  if (level == "variable") return(x$lfsr)
  x$set_lfsr[names(x$sets), , drop = FALSE]
}

find_sets <- function(fit, coverage, min_abs_corr) {
  live <- names(fit$scale)[fit$scale > 1e-9]
  variables <- call_core(
    "credible_sets", alpha = fit$alpha[live, , drop = FALSE], control = list(coverage = coverage)
  )
  probability <- effect_probability(fit)
  sets <- lapply(seq_along(live), \(i) {
    l <- live[i]
    members <- variables[[i]]
    near <- fit$near[[l]]
    known <- match(members, near$variable)
    known <- known[!is.na(known)]
    purity <- call_core("purity", correlation = near$correlation[known, known, drop = FALSE])
    if (!length(known)) purity[] <- 0
    list(
      variables = stats::setNames(members, names(fit$pip)[members]),
      coverage = sum(fit$alpha[l, members]),
      purity = stats::setNames(purity, c("min", "mean", "median")),
      log_bf = fit$lbf[[l]], probability = probability[[l]]
    )
  })
  names(sets) <- live
  keep <- vapply(sets, \(s) length(s$variables) > 0 && s$purity[["min"]] >= min_abs_corr, NA)
  sets <- sets[keep]
  sets <- sets[!duplicated(lapply(sets, \(s) sort(unname(s$variables))))]
  sets[order(-vapply(sets, \(s) s$purity[["min"]], 0))]
}

# The probability that each effect is there. The number of effects is beta-binomial: how many there
# are among L has prior weight from a Beta(1, 2), so that one effect needs more evidence where the
# others are not there.
effect_probability <- function(fit, a = 1, b = 2) {
  L <- length(fit$lbf)
  live <- fit$scale > 1e-9
  active <- as.double(live)
  for (i in seq_len(100)) {
    before <- active
    for (l in which(live)) {
      others <- sum(active[-l])
      active[l] <- stats::plogis(log(a + others) - log(b + L - 1 - others) + fit$lbf[[l]])
    }
    if (max(abs(active - before)) < 1e-10) break
  }
  stats::setNames(active, names(fit$scale))
}
