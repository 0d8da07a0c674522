# Deconvolved effects of all conditions together.

deconvolve_mnm <- function(data, covariates, init, V, further, n_threads, call) {
  X <- data$X
  Y <- data$Y
  if (!is.null(further[["standardize"]])) {
    stop_mnmash("argument", "`standardize` is not for `method = \"mnm\"`: scale the columns of `X`")
  }
  start <- NULL
  if (init == "mean") {
    start <- mean_fit(data, TRUE, list(), ash_settings(list(n_threads = n_threads)))
  }
  x <- if (X$kind == "dense") X$x else X$matrix
  fit <- do.call(mr_mash, c(
    list(x, Y, covariates = covariates, B_init = start, standardize = FALSE,
         n_threads = n_threads), further
  ), quote = TRUE)
  found <- completed <- completed_effects(X, fit)
  if (anyNA(Y)) found <- observed_effects(data, fit, resolve_threads(n_threads))
  V <- if (is.null(V)) found$V else check_residual_correlation(V, X$p, ncol(Y), colnames(Y))
  dimnames(V) <- list(colnames(Y), colnames(Y))
  out <- list(
    Bhat = found$Bhat, Shat = found$Shat, V = V, PosteriorMean = fit$mu1, PosteriorSD = fit$psd,
    lfsr = fit$lfsr, sigma2 = diag(fit$V),
    converged = stats::setNames(rep(fit$convergence$converged, ncol(Y)), colnames(Y)),
    convergence = fit$convergence, method = "mnm", fit = fit, call = call
  )
  if (anyNA(Y)) out$completed <- completed[c("Bhat", "Shat")]
  structure(out, class = "deconvolved")
}

# With missing responses replaced by their expectations: the likelihood that each row of
# coefficients has in the variational approximation.
completed_effects <- function(X, fit) {
  d <- fit$precision
  E <- (if (is.null(fit$Y)) fit$residuals else fit$Y - fit$fitted)
  Bhat <- fit$mu1 + predictor_products(X, E) / d
  Shat <- sqrt(outer(1 / d, diag(fit$V)))
  Bhat[d <= 0, ] <- Shat[d <= 0, ] <- NA
  dimnames(Bhat) <- dimnames(Shat) <- dimnames(fit$mu1)
  list(Bhat = Bhat, Shat = Shat, V = stats::cov2cor(fit$V))
}

# What the observed responses say about each row given the others.
observed_effects <- function(data, fit, n_threads) {
  space <- covariate_space(data$Z$x, data$X$n, TRUE)
  found <- call_core(
    "deconvolved",
    predictors = regression_design(data$X, space),
    responses = core_responses(unname(fit$residuals)), noise = core_noise("known", unname(fit$V)),
    start = unname(fit$mu1), label = "Effects", total = data$X$p,
    n_threads = n_threads
  )
  found[1:2] <- lapply(found[1:2], \(x) {
    x[is.nan(x)] <- NA
    `dimnames<-`(x, dimnames(fit$mu1))
  })
  found
}

# Coefficients for the mean of the scaled responses, in the units of each.
mean_fit <- function(data, intercept, start, settings) {
  Y <- data$Y
  scale <- apply(Y, 2L, stats::sd, na.rm = TRUE)
  mean <- rowMeans(sweep(sweep(Y, 2L, colMeans(Y, na.rm = TRUE)), 2L, scale, "/"), na.rm = TRUE)
  data$Y <- matrix(mean, dimnames = list(rownames(Y), NULL))
  problem <- ash_problem(regression_rows(data, which(!is.nan(mean))), intercept)
  fit <- ash_fits(problem$design, problem$Y, problem$marginal, start, settings)[[1L]]
  outer(fit$b, scale)
}
