# One response: y = W g + X b + e, b_j ~ sum_k pi_k N(0, sigma2 sa2_k).

#' Multiple regression with adaptive shrinkage
#'
#' Linear regression on many predictors with a mixture-of-normals prior on the coefficients, whose
#' weights are estimated from the data (mr.ash), by a variational approximation that factorises over
#' predictors.
#'
#' The model is `y = Z g + X b + e`, `Z` the covariates, with independent errors of variance
#' `sigma2`, and coefficients
#' `b_j ~ sum_k pi_k N(0, sigma2 sa2_k)`. The intercept and the covariates are regressed out of
#' `y` and of every predictor first, which is exact: their coefficients are at their least-squares
#' values given `b`. One predictor is updated at a time, with the residual of all others. The bound
#' on the log-likelihood (`elbo`) never falls from sweep to sweep.
#'
#' Weights are found by `method = "convex"`: after each sweep, those that maximise the likelihood of
#' the current effects are tried, and kept if the bound is higher after the next sweep; otherwise
#' the fit goes back and takes a step of expectation maximisation, and the next trial goes less far.
#' `"em"` takes only steps of expectation maximisation, often thousands of them.
#'
#' The objective has local optima when predictors are correlated, and the order of updates and the
#' start decide among them. The method is for effect sizes, their distribution and prediction, not
#' for choosing among correlated predictors.
#'
#' @section The default grid:
#' `sa2` is 0 and the squares of [autoselect_grid()] of the univariate regressions, in steps of
#' `sqrt(2)`, divided by the variance of `y`: multiplying `X` or `y` by a number changes only units.
#' If the fit puts more than 0.1% on the largest variance, larger ones are added and the fit goes
#' on.
#'
#' @param X predictors, n samples x p: a numeric matrix or data frame, a sparse matrix of package
#'   Matrix, or a function that returns blocks of columns ([genotype_blocks()]). Without missing
#'   values.
#' @param y n numbers (or `TRUE` and `FALSE`). Samples without a value (`NA`) are left out.
#' @param sa2 prior variances, as multiples of `sigma2` (or in squared units of the effects, if
#'   `scaled_prior` is `FALSE`): distinct, at least 0. Default: see below.
#' @param pi weights of the components to start from. Default: equal; with `beta_init`, the average
#'   posterior probabilities of those coefficients.
#' @param sigma2 residual variance to start from. Default: the variance of the residual at the
#'   start.
#' @param beta_init coefficients to start from, p numbers. Default 0.
#' @param update_pi,update_sigma2 estimate them, or keep the values given.
#' @param scaled_prior are prior variances multiples of `sigma2`?
#' @param method `"convex"` or `"em"`, see below.
#' @param order of the updates: `"consecutive"`, `"random"` (one permutation, from R's random
#'   numbers), `"marginal"` (largest univariate z-score first), or a permutation of `1:p`.
#' @param standardize scale predictors to standard deviation 1 for the fit, so that the prior is on
#'   effects per standard deviation. Results are in the units of `X` either way.
#' @param intercept include an intercept.
#' @param prior,nullweight Dirichlet penalty on the weights, as in [mash()]: `"uniform"` (none),
#'   `"nullbiased"`, or K numbers.
#' @param tol the fit has converged when a sweep raises the bound by at most `tol` per sample and
#'   changes no coefficient by more than `sqrt(tol)` standard errors, and no weights would raise the
#'   log-likelihood of the deconvolved effects by more than 5e-7 (`"em"`: no weight changes by more
#'   than `sqrt(tol)`).
#' @param ... other words for these arguments (see [mnmash-package]), and arguments of packages that
#'   have the same model: those that change nothing here are taken with a message, others are an
#'   error that says what to use.
#' @inheritParams shared_arguments
#'
#' @return An object of class `mr_ash`, with the methods of [mr_ash-methods]; a list of
#' - `beta`, `posterior_sd`, `lfsr`, `lfdr`: posterior means, standard deviations, local false sign
#'   rates and probabilities of zero, p numbers each, in the units of `X`;
#' - `pi`, `sa2`, `sigma2`: the prior and the residual variance; `pve`: the share of the variance of
#'   `y` (less what the covariates explain) that the predictors explain, posterior expectation;
#' - `covariates`: intercept and coefficients of the covariates; `terms`: how their columns are made
#'   of new values;
#' - `Bhat`, `Shat`: deconvolved effects, `beta_j + x_j'(y - fitted) / d_j`, and their standard
#'   errors `sqrt(sigma2 / d_j)`, with `d_j` the sum of squares of predictor j (see [deconvolve()]);
#'   `NA` for predictors that the covariates explain;
#' - `fitted`, `y`;
#' - `elbo`, `trace` (a data frame with a row for each sweep: `elbo`, `sigma2`, and the largest
#'   changes of a coefficient, in standard errors, and of a weight), `iterations` (sweeps, with
#'   those that were undone), `converged`, `message`, `convergence` (as in [mash()]);
#' - `n`, `p`, `scale` (what predictors were divided by), `scaled_prior` and `call`.
#' @references Kim, Wang, Carbonetto and Stephens (2024), Journal of Machine Learning Research 25,
#' 1-59.
#' @seealso [mr_ash_rss()] for summary statistics, [varbvs()] for the spike and slab.
#' @export
#' @examples
#' sim <- simulate_mr_mash(n = 200, p = 100, p_causal = 5, r = 1, pve = 0.5, seed = 1)
#' fit <- mr_ash(sim$X, sim$Y)
#' fit
#' plot(sim$B, coef(fit)[-1])
#' predict(fit, sim$X[1:3, ])
mr_ash <- function(X, y, covariates = NULL, sa2 = NULL, pi = NULL, sigma2 = NULL, beta_init = NULL,
                   update_pi = TRUE, update_sigma2 = TRUE, scaled_prior = TRUE,
                   method = c("convex", "em"), order = c("consecutive", "random", "marginal"),
                   standardize = FALSE, intercept = TRUE, prior = "uniform",
                   nullweight = 10, tol = 1e-8, max_iter = 1000, n_threads = NULL, ...) {
  call <- match.call()
  peer_arguments(take_dots(..., also = names(ash_peers)), ash_peers)
  data <- regression_data(X, y, covariates, "y")
  if (ncol(data$Y) > 1L) {
    stop_mnmash("dimension", "`y` has ", ncol(data$Y), " columns: see mr_mash() or deconvolve()")
  }
  data <- samples_with_response(data)
  settings <- ash_settings(mget(names(ash_table)))
  problem <- ash_problem(data, check_flag(intercept))
  start <- individual_start(list(sa2 = sa2, pi = pi, sigma2 = sigma2, b = beta_init), problem)
  fits <- ash_fits(problem$design, problem$Y, problem$marginal, start, settings)
  found <- finish_mr_ash(fits[[1L]], problem, 1L, settings, call)
  warn_unconverged(found)
  found$terms <- data$Z$terms
  found$rows <- data$rows
  found
}
