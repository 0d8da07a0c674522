# Predictors and covariates of new samples, by name.

covariate_case <- function(n = 200, p = 6) {
  withr::local_seed(3)
  X <- matrix(rbinom(n * p, 2, 0.3), n, dimnames = list(paste0("s", 1:n), paste0("v", 1:p)))
  Z <- data.frame(
    age = rnorm(n, 50, 10), batch = factor(sample(c("A", "B", "C"), n, TRUE)),
    smokes = runif(n) < 0.4, site = sample(c("x", "y"), n, TRUE),
    dose = factor(sample(1:3, n, TRUE), ordered = TRUE), row.names = rownames(X)
  )
  y <- X[, 3] + c(A = 0, B = 5, C = 10)[as.character(Z$batch)] + 0.05 * Z$age + Z$smokes +
    as.integer(Z$dose) + rnorm(n)
  list(X = X, Z = Z, y = y, Y = cbind(liver = unname(y), lung = unname(y) + rnorm(n)))
}

covariate_fits <- function(d) {
  list(
    mr_ash = mr_ash(d$X, d$y, d$Z, n_threads = 1),
    varbvs = varbvs(d$X, d$Z, d$y, n_threads = 1),
    mr_mash = mr_mash(d$X, d$Y, list(diag(2)), grid = 0.3, covariates = d$Z, n_threads = 1)
  )
}

test_that("columns of covariates are those of model.matrix(), for any contrasts", {
  d <- covariate_case()
  Z <- d$Z
  contrasts(Z$batch) <- contr.sum(3)
  for (z in list(d$Z, Z)) {
    expect_equal(
      unname(as_covariates(z, 200)$x), unname(model.matrix(~., z)[, -1L]), ignore_attr = TRUE
    )
  }
  expect_identical(
    colnames(as_covariates(d$Z, 200)$x),
    c("age", "batchB", "batchC", "smokesTRUE", "sitey", "dose.L", "dose.Q")
  )
  made <- as_covariates(Z, 200)
  withr::local_options(contrasts = c("contr.helmert", "contr.helmert"))
  expect_identical(new_covariates(Z[5:9, ], 5, made$terms), made$x[5:9, ])
})

test_that("new covariates are found by name, with fewer levels or their levels in another order", {
  d <- covariate_case()
  at <- 1:8
  for (fit in covariate_fits(d)) {
    right <- predict(fit, d$X[at, ], d$Z[at, ])
    expect_equal(as.matrix(right), as.matrix(fitted(fit))[at, , drop = FALSE], tolerance = 1e-9)
    other <- cbind(extra = "text", d$Z[at, 5:1])
    expect_message(found <- predict(fit, d$X[at, ], other), "5 of its 6 covariates")
    expect_identical(found, right)
    other <- d$Z[at, ]
    other$batch <- factor(as.character(other$batch), c("C", "B", "A"))
    other$smokes <- as.character(other$smokes)
    expect_identical(predict(fit, d$X[at, ], other), right)
    for (i in at) {
      one <- predict(fit, d$X[i, , drop = FALSE], droplevels(d$Z[i, ]))
      expect_identical(as.matrix(one), as.matrix(right)[i, , drop = FALSE])
    }
    # Rows by name, and older words.
    expect_identical(predict(fit, d$X[at, ], d$Z[rev(at), ]), right)
    expect_identical(predict(fit, newx = d$X[at, ], newz = d$Z[at, ]), right)
    expect_identical(predict(fit, newdata = d$X[at, ], Z = d$Z[at, ]), right)
  }
})

test_that("what new covariates lack is an error that names it", {
  d <- covariate_case()
  at <- 1:5
  for (fit in covariate_fits(d)) {
    go <- \(z, x = d$X[at, ]) predict(fit, x, z)
    z <- d$Z[at, ]
    z$batch <- factor(c("A", "B", "D", "C", "E"))
    expect_error(go(z), "batch has a level .* \"D\" \\(and 1 more\\)", class = "mnmash_error_names")
    expect_error(go(d$Z[at, -1]), "lacks 1 of 5 covariates \\(age\\)", class = "mnmash_error_names")
    expect_error(go(NULL), "needed: the fit has 5 covariates", class = "mnmash_error_argument")
    z <- d$Z[at, ]
    z$age[2] <- NA
    expect_error(go(z), "one in age, row 2", class = "mnmash_error_missing")
    expect_error(go(d$Z[at + 1L, ]), "lacks 1 of 5 samples \\(s1\\)", class = "mnmash_error_names")
    expect_error(predict(fit, covariates = d$Z), "give `newdata`", class = "mnmash_error_argument")
    expect_error(predict(fit, newdate = d$X), "`newdate`", class = "mnmash_error_argument")
    expect_error(
      predict(fit, d$X, newx = d$X, d$Z), "not both", class = "mnmash_error_argument"
    )
    expect_error(
      predict(fit, d$X[at, ], z, newz = z), "not both", class = "mnmash_error_argument"
    )
  }
  fit <- mr_ash(d$X, d$y)
  expect_error(predict(fit, d$X, d$Z), "no covariates", class = "mnmash_error_argument")
  expect_error(
    mr_ash(d$X, d$y, transform(d$Z, batch = NA)), "one in batch, row 1 \\(and 199 more\\)",
    class = "mnmash_error_missing"
  )
  one <- transform(d$Z, batch = "A")
  expect_error(mr_ash(d$X, d$y, one), "batch has one value", class = "mnmash_error_value")
})

