test_that("posteriors and likelihoods under given weights are those of the reference", {
  for (name in complete_cases) {
    case <- mash_case(name)
    data <- case_data(case)
    expected <- case$output
    m <- mash(
      data, g = case_prior(case), fixg = TRUE, verbose = FALSE, outputlevel = 3,
      output_lfdr = TRUE
    )
    for (what in c("PosteriorMean", "PosteriorSD", "lfdr", "NegativeProb", "lfsr")) {
      expect_lt(
        relative_difference(m$result[[what]], expected[[what]]), 1e-7, label = paste(name, what)
      )
    }
    if (!is.null(expected$PosteriorCov)) {
      expect_lt(relative_difference(m$result$PosteriorCov, expected$PosteriorCov), 1e-7)
    }
    expect_lt(relative_difference(m$vloglik, expected$vloglik), 1e-9, label = name)
    expect_lt(relative_difference(m$loglik, expected$loglik), 1e-9, label = name)
    if (case$input$usepointmass) {
      expect_lt(relative_difference(m$null_loglik, expected$null_loglik), 1e-9, label = name)
      expect_lt(relative_difference(m$alt_loglik, expected$alt_loglik), 1e-9, label = name)
    }
    expect_setequal(unname(get_significant_results(m)), unname(expected$significant))
  }
})

test_that("missing values are integrated out, as in the reference", {
  for (name in missing_cases) {
    case <- mash_case(name)
    expected <- case$output$at_given_pi
    m <- mash(
      case_data(case), g = case_prior(case), fixg = TRUE, verbose = FALSE, output_lfdr = TRUE
    )
    for (what in c("PosteriorMean", "PosteriorSD", "lfdr", "NegativeProb", "lfsr")) {
      expect_lt(
        relative_difference(m$result[[what]], expected[[what]]), 1e-7, label = paste(name, what)
      )
    }
    expect_lt(relative_difference(m$vloglik, expected$vloglik), 1e-9, label = name)
  }
})

test_that("the fit reaches the optimum of the reference, on its grid, with its matrices", {
  for (name in setdiff(c(complete_cases, missing_cases), "fixg_EE")) {
    case <- mash_case(name)
    data <- case_data(case)
    input <- case$input
    m <- mash(
      data, input$Ulist, gridmult = input$gridmult, grid = input[["grid"]],
      usepointmass = input$usepointmass, prior = input$prior, nullweight = input$nullweight,
      verbose = FALSE
    )
    expect_equal(m$fitted_g$grid, case$output$grid, tolerance = 1e-12)
    expect_equal(
      lapply(m$fitted_g$Ulist, unname), lapply(case$output$Ulist_normalised, unname),
      tolerance = 1e-12
    )
    expect_true(m$convergence$converged)
    expect_lt(m$convergence$kkt, 1e-8)
    expect_equal(
      m$convergence$objective, case$output$optimum_objective,
      tolerance = 1e-6 / abs(case$output$optimum_objective)
    )
    expect_equal(sum(m$fitted_g$pi), 1)
  }
})

test_that("what the fit says of its objective is true", {
  case <- mash_case("EE_R2")
  data <- case_data(case)
  m <- mash(data, case$input$Ulist, verbose = FALSE, outputlevel = 4)
  prior <- c(10, rep(1, length(m$fitted_g$pi) - 1))
  loglik <- m$lm$loglik_matrix + m$lm$lfactors
  expect_equal(
    m$convergence$objective, slow_objective(loglik, m$fitted_g$pi, prior), tolerance = 1e-10
  )
  expect_lt(optimality(loglik, prior, m$fitted_g$pi)$kkt, 1e-7)
  expect_equal(max(abs(apply(m$lm$loglik_matrix, 1, max))), 0)
})

