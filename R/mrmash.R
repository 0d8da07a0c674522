# Multivariate multiple regression with a mixture-of-normals prior.

#' Multivariate multiple regression with adaptive shrinkage
#'
#' Regresses r responses on p predictors together, `Y = X B + E`, where the rows of `E` are
#' independent `N(0, V)` and the rows of `B` have a mixture of multivariate normal distributions as
#' their prior, `sum_k w0[k] N(0, S0[[k]])`: the model of mr.mash. Weights and residual covariance
#' are estimated with the coefficients, by variational inference.
#'
#' The posterior is approximated by independent rows of `B`. Each sweep replaces each row by its
#' exact posterior given the others, in turn, so that the evidence lower bound (`ELBO`) never falls
#' (but see `plugin`); for a single predictor, or orthogonal ones, it is the log-density of the
#' data. Nothing is left out of the bound: it is higher than that of the package mr.mash.alpha by
#' `log(n) / 2`, for the centred data that both use.
#'
#' The prior covariances may have any rank, zero included: nothing is added to them. Matrices that
#' are multiples of one another share their computations, so that a grid of scales is cheap.
#'
#' @section Residual covariance:
#' - `"full"`, `"diagonal"`: as the names say;
#' - `"lowrank"`: `s^2 I + W W'` with `rank` columns in `W` (probabilistic principal components, in
#'   closed form); `plugin = TRUE` leaves out the uncertainty of the coefficients, as a plug-in
#'   estimate does: residual variances come out too small, and the bound may fall;
#' - `"factor"`: `diag(psi) + W W'` with `rank` columns (factor analysis);
#' - `"identity"`: the identity matrix; `"known"`: `V` as it is.
#'
#' @section Units of the prior:
#' Priors know what they are of (see [as_prior()]). One of effects per unit of a predictor (from a
#' fit of [mash()] with `alpha = 0`, on effects of [deconvolve()], say) is used with
#' `standardize = FALSE`, one of z-scores (`alpha = 1`) with `standardize = TRUE`, its covariances
#' times `sd(Y_r) sd(Y_s) / sqrt(n_r n_s)` (covariates regressed out). So the fit does not depend on
#' the units of `X` and `Y`. To ask for the other `standardize` is an error, unless all predictors
#' have the same standard deviation. With a `grid`, whose scales take the place of the prior's, only
#' the proportions among responses are converted, and `standardize` is free.
#'
#' @section Sizes of effects:
#' A plain list of covariances as `prior` says which effects go together, not how large they are nor
#' how many predictors have any. Without `grid` and `w0` the data say it: the scales are those of
#' `autoselect_grid(univariate_sumstats(X, Y), 2)`, in the units of the coefficients, with a
#' component of exactly zero effects, and the weights are estimated. So does [mash()] with such
#' matrices. Priors that know their scales and weights (fits, [as_prior()]), `S0`, and matrices
#' with `w0` are used as they are.
#'
#' @section Missing responses:
#' `NA` in `Y` is missing at random. The missing values of a sample given the others are part of the
#' approximate posterior; samples that miss the same responses share the computations. `Y` of the
#' result has expected values in their places.
#'
#' Covariates are regressed out of `X` and, given the coefficients, of `Y`.
#'
#' @param X predictors, n samples x p: a numeric matrix or data frame, a sparse matrix of package
#'   Matrix (which stays sparse), or a function that returns blocks of columns
#'   ([genotype_blocks()]). Without missing values. Constant columns get the coefficient 0.
#' @param Y n x r matrix of responses (a vector if r = 1); `NA` where missing.
#' @param prior list of r x r covariance matrices, a fit of [mash()], or anything that [as_prior()]
#'   takes. Covariances refer to coefficients of standardized predictors if `standardize`; see the
#'   section on units. Conditions are matched by name: a prior of more of them is reduced to those
#'   of `Y` (its margin).
#' @param S0 list of r x r covariance matrices, or an r x r x K array, in place of `prior`.
#' @param w0 K starting weights of the components, matched to the covariances by name where both
#'   have names. Default: those of `prior`, or equal.
#' @param grid scales (standard deviations): each matrix, scaled to have a largest variance of 1, is
#'   used times the square of each scale, and a component of exactly zero effects is added. Default:
#'   from the data for a plain list of covariances without `w0` (see Sizes of effects), else none.
#' @param V r x r residual covariance to start from, or to use if `residual = "known"`. Default:
#'   the covariance of `Y` (given `B_init`). Matched to the columns of `Y` by name.
#' @param residual structure of the residual covariance, see below.
#' @param rank number of columns of `W`, for `"lowrank"` and `"factor"`.
#' @param update_w0,update_V whether to estimate weights and residual covariance.
#' @param w0_method `"convex"`: expectation maximisation and, once a sweep gains little, steps
#'   towards the solution of the convex problem that the weights solve at convergence, as far as the
#'   bound does not fall. `"em"`: expectation maximisation only, as mr.mash does, which stops short
#'   of the optimum. The bound has several optima where predictors are strongly correlated, and the
#'   two may end in different ones.
#' @param w0_penalty K Dirichlet parameters of at least 1, or one for all: a penalty on the weights.
#' @param w0_threshold from sweep 16 on, weights below this are set to zero.
#' @param standardize divide predictors by their standard deviations (about what intercept and
#'   covariates explain). Coefficients are returned for
#'   `X` as given; `S0`, `w0` refer to standardized predictors. Default: `TRUE`, unless the prior is
#'   of effects per unit.
#' @param intercept centre `X` and `Y`, which integrates an intercept out (up to a constant).
#' @param order order of the updates: `"consecutive"`; `"decreasing_logBF"` or
#'   `"increasing_logBF"`, by the Bayes factors of the predictors alone; `"random"`; or a
#'   permutation of 1, ..., p.
#' @param B_init p x r coefficients to start from. Default: zero.
#' @param covariance which posterior (co)variances of coefficients to return: standard deviations
#'   and local false sign rates (`"diagonal"`), nothing (`"none"`), or also all r x r x p
#'   covariances (`"full"`).
#' @param plugin see the section on the residual covariance.
#' @param tol converged when a sweep raises the bound by at most `tol` per value of `Y`, and no
#'   weights would raise the log-likelihood of the deconvolved effects (see [deconvolve()]) by more
#'   than 5e-7 (`"em"`: no weight changes by more than `tol_w0`). With both 0, `max_iter` sweeps are
#'   made.
#' @param tol_w0 see `tol`.
#' @param e number added to the diagonals of all prior matrices. mr.mash adds 1e-8.
#' @param w1 return the posterior probabilities of the components, p x K, as `w1`.
#' @inheritParams mr_ash
#' @inheritParams shared_arguments
#'
#' @return An object of class `mr_mash`, a list of
#' - `mu1`: p x r posterior means of the coefficients; `intercept`: r numbers; `covariates`: q x r
#'   coefficients of the covariates, and `terms`, how their columns are made of new values;
#' - `psd`, `lfsr`: p x r posterior standard deviations and local false sign rates (raised where the
#'   prior says that few units taught it, see [learn_prior()]); `S1`: r x r x p
#'   posterior covariances (each as `covariance` asks);
#' - `V`: residual covariance; `loadings`, `unique`: its parts `W` and `s^2` or `psi`;
#' - `w0`, `S0`: weights and covariances of the prior; `expected_counts`: posterior weights of
#'   the components, summed over predictors, and with `w1 = TRUE` the p x K weights as `w1`;
#' - `fitted`, `residuals`: n x r; `G`: covariance of what the predictors
#'   contribute to the fitted values; `pve`: proportions of
#'   variance explained, `diag(G) / (diag(G) + diag(V))`; `Y`: completed responses, if some were
#'   missing;
#' - `ELBO`, and `trace`: data frame of `iteration` and `elbo`, the bound after each sweep (plus the
#'   log-density of the weights if `w0_penalty` is not 1);
#' - `convergence`: list of `converged`, `stop`, `iterations`, `trace`, `message`, and of the last
#'   sweep `elbo_change` (per value of `Y`), `w0_change`, `mu1_change` (standardized);
#'   `proposals`: how many were kept and not.
#' @references
#' Morgante, Carbonetto, Wang, Zou, Sarkar and Stephens (2023), PLOS Genetics 19, e1010539.
#'
#' Tipping and Bishop (1999), Journal of the Royal Statistical Society B 61, 611-622 (`"lowrank"`).
#'
#' Rubin and Thayer (1982), Psychometrika 47, 69-76 (`"factor"`).
#' @seealso [mr_mash_rss()] for summary statistics, `coef()`, `predict()` and others in
#'   [mr_mash-methods]
#' @export
#' @examples
#' set.seed(1)
#' n <- 100; p <- 20; r <- 3
#' X <- matrix(rnorm(n * p), n)
#' B <- matrix(0, p, r)
#' B[1:2, ] <- 1
#' Y <- X %*% B + matrix(rnorm(n * r), n)
#' prior <- list(shared = matrix(1, r, r), independent = diag(r))
#' fit <- mr_mash(X, Y, prior, grid = c(0.1, 0.5, 1))
#' fit
#' round(coef(fit)[1:4, ], 2)
mr_mash <- function(X, Y, prior = NULL, S0 = NULL, w0 = NULL, grid = NULL, V = NULL,
                    residual = c("full", "diagonal", "lowrank", "factor", "identity", "known"),
                    rank = NULL, update_w0 = TRUE, update_V = TRUE,
                    w0_method = c("convex", "em"), w0_penalty = 1, w0_threshold = 0,
                    standardize = NULL, intercept = TRUE,
                    order = c("consecutive", "decreasing_logBF", "increasing_logBF", "random"),
                    B_init = NULL, covariance = c("diagonal", "none", "full"), plugin = FALSE,
                    tol = 1e-6, tol_w0 = 1e-3, max_iter = 1000, e = 0, covariates = NULL,
                    w1 = FALSE, n_threads = NULL, ...) {
  call <- match.call()
  peers <- take_dots(..., also = names(mash_peers), words = own_synonyms$mr_mash)
  peer_arguments(peers, mash_peers)
  settings <- mash_settings(mget(names(mash_table)))
  data <- regression_data(X, Y, covariates)
  X <- data$X
  if (X$n < 2L) stop_mnmash("dimension", "`X` must have at least two rows (samples)")
  check_flag(intercept)
  data$Y <- response_matrix(data$Y, settings$residual == "full" && is.null(V), intercept)
  conditions <- colnames(data$Y)
  r <- ncol(data$Y)
  space <- covariate_space(data$Z$x, X$n, intercept)
  units <- regression_units(
    list(prior = prior, S0 = S0, w0 = w0, grid = grid), standardize,
    list(names = conditions, r = r), individual_scales(X, data$Y, space)
  )
  settings$lfsr_map <- map_of_prior(units$given$prior)
  given <- with_own_grid(units$given, \() {
    slopes(moments_by_pattern(X, data$Y, data$Z$x), units$standardize, NULL)
  })
  mixture <- regression_prior(given, conditions, r)
  if (!is.null(V)) V <- unname(check_covariance(V, r, conditions = conditions))
  problem <- regression_problem(mixture, V, conditions, r, settings)
  design <- regression_design(X, space)
  start <- start_coefficients(B_init, X$names, X$p, conditions, r, "B_init")
  order <- update_order(order, design, data$Y, units$standardize, problem, settings)
  responses <- core_responses(data$Y)
  found <- core_mr_mash(design, responses, start, order, units$standardize, problem, settings)
  scale <- if (units$standardize) found$samples$scale else rep(1, X$p)
  fit <- regression_fit(found, problem, scale, list(X$names, conditions), settings)
  fit <- add_fitted(fit, X, data$Y, space, found)
  fit$terms <- data$Z$terms
  fit$standardize <- units$standardize
  fit$n <- X$n
  fit$call <- call
  structure(fit, class = "mr_mash")
}
