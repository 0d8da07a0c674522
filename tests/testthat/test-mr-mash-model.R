largest_difference <- function(a, b) max(abs(unname(a) - unname(b)))

case <- function(n = 120, p = 10, r = 3, seed = 2) {
  withr::local_seed(seed)
  X <- matrix(rnorm(n * p), n) %*% chol(0.5^abs(outer(1:p, 1:p, "-")))
  B <- matrix(0, p, r)
  B[c(1, 6), ] <- 0.5
  V <- diag(0.6, r) + 0.4
  Y <- X %*% B + matrix(rnorm(n * r), n) %*% chol(V)
  S0 <- list(
    null = matrix(0, r, r), shared = matrix(0.2, r, r), own = diag(0.1, r),
    mixed = diag(0.1, r) + 0.2
  )
  list(X = X, Y = Y, S0 = S0, V = V)
}

test_that("without effects, the residual covariance is that of principal components or factors", {
  x <- readRDS(test_path("fixtures", "oracle_lowrank_cov.rds"))
  G <- x$input$G
  n <- 40
  r <- nrow(G)
  withr::local_seed(1)
  # Responses whose covariance (over n) is G exactly.
  Q <- qr.Q(qr(cbind(1, matrix(rnorm(n * r), n))))[, -1]
  Y <- sqrt(n) * Q %*% chol(G)
  X <- matrix(rnorm(n), n)
  objective <- function(V) -0.5 * (c(determinant(V)$modulus) + sum(diag(solve(V, G))))
  for (rank in x$input$ranks) {
    want <- x$output[[paste0("rank", rank)]]
    nothing <- list(null = matrix(0, r, r))
    fit <- \(residual, ...) mr_mash(X, Y, nothing, residual = residual, rank = rank, ...)
    low <- fit("lowrank", max_iter = 5)
    expect_lt(largest_difference(low$V, want$ppca_Sigma), 1e-10)
    expect_lt(largest_difference(low$unique, rep(want$ppca_s2, r)), 1e-10)
    expect_lt(largest_difference(tcrossprod(low$loadings), want$ppca_WWt), 1e-10)
    expect_equal(low$ELBO, n * (want$ppca_objective - r / 2 * log(2 * pi)), tolerance = 1e-9)
    factors <- fit("factor", w0_method = "em", max_iter = 400, tol = 0, tol_w0 = 0)
    expect_gt(objective(factors$V), want$fa_objective - 1e-5)
    composed <- tcrossprod(factors$loadings) + diag(factors$unique)
    expect_lt(largest_difference(factors$V, composed), 1e-12)
  }
})

test_that("only the plug-in estimate warns, and it has less residual variance", {
  withr::local_seed(5)
  n <- 100
  p <- 40
  r <- 4
  X <- matrix(rnorm(n * p), n)
  Y <- X %*% matrix(rnorm(p * r, sd = 0.2), p) + matrix(rnorm(n * r), n) %*% chol(diag(r) + 0.5)
  fit <- \(plugin) mr_mash(
    X, Y, list(diag(r)), grid = c(0.1, 0.3), residual = "lowrank", rank = 1, plugin = plugin
  )
  expect_silent(good <- fit(FALSE))
  expect_warning(biased <- fit(TRUE), class = "mnmash_warning_biased")
  expect_lt(sum(diag(biased$V)), 0.9 * sum(diag(good$V)))
  expect_lt(biased$ELBO, good$ELBO)
})

test_that("units of X and Y do not matter", {
  d <- case()
  base <- mr_mash(d$X, d$Y, S0 = d$S0)
  a <- c(0.001, 1, 50)
  Y <- sweep(d$Y, 2, a, "*") + 10
  S0 <- lapply(d$S0, \(U) U * outer(a, a))
  other <- mr_mash(sweep(d$X, 2, 1:10, "*") - 3, Y, S0 = S0)
  expect_lt(largest_difference(t(t(other$mu1 * 1:10) / a), base$mu1), 1e-9)
  expect_lt(largest_difference(other$V / outer(a, a), base$V), 1e-9)
  expect_lt(largest_difference(other$w0, base$w0), 1e-9)
  expect_lt(largest_difference(other$lfsr, base$lfsr), 1e-9)
  expect_equal(other$ELBO, base$ELBO - 120 * sum(log(a)), tolerance = 1e-10)
})