test_that("posteriors equal the direct computation for every kind of noise, with missing values", {
  for (R in c(1, 3)) {
    ulist <- small_prior(R)
    g <- list(pi = c(2, 1:8) / 38, Ulist = ulist, grid = c(0.5, 2), usepointmass = TRUE)
    components <- slow_components(ulist, g$grid)
    for (V in list(diag(R), correlated(R), by_unit(R))) {
      for (alpha in c(0, 0.5, 1)) {
        data <- random_data(R, missing = if (R > 1) 0.3 else 0, alpha = alpha, V = V)
        m <- mash(data, g = g, fixg = TRUE, verbose = FALSE, outputlevel = 3, output_lfdr = TRUE)
        expected <- slow_posterior(data, components, g$pi)
        found <- lapply(m$result, unname)
        expect_lt(relative_difference(found$PosteriorMean, expected$mean), 1e-10)
        expect_lt(relative_difference(found$PosteriorSD, expected$sd), 1e-10)
        expect_lt(relative_difference(found$lfdr, expected$lfdr), 1e-10)
        expect_lt(relative_difference(found$NegativeProb, expected$negative), 1e-10)
        expect_lt(relative_difference(found$PositiveProb, expected$positive), 1e-10)
        expect_lt(relative_difference(found$lfsr, expected$lfsr), 1e-10)
        expect_lt(relative_difference(found$PosteriorCov, expected$covariance), 1e-10)
        vloglik <- slow_vloglik(data, components, g$pi)
        expect_lt(relative_difference(drop(m$vloglik), vloglik), 1e-10)
        expect_equal(mash_compute_loglik(m, data), sum(vloglik))
      }
    }
  }
})

small_data <- function(seed = 1) {
  set.seed(seed)
  sims <- simple_sims(20, 3, 0.5)
  mash_set_data(sims$Bhat, sims$Shat)
}

test_that("the layout is that of mashr", {
  data <- small_data()
  m <- mash(data, cov_canonical(data), verbose = FALSE)
  expect_s3_class(m, "mash")
  expect_named(m, c(
    "result", "loglik", "vloglik", "null_loglik", "alt_loglik", "fitted_g", "posterior_weights",
    "alpha", "convergence"
  ))
  expect_named(
    m$result, c("PosteriorMean", "PosteriorSD", "NegativeProb", "lfsr", "PositiveProb")
  )
  for (x in m$result) expect_identical(dimnames(x), dimnames(data$Bhat))
  expect_identical(dim(m$vloglik), c(80L, 1L))
  expect_identical(dim(m$alt_loglik), c(80L, 1L))
  expect_length(m$null_loglik, 80)
  expect_named(m$fitted_g, c("pi", "Ulist", "grid", "usepointmass", "units", "alpha"))
  P <- 1 + 8 * length(m$fitted_g$grid)
  expect_length(m$fitted_g$pi, P)
  expect_identical(names(m$fitted_g$pi)[c(1:2, P)], c(
    "null", "identity.1", paste0("simple_het_3.", length(m$fitted_g$grid))
  ))
  weights <- m$posterior_weights
  active <- which(m$fitted_g$pi > 1e-10)
  expect_identical(colnames(weights), names(active))
  expect_equal(unname(rowSums(weights)), rep(1, 80))
  # What mashr's get_posterior_condition_wise_summary() reads.
  expect_equal(as.numeric(names(weights)[!is.na(names(weights))]), unname(active))
  expect_equal(get_log10bf(m)[, 1], (m$alt_loglik[, 1] - m$null_loglik) / log(10))
})

test_that("output levels add, and lfdr is there when asked for", {
  data <- small_data()
  U <- cov_canonical(data)
  one <- mash(data, U, outputlevel = 1, verbose = FALSE)
  expect_null(one$result)
  expect_true("result" %in% names(one))
  three <- mash(data, U, outputlevel = 3, output_lfdr = TRUE, verbose = FALSE)
  expect_identical(dim(three$result$PosteriorCov), c(3L, 3L, 80L))
  expect_equal(
    sqrt(apply(three$result$PosteriorCov, 3, diag)), t(three$result$PosteriorSD), tolerance = 1e-10
  )
  expect_equal(get_lfdr(three) + get_np(three) + get_pp(three), 0 * get_pm(three) + 1)
  expect_null(three$lm)
})

test_that("a fitted prior can be kept, or be the start of another fit", {
  data <- small_data()
  U <- cov_canonical(data)
  m <- mash(data, U, verbose = FALSE)
  again <- mash(data, g = get_fitted_g(m), fixg = TRUE, verbose = FALSE)
  expect_equal(again$loglik, m$loglik)
  expect_equal(again$result, m$result)
  expect_null(again$convergence)
  warm <- mash(data, g = m$fitted_g, verbose = FALSE)
  expect_equal(warm$convergence$objective, m$convergence$objective, tolerance = 1e-9)
  expect_lte(warm$convergence$iterations, m$convergence$iterations)
  applied <- mash_compute_posterior_matrices(m, data)
  expect_equal(applied$PosteriorMean, get_pm(m))
  expect_equal(applied$lfsr, get_lfsr(m))
  expect_true("lfdr" %in% names(applied))
  expect_silent(mash_compute_vloglik(m$fitted_g, data))
  bare <- m$fitted_g[c("pi", "Ulist", "grid", "usepointmass")]
  expect_message(mash_compute_vloglik(bare, data), "alpha = 0")
  expect_equal(mash_compute_vloglik(m, data), m$vloglik)
})

