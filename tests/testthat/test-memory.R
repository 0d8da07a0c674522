# A limit of memory that no matrix of likelihoods meets: weights by blocks.
without_memory <- function(code) withr::with_options(list(mnmash.memory = 0), code)

test_that("weights by blocks reach the objective of the stored cases, and satisfy its conditions", {
  for (name in c("EE_R5_V", "common_R5", "NA_EE_V", "Varray", "no_pointmass", "prior_uniform")) {
    case <- mash_case(name)
    data <- case_data(case)
    g <- case_prior(case)
    prior <- if (name == "prior_uniform") "uniform" else "nullbiased"
    fit <- without_memory(mash(
      data, g$Ulist, grid = g$grid, normalizeU = FALSE, usepointmass = g$usepointmass,
      prior = prior, verbose = FALSE
    ))
    pi <- unname(fit$fitted_g$pi)
    a <- dirichlet_parameters(prior, length(pi), 10)
    # The gradient, by plain R from the log-likelihoods.
    loglik <- loglik_matrix(data, g, 1)
    top <- apply(loglik, 1, max)
    L <- exp(loglik - top)
    u <- drop(L %*% pi)
    gradient <- colSums(L / u) + ifelse(a > 1, (a - 1) / pi, 0)
    expect_lte(max(gradient / (nrow(L) + sum(a - 1)) - 1), 1e-8)
    objective <- sum(log(u) + top) + sum(((a - 1) * log(pi))[a > 1])
    expect_equal(fit$convergence$objective, objective, tolerance = 1e-11)
    held <- mash(
      data, g$Ulist, grid = g$grid, normalizeU = FALSE, usepointmass = g$usepointmass,
      prior = prior, verbose = FALSE
    )
    expect_equal(fit$convergence$objective, held$convergence$objective, tolerance = 1e-9)
    expect_equal(fit$result$PosteriorMean, held$result$PosteriorMean, tolerance = 1e-4)
  }
})

test_that("more rows than the sample holds: the same objective, on any number of threads", {
  set.seed(1)
  sims <- simple_sims(nsamp = 1000, err_sd = 0.3)
  data <- mash_set_data(sims$Bhat, sims$Shat)
  Ulist <- cov_canonical(data)
  fit <- \(...) mash(data, Ulist, verbose = FALSE, outputlevel = 1, ...)
  held <- fit()
  one <- without_memory(fit(n_threads = 1))
  expect_true(one$convergence$converged)
  expect_equal(one$convergence$objective, held$convergence$objective, tolerance = 1e-9)
  expect_identical(without_memory(fit(n_threads = 2)), one)
})

test_that("a fit by blocks says so, and why", {
  sims <- simple_sims(nsamp = 10, err_sd = 0.5)
  data <- mash_set_data(sims$Bhat, sims$Shat)
  expect_message(without_memory(mash(data, cov_canonical(data))), "by blocks: .*mnmash.memory")
  said <- testthat::capture_messages(mash(data, cov_canonical(data)))
  expect_false(any(grepl("by blocks", said)))
})

test_that("a limit that is no number is an error that names the option", {
  sims <- simple_sims(nsamp = 10, err_sd = 0.5)
  data <- mash_set_data(sims$Bhat, sims$Shat)
  withr::local_options(mnmash.memory = "2 GB")
  expect_error(mash(data, cov_canonical(data), verbose = FALSE), "option mnmash.memory")
})

test_that("without an option the limit follows what the process may have", {
  root <- withr::local_tempdir()
  put <- function(file, ...) {
    dir.create(dirname(file.path(root, file)), FALSE, TRUE)
    writeLines(c(...), file.path(root, file))
  }
  allowed <- \() allowed_memory(file.path(root, "proc"), file.path(root, "groups"))
  expect_identical(allowed(), Inf)
  put("proc/limits", "Limit                     Soft Limit           Hard Limit           Units",
      "Max data size             unlimited            unlimited            bytes",
      "Max address space         3000000000           unlimited            bytes")
  expect_identical(allowed(), 3e9)
  put("proc/cgroup", "4:memory:/job/7", "3:cpu:/", "0::/slice/job")
  put("groups/memory.max", "max")
  put("groups/slice/memory.max", "2000000000")
  expect_identical(allowed(), 2e9)
  put("groups/memory/job/memory.limit_in_bytes", "1000000000")
  put("groups/memory/memory.limit_in_bytes", "9223372036854771712")
  expect_identical(allowed(), 1e9)
  withr::with_options(list(mnmash.memory = NULL), expect_lte(memory_limit(), 2e9))
})

test_that("too little memory is an error, and the session goes on", {
  skip_on_os("windows")
  skip_on_cran()
  skip_if_not(dir.exists("/proc/self"))
  skip_if_not(dir.exists(file.path(find.package("mnmash"), "Meta")))
  script <- withr::local_tempfile(fileext = ".R", lines = c(
    "suppressPackageStartupMessages(library(mnmash)); options(mnmash.threads = 1)",
    "said <- \\(code) tryCatch({code; 'done'}, error = \\(e) class(e)[1L])",
    "data <- mash_set_data(matrix(rnorm(2e6), 1e5), 1); U <- cov_canonical(data)",
    "small <- mash_set_data(matrix(rnorm(300), 100), 1)",
    "held <- options(mnmash.memory = 1e12)",
    "first <- said(mash(data, U, verbose = FALSE, outputlevel = 1)); options(held)",
    "L <- matrix(0, 4e5, 60); second <- said(mixture_weights(L)); rm(L); invisible(gc())",
    "cat(first, second, said(mash(small, cov_canonical(small), verbose = FALSE)))"
  ))
  withr::local_envvar(
    R_LIBS = paste(c(dirname(find.package("mnmash")), .libPaths()), collapse = ":")
  )
  rscript <- shQuote(file.path(R.home("bin"), "Rscript"))
  # What R and the package take before any data, in kB, and 420 MB more.
  ask <- paste(
    "loadNamespace('mnmash')",
    "cat(grep('^VmPeak', readLines('/proc/self/status'), value = TRUE))", sep = "; "
  )
  peak <- system(paste(rscript, "-e", shQuote(ask)), intern = TRUE)
  limit <- as.numeric(gsub("[^0-9]", "", peak[length(peak)])) + 420000
  found <- system(
    sprintf("ulimit -v %.0f; %s %s 2> /dev/null", limit, rscript, script), intern = TRUE
  )
  found <- strsplit(found, " ")[[1L]]
  expect_identical(found[1L], "mnmash_error_memory")
  # R's own vectors fail with R's own error.
  expect_true(found[2L] %in% c("mnmash_error_memory", "simpleError"))
  expect_identical(found[3L], "done")
})
