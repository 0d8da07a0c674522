# Spike and slab: y = Z g + X b + e, or logit P(y = 1) = Z g + X b, with
# b_j ~ (1 - p1) delta_0 + p1 N(0, sigma sa), averaged over a grid of prior odds.

#' Variational Bayesian variable selection
#'
#' Linear or logistic regression in which every coefficient is zero or, with a small prior
#' probability, normal: the probability that a predictor is included, and its effect, averaged over
#' hyper-parameters. The posterior is approximated by a distribution that factorises over
#' predictors.
#'
#' For each prior log-odds the coefficients are fitted, and `sigma` and `sa` are estimated unless
#' they are given. The bound on the log-likelihood then stands for the marginal likelihood: results
#' are averages over the grid with weights proportional to `exp(elbo)` times `grid_prior`. All fits
#' start at zero, and then once more at the best of these, so that all describe the same optimum;
#' the better of the two counts. Nothing is random.
#'
#' For `family = "binomial"` the logistic likelihood is bounded from below by normal densities
#' (Jaakkola and Jordan 2000), with the best possible bound for each sample. The intercept and the
#' covariates have a flat prior: for a normal response their coefficients are at least-squares
#' values, for a binary one they are integrated out.
#'
#' Correlated predictors share their inclusion probability badly: the approximation picks one of
#' them. Use it for overall evidence and prediction, and [mr_ash()] for a flexible prior.
#'
#' @param X predictors, n samples x p: a numeric matrix or data frame, or a sparse matrix of package
#'   Matrix (made dense for `"binomial"`, which weights samples anew in each sweep).
#' @param Z covariates, n x q, or `NULL`; an intercept is always included.
#' @param y n numbers; for `"binomial"` 0 and 1 (or `FALSE` and `TRUE`). Samples without a value
#'   (`NA`) are left out.
#' @param family `"gaussian"` or `"binomial"`.
#' @param logodds grid of prior log-odds of inclusion, base 10: -2 means one predictor in about 100.
#'   Default: 20 values from `-log10(p)` to -1.
#' @param sigma residual variance (`"gaussian"`): one number, or one for each of `logodds`. Default:
#'   estimated.
#' @param sa prior variance of the included coefficients, in units of `sigma` (1 for `"binomial"`):
#'   one number, or one for each of `logodds`. Default: estimated.
#' @param sa0,n0 location and degrees of freedom of the scaled inverse chi-squared prior of an
#'   estimated `sa`.
#' @param grid_prior prior weights of the elements of `logodds`. Default: equal.
#' @inheritParams mr_ash
#' @inheritParams shared_arguments
#'
#' @return An object of class `mnmash_varbvs`, a list of
#' - `pip`, `beta`, `lfsr`: inclusion probabilities, posterior means and local false sign rates,
#'   averaged over the grid, p numbers each; `covariates`: intercept and coefficients of `Z`;
#' - `pve`: share of the variance of `y` (less that of the covariates) explained (`"gaussian"`);
#' - `convergence`: how the fits ended, as in [mash()], with a list of their traces;
#' - `logodds`, `grid_prior`, `elbo`, `weights`, `sigma`, `sa`, `iterations`, `converged`: one
#'   element for each point of the grid. Differences of `elbo` are meaningful, also between
#'   families of covariates
#'   for `"gaussian"`;
#' - `alpha`, `mu`, `s`: inclusion probabilities, and means and variances given inclusion, p x grid;
#' - `near`: correlations of the most probable predictors, for [credible_sets()];
#' - `trace`: list of the bounds after each sweep.
#'
#' Its methods are in [varbvs-methods]; see also [pip()] and [credible_sets()]. The class is not
#' that of package varbvs, whose methods stay what they are.
#' @references Carbonetto and Stephens (2012), Bayesian Analysis 7, 73-108. Jaakkola and Jordan
#'   (2000), Statistics and Computing 10, 25-37.
#' @export
#' @examples
#' sim <- simulate_mr_mash(n = 200, p = 50, p_causal = 3, r = 1, pve = 0.4, seed = 1)
#' fit <- varbvs(sim$X, NULL, sim$Y)
#' fit
#' which(pip(fit) > 0.5)
#'
#' binary <- varbvs(sim$X, NULL, sim$Y > 1, family = "binomial")
#' table(predict(binary, type = "response") > 0.5, sim$Y > 1)
varbvs <- function(X, Z = NULL, y, family = c("gaussian", "binomial"), logodds = NULL, sigma = NULL,
                   sa = NULL, sa0 = 1, n0 = 10, grid_prior = NULL,
                   order = c("consecutive", "random", "marginal"), tol = 1e-8, max_iter = 2000,
                   n_threads = NULL, ...) {
  call <- match.call()
  dots <- take_dots(..., also = c("covariates", names(varbvs_peers)))
  if (is.null(dots$covariates)) {
    note_typed(environment(), "covariates", "Z")
  } else {
    if (!is.null(Z)) {
      stop_mnmash(
        "argument", "give ", as_typed("Z"), " or ", as_typed("covariates"),
        ", not both: they are one"
      )
    }
    Z <- dots$covariates
  }
  peers <- dots[names(dots) != "covariates"]
  check_held(peers, list(sigma = sigma, sa = sa))
  peer_arguments(peers, varbvs_peers)
  family <- match_choice(family, c("gaussian", "binomial"))
  data <- samples_with_response(regression_data(X, binary_values(y, family), Z, "y"))
  data$Y <- check_family(data$Y, family)
  problem <- ash_problem(data, TRUE)
  problem$family <- family
  check_variation(problem$marginal, problem$X$kind)
  if (is.null(logodds)) logodds <- seq(-log10(max(problem$X$p, 20)), -1, length.out = 20)
  G <- length(logodds)
  logodds <- check_each(logodds, G)
  if (!is.null(grid_prior)) grid_prior <- check_each(grid_prior, G, 0)
  if (!is.null(grid_prior) && !any(grid_prior > 0)) {
    stop_mnmash("value", "`grid_prior` must not be zero everywhere")
  }
  if (!is.null(sigma) && family == "binomial") {
    stop_mnmash("argument", "`sigma` is 1 for a binary response")
  }
  limits <- list(
    slab = if (is.null(sa)) {
      c(check_number(sa0, .Machine$double.xmin), check_number(n0, 0))
    },
    tol = check_number(tol, 0), max_iter = check_count(max_iter),
    n_threads = resolve_threads(n_threads), order = ash_order(order, problem$marginal)
  )
  grid <- list(
    logodds = logodds, inclusion = stats::plogis(logodds * log(10)),
    prior = if (is.null(grid_prior)) rep(1, G) else grid_prior,
    sa = if (is.null(sa)) rep(sa0, G) else check_each(sa, G, .Machine$double.xmin),
    sigma = if (is.null(sigma)) NULL else check_each(sigma, G, .Machine$double.xmin)
  )
  found <- average_varbvs(best_starts(problem, grid, limits), problem, grid)
  found$terms <- data$Z$terms
  found$rows <- data$rows
  found$call <- call
  found
}

