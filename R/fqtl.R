# Factored regression of many outcomes on many predictors: what the user calls.

#' Factored regression: few predictors that act on few outcomes together
#'
#' Regression of the outcomes of many tissues on the genotypes of many variants, with effects that
#' are a sum of factors: `eta = C Theta + X U V'`, where columns of `U` (which variants) and of `V`
#' (which tissues) have spike-and-slab priors. The model is that of FQTL (Park et al. 2017); it is
#' fitted by deterministic coordinate ascent on one evidence lower bound. Factors are added while
#' the bound rises, so `K` is the largest number of them, not the number. Then factors are
#' exchanged, split, turned in the plane that two of them span, and with `weights` rid of the
#' variants of other columns, wherever that raises the bound: coordinate ascent does none of this.
#'
#' @section Families:
#' - `"gaussian"`: `Y ~ N(eta, V)`, one `V` for each outcome, or `Vmin + (Vmax - Vmin) logistic(e)`
#'   with `e` linear in `var_covariates`;
#' - `"nb"`: counts with variance `mu + mu^2 / a`. With `nb_link = "log"`, `eta = log(mu)`; with
#'   `"odds"`, `eta = log(mu / a)`, under which the size moves the mean. The size is
#'   `nb_floor + exp(-e)`;
#' - `"voom"`: logarithms of counts, with variance `exp(-eta) + phi` (the delta method): `Y` is
#'   `log(count)` with `log` natural. Give `library_size` if `Y` is log2 counts per million;
#' - `"binomial"`: `Y` successes of `size` trials (one by default), or a proportion of one trial;
#' - `"beta"`: proportions strictly between 0 and 1.
#'
#' Gaussian and binomial (Jaakkola and Jordan's bound) updates never lower the bound; those of the
#' other families are damped until they raise it.
#'
#' @section Missing values:
#' A missing cell of `Y` is not part of the likelihood. `X` must be complete.
#'
#' @param Y n x m matrix or data frame of outcomes, one row for each sample; `NA` where missing.
#' @param X n x p matrix of predictors. Columns are centred.
#' @param K the largest number of factors; 0 for outcome-specific effects alone.
#' @param family the distribution of `Y`, see below.
#' @param covariates n x q matrix of covariates with dense effects on the mean; an intercept is
#'   always there.
#' @param var_covariates the same for the variance or dispersion.
#' @param offset a known part of `eta`: a vector of length n, or n x m.
#' @param weights n x K matrix: factor k of sample i is multiplied by `weights[i, k]` (proportions
#'   of cell types).
#' @param cis which predictors may act on each outcome directly, on top of the factors: a logical p
#'   x m matrix, `TRUE` for all, or `NULL` for none.
#' @param nonneg loadings of the outcomes are not negative (half-normal slabs).
#' @param prior a list that replaces some of the ranges in which hyper-parameters are estimated:
#'   `pi_u`, `tau_u`, `pi_v`, `pi_direct`, `tau_direct`, each one number (fixed) or two. `pi` are
#'   inclusion probabilities, `tau` precisions of the slabs in units of `var(X) / var(Y)`. The
#'   variants of all factors have one `pi_u` and one `tau_u`; each factor has its own `pi_v`. The
#'   slab of `V` has precision 1, which fixes the scale of the factors.
#' @param u_prior `"spike_slab"`, or `"susie"`: `L` single effects for each factor, which have
#'   credible sets.
#' @param L number of single effects for each factor.
#' @param size numbers of trials of a binomial: a number or an n x m matrix.
#' @param nb_link,nb_floor link of the mean of counts, and smallest size.
#' @param library_size total counts of the samples, for `"voom"` outcomes in log2 counts per
#'   million, `log2((count + 0.5) / (library_size + 1) * 1e6)`. Effects are then in these units.
#' @param variance_bounds smallest and largest variance of an outcome, as multiples of its variance.
#'   By default `c(1e-4, 1)`, or `c(1e-4, 100)` with `var_covariates`.
#' @param n_seeds how many starting points of either kind (variants not in linkage disequilibrium,
#'   with effects on many outcomes, or on a few) are tried before a factor is given up.
#' @param tol the fit has converged when a round over all parts raises the bound by less.
#' @param max_iter largest number of such rounds.
#' @param method `"coordinate"`, or `"sgvb"`: the same model by stochastic gradients
#'   (reparametrised, with control variates and antithetic draws; a round is 20 steps). It is slower
#'   and less exact, and shares none of the updates: a check of the other. Needs
#'   `u_prior = "spike_slab"`.
#' @param seed of the random numbers of `"sgvb"`: a whole number, or `NULL` to draw one from R's.
#' @param n_threads number of threads; by default the option `mnmash.threads`, or all cores.
#'
#' @return An object of class `fqtl`, a list of
#' - `u`, `v`: the two sides of the factors: `pip` (inclusion probabilities), `mean` and `sd`,
#'   matrices with a column for each factor, strongest first; `pi` and `tau`;
#' - `rank`: the number of factors; `B`: p x m effects, factors and direct ones; `B_sd`;
#' - `direct`: `pip`, `mean`, `sd` of the direct effects, p x m, if there are any;
#' - `covariates`, `covariates_sd`: q x m, the intercept first;
#' - `dispersion`: `value`, n x m (variances, sizes, phi or precisions), coefficients `theta` and
#'   their standard errors `se` where there are covariates;
#' - `eta`, `eta_sd`: the linear predictor; `fitted.values`: means of the outcomes, missing ones
#'   included;
#' - `elbo`: the bound without factors, after each factor, then after each round (for `"sgvb"` an
#'   estimate of it in each round, then of the final one, with Monte Carlo standard error
#'   `elbo_se`); `converged`, `n_iter`, and the arguments.
#' @references Park Y, Sarkar AK, Bhutani K, Kellis M (2017). Multi-tissue polygenic models for
#'   transcriptome-wide association studies. bioRxiv 107623.
#'
#'   Carbonetto P, Stephens M (2012). Scalable variational inference for Bayesian variable selection
#'   in regression. Bayesian Analysis 7, 73-108.
#'
#'   Kingma DP, Welling M (2014). Auto-encoding variational Bayes. ICLR (reparametrised gradients).
#' @seealso [fqtl_regression()], [fqtl_factorize()], [predict.fqtl()], [mr_mash()]
#' @export
#' @examples
#' set.seed(1)
#' X <- matrix(rbinom(150 * 40, 2, 0.3), 150)
#' B <- matrix(0, 40, 8)
#' B[7, 1:4] <- c(1, 0.8, 1.2, -1)
#' Y <- X %*% B + matrix(rnorm(150 * 8), 150)
#' Y[sample(length(Y), 200)] <- NA
#' fit <- fqtl(Y, X)
#' fit
#' which(pip(fit) > 0.5)
#' round(coef(fit)[c(1, 8), ], 2)
fqtl <- function(Y, X, K = 5, family = c("gaussian", "nb", "voom", "binomial", "beta"),
                 covariates = NULL, var_covariates = NULL, offset = NULL, weights = NULL,
                 cis = NULL, nonneg = FALSE, prior = list(), u_prior = c("spike_slab", "susie"),
                 L = 5, size = NULL, nb_link = c("log", "odds"), nb_floor = NULL,
                 library_size = NULL, variance_bounds = NULL, n_seeds = 5, tol = 1e-4,
                 max_iter = 500, n_threads = NULL, method = c("coordinate", "sgvb"),
                 seed = NULL) {
  u_prior <- match_choice(u_prior, c("spike_slab", "susie"))
  method <- match_choice(method, c("coordinate", "sgvb"))
  if (method == "sgvb" && u_prior == "susie") {
    stop_mnmash("argument", "`method` \"sgvb\" needs `u_prior` \"spike_slab\"")
  }
  model <- fqtl_model(
    Y, family, covariates, var_covariates, offset, size, nb_link, nb_floor, library_size,
    variance_bounds
  )
  X <- check_predictors(X, nrow(model$Y))
  if (!is.null(weights)) {
    weights <- check_rows(weights, "weights", nrow(model$Y))
    K <- ncol(weights)
  }
  masks <- cis_masks(cis, ncol(X$values), ncol(model$Y))
  fit <- run_fqtl(
    model, X, K, weights, masks, check_flag(nonneg), prior,
    if (u_prior == "susie") "susie" else "sparse", L, n_seeds, tol, max_iter, n_threads,
    if (method == "sgvb") with_seed(seed, sample.int(.Machine$integer.max, 1L))
  )
  fit$call <- match.call()
  fit
}

