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
#' @param covariates n x q: a matrix, a data frame (factors are expanded), or a vector for one
#'   covariate; may be collinear. Names of variables, levels and contrasts are kept for `predict()`.
#'   `X`, the response and the covariates are matched by their row names where they have some.
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
#' @param max_iter most sweeps (for each grid).
#' @param n_threads number of threads. Default: the option `mnmash.threads`, or all cores. They
#'   prepare the predictors; sweeps are sequential.
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
#'   those that were undone), `converged`, `message`;
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
  take_dots(...)
  data <- regression_data(X, y, covariates, "y")
  if (ncol(data$Y) > 1L) {
    stop_mnmash("dimension", "`y` has ", ncol(data$Y), " columns: see mr_mash() or deconvolve()")
  }
  data <- samples_with_response(data)
  X <- data$X
  Y <- data$Y
  settings <- ash_settings(
    update_pi, update_sigma2, scaled_prior, method, standardize, prior, nullweight, tol, max_iter,
    n_threads
  )
  space <- covariate_space(data$Z$x, X$n, check_flag(intercept))
  marginal <- marginal_products(X, space, Y)
  design <- list(
    kind = X$kind, x = X$x, basis = space$basis, starts = X$starts, rows = X$rows
  )
  start <- list(sa2 = sa2, pi = pi, sigma2 = sigma2, b = beta_init)
  start <- individual_start(start, X, Y, space)
  fits <- ash_fits(design, Y, marginal, X$n, order, start, settings)
  found <- finish_mr_ash(fits[[1L]], X, Y, 1L, space, settings, call, marginal$products[, 1L])
  found$terms <- data$Z$terms
  found$rows <- data$rows
  found
}

# Checks of what does not depend on the data.
ash_settings <- function(update_pi, update_sigma2, scaled_prior, method, standardize, prior,
                         nullweight, tol, max_iter, n_threads) {
  method <- match_choice(method, c("convex", "em"))
  list(
    update_pi = if (check_flag(update_pi)) method else "fixed",
    update_sigma2 = check_flag(update_sigma2),
    scaled_prior = check_flag(scaled_prior),
    standardize = check_flag(standardize), prior = prior, nullweight = nullweight,
    tol = check_number(tol, 0), max_iter = check_count(max_iter),
    n_threads = resolve_threads(n_threads)
  )
}

# The coefficients to start from as p x J, and the sums of squares of the residuals they leave.
individual_start <- function(start, X, Y, space) {
  start$b <- check_ash_start(start$b, X$p, ncol(Y))
  if (is.null(start$b)) return(start)
  left <- Y - predictor_values(X, start$b)
  start$residual <- colSums((left - space$basis %*% crossprod(space$basis, left))^2)
  start
}

# Fits of the columns of Y (or of cross-products) on one design, from a common or default start,
# with larger variances added to default grids as long as they are wanted.
ash_fits <- function(design, Y, marginal, n, order, start, settings, rounds = 4L) {
  J <- length(marginal$total)
  check_variation(marginal, design$kind)
  norms <- marginal$norms
  if (settings$standardize) norms[norms > 0] <- n - 1
  variance <- if (is.null(marginal$variance)) marginal$total / n else marginal$variance
  grid <- ash_grid(start$sa2, marginal, norms, n, variance, settings)
  start$order <- ash_order(order, marginal)
  start <- ash_start(start, grid, marginal, norms, n, variance, settings)
  done <- rep(FALSE, J)
  fits <- vector("list", J)
  for (round in seq_len(rounds)) {
    K <- vapply(grid, length, 1L)
    # Columns of one length, so fits with grids of the same length go together.
    for (size in unique(K[!done])) {
      columns <- which(!done & K == size)
      found <- core_mr_ash(design, Y, marginal, grid, start, columns, settings)
      fits[columns] <- found
    }
    if (!is.null(start$sa2) || settings$update_pi == "fixed" || round == rounds) break
    wanted <- vapply(fits, \(f) f$pi[length(f$pi)] > 1e-3, NA)
    done <- !wanted
    if (!any(wanted)) break
    for (j in which(wanted)) {
      top <- max(grid[[j]])
      grid[[j]] <- c(grid[[j]], top * 2^(1:4))
      start$pi[[j]] <- c(0.99 * fits[[j]]$pi, rep(0.0025, 4L))
      start$sigma2[j] <- fits[[j]]$sigma2
      if (is.null(start$b)) start$b <- matrix(0, length(norms), J)
      start$b[, j] <- fits[[j]]$b
    }
  }
  fits
}

