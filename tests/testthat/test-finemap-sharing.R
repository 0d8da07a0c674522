# Sharing of the effects of sets: integrals, one dimension at a time, and identities.

# P(f < b_1 / b_2 < 1 / f, one sign) of a normal pair, by conditioning on b_2.
alike_by_integral <- function(m, S, f) {
  sd <- sqrt(S[1, 1] - S[1, 2]^2 / S[2, 2])
  inside <- function(y) {
    x <- m[1] + S[1, 2] / S[2, 2] * (y - m[2])
    ends <- cbind(f * y, if (f == 0) sign(y) * Inf else y / f)
    abs(pnorm(ends[, 2], x, sd) - pnorm(ends[, 1], x, sd)) * dnorm(y, m[2], sqrt(S[2, 2]))
  }
  half <- \(from, to) integrate(inside, from, to, rel.tol = 1e-10, subdivisions = 1000)$value
  far <- abs(m[2]) + 10 * sqrt(S[2, 2])
  half(-far, 0) + half(0, far)
}

region <- function(n = 100) {
  set.seed(21)
  X <- matrix(rnorm(n * 5), n)
  X[, 2] <- X[, 1] + 0.2 * rnorm(n)
  X <- scale(X, scale = FALSE)
  Y <- scale(X[, 1] %o% c(a = 0.35, b = 0.3, c = 0) + matrix(rnorm(3 * n), n), scale = FALSE)
  U <- list(any = diag(0.1, 3), shared = 0.1 * (diag(0.2, 3) + 0.8), two = diag(c(0.1, 0.1, 0)))
  list(X = X, Y = Y, prior = list(U = U, w = c(0.3, 0.4, 0.3)))
}

test_that("sharing is the average of normal pairs over variables and components", {
  d <- region()
  fit <- finemap(finemap_data(d$X, d$Y), d$prior, L = 1, V = diag(3), scale = "fixed",
                 effect_model = "EE", standardize = FALSE, n_threads = 1)
  set <- fit$sets$L1
  expect_gt(length(set$variables), 1)
  for (f in c(0, 0.5, 0.8)) {
    found <- set_sharing(fit, f)
    expect_identical(found$condition_1, c("a", "a", "b"))
    expect_identical(found$condition_2, c("b", "c", "c"))
    for (i in 1:3) {
      pair <- match(c(found$condition_1[i], found$condition_2[i]), c("a", "b", "c"))
      want <- prior <- 0
      for (k in 1:3) {
        U <- d$prior$U[[k]]
        if (any(diag(U)[pair] == 0)) next
        prior <- prior + d$prior$w[k] * alike_by_integral(c(0, 0), U[pair, pair], f)
        for (j in set$variables) {
          size <- sum(d$X[, j]^2)
          bhat <- drop(crossprod(d$X[, j], d$Y)) / size
          gain <- U %*% solve(U + diag(3) / size)
          at <- alike_by_integral(drop(gain %*% bhat)[pair], (U - gain %*% U)[pair, pair], f)
          q <- fit$effects$L1$weights[match(j, fit$effects$L1$variable), k]
          want <- want + set$probability * fit$alpha[1, j] * q * at
        }
      }
      expect_equal(found$probability[i], unname(want), tolerance = 1e-7)
      expect_equal(found$prior[i], prior, tolerance = 1e-7)
    }
  }
  # Of the pairs the one with effects in both is the most alike.
  expect_identical(which.max(set_sharing(fit)$probability), 1L)
})

test_that("effects that the prior makes equal are alike as surely as they are there", {
  d <- region()
  d$prior <- list(U = list(matrix(0.1, 3, 3)), w = 1)
  fit <- finemap(finemap_data(d$X, d$Y[, c(1, 2, 1)] + 0), d$prior, V = diag(3), L = 1,
                 effect_model = "EE", standardize = FALSE, n_threads = 1)
  set <- fit$sets$L1
  found <- set_sharing(fit)
  expect_equal(found$probability, rep(set$probability * set$coverage, 3), tolerance = 1e-8)
  expect_equal(found$prior, rep(1, 3), tolerance = 1e-8)
})

test_that("one condition has no pairs, and bad factors are refused", {
  d <- region()
  one <- finemap(finemap_data(d$X, d$Y[, 1]), 0.1, n_threads = 1)
  expect_identical(nrow(set_sharing(one)), 0L)
  expect_error(set_sharing(one, 1), "`factor`", class = "mnmash_error_value")
  expect_error(set_sharing(one, 2), "`factor`", class = "mnmash_error_argument")
  expect_error(set_sharing(d), "finemap\\(\\)", class = "mnmash_error_type")
})
