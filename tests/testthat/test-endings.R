# Every fit says in one way how it ended, and what its numbers are of.

# What has iterated to find its numbers: a result that says how it ended in any way.
has_iterated <- function(x) {
  is.list(x) && any(c("convergence", "converged", "n_iter", "elbo", "ELBO", "trace") %in% names(x))
}

# Calls that helper-fuzz-calls.R has in another form.
more_fits <- function(calls) {
  loci <- lapply(1:2, \(i) calls$finemap[[1L]])
  list(
    enrich_multi = c(
      list("enrich", stats::setNames(loci, c("a", "b")), method = "multi", max_iter = 2,
        update_weights = TRUE),
      calls$finemap[c("V")], list(prior = calls$finemap[[2L]], L = 1)
    ),
    pool_mr_mash = list(
      "pool_weights",
      lapply(c(a = 1, b = 2), \(i) list(X = calls$mr_mash[[1L]], Y = calls$mr_mash[[2L]])),
      fit = mr_mash, prior = calls$mr_mash_rss$prior, grid = 1, max_iter = 2
    )
  )
}

ending_outcome <- function(fit) {
  end <- fit[["convergence"]]
  if (is.null(end)) return("has no `convergence`")
  absent <- setdiff(c("converged", "stop", "iterations", "trace", "message"), names(end))
  if (length(absent)) return(paste("lacks", paste(absent, collapse = ", ")))
  good <- c(
    converged = isTRUE(end$converged) || isFALSE(end$converged),
    stop = is.character(end$stop) && length(end$stop) == 1L,
    iterations = is.numeric(end$iterations) && length(end$iterations) == 1L && end$iterations >= 0,
    trace = is.numeric(unlist(end$trace)),
    message = is.character(end$message) && length(end$message) == 1L && nzchar(end$message)
  )
  if (all(good)) "" else paste("is wrong in", paste(names(good)[!good], collapse = ", "))
}

test_that("every result that has iterated says how it ended, in the same words", {
  known <- known_failures("endings")
  withr::local_dir(withr::local_tempdir())
  calls <- fuzz_calls()
  # The first is a shell's; the others tell how another fit ended.
  calls <- calls[!names(calls) %in% c("mnmash_cli", "check_deconvolution", "as_susie")]
  calls <- c(Map(c, names(calls), calls), more_fits(calls))
  said <- list()
  for (name in names(calls)) {
    utils::capture.output(fit <- suppressWarnings(suppressMessages(
      do.call(getExportedValue("mnmash", calls[[name]][[1L]]), calls[[name]][-1L], quote = TRUE)
    )))
    if (has_iterated(fit)) said[[name]] <- ending_outcome(fit)
  }
  expect_true(all(c(
    "mash", "mash_fit_chunks", "mash_1by1", "ed", "ud_fit", "mr_ash", "mr_ash_rss", "mr_mash",
    "mr_mash_rss", "varbvs", "finemap", "fqtl", "fqtl_factorize", "enrich", "enrich_multi",
    "mixture_weights"
  ) %in% names(said)))
  failing <- names(said)[said != ""]
  for (name in setdiff(failing, known)) fail(paste(name, said[[name]]))
  expect_identical(setdiff(known, failing), character())
})

test_that("fits carry the names of what they were fitted to", {
  calls <- fuzz_calls()
  run <- function(name) {
    suppressWarnings(suppressMessages(
      do.call(getExportedValue("mnmash", name), calls[[name]], quote = TRUE)
    ))
  }
  data <- calls$mash[[1L]]
  units <- rownames(data$Bhat)
  conditions <- colnames(data$Bhat)
  m <- do.call(mash, replace(calls$mash, "A", list(NULL)))
  expect_identical(dimnames(get_pm(m)), list(units, conditions))
  expect_identical(dimnames(get_fitted_g(m)$Ulist[[1L]]), list(conditions, conditions))
  variants <- colnames(calls$mr_mash[[1L]])
  outcomes <- colnames(calls$mr_mash[[2L]])
  expect_identical(dimnames(run("mr_mash")$mu1), list(variants, outcomes))
  expect_identical(names(run("mr_ash")$beta), variants)
  expect_identical(names(run("varbvs")$pip), variants)
  expect_identical(dimnames(run("finemap")$coef), list(variants, outcomes))
  expect_identical(dimnames(run("fqtl")$B), list(variants, outcomes))
  expect_identical(dimnames(run("ud_fit")$U[[1L]]), list(conditions, conditions))
  expect_identical(dimnames(run("ed")$U[[1L]]), list(conditions, conditions))
  expect_identical(dimnames(get_pm(run("mash_1by1"))), list(units, conditions))
  for (name in c("deconvolve", "deconvolve_rss", "univariate_sumstats")) {
    expect_identical(dimnames(run(name)$Bhat), list(variants, outcomes), info = name)
  }
  expect_identical(dimnames(run("bmass")$marginal)[1:2], list(units, conditions))
  expect_identical(run("qc_sumstats")$variables$predictor, variants)
  expect_identical(names(run("mixture_weights")$pi), colnames(calls$mixture_weights[[1L]]))
  expect_identical(
    dimnames(run("mixture_prior")$U[[1L]])[[1L]], colnames(calls$mixture_prior[[1L]]$random.b)
  )
  expect_identical(names(run("pool_weights")$fits), names(calls$pool_weights[[1L]]))
})