check_variation <- function(marginal, kind) {
  flat <- which(!(marginal$total > 0))
  if (length(flat) && kind != "gram") {
    stop_mnmash(
      "value", "`y` has no variation beyond the covariates",
      if (length(marginal$total) > 1) paste0(" (column ", flat[1L], ")")
    )
  }
  if (!all(is.finite(marginal$norms)) || !all(is.finite(marginal$total))) {
    stop_mnmash("value", "the sums of squares of `X` or `y` (or what `Bhat` and `Shat` stand for) ",
                "are not finite: use other units")
  }
  if (!any(marginal$norms > 0)) {
    stop_mnmash("value", "`X` has no column with variation beyond the covariates")
  }
}

# Prior variances for each response.
ash_grid <- function(sa2, marginal, norms, n, variance, settings) {
  J <- length(variance)
  if (!is.null(sa2)) {
    sa2 <- check_grid(sa2)
    if (anyDuplicated(sa2)) stop_mnmash("value", "`sa2` must be distinct")
    return(rep(list(sa2), J))
  }
  usable <- norms > 0
  scale <- sqrt(norms[usable] / marginal$norms[usable])
  lapply(seq_len(J), \(j) {
    b <- marginal$products[usable, j] / norms[usable] * scale
    s <- sqrt(variance[j] / norms[usable])
    v <- autoselect_grid(list(Bhat = b, Shat = s))^2
    c(0, if (settings$scaled_prior) v / variance[j] else v)
  })
}

ash_order <- function(order, marginal) {
  p <- length(marginal$norms)
  if (is.numeric(order)) {
    if (length(order) != p || !setequal(order, seq_len(p))) {
      stop_mnmash("argument", "`order` must be a permutation of 1 to ", p)
    }
    return(as.integer(order))
  }
  switch(match_choice(order, c("consecutive", "random", "marginal")),
    consecutive = seq_len(p),
    random = sample.int(p),
    marginal = order(-marginal_strength(marginal), seq_len(p))
  )
}

# The largest share of any response's variance that each predictor explains alone.
marginal_strength <- function(marginal) {
  strength <- sweep(marginal$products^2, 2L, marginal$total, "/") / marginal$norms
  strength[marginal$norms <= 0, ] <- 0
  apply(strength, 1L, max)
}

check_ash_start <- function(b, p, J) {
  if (is.null(b)) return(NULL)
  if (!is.numeric(b) || length(b) != p * J || !all(is.finite(b))) {
    stop_mnmash("argument", "`beta_init` must hold ", p, if (J > 1) paste(" x", J),
                " finite numbers, one for each predictor")
  }
  check_size(b, name = "beta_init")
  matrix(as.double(b), p, J)
}

ash_start <- function(start, grid, marginal, norms, n, variance, settings) {
  J <- length(grid)
  if (is.null(start$sigma2)) {
    left <- if (is.null(start$b)) variance else start_variance(start, marginal, variance, n)
    start$sigma2 <- left
  } else {
    start$sigma2 <- rep_len(check_number(start$sigma2, name = "sigma2", .Machine$double.xmin), J)
  }
  given <- start$pi
  start$pi <- lapply(seq_len(J), \(j) {
    K <- length(grid[[j]])
    if (!is.null(given)) return(check_pi(given, K))
    if (is.null(start$b)) return(rep(1 / K, K))
    start_weights(start$b[, j], norms, marginal$norms, grid[[j]], start$sigma2[j], settings)
  })
  start
}

check_pi <- function(pi, K) {
  if (!is.numeric(pi) || length(pi) != K || any(!is.finite(pi)) || any(pi < 0) || sum(pi) <= 0) {
    stop_mnmash("argument", "`pi` must hold ", K, " weights of at least 0, one for each of `sa2`")
  }
  as.double(pi / sum(pi))
}

# The variance of the residual at the start, but not next to nothing.
start_variance <- function(start, marginal, variance, n) {
  if (is.null(start$residual)) return(variance)
  pmax(start$residual / n, 0.01 * variance)
}

# Average posterior probabilities of the components given coefficients that are taken as measured.
start_weights <- function(b, norms, given, grid, sigma2, settings) {
  usable <- norms > 0
  b <- b[usable] * sqrt(given[usable] / norms[usable])
  v <- if (settings$scaled_prior) sigma2 * grid else grid
  total <- outer(sigma2 / norms[usable], v, "+")
  loglik <- -0.5 * (log(total) + b^2 / total)
  likelihood <- exp(loglik - apply(loglik, 1L, max))
  colMeans(likelihood / rowSums(likelihood))
}

core_mr_ash <- function(design, Y, marginal, grid, start, columns, settings) {
  bind <- \(x) matrix(unlist(x[columns]), ncol = length(columns))
  K <- length(grid[[columns[1L]]])
  dirichlet <- dirichlet_parameters(settings$prior, K, settings$nullweight)
  found <- with_progress("Sweeps", settings$max_iter * length(columns), \(progress) {
    from_rust(rust_mr_ash(
      design, Y[, columns, drop = FALSE], as.double(marginal$total[columns]),
      settings$standardize, bind(grid), settings$scaled_prior, bind(start$pi),
      as.double(start$sigma2[columns]), start$b[, columns, drop = FALSE], start$order,
      if (any(dirichlet > 1)) dirichlet, settings$update_pi, settings$update_sigma2,
      as.double(settings$slab), settings$tol, settings$max_iter, settings$n_threads, progress
    ))
  })
  lapply(found$fits, \(fit) c(fit, list(norms = found$norms)))
}