test_that("new predictors are found by name in any order, among others and in any form", {
  d <- covariate_case()
  fits <- list(
    mr_ash(d$X, d$y), varbvs(d$X, y = d$y), mr_mash(d$X, d$Y, list(diag(2)), grid = 0.3)
  )
  for (fit in fits) {
    right <- predict(fit, d$X)
    expect_identical(predict(fit, d$X[, 6:1]), right)
    more <- cbind(d$X[, 4:6], v9 = 0, d$X[, 3:1])
    expect_message(found <- predict(fit, more), "6 of its 7 predictors")
    expect_identical(found, right)
    table <- data.frame(name = "text", more)
    expect_identical(suppressMessages(predict(fit, table)), right)
    blocks <- \(i) if (i <= 2) more[, if (i == 1) 1:3 else 4:7]
    expect_identical(suppressMessages(predict(fit, blocks)), right)
    if (requireNamespace("Matrix", quietly = TRUE)) {
      expect_equal(predict(fit, Matrix::Matrix(d$X[, 6:1], sparse = TRUE)), right)
    }
    one <- as.matrix(predict(fit, d$X[2, 6:1]))
    expect_equal(unname(one), unname(as.matrix(right)[2, , drop = FALSE]), tolerance = 1e-12)
    expect_error(
      predict(fit, d$X[, -2]), "lacks 1 of 6 predictors \\(v2\\)", class = "mnmash_error_names"
    )
    expect_error(predict(fit, unname(d$X)[, -2]), class = "mnmash_error_dimension")
    expect_equal(as.vector(predict(fit, unname(d$X))), as.vector(right))
  }
})

test_that("samples of predictors, responses and covariates are matched by name", {
  d <- covariate_case()
  Z <- d$Z[c("age", "batch")]
  set.seed(1)
  other <- sample(200)
  U <- list(diag(2))
  calls <- list(
    mr_ash = \(X, Y, Z) mr_ash(X, Y[, 1], Z)[c("beta", "covariates", "fitted")],
    varbvs = \(X, Y, Z) varbvs(X, Z, Y[, 1])[c("pip", "covariates", "linear")],
    mr_mash = \(X, Y, Z) mr_mash(X, Y, U, grid = 0.3, covariates = Z)[c("mu1", "fitted")],
    univariate = \(X, Y, Z) univariate_sumstats(X, Y, Z),
    deconvolve = \(X, Y, Z) deconvolve(X, Y, Z)[c("Bhat", "V")],
    mnm = \(X, Y, Z) {
      deconvolve(X, Y, Z, method = "mnm", prior = U, grid = 0.3)[c("Bhat", "V")]
    }
  )
  Y <- d$Y
  rownames(Y) <- rownames(d$X)
  renamed <- Y
  rownames(renamed)[7] <- "t7"
  for (f in calls) {
    right <- f(d$X, Y, Z)
    expect_identical(f(d$X, Y[other, ], Z[other, ]), right)
    expect_error(
      f(d$X, renamed, Z), "`[Yy]` .* lacks 1 of 200 samples \\(s7\\), and it has 1 .*\\(t7\\)",
      class = "mnmash_error_names"
    )
    expect_error(f(d$X, Y, Z[-3, ]), "`(covariates|Z)`.*\\(s3\\)", class = "mnmash_error_names")
    # Without names order counts; covariates go with the responses' names.
    expect_equal(unname(unlist(f(unname(d$X), unname(Y), unname(as.matrix(Z["age"]))))),
                 unname(unlist(f(d$X, Y, Z["age"]))), tolerance = 1e-12)
    expect_equal(unname(unlist(f(unname(d$X), Y, Z[other, ]))), unname(unlist(right)),
                 tolerance = 1e-12)
  }
})

test_that("samples without the one response are left out", {
  d <- covariate_case()
  y <- d$y
  y[c(3, 50)] <- NA
  for (f in list(mr_ash, \(X, y, Z) varbvs(X, Z, y))) {
    expect_message(fit <- f(d$X, y, d$Z), "2 samples without a value")
    right <- f(d$X[-c(3, 50), ], y[-c(3, 50)], d$Z[-c(3, 50), ])
    expect_identical(coef(fit), coef(right))
    expect_identical(fitted(fit), fitted(right))
    expect_identical(fit$rows, setdiff(1:200, c(3, 50)))
  }
  expect_error(mr_ash(d$X, d$y * NA), "no value", class = "mnmash_error_missing")
})