test_that("posteriors computed in blocks are those computed at once", {
  V <- by_unit(3)
  data <- random_data(3, missing = 0.3, alpha = 0.5, V = V)
  rownames(data$Bhat) <- letters[1:12]
  g <- list(pi = c(2, 1:8) / 38, Ulist = small_prior(3), grid = c(0.5, 2), usepointmass = TRUE)
  at_once <- posterior_in_blocks(data, g, 1e-10, TRUE, 1L)
  in_blocks <- posterior_in_blocks(data, g, 1e-10, TRUE, 1L, cells = 45)
  expect_equal(in_blocks, at_once, tolerance = 1e-13)
})

test_that("the number of threads changes nothing, nor does mash() touch the random numbers", {
  data <- random_data(5, J = 300, missing = 0.2, V = correlated(5))
  U <- cov_canonical(data)
  before <- .Random.seed
  one <- mash(data, U, verbose = FALSE, n_threads = 1)
  two <- mash(data, U, verbose = FALSE, n_threads = 2)
  expect_identical(one, two)
  expect_identical(.Random.seed, before)
})

test_that("a numeric prior, a grid and unnormalised matrices are used as given", {
  data <- small_data()
  U <- list(a = 4 * diag(3), b = matrix(1, 3, 3))
  prior <- c(3, 2, 1, 1, 5)
  m <- mash(
    data, U, grid = c(0.5, 1), normalizeU = FALSE, prior = prior, outputlevel = 4, verbose = FALSE
  )
  names <- list(colnames(data$Bhat), colnames(data$Bhat))
  expect_equal(m$fitted_g$Ulist$a, matrix(4 * diag(3), 3, dimnames = names))
  expect_named(m$fitted_g$pi, c("null", "a.1", "b.1", "a.2", "b.2"))
  loglik <- slow_loglik(data, slow_components(U, c(0.5, 1)))
  expect_equal(unname(m$lm$loglik_matrix + m$lm$lfactors), loglik, tolerance = 1e-10)
  best <- slow_objective(loglik, m$fitted_g$pi, prior)
  expect_equal(m$convergence$objective, best, tolerance = 1e-10)
  # No move towards any component gains.
  for (p in 1:5) {
    moved <- 0.999 * m$fitted_g$pi + 0.001 * (1:5 == p)
    expect_lte(slow_objective(loglik, moved, prior), best + 1e-9)
  }
})

test_that("an effect far beyond the scales of a fixed prior has a finite posterior", {
  data <- mash_set_data(rbind(c(60, 1), c(1e8, -1e8)), 1)
  g <- list(pi = c(0.5, 0.5), Ulist = list(a = diag(2)), grid = 0.1, usepointmass = TRUE)
  m <- mash(data, g = g, fixg = TRUE, verbose = FALSE, output_lfdr = TRUE)
  for (x in m$result) expect_true(all(is.finite(x)))
  expect_true(is.finite(m$loglik))
})

test_that("one unit, one condition, and unnamed data are fitted", {
  one_unit <- mash_set_data(matrix(c(1, 2, 3), 1))
  m <- mash(one_unit, cov_canonical(one_unit), verbose = FALSE)
  expect_identical(dim(get_pm(m)), c(1L, 3L))
  one_condition <- mash_set_data(c(3, -1, 0.2, 5))
  m <- mash(one_condition, list(diag(1)), verbose = FALSE)
  expect_identical(dim(get_lfsr(m)), c(4L, 1L))
  expect_identical(names(m$fitted_g$Ulist), "U1")
})

