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
#' has no effect, or one of the other sign than the more probable one, in condition r.
#'
#' @section Errors of sets:
#' A set has in each condition one sign, relative to the alleles of its first variable: at a
#' variable j it is that times the sign of the correlation of the two. With `c_l` the probability
#' that the effect is there and `pos_jr` that, being at j, it has this sign in condition r (an
#' effect of exactly zero has none), the statements and the probabilities that they are wrong are:
#' - `lfsr(fit, "set")`: *a variable of this set acts in r with this sign*,
#'   `1 - c_l sum_(j in set) alpha_lj pos_jr`. It is never below `1 - coverage`: what is not in the
#'   set, is not in the set. For smaller errors ask for larger sets (`coverage = 0.99`).
#' - `lfsr(fit, "signal")`: *this signal acts in r with this sign*, wherever it is,
#'   `1 - c_l sum_j alpha_lj pos_jr`. It is right where a causal variable in LD with the set (a
#'   correlation with its first variable beyond one half, say) acts so: the question when conditions
#'   are counted or coloured, not when variables are chosen.
#' - `lfsr(fit, "single_effect")`: given that the effect is there and wherever it is, that its sign
#'   is guessed wrong, variable by variable. This is what mvsusieR reports for a set. As a statement
#'   about the set it promises far too much: it leaves out that the set may miss, and that there may
#'   be no effect.
#'
#' Other effects that may be in variables of the set count too: the set is wrong if none of them is
#' right, and of two in the same variable the sign of their sum counts. Errors are as calibrated as
#' the prior: a learnt prior whose matrices have no zeros is over-confident about conditions without
#' effect (see [learn_prior()]).
#'
#' @param x a fit from [finemap()].
#' @param coverage,min_abs_corr as in [finemap()]; default: those of the fit.
#' @param level `"variable"`, `"set"`, `"signal"` or `"single_effect"`.
#' @inheritParams shared_arguments
#'
#' @return `credible_sets()`: a list of the shape that [pip()] has, named by effects; to the
#'   elements described there it adds `log_bf` (natural logarithm),
#'   `probability`: that the effect is there at all (see [summary.finemap()]), and R numbers each:
#'   `lfsr` of the set, `signal_lfsr`, `given_lfsr` (that the sign is wrong, given that the effect
#'   is there and in the set) and the `sign` of the first variable. The error of a set of one effect
#'   is `1 - probability coverage (1 - given_lfsr)`: that it exists, its place, and its sign. Sets
#'   are in the order of purity. `pip()`: p probabilities. `lfsr()`: p x R or sets x R. Costs O(L p
#'   R) in all.
#' @name finemap-sets
#' @examples
#' set.seed(1)
#' X <- matrix(rbinom(300 * 50, 2, 0.3), 300)
#' Y <- X[, 7] %o% c(0.5, 0.5) + matrix(rnorm(600), 300)
#' fit <- finemap(finemap_data(X, Y), list(matrix(1, 2, 2), diag(2)))
#' credible_sets(fit)
#' lfsr(fit, "set")
#' lfsr(fit, "set", coverage = 0.99)
#' lfsr(fit, "signal")
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
  new_credible_sets(sets_at(x, coverage, min_abs_corr))
}

# Those of the fit, or found anew.
sets_at <- function(x, coverage, min_abs_corr) {
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
lfsr.finemap <- function(x, level = c("variable", "set", "signal", "single_effect"),
                         coverage = NULL, min_abs_corr = NULL, ...) {
  take_dots(...)
  level <- match_choice(level, c("variable", "set", "signal", "single_effect"))
  if (level == "variable") {
    if (!is.null(coverage) || !is.null(min_abs_corr)) {
      stop_mnmash(
        "argument", as_typed(if (is.null(coverage)) "min_abs_corr" else "coverage"),
        " is of sets: give `level = \"set\"`"
      )
    }
    return(x$lfsr)
  }
  sets <- sets_at(x, coverage, min_abs_corr)
  if (level == "single_effect") return(x$single_effect_lfsr[names(sets), , drop = FALSE])
  name <- if (level == "set") "lfsr" else "signal_lfsr"
  matrix(
    as.double(unlist(lapply(sets, `[[`, name))), length(sets), x$data$R, byrow = TRUE,
    dimnames = list(names(sets), colnames(x$lfsr))
  )
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
      alpha = unname(fit$alpha[l, members]), coverage = sum(fit$alpha[l, members]),
      purity = stats::setNames(purity, c("min", "mean", "median")),
      log_bf = fit$lbf[[l]], probability = probability[[l]]
    )
  })
  names(sets) <- live
  keep <- vapply(sets, \(s) length(s$variables) > 0 && s$purity[["min"]] >= min_abs_corr, NA)
  sets <- sets[keep]
  sets <- sets[!duplicated(lapply(sets, \(s) sort(unname(s$variables))))]
  with_errors(sets[order(-vapply(sets, \(s) s$purity[["min"]], 0))], fit)
}
