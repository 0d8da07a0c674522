# Credible sets of all kinds of fit have one shape.

fits_with_sets <- function() {
  set.seed(1)
  X <- matrix(rnorm(150 * 12), 150, dimnames = list(NULL, paste0("v", 1:12)))
  X[, 4] <- X[, 3] + 0.05 * X[, 4]
  Y <- X[, 3] %o% c(a = 1, b = 1, c = 0.5) + X[, 9] %o% c(0, 1, 1) + matrix(rnorm(450), 150)
  list(
    finemap = finemap(finemap_data(X, Y), list(shared = matrix(1, 3, 3), own = diag(3))),
    fqtl = fqtl(Y, X, K = 2, L = 2, u_prior = "susie"),
    varbvs = varbvs(X, NULL, Y[, 2], logodds = -2, sa = 1)
  )
}

test_that("every fit gives the same elements, of the right sizes", {
  for (fit in fits_with_sets()) {
    sets <- credible_sets(fit)
    expect_s3_class(sets, "credible_sets")
    expect_gt(length(sets), 0)
    expect_false(anyDuplicated(names(sets)) > 0)
    for (set in sets) {
      expect_identical(names(set)[1:4], c("variables", "alpha", "coverage", "purity"))
      expect_identical(length(set$alpha), length(set$variables))
      expect_false(is.unsorted(-set$alpha))
      expect_named(set$variables, paste0("v", set$variables))
      expect_named(set$purity, c("min", "mean", "median"))
      expect_gte(set$coverage, 0.95 - 1e-9)
    }
    if (!inherits(fit, "mnmash_varbvs")) {
      expect_equal(vapply(sets, `[[`, 0, "coverage"), vapply(sets, \(s) sum(s$alpha), 0))
    }
  }
})

test_that("the table has a row for each set and variable, the summary one for each set", {
  for (fit in fits_with_sets()) {
    sets <- credible_sets(fit)
    table <- as.data.frame(sets)
    expect_identical(table$set, rep(names(sets), lengths(lapply(sets, `[[`, "variables"))))
    expect_identical(table$predictor, unlist(lapply(sets, \(s) names(s$variables)), FALSE, FALSE))
    expect_identical(table$alpha, unlist(lapply(sets, `[[`, "alpha"), FALSE, FALSE))
    expect_equal(table$size, as.vector(table(table$set)[table$set]))
    short <- summary(sets)
    expect_identical(short$set, names(sets))
    expect_identical(short$sentinel, table$predictor[!duplicated(table$set)])
    expect_identical(length(utils::capture.output(print(sets))), length(sets) + 1L)
    expect_identical(names(as.data.frame(sets[0]))[1:6], names(table)[1:6])
    expect_identical(nrow(as.data.frame(sets[0])), 0L)
  }
})

test_that("a part of the sets are sets, and names are whole", {
  sets <- credible_sets(fits_with_sets()$finemap)
  expect_s3_class(sets[1], "credible_sets")
  expect_null(sets$L)
  expect_error(print(structure(list(a = list(variables = 1)), class = "credible_sets")),
               "alpha", class = "mnmash_error_damaged")
  expect_output(print(sets[0]), "No credible sets")
})

test_that("tables of a fine-mapping fit go by variant, set, or set and condition", {
  fit <- fits_with_sets()$finemap
  each <- as.data.frame(fit, by = "set_condition")
  expect_identical(class(each), "data.frame")
  expect_identical(each, as.data.frame(unclass(summary(fit))))
  expect_identical(nrow(each), 3L * length(fit$sets))
  sets <- as.data.frame(fit, by = "set")
  expect_identical(sets$set, names(fit$sets))
  expect_identical(sets$log_bf, unname(fit$lbf[names(fit$sets)]))
  expect_named(sets, names(each)[1:8])
  expect_identical(as.data.frame(fit), as.data.frame(fit, by = "variant"))
  expect_identical(nrow(as.data.frame(`[[<-`(fit, "sets", list()), by = "set")), 0L)
})
