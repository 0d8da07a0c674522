# One gene that is constant in one condition, one regression that was separated, conditions in units
# far apart: standard errors and effects of very different sizes in one unit.

# Effects in four conditions, with standard errors near one.
ordinary <- function(J, seed = 1) {
  set.seed(seed)
  B <- matrix(rnorm(J * 4), J) * (runif(J) < 0.3) * 2
  s <- matrix(runif(J * 4, 0.5, 1.5), J)
  list(x = B + s * matrix(rnorm(J * 4), J), s = s)
}

given_prior <- function(Ulist, grid, pi = c(0, rep(1, length(Ulist) * length(grid)))) {
  list(pi = pi / sum(pi), Ulist = Ulist, grid = grid, usepointmass = TRUE)
}

vloglik <- function(g, data) suppressMessages(mash_compute_vloglik(g, data))

test_that("independent conditions have sums of normal densities at every scale", {
  g <- given_prior(list(I = diag(4)), 3)
  for (e in 10^-c(3:12, 40, 74)) {
    for (z in c(0.7, 1e3)) {
      x <- rbind(c(z * e, 1, 1, 1), c(1, 2, 0, 1))
      s <- rbind(c(e, 1, 1, 1), rep(1, 4))
      found <- vloglik(g, mash_set_data(x, s, zero_check_tol = 0))
      expected <- rowSums(matrix(dnorm(x, 0, sqrt(s^2 + 9), log = TRUE), 2))
      expect_lt(relative_difference(found, expected), 1e-13, label = paste(e, z))
    }
  }
})

test_that("one tiny standard error leaves the fit and the posteriors as they should be", {
  d <- ordinary(300)
  fits <- list()
  for (e in c(1e-4, 1e-7, 1e-8, 1e-9, 1e-12, 1e-70)) {
    d$x[1, 2] <- 0.7 * e
    d$s[1, 2] <- e
    data <- mash_set_data(d$x, d$s, zero_check_tol = 0)
    m <- mash(data, cov_canonical(data), grid = c(0.3, 1, 3), verbose = FALSE)
    pi <- m$fitted_g$pi
    components <- slow_components(m$fitted_g$Ulist, m$fitted_g$grid)
    expect_lt(relative_difference(get_loglik(m), sum(slow_vloglik(data, components, pi))), 1e-10)
    expect_lte(abs(get_pm(m)[1, 2]), 0.7 * e)
    expect_true(all(get_lfsr(m)[1, ] > 0.4))
    fits <- c(fits, list(pi))
  }
  for (pi in fits[-1]) expect_equal(pi, fits[[1]], tolerance = 0.01)
})

test_that("forty such cells among eight thousand do not move the weights", {
  d <- ordinary(2000)
  weights <- function(e) {
    cells <- cbind(1:40, rep(1:4, 10))
    d$x[cells] <- 0.7 * e
    d$s[cells] <- e
    data <- mash_set_data(d$x, d$s)
    m <- mash(data, cov_canonical(data), grid = c(0.3, 1, 3), outputlevel = 1, verbose = FALSE)
    expect_true(m$convergence$converged)
    m$fitted_g$pi
  }
  # Smaller errors are a little more evidence of no effect.
  expect_equal(weights(1e-10), weights(1e-4), tolerance = 0.01)
})

test_that("a separated regression is one exact effect among others", {
  d <- ordinary(40)
  d$x[1, 2] <- 4.5e15
  d$s[1, 2] <- 6.7e7
  data <- mash_set_data(d$x, d$s)
  m <- mash(data, cov_canonical(data, c("identity", "simple_het")), verbose = FALSE)
  components <- slow_components(m$fitted_g$Ulist, m$fitted_g$grid)
  expect_lt(
    relative_difference(get_loglik(m), sum(slow_vloglik(data, components, m$fitted_g$pi))), 1e-10
  )
  expect_equal(unname(get_pm(m)[1, 2]), 4.5e15, tolerance = 1e-6)
  expect_true(all(is.finite(get_psd(m)[1, ])))
})

