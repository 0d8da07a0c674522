fixture <- function(name) readRDS(test_path("fixtures", paste0(name, ".rds")))

largest_difference <- function(a, b) max(abs(unname(a) - unname(b)))

small_problem <- function(n = 150, p = 12, r = 3, seed = 1) {
  withr::local_seed(seed)
  X <- matrix(rnorm(n * p), n) %*% chol(0.6^abs(outer(1:p, 1:p, "-")))
  B <- matrix(0, p, r)
  B[c(2, p - 1), ] <- 0.4
  E <- matrix(rnorm(n * r), n) %*% chol(diag(0.7, r) + 0.3)
  list(X = X, Y = X %*% B + E, prior = list(shared = matrix(1, r, r), own = diag(r)))
}

test_that("summary statistics give the fit of the individual data, and that of mr.mash", {
  x <- fixture("mrmash_rss_r3")
  i <- x$input
  settings <- list(
    S0 = i$S0, w0 = i$w0, w0_method = "em", standardize = FALSE, tol = 0, tol_w0 = 0,
    max_iter = i$max_iter, e = 1e-8
  )
  individual <- do.call(mr_mash, c(list(i$X, i$Y, V = i$V), settings))
  rss <- do.call(mr_mash_rss, c(list(
    i$Bhat, i$Shat,
    R = i$R, n = i$n, covY = i$covY, V = i$V, X_colmeans = i$X_colmeans, Y_colmeans = i$Y_colmeans
  ), settings))
  z <- do.call(mr_mash_rss, c(
    list(Z = i$Bhat / i$Shat, R = i$R, n = i$n, V = cov2cor(i$V)), settings
  ))
  for (what in c("mu1", "w0", "V", "psd", "lfsr", "intercept", "ELBO")) {
    expect_lt(largest_difference(rss[[what]], individual[[what]]), 1e-9, label = what)
  }
  wanted <- list(rss_bhat_shat = rss, individual = individual, rss_z = z)
  for (case in names(wanted)) {
    fit <- wanted[[case]]
    out <- x$output[[case]]
    for (what in c("mu1", "w0", "V")) {
      expect_lt(largest_difference(fit[[what]], out[[what]]), 1e-9, label = paste(case, what))
    }
    expect_lt(largest_difference(fit$psd^2, out$S1_diag), 1e-9)
    expect_lt(abs(fit$ELBO - out$ELBO_plus_half_log_n), 1e-7)
  }
})

test_that("converged fits agree too: dense or sparse, scaled or not, in any order", {
  d <- small_problem()
  s <- univariate_sumstats(d$X, d$Y)
  R <- cor(d$X)
  rss <- function(R, ...) {
    mr_mash_rss(
      s$Bhat, s$Shat, R = R, n = 150, covY = cov(d$Y), prior = d$prior, grid = c(0.1, 0.5), ...
    )
  }
  withr::local_seed(3)
  for (standardize in c(TRUE, FALSE)) {
    for (order in list("consecutive", sample(12))) {
      want <- mr_mash(
        d$X, d$Y, d$prior,
        grid = c(0.1, 0.5), standardize = standardize, order = order
      )
      got <- rss(R, standardize = standardize, order = order)
      for (what in c("mu1", "w0", "V", "psd", "ELBO")) {
        expect_lt(largest_difference(got[[what]], want[[what]]), 1e-9, label = what)
      }
      if (requireNamespace("Matrix", quietly = TRUE)) {
        sparse <- rss(Matrix::Matrix(R, sparse = TRUE), standardize = standardize, order = order)
        expect_lt(largest_difference(sparse$mu1, want$mu1), 1e-9)
      }
    }
  }
})