# A factor of two levels as 0 and 1.
binary_values <- function(y, family) {
  if (family != "binomial" || !is.factor(y)) return(y)
  if (nlevels(y) != 2L) stop_mnmash("value", "`y` must have two levels, not ", nlevels(y))
  stats::setNames(as.integer(y) - 1, names(y))
}

check_family <- function(y, family) {
  if (ncol(y) > 1L) stop_mnmash("dimension", "`y` must be one response, not ", ncol(y))
  if (family == "binomial" && !all(y %in% 0:1)) {
    bad <- which(!y %in% 0:1)
    stop_mnmash("value", "`y` must be 0 or 1: it is ", y[bad[1L]], " at ",
                describe_index("row", bad[1L], rownames(y)), and_more(length(bad)))
  }
  y
}

# Fits from zero, then all again from the best of them; the better one for each element of the grid.
best_starts <- function(problem, grid, limits) {
  fits <- grid_fits(problem, grid, limits, NULL)
  bound <- \(fits) vapply(fits, \(f) f$elbo[length(f$elbo)], 1)
  best <- fits[[which.max(bound(fits))]]$b
  again <- grid_fits(problem, grid, limits, matrix(best, problem$X$p, length(fits)))
  better <- bound(again) > bound(fits)
  fits[better] <- again[better]
  fits
}

