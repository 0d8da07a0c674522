# Sparse effects beside an infinitesimal background.

# `h` of the variance of each trait are many small effects of all variables, in blocks of LD.
polygenic <- function(seed, h, n = 400, p = 120, R = 3) {
  set.seed(seed)
  block <- matrix(rnorm(n * p / 10), n)[, rep(seq_len(p / 10), each = 10)]
  X <- scale(block + 0.7 * matrix(rnorm(n * p), n))
  colnames(X) <- paste0("v", seq_len(p))
  small <- matrix(rnorm(p * R), p) * sqrt(h / p)
  B <- matrix(0, p, R)
  B[c(15, 77), ] <- 0.35
  Y <- X %*% (B + small) + matrix(rnorm(n * R), n)
  colnames(Y) <- paste0("t", seq_len(R))
  list(X = X, Y = Y, genetic = X %*% (B + small))
}

infinitesimal <- function(...) finemap(..., background = "infinitesimal")

test_that("a polygenic part is told from sparse effects, and predicts", {
  prior <- list(diag(3), matrix(1, 3, 3))
  for (seed in 1:3) {
    s <- polygenic(seed, h = 0.6)
    data <- finemap_data(s$X, s$Y)
    plain <- finemap(data, prior)
    fit <- infinitesimal(data, prior)
    wrong <- \(fit) sum(vapply(credible_sets(fit), \(x) !any(c(15, 77) %in% x$variables), NA))
    expect_lte(wrong(fit), wrong(plain))
    expect_gt(fit$background$gain, 5)
    expect_equal(
      fit$background$gain, tail(fit$elbo, 1) - tail(plain$elbo, 1), tolerance = 1e-8
    )
    expect_true(all(fit$background$share > 0.1 & fit$background$share < 0.7))
    miss <- \(fit) mean((predict(fit, s$X) - s$genetic - rep(
      colMeans(s$Y - s$genetic), each = nrow(s$Y)
    ))^2)
    expect_lt(miss(fit), miss(plain))
    expect_true(isSymmetric(fit$background$Omega))
    expect_gte(min(eigen(fit$background$Omega)$values), -1e-9)
  }
})

test_that("the forms of the data and the units of the outcomes change nothing", {
  s <- polygenic(4, h = 0.5, R = 2)
  prior <- list(diag(2), matrix(1, 2, 2))
  fit <- infinitesimal(finemap_data(s$X, s$Y), prior)
  x <- scale(s$X, scale = FALSE)
  y <- scale(s$Y, scale = FALSE)
  products <- infinitesimal(
    finemap_suffstat(crossprod(x), crossprod(x, y), crossprod(y), n = 400), prior
  )
  expect_equal(products$pip, fit$pip, tolerance = 1e-5)
  expect_equal(products$coef, fit$coef, tolerance = 1e-4)
  unit <- c(10, 0.1)
  other <- infinitesimal(finemap_data(s$X, s$Y %*% diag(unit)), prior)
  expect_equal(other$pip, fit$pip, tolerance = 1e-4)
  expect_equal(
    unname(other$background$Omega), unname(fit$background$Omega * tcrossprod(unit)),
    tolerance = 1e-3
  )
  one <- finemap_data(s$X, s$Y[, 1])
  z <- univariate_sumstats(s$X, s$Y[, 1])
  rows <- infinitesimal(one, 1)
  by_z <- infinitesimal(finemap_sumstats(z$Bhat / z$Shat, cor(s$X), n = 400), 1)
  expect_equal(by_z$pip, rows$pip, tolerance = 1e-4)
  expect_equal(unname(by_z$background$share), unname(rows$background$share), tolerance = 1e-3)
  # Z-scores of samples that differ, with a known correlation.
  z <- univariate_sumstats(s$X, s$Y)
  apart <- finemap_sumstats(z$Bhat / z$Shat, cor(s$X), n = c(400, 300))
  found <- infinitesimal(apart, prior, V = cor(s$Y))
  expect_gt(found$background$gain, 0)
  expect_equal(unname(found$V), unname(cor(s$Y)))
})

test_that("without a polygenic part the background is small, and where it cannot be, it is refused", {
  s <- polygenic(5, h = 0)
  prior <- list(diag(3), matrix(1, 3, 3))
  data <- finemap_data(s$X, s$Y)
  fit <- infinitesimal(data, prior)
  expect_gte(fit$background$gain, 0)
  expect_true(all(fit$background$share < 0.1))
  expect_null(finemap(data, prior)$background)
  s$Y[1, 1] <- NA
  expect_error(
    infinitesimal(finemap_data(s$X, s$Y), prior, V = diag(3)), "`background` needs outcomes",
    class = "mnmash_error_argument"
  )
  expect_error(
    infinitesimal(data, prior, compat = "mvsusieR"), "`background`", class = "mnmash_error_argument"
  )
})
