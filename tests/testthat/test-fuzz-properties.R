# What must not change an answer, for every model: the number of threads and a repetition (bit for
# bit), the order of rows, the order of conditions, and the units (up to rounding).

seeded_effects <- function(seed, J = 60, R = 3) {
  set.seed(seed)
  sims <- simple_sims(nsamp = J / 4, ncond = R, err_sd = 0.5)
  S <- sims$Shat * exp(rnorm(length(sims$Shat), sd = 0.3))
  list(B = unname(sims$Bhat), S = unname(S))
}

seeded_regression <- function(seed, R = 3) {
  sim <- simulate_mr_mash(60, 12, 3, R, pve = 0.5, X_cor = 0.5, X_pattern = "ar1", seed = seed)
  list(X = unname(sim$X), Y = unname(sim$Y))
}

start_matrices <- function(R, order) {
  U <- 0.5^abs(outer(1:R, 1:R, "-")) * tcrossprod(1 + 1:R / R)
  V <- diag(1:R / R, R)
  list(a = U[order, order], b = V[order, order])
}

# Of each model: a problem, the fit of it, and its numbers by unit ("rows"), by condition
# ("columns": vectors, or matrices with a column for each), by both ("cells"), or of all.
# `order` is the order of the conditions that priors must follow.
effect_models <- list(
  mash = list(
    fit = \(d, n, order) {
      data <- mash_set_data(d$B, d$S, V = (0.3 + diag(0.7, 3)))
      mash(data, start_matrices(3, order), grid = d$unit * c(0.5, 1, 2), verbose = FALSE,
           n_threads = n, normalizeU = FALSE)
    },
    rows = \(f) f$vloglik, cells = \(f) f$result$PosteriorMean, all = \(f) f$fitted_g$pi
  ),
  mash_z = list(
    fit = \(d, n, order) {
      data <- mash_set_data(d$B, d$S, alpha = 1)
      mash(data, start_matrices(3, order), grid = c(0.5, 1, 2), verbose = FALSE, n_threads = n,
           normalizeU = FALSE)
    },
    rows = \(f) f$vloglik, cells = \(f) f$result$PosteriorMean, all = \(f) f$fitted_g$pi
  ),
  ud_fit = list(
    fit = \(d, n, order) {
      ud_fit(mash_set_data(d$B, d$S), Ulist = lapply(start_matrices(3, order), `*`, d$unit^2),
             penalty = "none", max_iter = 5, seed = 1, n_threads = n)
    },
    columns = \(f) sqrt(sapply(f$U, diag)) |> t(), all = \(f) unname(f$w)
  ),
  ed = list(
    fit = \(d, n, order) {
      ed(d$B, noise = array(apply(d$S^2, 1, diag), c(3, 3, nrow(d$B))),
         U = lapply(start_matrices(3, order), `*`, d$unit^2), max_iter = 5, n_threads = n)
    },
    columns = \(f) sqrt(sapply(f$U, diag)) |> t(), all = \(f) unname(f$pi)
  ),
  flash = list(
    fit = \(d, n, order) suppressMessages(cov_flash(mash_set_data(d$B, d$S))),
    columns = \(f) sqrt(diag(f[[1L]])), all = \(f) attr(f, "fit")$n_factors
  )
)

regression_models <- list(
  mr_mash = list(
    fit = \(d, n, order) {
      U <- lapply(start_matrices(3, order), `*`, d$unit^2)
      mr_mash(d$X, d$Y, c(list(null = matrix(0, 3, 3)), U), n_threads = n, tol = 1e-8)
    },
    columns = \(f) f$mu1, all = \(f) unname(f$w0)
  ),
  mr_ash = list(
    fit = \(d, n, order) mr_ash(d$X, d$Y[, 1], n_threads = n), one = TRUE,
    columns = \(f) f$beta, all = \(f) f$pi
  ),
  varbvs = list(
    fit = \(d, n, order) varbvs(d$X, NULL, d$Y[, 1], logodds = c(-2, -1), n_threads = n),
    one = TRUE, columns = \(f) f$beta, all = \(f) f$pip
  ),
  deconvolve = list(
    fit = \(d, n, order) deconvolve(d$X, d$Y, n_threads = n),
    columns = \(f) f$PosteriorMean, all = \(f) NULL
  ),
  finemap = list(
    fit = \(d, n, order) {
      finemap(finemap_data(d$X, d$Y), lapply(start_matrices(3, order), `*`, d$unit^2), L = 3,
              effect_model = "EE", n_threads = n, tol = 1e-8)
    },
    columns = \(f) f$coef, all = \(f) f$pip
  ),
  fqtl = list(
    fit = \(d, n, order) fqtl(d$Y, d$X, K = 1, n_threads = n, tol = 1e-8),
    columns = \(f) f$B, all = \(f) f$rank
  )
)

