file <- extdata("mashr_input.rds")
x <- readRDS(file)

# Priors of the reference, in the layouts of the files they were in.
reference_prior <- function(case, kind) {
  ref <- reference_case(case)$output
  ed <- ref$ed[["tol1e-06"]]
  refined <- lapply(ed$U, \(u) u + diag(ed$ridge, nrow(u)))
  switch(kind,
    ed_only = list(U = refined, w = ed$pi, loglik = ed$avg_loglik),
    raw = ref$components,
    raw_and_ed = list(
      U = c(ref$components, stats::setNames(refined, paste0("ED_", names(refined)))),
      w = c(null = 0.5, rep(0.5 / (2 * length(refined)), 2 * length(refined)))
    )
  )
}

test_that("fits of the reference priors reach the reference's likelihood, or a better one", {
  for (case in c("pipeline_EE_canonical_pca", "pipeline_EZ_four_components",
                 "pipeline_EZ_XtX_canonical_pca")) {
    ref <- reference_case(case)
    model <- c("EE", "EZ")[ref$input$alpha + 1]
    for (kind in names(ref$output$fit)) {
      expected <- ref$output$fit[[kind]]
      fit <- mash_fit(x, reference_prior(case, kind), ref$output$V, model, output_level = 1,
        missing = "reset1000", verbose = FALSE)
      expect_equal(fit$fitted_g$grid, expected$grid, tolerance = 1e-12)
      # Both maximise the penalised likelihood; the plain one may differ a little.
      objective <- \(loglik, null) loglik + 9 * log(null)
      expect_gt(
        objective(fit$loglik, fit$fitted_g$pi[[1]]),
        objective(expected$loglik, expected$pi[[1]]) - 1e-4
      )
      expect_equal(fit$loglik, expected$loglik, tolerance = 1e-5)
      expect_equal(sum(fit$fitted_g$pi[[1]]), expected$pi[[1]], tolerance = 5e-3)
    }
  }
})

test_that("posteriors at the reference's weights are the reference's", {
  for (case in c("pipeline_EE_canonical_pca", "pipeline_EZ_four_components")) {
    ref <- reference_case(case)
    alpha <- ref$input$alpha
    prior <- as_prior(reference_prior(case, "raw_and_ed"))
    expected <- ref$output$fit$raw_and_ed
    U <- lapply(prior$U, \(u) u / max(diag(u)))
    g <- list(pi = expected$pi, Ulist = U, grid = expected$grid, usepointmass = TRUE)
    strong <- set_data(read_mash_input(x), "strong", alpha, ref$output$V)
    model <- structure(list(fitted_g = g, alpha = alpha), class = "mash")
    posterior <- mash_posterior(model, strong)
    for (what in names(expected$strong_posterior)) {
      expect_equal(posterior[[what]], expected$strong_posterior[[what]], tolerance = 1e-6,
        ignore_attr = TRUE)
    }
  }
})

test_that("files: a fit of class mash, its prior once more, and the posteriors", {
  folder <- withr::local_tempdir()
  prior <- reference_prior("pipeline_EZ_four_components", "ed_only")
  saved <- file.path(folder, "some.prior.rds")
  saveRDS(prior, saved)
  fit <- mash_fit(file, saved, "simple", "EZ", cwd = file.path(folder, "out"), verbose = FALSE)
  out <- file.path(folder, "out", paste0("mashr_input.EZ.", c("mash_model", "posterior"), ".rds"))
  expect_setequal(list.files(dirname(out[1]), all.files = TRUE, no.. = TRUE), basename(out))
  model <- readRDS(out[1])
  expect_s3_class(model, "mash")
  expect_identical(get_loglik(model), get_loglik(fit))
  expect_identical(get_pm(model), fit$result$PosteriorMean)
  expect_identical(model$prior_file, saved)
  expect_null(model$lm)
  expect_null(model$result$PosteriorCov)
  input <- read_mash_input(file)
  strong <- set_data(input, "strong", 1, resolve_vhat("simple", input, 1))
  again <- suppressMessages(mash_compute_posterior_matrices(model$mash_model, strong))
  expect_identical(readRDS(out[2]), again)
  expect_identical(fit$posterior, again)

  more <- mash_fit(file, saved, effect_model = "EZ", output_level = 4, output_posterior_cov = TRUE,
    verbose = FALSE)
  expect_identical(dim(more$lm$loglik_matrix), c(50L, length(more$fitted_g$pi)))
  expect_identical(dim(more$posterior$PosteriorCov), c(8L, 8L, 17L))
  none <- mash_fit(x[c("random.b", "random.s")], prior, effect_model = "EZ",
    compute_posterior = FALSE, verbose = FALSE)
  expect_null(none$posterior) # not the posterior weights
})