test_that("every optimiser ends at the same likelihood", {
  data <- small_data()
  U <- cov_canonical(data)
  best <- mash(data, U, verbose = FALSE)
  em <- mash(data, U, optmethod = "mixEM", verbose = FALSE, control = list(tol = 1e-4))
  expect_equal(em$convergence$objective, best$convergence$objective, tolerance = 1e-5)
  expect_lte(em$convergence$objective, best$convergence$objective + 1e-6)
  expect_message(ip <- mash(data, U, optmethod = "mixIP", verbose = FALSE), "certified")
  expect_equal(ip$convergence$objective, best$convergence$objective, tolerance = 1e-9)
  skip_if_not_installed("mixsqp")
  sqp <- mash(data, U, optmethod = "mixSQP", verbose = FALSE)
  expect_equal(sqp$convergence$objective, best$convergence$objective, tolerance = 1e-6)
  expect_lte(sqp$convergence$objective, best$convergence$objective + 1e-6)
})

test_that("a fit that is stopped early says so", {
  data <- small_data()
  expect_warning(
    m <- mash(data, cov_canonical(data), control = list(max_iter = 1), verbose = FALSE),
    "not at their optimum after 1 iterations", class = "mnmash_warning_not_converged"
  )
  expect_false(m$convergence$converged)
  expect_type(m$convergence$message, "character")
  expect_output(print(m), "NOT converged")
})

test_that("bad arguments of mash() are classed errors", {
  data <- small_data()
  U <- cov_canonical(data)
  g <- list(pi = c(0.5, 0.5), Ulist = list(a = diag(3)), grid = 1, usepointmass = TRUE)
  expect_error(mash(list(), U), "mash_set_data", class = "mnmash_error_type")
  expect_error(mash(data, list()), "empty", class = "mnmash_error_argument")
  expect_error(mash(data, U, g = g), "not both", class = "mnmash_error_argument")
  expect_error(mash(data, g = g, usepointmass = FALSE), "not both", class = "mnmash_error_argument")
  expect_error(mash(data, U, fixg = TRUE), "prior `g`", class = "mnmash_error_argument")
  expect_error(
    mash(data, g = g, fixg = TRUE, prior = "uniform"), "not both", class = "mnmash_error_argument"
  )
  g$pi <- 1
  expect_error(mash(data, g = g, fixg = TRUE), "2 weights", class = "mnmash_error_dimension")
  g$pi <- c(0.9, 0.9)
  expect_error(mash(data, g = g, fixg = TRUE), "sum to 1", class = "mnmash_error_value")
  expect_error(mash(data, U, grid = -1), "grid", class = "mnmash_error_value")
  expect_error(mash(data, U, outputlevel = 9), "outputlevel", class = "mnmash_error_argument")
  expect_error(mash(data, U, A = diag(2)), "3 columns", class = "mnmash_error_dimension")
  expect_error(mash(data, U, posterior_samples = -1), class = "mnmash_error_argument")
  expect_error(mash(data, U, optmethod = "sgd"), "convex", class = "mnmash_error_argument")
  expect_error(
    mash(data, list(bad = diag(c(1, 1, -1))), verbose = FALSE), "\\(bad\\).*-1",
    class = "mnmash_error_not_psd"
  )
})

test_that("a threshold that leaves no component is an error, not a posterior of zero", {
  data <- small_data()
  m <- mash(data, cov_canonical(data), verbose = FALSE)
  expect_error(
    mash_compute_posterior_matrices(m, data, pi_thresh = 1), "pi_thresh.*largest weight",
    class = "mnmash_error_argument"
  )
})

test_that("an alpha that differs from the fit's is an error", {
  set.seed(1)
  sims <- simple_sims(10, 3, 0.5)
  data <- mash_set_data(sims$Bhat, sims$Shat)
  m <- mash(data, cov_canonical(data), verbose = FALSE)
  other <- mash_set_data(sims$Bhat, sims$Shat, alpha = 1)
  expect_error(mash_compute_loglik(m, other), "`g` is a prior of effects.*of z-scores.*alpha = 0",
    class = "mnmash_error_units")
})

test_that("mashr's rule for missing values is there for scripts that depend on it", {
  set.seed(1)
  B <- matrix(rnorm(60), 20)
  B[3, 2] <- NA
  g <- list(pi = c(0.5, 0.5), Ulist = list(a = diag(3)), grid = 1, usepointmass = TRUE)
  rule <- mash_set_data(B, 1, missing = "mashr")
  exact <- mash_set_data(B, 1)
  lost <- mash_compute_loglik(structure(list(fitted_g = g, alpha = 0), class = "mash"), rule) -
    mash_compute_loglik(structure(list(fitted_g = g, alpha = 0), class = "mash"), exact)
  expect_equal(lost, dnorm(0, sd = 1e6, log = TRUE), tolerance = 1e-9)
})