# A fit for each element of the grid, from `b` (p x G) or from zero.
grid_fits <- function(problem, grid, limits, b) {
  X <- problem$X
  G <- length(grid$inclusion)
  prior <- core_scalars(
    rbind(0, grid$sa, deparse.level = 0L),
    rbind(1 - grid$inclusion, grid$inclusion, deparse.level = 0L), slab = limits$slab
  )
  run <- function(f, ...) {
    call_core(
      f, ..., prior = prior, start = b, label = "Sweeps", total = limits$max_iter * G,
      n_threads = limits$n_threads
    )
  }
  how <- limits[c("order", "tol", "max_iter")]
  if (problem$family == "gaussian") {
    found <- run(
      "mr_ash",
      predictors = problem$design,
      responses = core_responses(problem$Y[, rep(1L, G), drop = FALSE]),
      noise = core_variances(
        !is.null(grid$sigma), grid$sigma %||% rep(problem$marginal$total / X$n, G)
      ),
      control = c(how, list(update_pi = "fixed", standardize = FALSE, penalty = NULL, slack = NULL))
    )
    more <- \(fit) list(norms = found$norms, slab = fit$grid[2L])
    fits <- found$fits
  } else {
    fits <- run(
      "logistic",
      predictors = core_predictors(plain_predictors(X), problem$space$basis),
      responses = core_responses(problem$Y), control = how
    )
    more <- \(fit) list(sigma2 = 1)
  }
  lapply(fits, \(fit) c(fit, fit$ended, list(elbo = fit$ended$trace), more(fit)))
}

average_varbvs <- function(fits, problem, grid) {
  X <- problem$X
  y <- problem$Y
  space <- problem$space
  family <- problem$family
  each <- \(what) vapply(fits, `[[`, fits[[1L]][[what]][1L], what)
  elbo <- vapply(fits, \(f) f$elbo[length(f$elbo)], 1)
  log_weights <- elbo + log(grid$prior)
  weights <- exp(log_weights - max(log_weights))
  weights <- weights / sum(weights)
  parts <- lapply(seq_along(fits), \(g) spike_slab_posterior(fits[[g]], grid$inclusion[g]))
  bind <- \(what) {
    matrix(unlist(lapply(parts, `[[`, what)), X$p, dimnames = list(X$names, NULL))
  }
  alpha <- bind("alpha")
  mu <- bind("mu")
  s <- bind("s")
  average <- \(x) drop(x %*% weights)
  negative <- average(alpha * stats::pnorm(-mu / sqrt(s)))
  beta <- stats::setNames(drop(vapply(fits, `[[`, numeric(X$p), "b") %*% weights), X$names)
  signal <- drop(predictor_values(X, beta))
  own <- if (family == "gaussian") {
    covariate_coefficients(space, drop(y) - signal)
  } else {
    parts <- vapply(fits, `[[`, numeric(X$n), "covariates")
    covariate_coefficients(space, drop(parts %*% weights))
  }
  found <- list(
    pip = average(alpha), beta = beta, lfsr = 1 - pmax(negative, average(alpha) - negative),
    covariates = own,
    pve = if (family == "gaussian") sum(weights * pve_of(fits, problem$marginal, X$n)),
    family = family, logodds = grid$logodds, grid_prior = grid$prior, elbo = elbo,
    weights = weights, sigma = each("sigma2"),
    sa = each("slab"), iterations = each("iterations"), converged = each("converged"),
    alpha = alpha, mu = mu, s = s, near = probable_predictors(X, space, average(alpha)),
    trace = lapply(fits, `[[`, "elbo"), convergence = endings(lapply(fits, ending)), n = X$n,
    p = X$p,
    linear = stats::setNames(signal + drop(space$W %*% ifelse(is.na(own), 0, own)), rownames(y)),
    y = stats::setNames(drop(y), rownames(y))
  )
  if (!all(found$converged)) {
    warn_mnmash("convergence", sum(!found$converged), " of ", length(fits),
                " fits have not converged: raise ", as_typed("max_iter"))
  }
  structure(found, class = "mnmash_varbvs")
}

# Inclusion probability, and mean and variance given inclusion.
spike_slab_posterior <- function(fit, inclusion) {
  v <- fit$sigma2 * fit$slab
  flat <- fit$norms <= 0
  Shat2 <- ifelse(flat, Inf, fit$sigma2 / fit$norms)
  shrink <- v / (v + Shat2)
  Bhat <- ifelse(flat, NA, fit$c / fit$norms)
  found <- normal_means_posterior(Bhat, sqrt(Shat2), c(0, v), c(1 - inclusion, inclusion))
  list(
    alpha = 1 - found$lfdr, mu = ifelse(flat, 0, shrink * Bhat),
    s = ifelse(flat, v, shrink * Shat2)
  )
}

# The posterior expectation of the variance explained, as a share.
pve_of <- function(fits, marginal, n) {
  vapply(fits, \(f) {
    signal <- sum(f$b * (marginal$products - f$c + f$norms * f$b)) + f$variance
    signal / (signal + n * f$sigma2)
  }, 1)
}
