sampled_prior <- function(R, grid = c(0.3, 2)) {
  Ulist <- c(small_prior(R), list(none = matrix(0, R, R)))
  P <- 1 + length(Ulist) * length(grid)
  pi <- rep(c(2, 1, 3), length.out = P)
  list(pi = pi / sum(pi), Ulist = Ulist, grid = grid, usepointmass = TRUE)
}

samples_of <- function(g, data, M, seed = 1, ...) {
  suppressMessages(
    mash_compute_posterior_matrices(g, data, posterior_samples = M, seed = seed, ...)
  )$PosteriorSamples
}

functional <- function(...) suppressMessages(posterior_functional(...))

# Averages over samples (units x anything x samples), against expected values, in standard errors.
standard_errors_off <- function(x, expected) {
  M <- dim(x)[length(dim(x))]
  average <- rowMeans(x, dims = length(dim(x)) - 1)
  error <- sqrt((rowMeans(x^2, dims = length(dim(x)) - 1) - average^2) / M)
  max(abs(average - expected) / pmax(error, 1e-8))
}

# The same for how often something happens, whose error is known.
frequency_off <- function(x, expected) {
  M <- dim(x)[length(dim(x))]
  expected <- pmin(pmax(expected, 0), 1)
  error <- sqrt(expected * (1 - expected) / M)
  max(abs(rowMeans(x, dims = length(dim(x)) - 1) - expected) / (error + 1 / M))
}

expect_posterior_moments <- function(data, g, M = 3000) {
  slow <- slow_posterior(data, slow_components(g$Ulist, g$grid), g$pi)
  b <- unname(samples_of(g, data, M))
  R <- ncol(data$Bhat)
  expect_lt(standard_errors_off(b, slow$mean), 5)
  expect_lt(frequency_off(b == 0, slow$lfdr), 5)
  expect_lt(frequency_off(b < 0, slow$negative), 5)
  expect_lt(frequency_off(b > 0, slow$positive), 5)
  for (r in seq_len(R)) {
    for (q in seq_len(r)) {
      second <- slow$covariance[r, q, ] + slow$mean[, r] * slow$mean[, q]
      product <- array(b[, r, ] * b[, q, ], c(nrow(b), 1, M))
      expect_lt(standard_errors_off(product, matrix(second)), 5)
    }
  }
}

test_that("samples have the moments and signs of the exact posterior for every kind of noise", {
  for (R in c(1, 3)) {
    g <- sampled_prior(R)
    for (V in list(diag(R), correlated(R), by_unit(R))) {
      for (alpha in c(0, 0.5, 1)) {
        for (missing in if (R > 1) c(0, 0.3) else 0) {
          data <- random_data(R, missing = missing, alpha = alpha, V = V, seed = 2)
          expect_posterior_moments(data, g)
        }
      }
    }
  }
  six <- random_data(6, J = 4, missing = 0.2, V = correlated(6))
  expect_posterior_moments(six, sampled_prior(6))
  same <- mash_set_data(matrix(1:30 / 10, 10, 3), 0.5, V = correlated(3))
  expect_posterior_moments(same, sampled_prior(3))
})

test_that("one normal component gives samples of its closed form", {
  z <- c(-2, 0.5, 1e4)
  data <- mash_set_data(matrix(z), matrix(1, 3, 1))
  b <- samples_of(list(pi = 1, Ulist = list(matrix(1)), grid = 2, usepointmass = FALSE), data, 5000)
  for (j in 1:3) {
    expect_gt(ks.test(b[j, 1, ], pnorm, 0.8 * z[j], sqrt(0.8))$p.value, 1e-3)
  }
})

test_that("singular priors are sampled exactly: on the line, on the plane, or zero", {
  data <- random_data(4, missing = 0.3, V = correlated(4))
  f <- c(1, -2, 0, 0.5)
  one <- \(U, scale) list(pi = 1, Ulist = list(U), grid = scale, usepointmass = FALSE)
  line <- samples_of(one(tcrossprod(f), 1), data, 50)
  expect_lt(max(abs(line[, 2, ] + 2 * line[, 1, ])), 1e-14)
  expect_identical(line[, 2, ], -4 * line[, 4, ])
  expect_identical(unname(line[, 3, ]), matrix(0, 12, 50))
  expect_gt(min(abs(line[, 1, ])), 0)

  F2 <- cbind(c(1, 2, 3, 4), c(1, 0, -1, 1))
  plane <- samples_of(one(tcrossprod(F2), 2), data, 50)
  normal_vectors <- qr.Q(qr(F2), complete = TRUE)[, 3:4]
  expect_lt(max(abs(apply(plane, 3, \(b) b %*% normal_vectors))), 1e-13)

  zero <- samples_of(one(diag(4), 0), data, 5)
  expect_identical(unname(zero), array(0, c(12, 4, 5)))
})