#' Sparse regressions of several outcomes, one by one
#'
#' [fqtl()] without factors: a spike-and-slab regression for each outcome, with the same families,
#' covariates, and masks of the predictors that may act.
#'
#' @inheritParams fqtl
#' @param cis as in [fqtl()]; all predictors by default.
#' @param ... further arguments of [fqtl()].
#' @return As [fqtl()], with `rank` 0 and the effects in `direct`.
#' @export
#' @examples
#' set.seed(1)
#' X <- matrix(rnorm(100 * 30), 100)
#' Y <- cbind(X[, 3], 0) + matrix(rnorm(200), 100)
#' fit <- fqtl_regression(Y, X)
#' round(fit$direct$pip[1:4, ], 3)
fqtl_regression <- function(Y, X, cis = TRUE, ...) {
  fit <- fqtl(Y, X, K = 0, cis = cis, ...)
  fit$call <- match.call()
  fit
}

# The fit itself, from checked arguments.
run_fqtl <- function(model, X, K, weights, masks, nonneg, prior, left, L, n_seeds, tol, max_iter,
                     n_threads, seed = NULL) {
  K <- check_count(K, 0)
  hyper <- fqtl_hyper(prior, X, model, left)
  limits <- c(
    K, check_count(n_seeds), check_count(max_iter, 0),
    check_number(tol, 0), check_count(L)
  )
  out <- with_progress("Factored regression", max(1, max_iter), \(progress) {
    from_rust(rust_fqtl(
      X$values, model$Y, model$covariates, model$precision, model$offset, weights, masks,
      model$family, left, nonneg, unlist(hyper), limits, as.numeric(seed %||% -1),
      resolve_threads(n_threads), progress
    ))
  })
  new_fqtl(out, model, X, masks, left, prior, nonneg, weights)
}