models <- c(
  lapply(effect_models, c, list(problem = seeded_effects)),
  lapply(regression_models, c, list(problem = seeded_regression))
)

fit_quietly <- function(model, d, n = 1, order = 1:3) {
  if (is.null(d$unit)) d$unit <- 1
  # Equal calls, whatever they were given.
  found <- suppressMessages(suppressWarnings(model$fit(d, n, order)))
  found$call <- NULL
  found
}

test_that("one or two threads, and a repetition, give the same bits", {
  for (name in names(models)) {
    model <- models[[name]]
    d <- model$problem(1)
    one <- fit_quietly(model, d, 1)
    expect_identical(fit_quietly(model, d, 1), one, info = name)
    two <- fit_quietly(model, d, 2)
    # The settings that were used are part of some fits.
    two$options <- one$options
    expect_identical(two, one, info = name)
  }
})

test_that("the order of rows does not matter", {
  for (name in names(models)) {
    model <- models[[name]]
    d <- model$problem(2)
    set.seed(3)
    rows <- sample(nrow(d[[1L]]))
    found <- fit_quietly(model, lapply(d, \(x) x[rows, , drop = FALSE]))
    expected <- fit_quietly(model, d)
    if (!is.null(model$rows)) {
      expect_equal(as.vector(model$rows(found)), model$rows(expected)[rows], tolerance = 1e-6)
    }
    if (!is.null(model$cells)) {
      expect_equal(model$cells(found), model$cells(expected)[rows, ], tolerance = 1e-5, info = name)
    } else {
      expect_equal(model$columns(found), model$columns(expected), tolerance = 1e-5, info = name)
    }
    expect_equal(model$all(found), model$all(expected), tolerance = 1e-4, info = name)
  }
})

test_that("the order of conditions does not matter", {
  order <- c(3L, 1L, 2L)
  for (name in setdiff(names(models), c("mr_ash", "varbvs"))) {
    model <- models[[name]]
    d <- model$problem(4)
    turned <- lapply(d, \(x) if (ncol(x) == 3L) x[, order] else x)
    found <- fit_quietly(model, turned, order = order)
    expected <- fit_quietly(model, d)
    pick <- \(x) if (is.matrix(x)) x[, order] else x[order]
    part <- if (is.null(model$cells)) model$columns else model$cells
    expect_equal(unname(part(found)), unname(pick(part(expected))), tolerance = 1e-5, info = name)
    expect_equal(model$all(found), model$all(expected), tolerance = 1e-4, info = name)
  }
})

test_that("effects follow their units", {
  for (name in names(models)) {
    model <- models[[name]]
    d <- model$problem(8)
    scaled <- lapply(d, `*`, 2^10)
    if (!is.null(d$X)) scaled$X <- d$X
    scaled$unit <- 2^10
    found <- fit_quietly(model, scaled)
    expected <- fit_quietly(model, d)
    part <- if (is.null(model$cells)) model$columns else model$cells
    expect_equal(part(found) / 2^10, part(expected), tolerance = 1e-5, info = name)
    expect_equal(model$all(found), model$all(expected), tolerance = 1e-4, info = name)
  }
})

test_that("association models: threads, rows and conditions", {
  set.seed(6)
  Z <- matrix(rnorm(150), 50) + rnorm(50)
  V <- 0.3 + diag(0.7, 3)
  one <- bmass(Z, 500, V = V, n_threads = 1)
  expect_identical(bmass(Z, 500, V = V, n_threads = 2), one)
  rows <- sample(50)
  expect_equal(bmass(Z[rows, ], 500, V = V)$log10_bf_average, one$log10_bf_average[rows])
  order <- c(2L, 3L, 1L)
  turned <- bmass(Z[, order], 500, V = V[order, order])
  expect_equal(turned$log10_bf_average, one$log10_bf_average, tolerance = 1e-10)
})

test_that("the pipeline gives the same bits with one thread and two, and when repeated", {
  input <- simulate_mash_input(60, 80, 80, 4, seed = 7)
  run <- function(n) {
    prior <- suppressWarnings(mixture_prior(
      input, components = c("pca", "canonical"), max_iter = 20, verbose = FALSE, n_threads = n
    ))
    fit <- mash_fit(input, prior, verbose = FALSE, n_threads = n)
    list(prior, fit$posterior, fit$loglik)
  }
  one <- run(1)
  expect_identical(run(1), one)
  expect_identical(run(2), one)
})
