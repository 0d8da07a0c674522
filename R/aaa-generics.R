# Questions that several kinds of fit answer.

#' Local false sign rate
#'
#' The probability that an effect has another sign than the likelier one (or is zero). For fits of
#' [mash()] see also [get_lfsr()].
#'
#' @param x a fit.
#' @param ... further arguments, for methods.
#' @return Numbers between 0 and 1, in the shape of the effects.
#' @references Stephens (2017), Biostatistics 18, 275-294.
#' @export
#' @examples
#' sim <- simulate_mr_mash(n = 100, p = 20, p_causal = 3, r = 1, seed = 1)
#' fit <- mr_ash(sim$X, sim$Y)
#' round(lfsr(fit), 3)
lfsr <- function(x, ...) {
  check_given()
  UseMethod("lfsr")
}

#' @export
lfsr.default <- function(x, ...) no_such_fit("lfsr", x)

#' Posterior inclusion probabilities and credible sets
#'
#' Generic functions for fits that choose variables: see the methods for what they return.
#'
#' `credible_sets()` has the same shape for all kinds of fit.
#'
#' @param x a fit; for `print()` and `as.data.frame()`, credible sets.
#' @param ... further arguments, for methods.
#'
#' @return `pip()`: probabilities that a variable has an effect. `credible_sets()`: a list of class
#'   `credible_sets` with one element for each set, with a name: a list of
#'   - `variables`: numbers of the variables, most probable first, with their names;
#'   - `alpha`: the probability of each of them (that the effect is there; of [varbvs()], that it is
#'     included);
#'   - `coverage`: the probability that the set holds its effect;
#'   - `purity`: smallest, mean and median absolute correlation (`min`, `mean`, `median`) between
#'     its variables; `NA` where the fit has no correlations;
#'   - and what else the method says.
#'
#'   `as.data.frame()` of them: a row for each set and variable, with columns `set`, `predictor`,
#'   `alpha`, and of the set `size`, `coverage`, `purity` (the smallest) and, where the fit has
#'   them, `log_bf`, `probability` (that the effect is there), `factor` and `effect` (their
#'   numbers). `summary()`: the same with a row for each set, of its most probable variable
#'   (`sentinel`).
#' @seealso [finemap-sets], [varbvs-sets], [fqtl()], [varbvs()]
#' @export
#' @examples
#' set.seed(1)
#' X <- matrix(rnorm(100 * 20), 100)
#' Y <- X[, 3] %o% c(1, 0.5) + matrix(rnorm(200), 100)
#' fit <- finemap(finemap_data(X, Y), cov_canonical(mash_set_data(Y)))
#' round(pip(fit), 2)
#' credible_sets(fit)
#' as.data.frame(credible_sets(fit))
#' credible_sets(fit)[[1]]$variables
pip <- function(x, ...) {
  check_given()
  UseMethod("pip")
}

#' @export
pip.default <- function(x, ...) no_such_fit("pip", x)

#' @rdname pip
#' @export
credible_sets <- function(x, ...) {
  check_given()
  UseMethod("credible_sets")
}

#' @export
credible_sets.default <- function(x, ...) no_such_fit("credible_sets", x)

no_such_fit <- function(generic, x) {
  stop_mnmash("type", as_typed("x"), " must be a fit that has ", generic, "(), not ", class(x)[1L])
}

# `$` of a fit: the entry of this name or NULL, never another that begins alike.
exact_entry <- function(x, name) .subset2(x, name)