test_that("a known covariance can be whitened away", {
  d <- case()
  eigen <- eigen(d$V)
  H <- eigen$vectors %*% (t(eigen$vectors) / sqrt(eigen$values))
  settings <- list(max_iter = 30, tol = 0, tol_w0 = 0)
  known <- do.call(mr_mash, c(list(d$X, d$Y, S0 = d$S0, V = d$V, residual = "known"), settings))
  white <- do.call(mr_mash, c(
    list(d$X, d$Y %*% H, S0 = lapply(d$S0, \(U) H %*% U %*% H), residual = "identity"), settings
  ))
  expect_lt(largest_difference(white$mu1 %*% solve(H), known$mu1), 1e-9)
  expect_equal(known$ELBO, white$ELBO - 60 * c(determinant(d$V)$modulus), tolerance = 1e-10)
})

test_that("at convergence the weights are those of mash on the deconvolved effects", {
  d <- case(n = 150, p = 60)
  fit <- mr_mash(d$X, d$Y, S0 = d$S0, tol = 1e-13, tol_w0 = 1e-9, max_iter = 5000)
  b <- fit$statistics / fit$precision
  loglik <- vapply(fit$S0, \(U) {
    root <- chol(U + fit$V / 149)
    -colSums(backsolve(root, t(b), transpose = TRUE)^2) / 2 - sum(log(diag(root)))
  }, numeric(60))
  best <- mixture_weights(loglik, "uniform")
  at_fit <- sum(log(exp(loglik - best$objective / 60) %*% fit$w0)) + best$objective
  expect_lt(best$objective - at_fit, 1e-6)
})

test_that("orders of updates differ in what they visit first", {
  d <- case()
  first <- \(order) {
    mr_mash(
      d$X, d$Y, S0 = d$S0, order = order, max_iter = 1, tol = 0, V = cov(d$Y), residual = "known"
    )
  }
  # The Bayes factors of the predictors alone, slowly.
  X <- scale(d$X)
  Y <- scale(d$Y, scale = FALSE)
  V <- cov(d$Y)
  density <- \(b, C) -0.5 * (c(determinant(C)$modulus) + sum(b * solve(C, b)))
  log_bf <- apply(X, 2, \(x) {
    b <- crossprod(Y, x) / sum(x^2)
    N <- V / sum(x^2)
    log(mean(exp(vapply(d$S0, \(U) density(b, U + N) - density(b, N), 0))))
  })
  expect_equal(first("decreasing_logBF")$mu1, first(order(-log_bf))$mu1)
  expect_equal(first("increasing_logBF")$mu1, first(order(log_bf))$mu1)
  expect_gt(largest_difference(first("increasing_logBF")$mu1, first("decreasing_logBF")$mu1), 1e-3)
})

test_that("a prior from mash and small weights set to zero", {
  d <- case()
  s <- univariate_sumstats(d$X, d$Y)
  m <- mash(mash_set_data(s$Bhat, s$Shat), d$S0[-1], verbose = FALSE)
  fit <- mr_mash(d$X, d$Y, m, standardize = FALSE)
  expect_true(fit$convergence$converged)
  expect_setequal(names(fit$w0), c("null", names(as_prior(m)$w)))
  small <- mr_mash(
    d$X, d$Y, S0 = d$S0, w0_method = "em", w0_threshold = 0.1, max_iter = 40, tol = 0
  )
  expect_true(all(small$w0 == 0 | small$w0 >= 0.1))
})
