# Units in chunks of uneven size, a start from few of them, and the same data at once.
chunks_case <- function(alpha = 0, start_rows = 1:60) {
  set.seed(3)
  sims <- simple_sims(nsamp = 300, err_sd = 0.4)
  order <- sample(1200)
  Bhat <- sims$Bhat[order, ]
  Shat <- sims$Shat[order, ] * exp(rnorm(6000, sd = 0.2))
  make <- \(rows) mash_set_data(Bhat[rows, ], Shat[rows, ], alpha = alpha, V = correlated(5))
  few <- make(start_rows)
  grid <- c(0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
  start <- mash(few, cov_canonical(few), grid = grid, outputlevel = 1, verbose = FALSE)
  ends <- c(100, 450, 800, 801, 1200)
  chunk <- function(i) {
    rows <- (c(0, ends)[i] + 1):ends[i]
    list(Bhat = Bhat[rows, , drop = FALSE], Shat = Shat[rows, , drop = FALSE])
  }
  list(start = start, chunk = chunk, data = make(1:1200), grid = grid)
}

test_that("the weights are those of all units at once", {
  for (alpha in c(0, 1)) {
    case <- chunks_case(alpha)
    for (prior in c("nullbiased", "uniform")) {
      m <- mash_fit_chunks(case$start, case$chunk, 5, V = correlated(5), prior = prior)
      g <- case$start$fitted_g
      whole <- mash(
        case$data, g$Ulist, grid = g$grid, normalizeU = FALSE, prior = prior, verbose = FALSE
      )
      expect_true(m$convergence$converged)
      expect_equal(m$convergence$objective, whole$convergence$objective, tolerance = 1e-9)
      expect_equal(m$loglik, whole$loglik, tolerance = 1e-8)
      expect_equal(m$loglik, mash_compute_loglik(m, case$data), tolerance = 1e-12)
      expect_true(all(diff(m$convergence$trace) > -1e-9))
      # The certificate, by plain R from the log-likelihoods.
      pi <- unname(m$fitted_g$pi)
      a <- dirichlet_parameters(prior, length(pi), 10)
      loglik <- loglik_matrix(case$data, g, 1)
      L <- exp(loglik - apply(loglik, 1, max))
      gradient <- colSums(L / drop(L %*% pi)) + ifelse(a > 1, (a - 1) / pi, 0)
      expect_lte(max(gradient / (1200 + sum(a - 1)) - 1), 1e-8)
    }
  }
})

test_that("a start without the components that matter, and units it cannot explain, are overcome", {
  case <- chunks_case()
  g <- case$start$fitted_g
  g$pi <- as.numeric(seq_along(g$pi) == 2)
  chunk <- function(i) {
    found <- case$chunk(i)
    if (i == 2) found$Bhat[5, ] <- 40
    found
  }
  m <- mash_fit_chunks(g, chunk, 5, V = correlated(5))
  expect_true(m$convergence$converged)
  parts <- lapply(1:5, chunk)
  data <- mash_set_data(
    do.call(rbind, lapply(parts, `[[`, "Bhat")), do.call(rbind, lapply(parts, `[[`, "Shat")),
    V = correlated(5)
  )
  whole <- mash(data, g$Ulist, grid = g$grid, normalizeU = FALSE, verbose = FALSE)
  expect_equal(m$convergence$objective, whole$convergence$objective, tolerance = 1e-9)
})

test_that("threads do not change the fit, and its posteriors stream", {
  case <- chunks_case()
  fit <- \(n) mash_fit_chunks(case$start, case$chunk, 5, V = correlated(5), n_threads = n)
  m <- fit(1)
  expect_identical(fit(2), m)
  mean <- NULL
  mash_stream(m, case$chunk, 5, \(i, p) mean <<- rbind(mean, p$PosteriorMean), V = correlated(5))
  whole <- mash_compute_posterior_matrices(m, case$data)
  expect_equal(mean, whole$PosteriorMean, tolerance = 1e-12)
  expect_output(print(m), "mash fit of 1,200 units in 5 conditions")
})

test_that("a fit that had too few iterations says so", {
  case <- chunks_case(start_rows = 1:20)
  expect_warning(
    m <- mash_fit_chunks(
      case$start, case$chunk, 5, V = correlated(5), control = list(max_iter = 1)
    ),
    class = "mnmash_warning_not_converged"
  )
  expect_false(m$convergence$converged)
  expect_gt(m$convergence$kkt, 1e-8)
})

test_that("a fit goes on after an interruption, and ends with the same numbers", {
  case <- chunks_case()
  V <- correlated(5)
  folder <- withr::local_tempfile()
  calls <- 0
  fails_at <- Inf
  chunk <- function(i) {
    calls <<- calls + 1
    if (calls == fails_at) stop("no more power")
    case$chunk(i)
  }
  expected <- mash_fit_chunks(case$start, chunk, 5, V = V)
  total <- calls
  expect_gt(total, 15)
  # In the middle of a pass, twice; every chunk of a pass is read once all the same.
  for (at in c(8, 4)) {
    calls <- 0
    fails_at <- at
    expect_error(mash_fit_chunks(case$start, chunk, 5, V = V, checkpoint = folder), "no more")
  }
  calls <- 0
  fails_at <- Inf
  found <- mash_fit_chunks(case$start, chunk, 5, V = V, checkpoint = folder)
  expect_identical(found, expected)
  expect_equal(calls, total - 7 - 3)
  # All of it is there: nothing is read.
  calls <- 0
  # Killed between the sum of a pass and the end of its parts: these are removed later.
  left <- file.path(folder, c("pass-001-inputs.rds", "pass-001-chunk-00000003.rds"))
  for (file in left) save_rds(1, file)
  expect_identical(mash_fit_chunks(case$start, chunk, 5, V = V, checkpoint = folder), expected)
  expect_false(any(file.exists(left)))
  expect_equal(calls, 0)
  expect_length(list.files(folder, "chunk"), 0)
})

test_that("a fit that was cut short is continued, and another job is refused", {
  case <- chunks_case(start_rows = 1:20)
  V <- correlated(5)
  folder <- withr::local_tempfile()
  fit <- \(...) mash_fit_chunks(case$start, case$chunk, 5, V = V, checkpoint = folder, ...)
  expect_warning(fit(control = list(max_iter = 1)), class = "mnmash_warning_not_converged")
  expect_identical(fit(), mash_fit_chunks(case$start, case$chunk, 5, V = V))
  expect_error(fit(prior = "uniform"), "`penalty` differs", class = "mnmash_error_checkpoint")
  expect_error(
    mash_fit_chunks(case$start, case$chunk, 5, checkpoint = folder), "`V` differs",
    class = "mnmash_error_checkpoint"
  )
  expect_error(
    mash_fit_chunks(case$start, case$chunk, 5, V = V, checkpoint = 1), "`checkpoint`",
    class = "mnmash_error_type"
  )
})