# The object that the user gets, without what only individual-level data have.
new_mr_ash <- function(fit, names, n, settings, call, products) {
  d <- fit$norms
  flat <- d <= 0
  scale <- if (settings$standardize) ifelse(flat, 1, sqrt(d / (n - 1))) else rep(1, length(d))
  Bhat <- fit$c / d
  Shat <- sqrt(fit$sigma2 / d)
  Bhat[flat] <- Shat[flat] <- NA
  variance <- if (settings$scaled_prior) fit$sigma2 * fit$grid else fit$grid
  posterior <- normal_means_posterior(Bhat * scale, Shat * scale, variance, fit$pi)
  trace <- data.frame(
    iteration = seq_along(fit$elbo), elbo = fit$elbo, sigma2 = fit$sigma2_trace,
    change = fit$change, weights = fit$weights
  )
  named <- \(x) stats::setNames(x, names)
  # b'X'Xb, because c = X'r + d b and X'r = X'y - X'Xb; and its part from the uncertainty of b.
  signal <- sum(fit$b * (products - fit$c + d * fit$b)) + fit$variance
  structure(
    list(
      beta = named(fit$b), posterior_sd = named(posterior$sd / scale),
      lfsr = named(posterior$lfsr), lfdr = named(posterior$lfdr), pi = fit$pi, sa2 = fit$grid,
      sigma2 = fit$sigma2, pve = if (n > 0) signal / (signal + n * fit$sigma2),
      Bhat = named(Bhat), Shat = named(Shat),
      elbo = fit$elbo[length(fit$elbo)], trace = trace, iterations = fit$iterations,
      converged = fit$converged, message = fit$message, n = n, p = length(d),
      scale = if (settings$standardize) named(scale),
      dirichlet = if (!identical(settings$prior, "uniform")) {
        dirichlet_parameters(settings$prior, length(fit$pi), settings$nullweight)
      }, scaled_prior = settings$scaled_prior,
      call = call
    ),
    class = "mr_ash"
  )
}

finish_mr_ash <- function(fit, X, Y, column, space, settings, call, products, warn = TRUE) {
  found <- new_mr_ash(fit, X$names, X$n, settings, call, products)
  y <- Y[, column]
  signal <- drop(predictor_values(X, fit$b))
  found$covariates <- covariate_coefficients(space, y - signal)
  found$fitted <- stats::setNames(
    signal + drop(space$basis %*% crossprod(space$basis, y - signal)), rownames(Y)
  )
  found$y <- stats::setNames(y, rownames(Y))
  if (warn) warn_unconverged(found)
  found
}

# Least-squares coefficients; NA for those that others determine, as in lm().
covariate_coefficients <- function(space, y) {
  if (!ncol(space$W)) return(stats::setNames(numeric(), character()))
  stats::setNames(qr.coef(space$qr, y), colnames(space$W))
}

warn_unconverged <- function(fit) {
  if (!fit$converged) {
    warn_mnmash(
      "convergence", "the fit has not converged: ", fit$message, " (", fit$iterations, ")"
    )
  }
}

# Posterior of one-dimensional normal means under a mixture of N(0, variance_k), through the core
# that mash uses. A missing mean has its prior.
normal_means_posterior <- function(Bhat, Shat, variance, pi) {
  null <- variance == 0
  g <- list(
    pi = c(pi[null], pi[!null]), Ulist = list(one = matrix(1)), grid = sqrt(variance[!null]),
    usepointmass = any(null)
  )
  sd <- lfsr <- lfdr <- numeric(length(Bhat))
  sd[] <- sqrt(sum(pi * variance))
  lfdr[] <- sum(pi[null])
  lfsr[] <- (1 + lfdr[1L]) / 2
  if (!length(g$grid)) return(list(sd = sd, lfsr = lfsr, lfdr = lfdr))
  known <- which(!is.na(Bhat))
  # In units of the standard errors' middle, which are fit for squares.
  unit <- stats::median(Shat[known])
  g$grid <- g$grid / unit
  data <- new_mash_data(
    matrix(Bhat[known] / unit), matrix(Shat[known] / unit), 0, diag(1), NULL, "exact"
  )
  found <- posterior_in_blocks(data, g, 0, FALSE, 1L)
  sd[known] <- found$PosteriorSD * unit
  lfsr[known] <- found$lfsr
  lfdr[known] <- found$lfdr
  list(sd = sd, lfsr = lfsr, lfdr = lfdr)
}
