# Cells that have effects of their own, whatever the others do.
lone_cells <- function(J = 1500, R = 5, share = 0.08, seed = 1) {
  set.seed(seed)
  B <- matrix(rbinom(J * R, 1, share) * rnorm(J * R, sd = 4), J, R)
  colnames(B) <- letters[seq_len(R)]
  B
}

# Log-likelihood and posterior under a product where errors are independent, cell by cell.
by_cells <- function(x, s, product) {
  v <- product$grid^2
  one <- function(x, s, w) {
    log <- if (is.na(x)) log(w) else log(w) + dnorm(x, 0, sqrt(v + s^2), log = TRUE)
    share <- exp(log - max(log)) / sum(exp(log - max(log)))
    keep <- if (is.na(x)) 0 else v / (v + s^2)
    mean <- if (is.na(x)) 0 * v else keep * x
    sd <- sqrt(if (is.na(x)) v else keep * s^2)
    m <- sum(share * mean)
    c(
      loglik = if (is.na(x)) 0 else max(log) + log(sum(exp(log - max(log)))), mean = m,
      sd = sqrt(sum(share * (sd^2 + mean^2)) - m^2), zero = sum(share[v == 0]),
      negative = sum((share * pnorm(0, mean, sd))[v > 0])
    )
  }
  each <- lapply(seq_len(ncol(x)), \(r) {
    t(mapply(one, x[, r], s[, r], MoreArgs = list(w = product$pi[, r])))
  })
  lapply(stats::setNames(nm = colnames(each[[1]])), \(what) sapply(each, \(e) e[, what]))
}

test_that("cells with effects of their own are described by a product, shared effects are not", {
  B <- lone_cells()
  prior <- learn_prior(mash_set_data(B + rnorm(length(B))), n_threads = 1)
  expect_gt(prior$product$weight, 0.9)
  expect_equal(sum(prior$w) + prior$null_weight + prior$product$weight, 1)
  expect_equal(colSums(prior$product$pi), stats::setNames(rep(1, 5), letters[1:5]))
  expect_output(print(prior), "independent between conditions")
  # The share of cells with effects, within what cells this few can say.
  expect_true(all(abs(1 - prior$product$pi[1, ] - 0.08) < 0.06))
  set.seed(2)
  shared <- rbinom(1500, 1, 0.2) * rnorm(1500, sd = 4) + matrix(rnorm(7500), 1500)
  expect_null(learn_prior(mash_set_data(shared), n_threads = 1)$product)
  expect_null(learn_prior(mash_set_data(B + rnorm(length(B))), product = FALSE)$product)
})

test_that("posteriors and likelihoods are those of the cells, one by one", {
  B <- lone_cells(300)
  S <- matrix(runif(length(B), 0.5, 2), nrow(B), dimnames = dimnames(B))
  Bhat <- B + S * rnorm(length(B))
  Bhat[cbind(1:100, rep(1:5, 20))] <- NA
  S[is.na(Bhat)] <- NA
  for (alpha in 0:1) {
    data <- mash_set_data(Bhat, S, alpha = alpha)
    prior <- learn_prior(data, V = diag(5), nsim = 0, n_threads = 1)
    # As the whole prior.
    prior$product$weight <- 1
    prior$w[] <- prior$null_weight <- 0
    m <- mash(data, g = prior, fixg = TRUE, verbose = FALSE)
    unit <- if (alpha) S else 0 * S + 1
    want <- by_cells(Bhat / unit, S / unit, prior$product)
    unit[is.na(unit)] <- 1
    expect_equal(unname(get_pm(m)), unname(want$mean * unit), tolerance = 1e-10)
    expect_equal(unname(get_psd(m)), unname(want$sd * unit), tolerance = 1e-7)
    expect_equal(unname(m$result$NegativeProb), want$negative, tolerance = 1e-10)
    positive <- 1 - want$zero - want$negative
    expect_equal(unname(get_lfsr(m)), want$zero + pmin(want$negative, positive), tolerance = 1e-10)
    expect_equal(sum(m$vloglik), sum(want$loglik) - sum(log(unit)), tolerance = 1e-10)
    expect_equal(mash_compute_vloglik(prior, data), m$vloglik)
  }
})