test_that("a run that was killed half-way and is repeated leaves the same files", {
  prior <- reference_prior("pipeline_EE_canonical_pca", "raw")
  folder <- withr::local_tempdir()
  sums <- \() tools::md5sum(list.files(folder, full.names = TRUE))
  run <- \() mash_fit(file, prior, "simple", cwd = folder, verbose = FALSE)
  run()
  whole <- sums()
  unlink(file.path(folder, "mashr_input.EE.posterior.rds"))
  writeLines("half", file.path(folder, ".part-mash_model.rds"))
  run()
  expect_identical(sums(), whole)
})

test_that("any number of workers and chunks writes the same files", {
  skip_on_cran()
  skip_if_not_installed("future.apply")
  prior <- reference_prior("pipeline_EE_canonical_pca", "raw")
  run <- function(...) {
    folder <- withr::local_tempdir(.local_envir = parent.frame())
    mash_fit(file, prior, "simple", cwd = folder, verbose = FALSE, output_posterior_cov = TRUE,
      n_threads = 1, ...)
    vapply(list.files(folder, full.names = TRUE), \(f) unname(tools::md5sum(f)), "") |> unname()
  }
  one <- run(chunk_size = 5)
  old <- future::plan("multisession", workers = 2)
  withr::defer(future::plan(old))
  expect_identical(run(chunk_size = 5), one)
})

test_that("missing cells under EZ have the exact posterior, in units of effects", {
  # Equal effects of 4 conditions; a quarter of one column coded (0, 1000).
  set.seed(8)
  s <- matrix(0.1, 400, 4, dimnames = list(NULL, letters[1:4]))
  b <- matrix(rnorm(400) * (runif(400) < 0.5), 400, 4) + matrix(rnorm(1600, sd = 0.1), 400)
  colnames(b) <- letters[1:4]
  b[1, ] <- c(0.75, 0, 0.7, 0.72)
  absent <- c(1, sample(2:400, 99))
  b[absent, 2] <- 0
  s[absent, 2] <- 1000
  sets <- list(random.b = b, random.s = s, strong.b = b[1:20, ], strong.s = s[1:20, ])
  fit <- mash_fit(sets, list(equal = matrix(1, 4, 4)), "identity", "EZ", verbose = FALSE)
  data <- mash_set_data(b[1:20, ] / 0.1, alpha = 0)
  data$missing <- s[1:20, ] == 1000
  slow <- slow_components(fit$fitted_g$Ulist, fit$fitted_g$grid)
  weights <- fit$fitted_g$pi
  z <- b[1, -2] / 0.1
  loglik <- vapply(slow, \(U) slow_log_density(z, diag(3) + U[-2, -2]), 0) + log(weights)
  post <- exp(loglik - slow_log_sum_exp(loglik))
  mean <- sum(post * vapply(slow, \(U) drop(U[2, -2] %*% solve(diag(3) + U[-2, -2], z)), 0)) * 0.1
  expect_equal(unname(fit$posterior$PosteriorMean[1, 2]), mean, tolerance = 1e-10)
  expect_equal(mean, 0.72, tolerance = 0.02)

  # As the workflows do it, nothing is missing, and the answer is nonsense.
  upstream <- mash_fit(sets, list(equal = matrix(1, 4, 4)), "identity", "EZ", verbose = FALSE,
    missing = "reset1000")
  expect_gt(upstream$posterior$PosteriorMean[1, 2], 100)
})

