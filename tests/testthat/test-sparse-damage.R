# Sparse matrices whose parts do not fit together, as other software or a damaged file makes them.

damaged_matrices <- function() {
  set.seed(1)
  good <- Matrix::rsparsematrix(30, 8, 0.4)
  with <- function(slot, value) {
    attr(good, slot) <- value
    good
  }
  list(
    good = good, negative = with("i", replace(good@i, 3L, -5L)),
    missing = with("i", replace(good@i, 3L, NA)), beyond = with("i", replace(good@i, 3L, 1000000L)),
    last = with("p", replace(good@p, 9L, 2000000000L)),
    short = with("p", good@p[-9L]), dim = with("Dim", c(3L, 8L)), values = with("x", good@x[-1L]),
    twice = with("i", replace(good@i, 2L, good@i[1L])), falling = with("p", replace(good@p, 4L, 0L))
  )
}

test_that("no function reads an invalid sparse matrix", {
  skip_if_not_installed("Matrix")
  set.seed(2)
  Y <- matrix(rnorm(60), 30)
  calls <- list(
    ld_prune = ld_prune, sumstats = \(X) univariate_sumstats(X, Y),
    mr_ash = \(X) mr_ash(X, Y[, 1]), mr_mash = \(X) mr_mash(X, Y),
    finemap = \(X) finemap_data(X, Y), varbvs = \(X) varbvs(X, y = Y[, 1]),
    covariates = \(X) univariate_sumstats(matrix(rnorm(90), 30), Y, X),
    mash = \(X) mash_set_data(X), ld = \(X) mr_ash_rss(Z = rnorm(8), LD = X, n = 30)
  )
  matrices <- damaged_matrices()
  for (f in names(calls)) for (damage in setdiff(names(matrices), "good")) {
    error <- tryCatch(calls[[f]](matrices[[damage]]), mnmash_error = identity)
    expect_match(conditionMessage(error), "is no valid dgCMatrix", info = paste(f, damage))
  }
  expect_identical(compressed(matrices$good), matrices$good)
  fit <- mr_ash(as.matrix(matrices$good), Y[, 1])
  expect_error(predict(fit, matrices$beyond), "no valid", class = "mnmash_error_value")
})