test_that("samples depend on seed and row, not on threads, blocks or the number of samples", {
  data <- random_data(3, J = 700, missing = 0.1, V = correlated(3))
  g <- sampled_prior(3)
  one <- samples_of(g, data, 20, n_threads = 1)
  expect_identical(samples_of(g, data, 20, n_threads = 2), one)
  expect_identical(samples_of(g, data, 35)[, , 1:20], one)
  expect_false(any(samples_of(g, data, 20, seed = 2) == one & one != 0))
  for (size in c(1, 99, 700)) {
    blocks <- functional(g, data, \(b) matrix(b, nrow(b)), 20, seed = 1, block_size = size)
    expect_lt(max(abs(as.vector(blocks) - as.vector(one))), 1e-12)
  }
  # Rows of equal data differ; the same row of other data shares its random numbers.
  equal <- mash_set_data(matrix(1, 2, 1), matrix(1, 2, 1))
  normal <- list(pi = 1, Ulist = list(matrix(1)), grid = 1, usepointmass = FALSE)
  b <- samples_of(normal, equal, 10)
  expect_false(any(b[1, , ] == b[2, , ]))
  other <- mash_set_data(matrix(c(1, 5), 2, 1), matrix(1, 2, 1))
  expect_equal(samples_of(normal, other, 10), b + c(0, 2), tolerance = 1e-14)
})

test_that("R's random numbers are left alone with a seed, and give one number for a seed without", {
  data <- random_data(2)
  g <- sampled_prior(2)
  set.seed(5)
  before <- .Random.seed
  first <- samples_of(g, data, 3, seed = 4)
  expect_identical(.Random.seed, before)
  unseeded <- samples_of(g, data, 3, seed = NULL)
  after <- .Random.seed
  set.seed(5)
  runif(1)
  expect_identical(after, .Random.seed)
  set.seed(5)
  expect_identical(samples_of(g, data, 3, seed = NULL), unseeded)
  expect_false(identical(unseeded, samples_of(g, data, 3, seed = NULL)))
  expect_identical(samples_of(g, data, 3, seed = 4), first)
})

test_that("mash() and mash_compute_posterior_matrices() return the same array in mashr's layout", {
  data <- random_data(3, alpha = 1)
  dimnames(data$Bhat) <- list(paste0("gene", 1:12), c("a", "b", "c"))
  m <- mash(data, small_prior(3), posterior_samples = 7, seed = 9, verbose = FALSE)
  b <- get_samples(m)
  expect_identical(dim(b), c(12L, 3L, 7L))
  expect_identical(dimnames(b), c(dimnames(data$Bhat), list(paste0("sample_", 1:7))))
  again <- mash_compute_posterior_matrices(m, data, posterior_samples = 7, seed = 9)
  expect_identical(again$PosteriorSamples, b)
  expect_error(
    get_samples(mash(data, small_prior(3), verbose = FALSE)), "posterior_samples",
    class = "mnmash_error_argument"
  )
  default <- mash(data, g = m$fitted_g, fixg = TRUE, posterior_samples = 7, verbose = FALSE)
  at_123 <- mash_compute_posterior_matrices(m, data, posterior_samples = 7, seed = 123)
  expect_equal(get_samples(default), at_123$PosteriorSamples, tolerance = 1e-12)
})

test_that("linear functions of the effects are sampled, with exact zeros, and contrasts too", {
  for (alpha in c(0, 1)) {
    data <- random_data(3, J = 20, alpha = alpha, missing = 0.2, V = correlated(3))
    A <- rbind(difference = c(1, -1, 0), sum = c(1, 1, 1))
    g <- sampled_prior(3)
    b <- samples_of(g, data, 30)
    found <- samples_of(g, data, 30, A = A)
    expect_equal(dimnames(found)[[2]], rownames(A))
    for (i in 1:30) expect_lt(max(abs(found[, , i] - b[, , i] %*% t(A))), 1e-13)
    effect <- functional(g, data, \(x) x[, 1, 3], 30, seed = 1, A = A, block_size = 7)
    expect_equal(effect, found[, 1, 3])
  }
  equal <- list(pi = 1, Ulist = list(matrix(1, 3, 3)), grid = 2, usepointmass = FALSE)
  none <- samples_of(equal, random_data(3, V = correlated(3)), 5, A = A)
  expect_identical(unname(none[, 1, ]), matrix(0, 12, 5))
  expect_gt(min(abs(none[, 2, ])), 0)

  contrasts <- mash_update_data(random_data(3, J = 10, V = correlated(3)), ref = "mean")
  m <- mash(contrasts, list(diag(2)), posterior_samples = 2000, verbose = FALSE)
  expect_identical(dimnames(get_samples(m))[[2]], colnames(get_pm(m)))
  expect_lt(max(abs(apply(get_samples(m), c(1, 3), sum))), 1e-12)
  expect_lt(standard_errors_off(unname(get_samples(m)), unname(get_pm(m))), 5)
})

