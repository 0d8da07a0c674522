# Densities are compared with the formula: sum over components, by Cholesky factors.
prior_density <- function(prior, x, S) {
  parts <- vapply(seq_along(prior$U), \(k) {
    prior$w[[k]] * exp(slow_log_density(x, S + prior$U[[k]]))
  }, 0)
  sum(parts) + prior$null_weight * exp(slow_log_density(x, S))
}

g <- list(
  pi = c(0.2, 0.3, 0, 0.1, 0.4), grid = c(0.5, 2), usepointmass = TRUE,
  Ulist = list(one = diag(2), two = matrix(c(1, 0.5, 0.5, 1), 2))
)
x <- c(0.7, -1.2)

test_that("a fit with scales expands to the same density, and collapses to the same moments", {
  expanded <- as_prior(g)
  expect_s3_class(expanded, "mnmash_prior")
  expect_equal(expanded$w, c(one.1 = 0.3, one.2 = 0.1, two.2 = 0.4))
  expect_equal(expanded$null_weight, 0.2)
  S <- diag(2)
  direct <- 0.2 * exp(slow_log_density(x, S)) + 0.3 * exp(slow_log_density(x, S + diag(2) / 4)) +
    0.1 * exp(slow_log_density(x, S + 4 * diag(2))) +
    0.4 * exp(slow_log_density(x, S + 4 * g$Ulist$two))
  expect_equal(prior_density(expanded, x, S), direct, tolerance = 1e-12)

  collapsed <- as_prior(g, scales = "collapse")
  expect_equal(collapsed$w, c(one = 0.4, two = 0.4))
  moment <- \(p) Reduce(`+`, Map(`*`, p$U, p$w))
  expect_equal(moment(collapsed), moment(expanded), tolerance = 1e-12)
})

test_that("a mash fit keeps its likelihood, its conditions and its model", {
  set.seed(1)
  sims <- simple_sims(nsamp = 20, err_sd = 0.5)
  colnames(sims$Bhat) <- letters[1:5]
  data <- mash_set_data(sims$Bhat, sims$Shat, alpha = 1)
  m <- mash(data, cov_canonical(data), verbose = FALSE)
  prior <- as_prior(m, pi_thresh = 0)
  expect_identical(prior$effect_model, "EZ")
  expect_identical(dimnames(prior$U[[1]]), list(letters[1:5], letters[1:5]))
  expect_equal(sum(prior$w) + prior$null_weight, 1)
  again <- mash(data, g = as_mashr(prior), fixg = TRUE, verbose = FALSE)
  expect_equal(get_loglik(again), get_loglik(m), tolerance = 1e-12)
  expect_equal(get_pm(again), get_pm(m), tolerance = 1e-10)
})

test_that("historical layouts are read", {
  U <- list(a = diag(2), b = matrix(1, 2, 2))
  expect_message(bare <- as_prior(U), "no weights")
  expect_equal(bare$w, c(a = 0.5, b = 0.5))
  expect_null(dimnames(bare$U$a)) # names are not made up

  two <- as_prior(list(U = U, w = c(0.25, 0.75), loglik = c(-2, -1)))
  expect_equal(two$w, c(a = 0.25, b = 0.75))
  expect_equal(two$loglik, c(-2, -1))
  by_name <- as_prior(list(U = U, w = c(b = 0.75, a = 0.25)))
  expect_equal(by_name$w, two$w)

  null <- as_prior(list(U = U, w = c(null = 0.5, a = 0.1, b = 0.4), loglik = NULL))
  expect_equal(null$null_weight, 0.5)
  expect_equal(null$w, c(a = 0.1, b = 0.4))

  scaled <- as_prior(list(U = list(a = list(s = 3, mat = diag(2)), b = list(mat = U$b)), w = 1:2))
  expect_equal(unname(scaled$U$a), 3 * diag(2))
  expect_equal(scaled$w, c(a = 1, b = 2) / 3)

  other <- as_prior(list(matrices = U, weights = c(0.5, 0.5), null_weight = 0.2))
  expect_equal(other$null_weight, 0.2)
  expect_equal(other$w, c(a = 0.4, b = 0.4))

  zero <- as_prior(list(S0 = list(z = 0 * diag(2), a = diag(2)), w0 = c(0.9, 0.1)))
  expect_equal(zero$null_weight, 0.9)
  expect_identical(names(zero$U), "a")
  expect_identical(as_prior(zero), zero)
})

test_that("mvsusieR's list has as many weights as matrices, and they sum to one", {
  other <- as_mvsusie_prior(g)
  expect_identical(names(other$weights), names(other$matrices))
  expect_equal(unname(other$weights), c(0.3, 0.1, 0.4) / 0.8)
  expect_equal(other$null_weight, 0.2)
  expect_length(as_mvsusie_prior(g, w_thresh = 0.2)$matrices, 2)
})

test_that("bad priors are named", {
  U <- list(a = diag(2), b = diag(3))
  expect_error(as_prior(list(U = U, w = 1:2)), "matrix 2 \\(b\\) must be 2 x 2",
    class = "mnmash_error_dimension")
  expect_error(as_prior(list(U = U[1], w = 1:2)), "must have 1 weights",
    class = "mnmash_error_dimension")
  expect_error(as_prior(list(U = U[1], w = -1)), "must not be negative",
    class = "mnmash_error_value")
  expect_error(as_prior(1), "must be a prior", class = "mnmash_error_type")
  one <- matrix(1, 2, 2, dimnames = list(c("x", "y"), c("x", "y")))
  two <- matrix(1, 2, 2, dimnames = list(c("y", "x"), c("y", "x")))
  expect_error(as_prior(list(U = list(a = one), w = 1), conditions = c("p", "q")),
    "lacks 2 of 2 conditions (p, q)", fixed = TRUE, class = "mnmash_error_names")
  other <- matrix(1, 2, 2, dimnames = list(c("x", "z"), c("x", "z")))
  expect_error(as_prior(list(U = list(a = one, b = other), w = 1:2)),
    "`x$U$b` does not go with `x$U$a`: it lacks 1 of 2 conditions (y)", fixed = TRUE,
    class = "mnmash_error_names")
  expect_error(as_prior(list(U = list(a = one, b = two), w = c(a = 1, c = 2))),
    "`x$w` does not go with `x$U`: it lacks 1 of 2 components (b)", fixed = TRUE,
    class = "mnmash_error_names")
  data <- mash_set_data(diag(2))
  expect_error(as_prior(data), "it holds data", class = "mnmash_error_type")
})
