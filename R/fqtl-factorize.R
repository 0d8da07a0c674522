# Matrix factorisation, and deconvolution by known mixing weights, with the engine of fqtl().

#' Factorisation of outcomes, with missing cells and any family
#'
#' `eta = C Theta + (U o W) V' + X B`: each factor has a value for every sample and sparse loadings
#' on the outcomes, and is in the model or not as a whole, so that the number of factors is chosen.
#' With known mixing weights `W` (proportions of cell types, one column for each factor) it is a
#' deconvolution. Sparse effects of predictors can be estimated at the same time.
#'
#' @inheritParams fqtl
#' @param X n x p matrix of predictors with direct, sparse effects, or `NULL`.
#' @param cis which of them may act on each outcome, as in [fqtl()]; all by default.
#' @param nonneg loadings are not negative.
#' @param direct_prior prior of the effects of `X`: `"susie"`, `L` single effects on each outcome,
#'   or `"spike_slab"`, which is faster; see [fqtl()].
#' @param L number of single effects on each outcome.
#'
#' @return As [fqtl()], with values of the samples in `u$mean` and `u$sd` (n x rank) and one `u$pip`
#'   for each factor. With `weights`, `factor_weight` says which column a factor belongs to, and its
#'   contribution is `weights[, k] * u$mean[, k] %*% t(v$mean[, k])`.
#' @seealso [fqtl()], [cov_flash()]
#' @export
#' @examples
#' set.seed(1)
#' U <- matrix(rnorm(80 * 2), 80)
#' V <- matrix(rbinom(12 * 2, 1, 0.5) * rnorm(24), 12)
#' Y <- U %*% t(V) + 0.3 * matrix(rnorm(80 * 12), 80)
#' Y[sample(length(Y), 100)] <- NA
#' fit <- fqtl_factorize(Y, K = 4)
#' fit$rank
#' head(fqtl_impute(fit, Y))
fqtl_factorize <- function(Y, K = 5, family = c("gaussian", "nb", "voom", "binomial", "beta"),
                           X = NULL, cis = TRUE, covariates = NULL, var_covariates = NULL,
                           offset = NULL, weights = NULL, nonneg = FALSE, prior = list(),
                           direct_prior = c("susie", "spike_slab"), L = 5, size = NULL,
                           nb_link = c("log", "odds"), nb_floor = NULL, library_size = NULL,
                           variance_bounds = NULL, tol = 1e-4, max_iter = 500, n_threads = NULL,
                           ...) {
  take_dots(...)
  direct_prior <- match_choice(direct_prior, c("susie", "spike_slab"))
  data <- fqtl_data(Y, X, list(
    covariates = covariates, var_covariates = var_covariates, offset = offset, weights = weights,
    cis = if (!is.null(X)) cis, size = size, library_size = library_size
  ))
  model <- fqtl_model(data, fqtl_family(family, nb_link, nb_floor, variance_bounds))
  fit <- run_fqtl(model, list(
    K = K, u_prior = "values", direct_prior = direct_prior, L = L, nonneg = check_flag(nonneg),
    prior = prior, n_seeds = 1, tol = tol, max_iter = max_iter, n_threads = n_threads
  ))
  fit$call <- match.call()
  fit
}