test_that("what does not fit together is named", {
  prior <- as_prior(reference_prior("pipeline_EE_canonical_pca", "ed_only"))
  prior$effect_model <- "EE"
  expect_error(mash_fit(file, prior, effect_model = "EZ"), "`prior` was learnt with \"EE\"",
    class = "mnmash_error_units")
  expect_error(mash_fit(x[c("strong.b", "strong.s")], prior), "`data` has no `random` set",
    class = "mnmash_error_missing_entry")
  expect_error(mash_fit(x, list(diag(3))), "`prior` has 3 conditions, but the data have 8",
    class = "mnmash_error_dimension")
  broken <- withr::local_tempfile(fileext = ".rds")
  writeBin(as.raw(1:50), broken)
  expect_error(mash_fit(broken, prior), "is not an RDS file, or is damaged",
    class = "mnmash_error_file")
  expect_error(mash_fit(x, broken), "`prior`: .* is not an RDS file", class = "mnmash_error_file")
  expect_error(mash_fit(x, prior, cwd = file.path(broken, "b")), "`cwd`: cannot make the folder",
    class = "mnmash_error_file")
})

test_that("posteriors of regions have missing cells in the units of mash_fit()", {
  holes <- x
  holes$strong.b[2:6, "Ast"] <- NA
  holes$strong.s[2:6, "Ast"] <- NA
  prior <- reference_prior("pipeline_EZ_four_components", "raw")
  fit <- mash_fit(holes, prior, "identity", "EZ", verbose = FALSE)
  region <- mash_posterior(fit, list(bhat = holes$strong.b, sbhat = holes$strong.s))
  expect_equal(region$PosteriorMean, fit$posterior$PosteriorMean, tolerance = 1e-12)
  # A condition of which a region has nothing: for the median of all standard errors.
  holes$strong.b[, "Ast"] <- NA
  whole <- mash_posterior(fit, list(bhat = holes$strong.b, sbhat = holes$strong.s))
  s <- x$strong.s[, colnames(x$strong.s) != "Ast"]
  z <- mash_set_data(ifelse(is.na(holes$strong.b), NA, x$strong.b / x$strong.s)[, -2])
  full <- structure(list(fitted_g = fit$fitted_g, alpha = 0), class = "mash")
  scaled <- mash_posterior(full, list(
    bhat = cbind(z$Bhat[, 1, drop = FALSE], Ast = NA, z$Bhat[, -1]), sbhat = cbind(
      z$Shat[, 1, drop = FALSE], Ast = NA, z$Shat[, -1]
    )
  ))
  expect_equal(whole$PosteriorMean[, "Ast"], scaled$PosteriorMean[, "Ast"] * median(s),
    tolerance = 1e-10)
})

test_that("a prior of more conditions, in another order, is used as its margin, by name", {
  prior <- suppressMessages(mixture_prior(file, "none", c("pca", "canonical"), "EZ",
    verbose = FALSE))
  expect_identical(prior$units, "z")
  expect_identical(dimnames(prior$V), rep(list(colnames(x$strong.b)), 2))
  some <- c("Oli", "Ast", "Mic")
  part <- lapply(x[grep("[.][bs]$", names(x))], \(m) m[, some])
  expect_message(
    fit <- mash_fit(part, prior, verbose = FALSE),
    "`prior`: 3 of its 8 conditions are used, those of the data"
  )
  expect_identical(fit$alpha, 1)
  expect_identical(dimnames(fit$fitted_g$Ulist[[1]]), list(some, some))
  expect_identical(colnames(fit$posterior$lfsr), some)
  # The same, with the blocks cut by hand.
  U <- lapply(prior$U, \(u) u[some, some])
  U <- U[vapply(U, \(u) any(u != 0), NA)]
  by_hand <- mash(
    mash_set_data(part$random.b, part$random.s, alpha = 1, V = prior$V[some, some]), U,
    verbose = FALSE
  )
  expect_equal(fit$loglik, by_hand$loglik, tolerance = 1e-10)
  expect_equal(fit$result$PosteriorMean, by_hand$result$PosteriorMean, tolerance = 1e-6)
})

test_that("what is passed on to mash() is checked before work begins", {
  prior <- reference_prior("pipeline_EE_canonical_pca", "raw")
  expect_error(mash_fit(file, prior, nullweigth = 1), "did you mean `nullweight`",
    class = "mnmash_error_argument")
  expect_error(mash_fit(file, prior, V = diag(8), vhat = diag(8)), "give `V` or `vhat`, not both",
    class = "mnmash_error_argument")
  one <- mash_fit(file, prior, vhat = "identity", nullweight = 1, verbose = FALSE)
  expect_identical(one, mash_fit(file, prior, V = "identity", nullweight = 1, verbose = FALSE))
})
