# Every fit says in one way how it ended, and what its numbers are of.

# Classes of fits, and the functions whose results are read.
fits_of <- c(
  mash = "mash", mash_fit_chunks = "mash", mash_1by1 = "mash_1by1", ed = "ed", ud_fit = "mnmash_ud",
  mr_ash = "mr_ash", mr_ash_rss = "mr_ash", mr_mash = "mr_mash", mr_mash_rss = "mr_mash",
  varbvs = "mnmash_varbvs", finemap = "finemap", fqtl = "fqtl", fqtl_factorize = "fqtl",
  enrich = "enrich", mixture_weights = "mixture_weights"
)

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

test_that("every fit says how it ended, in the same words", {
  known <- known_failures("endings")
  withr::local_dir(withr::local_tempdir())
  calls <- fuzz_calls()
  said <- vapply(names(fits_of), \(name) {
    utils::capture.output(fit <- suppressWarnings(suppressMessages(
      do.call(getExportedValue("mnmash", name), calls[[name]], quote = TRUE)
    )))
    ending_outcome(fit)
  }, "")
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
})