test_that("conditions in other units have other units and nothing else", {
  set.seed(2)
  x <- matrix(rnorm(200), 50) * 3
  s <- matrix(runif(200, 0.9, 1.1), 50)
  U <- list(I = diag(4), equal = matrix(1, 4, 4), a = 0.5 + diag(4), low = tcrossprod(rbind(
    c(1, 0), c(1, 1), c(-1, 1), c(0, 2)
  )))
  for (V in list(diag(4), correlated(4))) {
    units <- 2^c(0, 0, 27, 27)
    scaled <- lapply(U, \(u) u * outer(units, units))
    plain <- mash_set_data(x, s, V = V)
    other <- mash_set_data(t(t(x) * units), t(t(s) * units), V = V)
    g <- given_prior(U, c(0.5, 2))
    h <- given_prior(scaled, c(0.5, 2))
    expect_equal(
      vloglik(h, other), vloglik(g, plain) - sum(log(units)), tolerance = 1e-12
    )
    a <- mash_compute_posterior_matrices(g, plain)
    b <- mash_compute_posterior_matrices(h, other)
    expect_equal(t(t(b$PosteriorMean) / units), a$PosteriorMean, tolerance = 1e-9)
    expect_equal(t(t(b$PosteriorSD) / units), a$PosteriorSD, tolerance = 1e-9)
    expect_equal(b$lfsr, a$lfsr, tolerance = 1e-9)
  }
})

test_that("V by unit, missing cells and tiny standard errors go together", {
  d <- ordinary(60)
  d$s[cbind(1:10, rep(1:4, length.out = 10))] <- 1e-10
  d$x[1:10, ] <- d$s[1:10, ] * 0.7
  d$x[cbind(5:20, rep(1:4, 4))] <- NA
  d$s[is.na(d$x)] <- NA
  U <- list(I = diag(4), a = 0.5 + diag(4), equal = matrix(1, 4, 4))
  g <- given_prior(U, c(0.5, 2))
  components <- slow_components(U, c(0.5, 2))
  for (V in list(diag(4), correlated(4), array(correlated(4), c(4, 4, 60)))) {
    data <- mash_set_data(d$x, d$s, V = V)
    found <- vloglik(g, data)
    expect_lt(relative_difference(found, slow_vloglik(data, components, g$pi)), 1e-10)
    p <- mash_compute_posterior_matrices(g, data)
    expect_true(all(is.finite(unlist(p[c("PosteriorMean", "PosteriorSD", "lfsr")]))))
    tiny <- !is.na(d$s) & d$s < 1e-9
    expect_true(all(p$PosteriorSD[tiny] <= 1e-10 * (1 + 1e-9)))
  }
})

test_that("the EM of V is not led astray by one tiny standard error", {
  d <- ordinary(200)
  U <- list(I = diag(4), a = 0.5 + diag(4))
  estimate <- function(e) {
    d$x[1, 2] <- 0.7 * e
    d$s[1, 2] <- e
    data <- mash_set_data(d$x, d$s)
    fit <- mash_estimate_corr_em(data, U, max_iter = 3, details = TRUE, grid = c(0.5, 2))
    fit$V
  }
  expect_equal(estimate(1e-10), estimate(1e-4), tolerance = 0.02)
})

test_that("probabilities of wrong signs and of no effect are exact as far as there are numbers", {
  g <- given_prior(list(U = matrix(1)), 2, c(0.9, 0.1))
  z <- c(5, 10, 12, 20, 30, 37)
  p <- mash_compute_posterior_matrices(g, mash_set_data(cbind(z)))
  logs <- cbind(log(0.9) + dnorm(z, log = TRUE), log(0.1) + dnorm(z, 0, sqrt(5), log = TRUE))
  total <- apply(logs, 1, slow_log_sum_exp)
  null <- exp(logs[, 1] - total)
  negative <- exp(logs[, 2] - total + pnorm(-z * sqrt(4 / 5), log.p = TRUE))
  expect_equal(unname(p$lfsr[, 1]) / (null + negative), rep(1, 6), tolerance = 1e-9)
  expect_equal(unname(p$lfdr[, 1]) / null, rep(1, 6), tolerance = 1e-9)
  expect_equal(unname(p$NegativeProb[, 1]) / negative, rep(1, 6), tolerance = 1e-9)
})