test_that("beside other components it counts as much as it explains of a unit", {
  B <- lone_cells(400)
  data <- mash_set_data(B + rnorm(length(B)))
  prior <- learn_prior(data, V = diag(5), n_threads = 1)
  others <- as_prior(list(U = list(shared = matrix(4, 5, 5)), w = 0.3, null_weight = 0.7))
  others$units <- "z"
  dimnames(others$U[[1]]) <- list(letters[1:5], letters[1:5])
  both <- others
  both$w <- 0.6 * others$w
  both$null_weight <- 0.6 * others$null_weight
  both$product <- prior$product
  both$product$weight <- 0.4
  own <- by_cells(data$Bhat, data$Shat, both$product)
  without <- mash(data, g = others, fixg = TRUE, verbose = FALSE)
  m <- mash(data, g = both, fixg = TRUE, verbose = FALSE)
  a <- 0.6 * exp(drop(without$vloglik))
  b <- 0.4 * exp(rowSums(own$loglik))
  expect_equal(drop(m$vloglik), log(a + b))
  r <- b / (a + b)
  expect_equal(unname(get_pm(m)), unname((1 - r) * get_pm(without) + r * own$mean))
  second <- (1 - r) * (get_psd(without)^2 + get_pm(without)^2) + r * (own$sd^2 + own$mean^2)
  expect_equal(unname(get_psd(m)), unname(sqrt(second - get_pm(m)^2)))
  expect_equal(unname(m$result$NegativeProb),
               unname((1 - r) * without$result$NegativeProb + r * own$negative))
  expect_equal(unname(rowSums(m$posterior_weights)), 1 - r)
  expect_identical(names(get_estimated_pi(m))[3], "product")
  expect_equal(sum(get_estimated_pi(m)), 1)
  # The same in blocks, for some conditions, and in another order.
  posterior <- mash_compute_posterior_matrices(both, data)
  expect_equal(posterior$lfsr, get_lfsr(m))
  some <- mash_set_data(data$Bhat[, c("d", "a")])
  margin <- mash(some, g = both[c("d", "a")], fixg = TRUE, verbose = FALSE)
  expect_equal(mash(some, g = both, fixg = TRUE, verbose = FALSE)$vloglik, margin$vloglik)
})

test_that("errors that are correlated leave less than all to the bound", {
  set.seed(3)
  B <- lone_cells(400, 3)
  V <- 0.5 + diag(0.5, 3)
  data <- mash_set_data(B + matrix(rnorm(1200), 400) %*% chol(V), V = V)
  m <- mash(data, verbose = FALSE, n_threads = 1)
  expect_gt(m$fitted_g$product$weight, 0.5)
  expect_true(all(is.finite(get_lfsr(m))))
  expect_lt(mean(abs(get_pm(m) - B)), mean(abs(data$Bhat - B)) / 2)
})

test_that("it is learnt by mash() unless not wanted, and the end is that of all fits", {
  B <- lone_cells(400)
  data <- mash_set_data(B + rnorm(length(B)))
  m <- mash(data, verbose = FALSE, n_threads = 1, posterior_samples = 2)
  expect_gt(m$fitted_g$product$weight, 0.5)
  expect_equal(dim(get_samples(m)), c(400, 5, 2))
  expect_true(m$convergence$converged)
  expect_gt(m$convergence$iterations, 10)
  expect_output(print(m), paste("converged in", m$convergence$iterations))
  plain <- mash(data, product = FALSE, verbose = FALSE, n_threads = 1, outputlevel = 1)
  expect_null(plain$fitted_g$product)
  canonical <- cov_canonical(data)
  offered <- mash(data, canonical, product = TRUE, verbose = FALSE, outputlevel = 1)
  expect_gt(offered$fitted_g$product$weight, 0.5)
  expect_null(mash(data, canonical, verbose = FALSE, outputlevel = 1)$fitted_g$product)
  expect_error(mash(data, g = m, product = TRUE), "product", class = "mnmash_error_argument")
  expect_error(mash(data, canonical, product = 1), "product", class = "mnmash_error")
})

test_that("a component that is not worth its weights is left out", {
  set.seed(4)
  # Effects of one covariance, which the mixture has, in four conditions.
  U <- 0.5 + 0.5 * diag(4)
  B <- rbinom(2000, 1, 0.2) * 3 * matrix(rnorm(8000), 2000) %*% chol(U)
  data <- mash_set_data(B + rnorm(8000))
  m <- mash(data, list(true = U), product = TRUE, verbose = FALSE, outputlevel = 1)
  expect_null(m$fitted_g$product)
})