test_that("functionals are those of the samples, block by block", {
  data <- random_data(3, J = 30)
  rownames(data$Bhat) <- paste0("u", 1:30)
  g <- sampled_prior(3)
  b <- samples_of(g, data, 40)
  by_hand <- apply(b, 1, \(x) mean(x[1, ] > x[2, ]))
  larger <- \(b) rowMeans(b[, 1, ] > b[, 2, ])
  expect_equal(functional(g, data, larger, 40, seed = 1, block_size = 7), by_hand)
  quantiles <- \(b, probs) t(apply(b[, 1, ], 1, quantile, probs))
  found <- functional(g, data, quantiles, 40, 1, probs = c(0.1, 0.9), block_size = 13)
  expect_equal(found, quantiles(b, c(0.1, 0.9)))
  set.seed(3)
  one <- functional(g, data, larger, 40)
  set.seed(3)
  expect_identical(functional(g, data, larger, 40), one)
})

test_that("functions that do not return a value per unit, and bad numbers, are refused", {
  data <- random_data(3)
  g <- sampled_prior(3)
  expect_error(functional(g, data, \(b) 1), "vector of length 12", class = "mnmash_error_dimension")
  expect_error(functional(g, data, \(b) t(b[, , 1])), "3 x 12", class = "mnmash_error_dimension")
  uneven <- \(b) matrix(0, nrow(b), nrow(b))
  expect_error(
    functional(g, data, uneven, 2, block_size = 5), class = "mnmash_error_dimension"
  )
  expect_error(samples_of(g, data, 1e9), "10000000|1e\\+07", class = "mnmash_error_argument")
  expect_error(functional(g, data, "mean"), class = "mnmash_error_type")
  expect_error(functional(g, data, rowMeans, 1.5), class = "mnmash_error_argument")
  expect_error(functional(g, data, rowMeans, 2, seed = NA), class = "mnmash_error_argument")
  expect_error(samples_of(g, data, 2, seed = 0.5), class = "mnmash_error_argument")
  expect_error(samples_of(g, data, -2), class = "mnmash_error_argument")
})

# mashr's rule, pair by pair and unit by unit.
slow_sampled_sharing <- function(m, factor, thresh, FUN) {
  b <- get_samples(m)
  lfsr <- get_lfsr(m)
  R <- ncol(lfsr)
  S <- matrix(NA_real_, R, R, dimnames = list(colnames(lfsr), colnames(lfsr)))
  for (a in 1:R) {
    for (q in 1:R) {
      rows <- which(lfsr[, a] < thresh | lfsr[, q] < thresh)
      S[a, q] <- mean(vapply(rows, \(j) {
        ratio <- FUN(b[j, a, ]) / FUN(b[j, q, ])
        sum(ratio > factor & ratio < 1 / factor, na.rm = TRUE) / length(ratio)
      }, 0))
    }
  }
  S
}

test_that("sharing from samples is the average over units and samples", {
  set.seed(8)
  sims <- simple_sims(nsamp = 15, err_sd = 0.4)
  data <- mash_set_data(sims$Bhat, sims$Shat)
  colnames(data$Bhat) <- letters[1:5]
  m <- mash(data, cov_canonical(data), posterior_samples = 60, verbose = FALSE)
  for (FUN in list(identity, abs)) {
    for (factor in c(0.5, 0)) {
      found <- get_pairwise_sharing_from_samples(m, factor, FUN = FUN)
      slow <- slow_sampled_sharing(m, factor, 0.05, FUN)
      # Ratios near the limits may round to either side in a / b and b / a.
      expect_lt(max(abs(found - slow)), 1e-3)
    }
  }
  expect_identical(diag(unname(get_pairwise_sharing_from_samples(m))) > 0.9, rep(TRUE, 5))
  expect_true(all(is.nan(get_pairwise_sharing_from_samples(m, lfsr_thresh = 0))))
  bare <- mash(data, g = m$fitted_g, fixg = TRUE, verbose = FALSE)
  expect_error(get_pairwise_sharing_from_samples(bare), class = "mnmash_error_argument")
})

test_that("a fit with its posteriors and samples is what its parts are, bit for bit", {
  for (optmethod in c("convex", "mixEM")) {
    data <- random_data(3, alpha = 1)
    fit <- \(...) mash(data, small_prior(3), optmethod = optmethod, verbose = FALSE, ...)
    whole <- fit(outputlevel = 3, output_lfdr = TRUE, posterior_samples = 4, seed = 2)
    weights <- fit(outputlevel = 1)
    parts <- setdiff(names(weights), "result")
    expect_identical(unclass(whole)[parts], unclass(weights)[parts])
    alone <- mash_compute_posterior_matrices(
      weights, data, output_posterior_cov = TRUE, posterior_samples = 4, seed = 2
    )
    expect_identical(whole$result[names(alone)], alone)
  }
})