test_that("tails are those of all components, in several conditions and with any noise", {
  set.seed(3)
  J <- 12
  U <- list(
    I = diag(3), one = diag(c(1, 0, 0)), equal = matrix(1, 3, 3), a = 0.6 + diag(3) * 0.4,
    two = rbind(cbind(matrix(1, 2, 2) + diag(2), 0), 0)
  )
  grid <- c(0.1, 0.5, 1, 3, 10)
  components <- slow_components(U, grid)
  g <- given_prior(U, grid, c(5, rep(1, 25)))
  x <- matrix(rnorm(J * 3), J) + seq(0, 33, length.out = J)
  for (s in list(matrix(1, J, 3), matrix(runif(J * 3, 0.8, 1.2), J))) {
    data <- mash_set_data(x, s)
    p <- mash_compute_posterior_matrices(g, data)
    logs <- slow_loglik(data, components) + rep(log(g$pi), each = J)
    logs <- logs - apply(logs, 1, slow_log_sum_exp)
    for (j in seq_len(J)) {
      sums <- matrix(0, 3, 3) # negative, zero, positive by condition
      for (t in seq_along(components)) {
        C <- components[[t]]
        gain <- C %*% solve(C + diag(s[j, ]^2))
        mean <- gain %*% x[j, ]
        sd <- sqrt(pmax(diag(C - gain %*% C), 0))
        zero <- diag(C) == 0
        q <- function(...) ifelse(zero, 0, exp(logs[j, t] + pnorm(0, mean, sd, log.p = TRUE, ...)))
        sums <- sums + rbind(q(), ifelse(zero, exp(logs[j, t]), 0), q(lower.tail = FALSE))
      }
      wrong <- sums[2, ] + pmin(sums[1, ], sums[3, ])
      same <- function(found, expected) {
        there <- expected > 1e-290
        expect_equal(unname(found)[there] / expected[there], rep(1, sum(there)), tolerance = 1e-6)
        expect_true(all(found[!there] < 1e-289))
      }
      same(p$lfsr[j, ], wrong)
      same(p$lfdr[j, ], sums[2, ])
    }
  }
})

test_that("deconvolution takes a unit of tiny standard errors under covariances of low rank", {
  d <- ordinary(40)
  d$s[1, ] <- 1e-10
  d$x[1, ] <- c(0.7, -1, 0.2, 1.5) * 1e-10
  u <- c(1, 2, -1, 0.5)
  # Of rank one: the determinant and the inverse have closed forms that lose nothing here.
  line <- function(x, s) {
    g <- sum((u / s)^2)
    h <- sum(u * x / s^2)
    -sum(log(s)) - 2 * log(2 * pi) - (log1p(g) + sum((x / s)^2) - h^2 / (1 + g)) / 2
  }
  logs <- vapply(1:40, \(j) line(d$x[j, ], d$s[j, ]), 0)
  start <- list(s = d$s)
  expect_equal(
    ed(d$x, start, U = list(tcrossprod(u)), max_iter = 0)$loglik, sum(logs), tolerance = 1e-10
  )
  two <- tcrossprod(cbind(u, c(1, 0, 1, 1)))
  fit <- ed(d$x, start, U = list(tcrossprod(u), two), max_iter = 20)
  expect_true(all(is.finite(unlist(fit$U))))
  fits <- vapply(0:5, \(i) ed(d$x, start, U = list(tcrossprod(u), two), max_iter = i)$loglik[1], 0)
  expect_gte(min(diff(fits)), -1e-9 * abs(fits[1]))
})

test_that("deconvolution of any number of units goes beyond the digits of their covariances", {
  d <- ordinary(40, seed = 6)
  u <- c(1, 2, -1, 0.5)
  # Of rank one, with what is left of the effects written out before it is squared.
  line <- function(x, s, u) {
    m <- u / s
    z <- x / s
    at <- sum(m * z) / (1 + sum(m^2))
    -sum(log(s)) - 2 * log(2 * pi) - (log1p(sum(m^2)) + sum((z - m * at)^2) + at^2) / 2
  }
  for (size in c(1e6, 1e9, 1e20)) {
    v <- u * size
    x <- d$x + outer(seq(-1, 1, length.out = 40), v)
    for (J in c(1, 7, 9, 40)) {
      rows <- seq_len(J)
      want <- sum(vapply(rows, \(j) line(x[j, ], d$s[j, ], v), 0))
      data <- list(s = d$s[rows, , drop = FALSE])
      found <- ed(x[rows, , drop = FALSE], data, U = list(tcrossprod(v)), max_iter = 0)$loglik
      # Effects of that size have digits of size / 1e16 of their own.
      expect_lt(abs(found - want), 1e-9 * (1 + abs(want)) + J * (size * 1e-15)^2 + size * 1e-14)
    }
    data <- mash_set_data(x[1:9, ], d$s[1:9, ])
    fit <- ud_fit(data, n_rank1 = 2, K = 1, seed = 1, max_iter = 5)
    expect_true(all(is.finite(fit$loglik)))
  }
})