# Ranges of the hyper-parameters: pi and tau for the samples' side, the loadings, direct effects.
fqtl_hyper <- function(prior, X, model, left) {
  if (!is.list(prior)) stop_mnmash("type", "`prior` must be a list, such as list(pi_u = 0.01)")
  p <- max(1, ncol(X$values))
  m <- ncol(model$Y)
  # Effects in units of one standard deviation of the outcome for one of the predictor.
  unit <- if (left == "values") 1 / model$spread else X$spread / model$spread
  ranges <- list(
    pi_u = if (left == "values") c(0.5, 0.5) else c(0.1 / p, 0.5), tau_u = c(1e-3, 1e6),
    pi_v = c(0.1 / m, 0.95), pi_direct = c(0.1 / p, 0.5), tau_direct = c(1e-3, 1e6)
  )
  unknown <- setdiff(names(prior), names(ranges))
  if (length(unknown) || (length(prior) && is.null(names(prior)))) {
    stop_mnmash(
      "argument", "`prior` may have elements ", paste(names(ranges), collapse = ", "),
      if (length(unknown)) paste0(", not ", unknown[1L])
    )
  }
  for (name in names(prior)) {
    value <- prior[[name]]
    largest <- if (startsWith(name, "pi")) 1 else Inf
    if (!is.numeric(value) || !length(value) %in% 1:2 || anyNA(value) || any(value <= 0) ||
          any(value > largest) || is.unsorted(value)) {
      stop_mnmash("argument", "`prior$", name, "` must be a positive number, or a range")
    }
    ranges[[name]] <- rep(value, length.out = 2L)
  }
  list(
    ranges$pi_u, ranges$tau_u * unit, ranges$pi_v, c(1, 1), ranges$pi_direct,
    ranges$tau_direct * unit
  )
}