test_that("a banded R is used as it is: what is zero does not matter", {
  skip_if_not_installed("Matrix")
  d <- small_problem(p = 150)
  s <- univariate_sumstats(d$X, d$Y)
  R <- cor(d$X)
  R[abs(row(R) - col(R)) > 2] <- 0
  rss <- function(R) {
    mr_mash_rss(
      s$Bhat, s$Shat,
      R = R, n = 150, covY = cov(d$Y), prior = d$prior, grid = 0.2, R_shrink = 0.5, check_R = FALSE,
      max_iter = 20, tol = 0, tol_w0 = 0, update_V = FALSE
    )
  }
  expect_lt(largest_difference(rss(Matrix::Matrix(R, sparse = TRUE))$mu1, rss(R)$mu1), 1e-10)
})

test_that("with sample sizes by response, one predictor has its exact posterior", {
  n <- c(100, 400)
  V <- diag(c(1.3, 0.6))
  Z <- matrix(c(2.5, -1), 1)
  S0 <- list(null = matrix(0, 2, 2), both = matrix(0.05, 2, 2), own = diag(c(0.01, 0.2)))
  w0 <- c(0.5, 0.3, 0.2)
  fit <- mr_mash_rss(
    Z = Z, R = matrix(1), n = n, covY = diag(2), V = V, S0 = S0, w0 = w0, update_w0 = FALSE,
    covariance = "full"
  )
  # The effect of response i alone: z / sqrt(z^2 + n - 2), with variance V_ii / (n_i - 1).
  b <- drop(Z / sqrt(Z^2 + n - 2))
  N <- diag(diag(V) / (n - 1))
  log_joint <- vapply(seq_along(S0), \(k) {
    C <- S0[[k]] + N
    log(w0[k]) - 0.5 * (log(det(C)) + drop(b %*% solve(C, b)))
  }, 0)
  w <- exp(log_joint - max(log_joint))
  w <- w / sum(w)
  means <- lapply(S0, \(U) drop(U %*% solve(U + N, b)))
  covs <- lapply(S0, \(U) U - U %*% solve(U + N, U))
  mean <- Reduce(`+`, Map(`*`, w, means))
  second <- Reduce(`+`, Map(\(w, m, S) w * (S + tcrossprod(m)), w, means, covs))
  expect_lt(largest_difference(fit$mu1, mean), 1e-12)
  expect_lt(largest_difference(fit$expected_counts, w), 1e-12)
  expect_lt(largest_difference(fit$S1[, , 1], second - tcrossprod(mean)), 1e-12)
  expect_error(
    mr_mash_rss(Z = Z, R = matrix(1), n = n, covY = diag(2), S0 = S0, w0 = w0),
    class = "mnmash_error_argument"
  )
})

test_that("bad correlations and statistics are refused by name", {
  d <- small_problem(p = 3)
  s <- univariate_sumstats(d$X, d$Y)
  rss <- function(R = cor(d$X), Bhat = s$Bhat, Shat = s$Shat, covY = cov(d$Y), ...) {
    mr_mash_rss(Bhat, Shat, R = R, n = 150, covY = covY, prior = d$prior, grid = 0.1, ...)
  }
  bad <- cor(d$X)
  bad[1, 2] <- 0.1
  expect_error(rss(bad), class = "mnmash_error_asymmetric")
  bad <- matrix(c(1, 0.9, -0.9, 0.9, 1, 0.9, -0.9, 0.9, 1), 3)
  expect_error(rss(bad), class = "mnmash_error_not_psd")
  expect_true(rss(bad, R_shrink = 0.5)$convergence$converged)
  expect_error(rss(2 * cor(d$X)), class = "mnmash_error_value")
  expect_error(rss(cor(d$X)[1:2, 1:2]), class = "mnmash_error_dimension")
  expect_error(rss(covY = diag(2)), class = "mnmash_error_dimension")
  hole <- s$Bhat
  hole[2, 1] <- NA
  expect_error(rss(Bhat = hole), "row 2", class = "mnmash_error_missing")
  expect_error(mr_mash_rss(s$Bhat, R = cor(d$X), n = 150), class = "mnmash_error_argument")
})
