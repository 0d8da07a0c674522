# The result of a multivariate regression.

# What individual and summary data have in common, with coefficients per unit of X as it was given:
# `scale` is what its columns were divided by.
regression_fit <- function(found, problem, scale, names, settings) {
  conditions <- names[[2L]]
  groups <- problem$groups
  residual <- core_noise("known", found$V)
  final <- problem$prior
  final$weights <- found$weights
  ended <- ending(found)
  weights <- stats::setNames(from_core_order(found$weights, groups), names(problem$S0))
  colsums <- stats::setNames(from_core_order(found$responsibilities, groups), names(problem$S0))
  by_condition <- list(conditions, conditions)
  fit <- list(
    mu1 = `dimnames<-`(found$mean / scale, names), intercept = NULL,
    V = `dimnames<-`(found$V, list(conditions, conditions)), w0 = weights,
    S0 = lapply(problem$S0, `dimnames<-`, by_condition), expected_counts = colsums,
    ELBO = found$elbo,
    trace = data.frame(iteration = seq_along(ended$trace), elbo = ended$trace),
    convergence = c(ended, list(
      elbo_change = found$rise, w0_change = found$weight_change,
      mu1_change = found$coefficient_change,
      proposals = stats::setNames(found$proposals, c("kept", "refused"))
    )),
    loadings = found$loadings, unique = if (length(found$unique)) found$unique,
    residual = problem$residual$structure, update_w0 = problem$update != "fixed",
    statistics = found$statistics, precision = found$precision, scale = scale
  )
  if (settings$covariance != "none") {
    fit <- c(fit, row_posteriors(found, final, residual, scale, names, settings))
  }
  if (settings$w1) fit$w1 <- component_probabilities(fit, names[[1L]])
  fit
}

# The posterior probability of each component for each predictor, p x K. A predictor without
# variance keeps the prior's.
component_probabilities <- function(fit, predictors) {
  w1 <- matrix(
    rep(fit$w0, each = length(fit$precision)), ncol = length(fit$w0),
    dimnames = list(predictors, names(fit$w0))
  )
  varies <- fit$precision > 0
  b <- fit$statistics / fit$precision
  s <- sqrt(outer(1 / fit$precision, diag(fit$V)))
  loglik <- deconvolved_loglik(b, s, fit$V, fit$S0)
  weighted <- exp(loglik - apply(loglik, 1L, max)) * rep(fit$w0, each = nrow(loglik))
  w1[varies, ] <- weighted / rowSums(weighted)
  w1
}

# Posterior standard deviations, signs and covariances. A predictor without variance keeps its
# prior.
row_posteriors <- function(found, prior, residual, scale, names, settings) {
  full <- settings$covariance == "full"
  p <- nrow(found$mean)
  R <- ncol(found$mean)
  varies <- found$precision > 0
  rows <- call_core(
    "mr_mash_posterior",
    rows = list(
      statistics = found$statistics[varies, , drop = FALSE], precision = found$precision[varies]
    ),
    prior = prior, noise = residual, task = list(covariance = full),
    n_threads = settings$n_threads
  )
  second <- prior_second_moment(prior, R)
  sd <- matrix(rep(sqrt(diag(second)), each = p), p)
  sd[varies, ] <- rows$sd
  lfsr <- matrix(0.5, p, R)
  map <- settings$lfsr_map
  lfsr[varies, ] <- if (is.null(map)) rows$lfsr else raised(as.vector(rows$lfsr), map)
  out <- list(psd = `dimnames<-`(sd / scale, names), lfsr = `dimnames<-`(lfsr, names))
  if (full) {
    S1 <- array(second, c(R, R, p))
    S1[, , varies] <- rows$covariance
    S1 <- S1 / rep(scale^2, each = R * R)
    dimnames(S1) <- list(names[[2L]], names[[2L]], names[[1L]])
    out$S1 <- S1
  }
  out
}

# sum_k w_k U_k of a prior in the form of the core.
prior_second_moment <- function(prior, R) {
  weights <- unname(split(prior$weights, core_groups(prior$scales)))
  moments <- Map(\(U, scales, w) sum(scales * w) * matrix(U, R), prior$U, prior$scales, weights)
  Reduce(`+`, moments)
}

# The intercepts (zero if there are none) and the coefficients of the covariates, if there are any.
level_coefficients <- function(space, explained, conditions) {
  r <- ncol(explained)
  found <- if (ncol(space$W)) qr.coef(space$qr, explained) else matrix(0, 0L, r)
  found <- matrix(found, ncol = r, dimnames = list(colnames(space$W), conditions))
  constant <- rownames(found) %in% "(Intercept)"
  intercept <- if (any(constant)) found[constant, ] else numeric(r)
  list(
    stats::setNames(intercept, conditions),
    if (!all(constant)) found[!constant, , drop = FALSE]
  )
}

# Intercept and covariates, fitted values and residuals, the share of variance explained, and
# completed responses.
add_fitted <- function(fit, X, Y, space, found) {
  missing <- is.nan(Y)
  signal <- predictor_values(X, fit$mu1)
  explained <- space$basis %*% (found$samples$level - crossprod(space$basis, signal))
  residuals <- found$samples$residuals
  dimnames(residuals) <- dimnames(Y)
  fit$fitted <- `dimnames<-`(signal + explained, dimnames(Y))
  fit[c("intercept", "covariates")] <- level_coefficients(space, explained, colnames(Y))
  if (any(missing)) {
    Y[missing] <- (fit$fitted + residuals)[missing]
    fit$Y <- Y
    residuals[missing] <- NA
  }
  fit$residuals <- residuals
  fit$G <- stats::cov(signal)
  dimnames(fit$G) <- list(colnames(Y), colnames(Y))
  fit$pve <- diag(fit$G) / (diag(fit$G) + diag(fit$V))
  fit
}

# The log-likelihood of each row of effects (but of predictors without variation) under each
# covariance.
deconvolved_loglik <- function(Bhat, Shat, V, S0) {
  known <- is.finite(Bhat[, 1L]) & is.finite(Shat[, 1L])
  data <- mash_set_data(
    unname(Bhat[known, , drop = FALSE]), unname(Shat[known, , drop = FALSE]),
    V = unname(stats::cov2cor(V))
  )
  null <- vapply(S0, \(S) all(S == 0), NA)
  S0 <- lapply(stats::setNames(S0, paste0("S", seq_along(S0))), unname)
  out <- matrix(0, sum(known), length(S0))
  # A zero matrix first, wherever there are others.
  g <- list(Ulist = S0[!null], grid = 1, usepointmass = any(null))
  found <- loglik_matrix(data, g, 1L)
  out[, null] <- found[, 1L]
  out[, !null] <- found[, seq(to = ncol(found), length.out = sum(!null))]
  out
}