new_fqtl <- function(out, model, X, masks, left, prior, nonneg, weights) {
  samples <- rownames(model$Y)
  tissues <- colnames(model$Y)
  variants <- if (left == "values") samples else colnames(X$values)
  factors <- order(-colSums(out$v$mean^2) * colSums(out$u$mean^2))
  label <- \(x, rows) {
    x <- x[, factors, drop = FALSE]
    dimnames(x) <- list(rows, if (length(factors)) paste0("factor_", seq_along(factors)))
    x
  }
  # Without factors the core does not say of what they would be.
  u <- lapply(out$u[c("pip", "mean", "sd")], \(x) {
    label(x, if (nrow(x) == length(variants)) variants)
  })
  v <- lapply(out$v[c("pip", "mean", "sd")], label, rows = tissues)
  if (!is.null(out$u$alpha)) {
    u$alpha <- lapply(out$u$alpha[factors], \(a) `rownames<-`(a, variants))
  }
  hyper <- \(side) lapply(side[c("pi", "tau")], \(x) x[factors])
  scale <- model$unit
  name <- \(x) `dimnames<-`(x, list(samples, tissues))
  fit <- list(
    u = c(u, hyper(out$u)), v = c(v, hyper(out$v)), rank = length(factors),
    factor_weight = if (!is.null(weights)) out$weight[factors],
    covariates = `dimnames<-`(out$covariates * scale, list(colnames(model$covariates), tissues)),
    covariates_sd = `dimnames<-`(
      out$covariates_sd * scale, list(colnames(model$covariates), tissues)
    ),
    dispersion = fqtl_dispersion(out$dispersion, model, samples, tissues),
    eta = name(out$eta * scale + model$shift), eta_sd = name(sqrt(out$eta_variance) * scale),
    elbo = out$trace, elbo_se = if (!is.nan(out$error)) out$error,
    converged = out$converged, n_iter = out$iterations, family = model$name,
    nb_link = model$nb_link, u_prior = left, nonneg = nonneg, X_means = X$means,
    scores = label(out$scores, samples)
  )
  fit$covariates[1L, ] <- fit$covariates[1L, ] + model$centres
  fit$fitted.values <- if (model$linear) fit$eta else name(out$response)
  if (left != "values" || !is.null(masks)) {
    fit <- c(fit, fqtl_effects(fit, out, masks, colnames(X$values), tissues, scale))
  }
  fit$v$mean <- fit$v$mean * scale
  fit$v$sd <- fit$v$sd * scale
  structure(fit, class = "fqtl")
}

# Effects of the predictors: factors and direct ones, with standard deviations.
fqtl_effects <- function(fit, out, masks, variants, tissues, scale) {
  B <- variance <- matrix(0, length(fit$X_means), ncol(fit$eta))
  if (fit$u_prior != "values") {
    B <- fit$u$mean %*% t(fit$v$mean)
    second <- (fit$u$mean^2 + fit$u$sd^2) %*% t(fit$v$mean^2 + fit$v$sd^2)
    variance <- pmax(second - fit$u$mean^2 %*% t(fit$v$mean^2), 0)
  }
  direct <- NULL
  if (!is.null(masks)) {
    blank <- matrix(0, length(fit$X_means), ncol(fit$eta))
    direct <- list(pip = blank, mean = blank, sd = blank)
    for (t in seq_along(masks)) {
      for (what in names(direct)) direct[[what]][masks[[t]], t] <- out$direct[[t]][[what]][, 1L]
    }
    B <- B + direct$mean
    variance <- variance + direct$sd^2
    direct[c("mean", "sd")] <- lapply(direct[c("mean", "sd")], `*`, scale)
    direct <- lapply(direct, `dimnames<-`, list(variants, tissues))
  }
  names <- list(variants, tissues)
  list(
    B = `dimnames<-`(B * scale, names), B_sd = `dimnames<-`(sqrt(variance) * scale, names),
    direct = direct
  )
}

`%||%` <- function(a, b) if (is.null(a)) b else a
