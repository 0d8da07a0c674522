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
  if (anyNA(Y)) found <- observed_effects(X, data$Z$x, fit)
  V <- if (is.null(V)) found$V else check_residual_correlation(V, X$p, ncol(Y), colnames(Y))
  dimnames(V) <- list(colnames(Y), colnames(Y))
  out <- list(
    Bhat = found$Bhat, Shat = found$Shat, V = V, PosteriorMean = fit$mu1, PosteriorSD = fit$psd,
    lfsr = fit$lfsr, sigma2 = diag(fit$V),
    converged = rep(fit$convergence$converged, ncol(Y)), method = "mnm", fit = fit, call = call
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

# What the observed responses say about each row given the others: generalised least squares with
# the precision matrix of each pattern of missing values, and the coefficients of the intercept and
# the covariates unknown.
observed_effects <- function(X, Z, fit) {
  r <- ncol(fit$mu1)
  basis <- covariate_space(Z, X$n, TRUE)$basis
  E <- fit$residuals
  pattern <- missing_patterns(E)
  precisions <- lapply(pattern$observed, \(seen) {
    M <- matrix(0, r, r)
    M[seen, seen] <- if (any(seen)) solve(fit$V[seen, seen]) else 0
    M
  })
  E[is.na(E)] <- 0
  weighted <- E
  for (k in seq_along(precisions)) {
    rows <- pattern$of == k
    weighted[rows, ] <- E[rows, , drop = FALSE] %*% precisions[[k]]
  }
  score <- predictor_products(X, weighted)
  sums <- pattern_sums(X, basis, pattern$of, length(precisions))
  own <- Reduce(`+`, Map(kronecker, sums$basis, precisions))
  own <- chol2inv(chol(own))
  Bhat <- Shat <- matrix(NA_real_, X$p, r, dimnames = dimnames(fit$mu1))
  V <- matrix(0, r, r)
  known <- which(fit$precision > 0)
  stacked <- vapply(precisions, as.vector, numeric(r * r))
  for (j in known) {
    q <- ncol(basis)
    shared <- do.call(rbind, lapply(seq_len(q), \(a) matrix(stacked %*% sums$along[[a]][, j], r)))
    precision <- matrix(stacked %*% sums$squares[, j], r) - crossprod(shared, own %*% shared)
    covariance <- chol2inv(chol((precision + t(precision)) / 2))
    Bhat[j, ] <- fit$mu1[j, ] + covariance %*% score[j, ]
    Shat[j, ] <- sqrt(diag(covariance))
    V <- V + stats::cov2cor(covariance)
  }
  list(Bhat = Bhat, Shat = Shat, V = V / length(known))
}

# Samples by what they have: `of`, the pattern of each, and `observed`, list of logical vectors.
missing_patterns <- function(E) {
  seen <- !is.na(E)
  key <- apply(seen, 1L, \(s) paste(which(s), collapse = " "))
  first <- !duplicated(key)
  list(
    of = match(key, key[first]),
    observed = lapply(which(first), \(i) seen[i, ])
  )
}

# Sums over the samples of each pattern: of squares of the predictors (patterns x p), of their
# products with each column of the basis (a list of such), and the basis' own products (by pattern).
pattern_sums <- function(X, basis, of, patterns) {
  q <- ncol(basis)
  squares <- matrix(0, patterns, X$p)
  along <- rep(list(squares), q)
  for (columns in column_blocks(X$p, X$n)) {
    x <- if (X$kind == "dense") {
      X$x[, columns, drop = FALSE]
    } else {
      as.matrix(X$matrix[, columns, drop = FALSE])
    }
    x <- x - basis %*% crossprod(basis, x)
    squares[, columns] <- rowsum(x^2, of)
    for (a in seq_len(q)) along[[a]][, columns] <- rowsum(x * basis[, a], of)
  }
  own <- lapply(seq_len(patterns), \(k) crossprod(basis[of == k, , drop = FALSE]))
  list(squares = squares, along = along, basis = own)
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
