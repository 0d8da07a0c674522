# What fqtl() is given in other orders and other units: the same fit.

named_region <- function(n = 200, seed = 1) {
  set.seed(seed)
  X <- matrix(rbinom(n * 30, 2, 0.3), n, dimnames = list(paste0("s", 1:n), paste0("v", 1:30)))
  Y <- X[, 20] %o% c(0.5, 0.5, 0.5) + X[, 5] %o% c(0.6, 0, 0) + matrix(rnorm(3 * n), n)
  colnames(Y) <- c("liver", "lung", "skin")
  age <- matrix(rnorm(n, 50, 10), n, dimnames = list(rownames(X), "age"))
  list(X = X, Y = Y + 0.1 * c(age), age = age)
}

test_that("the unit of one outcome changes nothing but units", {
  d <- named_region()
  d$Y[sample(600, 60)] <- NA
  arguments <- list(
    spike_slab = list(u_prior = "spike_slab"), susie = list(), positive = list(nonneg = TRUE),
    direct = list(cis = TRUE), heavy = list(var_covariates = d$age), alone = list(K = 0, cis = TRUE)
  )
  cells <- colSums(!is.na(d$Y))
  for (name in names(arguments)) {
    run <- \(unit) {
      known <- matrix(seq(-1, 1, length.out = 200), 200, 3)
      do.call(fqtl, c(list(
        sweep(d$Y, 2, unit, "*"), d$X, covariates = d$age, offset = sweep(known, 2, unit, "*")
      ), modifyList(list(K = 3), arguments[[name]])))
    }
    fit <- run(c(1, 1, 1))
    for (unit in list(c(100, 0.01, 1000), c(1, 1e6, 1e-6))) {
      other <- run(unit)
      per <- \(x) sweep(x, 2, unit, "/")
      expect_equal(per(other$B), fit$B, tolerance = 1e-8, label = name)
      expect_equal(per(other$B_sd), fit$B_sd, tolerance = 1e-8, label = name)
      expect_equal(per(other$covariates), fit$covariates, tolerance = 1e-8, label = name)
      expect_equal(per(other$covariates_sd), fit$covariates_sd, tolerance = 1e-8, label = name)
      expect_equal(per(fitted(other)), fitted(fit), tolerance = 1e-8, label = name)
      expect_equal(per(residuals(other)), residuals(fit), tolerance = 1e-8, label = name)
      expect_equal(per(per(other$dispersion$value)), fit$dispersion$value, tolerance = 1e-8)
      expect_equal(other$dispersion$theta, fit$dispersion$theta, tolerance = 1e-6)
      expect_equal(pip(other), pip(fit), tolerance = 1e-8, label = name)
      expect_equal(other$elbo + sum(cells * log(unit)), fit$elbo, tolerance = 1e-8, label = name)
      if (fit$rank) {
        expect_equal(other$v$mean / unit, fit$v$mean, tolerance = 1e-8, label = name)
        expect_identical(summary(other)$factors$top_outcome, summary(fit)$factors$top_outcome)
        U <- as_prior(fit)$U[[1]]
        expect_equal(as_prior(other)$U[[1]] / tcrossprod(unit), U, tolerance = 1e-8, label = name)
      }
    }
  }
})

test_that("neither the units of covariates nor a part that outcomes and offset share matter", {
  d <- named_region()
  fit <- fqtl(d$Y, d$X, K = 2, covariates = d$age)
  days <- fqtl(d$Y, d$X, K = 2, covariates = 1e5 * d$age)
  expect_equal(days$B, fit$B, tolerance = 1e-8)
  expect_equal(1e5 * days$covariates["age", ], fit$covariates["age", ], tolerance = 1e-8)
  known <- 30 * outer(sin(1:200), 1:3)
  shifted <- fqtl(d$Y + known, d$X, K = 2, covariates = d$age, offset = known)
  expect_equal(shifted$B, fit$B, tolerance = 1e-8)
  expect_equal(shifted$elbo, fit$elbo, tolerance = 1e-8)
})

test_that("factorisations do not depend on the unit of one outcome either", {
  set.seed(3)
  Y <- matrix(rnorm(160), 80) %*% t(matrix(rnorm(24), 12)) + 0.3 * matrix(rnorm(960), 80)
  unit <- 10^seq(-3, 3, length.out = 12)
  W <- matrix(runif(160), 80)
  for (weights in list(NULL, W)) {
    run <- \(Y) fqtl_factorize(Y, K = 2, weights = weights, tol = 1e-10, max_iter = 5000)
    fit <- run(Y)
    other <- run(sweep(Y, 2, unit, "*"))
    expect_equal(other$v$mean / unit, fit$v$mean, tolerance = 1e-8)
    expect_equal(other$u$mean, fit$u$mean, tolerance = 1e-8)
    expect_equal(sweep(fitted(other), 2, unit, "/"), fitted(fit), tolerance = 1e-8)
  }
})

test_that("a constant outcome is no trouble", {
  d <- named_region()
  d$Y[, 3] <- 0.1
  fit <- fqtl(d$Y, d$X, K = 2)
  expect_equal(unname(fitted(fit)[, 3]), rep(0.1, 200))
  expect_true("v20" %in% names(which(pip(fit) > 0.5)))
})

test_that("samples, outcomes, predictors and covariates are matched by name", {
  d <- named_region()
  n <- 200
  rownames(d$Y) <- rownames(d$X)
  cis <- outer(1:30, c(20, 20, 5), \(i, j) abs(i - j) < 6)
  dimnames(cis) <- list(colnames(d$X), colnames(d$Y))
  offset <- outer(cos(1:n), 1:3)
  dimnames(offset) <- dimnames(d$Y)
  given <- list(
    Y = d$Y, X = d$X, K = 2, covariates = cbind(d$age, dose = d$age^2), var_covariates = d$age,
    offset = offset, cis = cis, u_prior = "spike_slab"
  )
  fit <- do.call(fqtl, given)
  order <- sample(n)
  there <- sample(30)
  turned <- list(
    Y = \(x) x[order, ], covariates = \(x) x[order, 2:1],
    var_covariates = \(x) x[order, , drop = FALSE],
    offset = \(x) x[order, 3:1], cis = \(x) x[there, c(2, 3, 1)]
  )
  for (name in names(turned)) {
    other <- do.call(fqtl, modifyList(given, setNames(list(turned[[name]](given[[name]])), name)))
    expect_equal(other$B, fit$B, tolerance = 1e-10, label = name)
    expect_equal(fitted(other), fitted(fit), tolerance = 1e-10, label = name)
    wrong <- turned[[name]](given[[name]])
    rownames(wrong)[7] <- "nobody"
    expect_error(
      do.call(fqtl, modifyList(given, setNames(list(wrong), name))), "nobody|lacks 1",
      class = "mnmash_error_names", label = name
    )
  }
  # More predictors and outcomes than the fit has.
  wide <- rbind(cis, other = TRUE)
  wide <- cbind(blood = TRUE, wide)
  expect_equal(suppressMessages(do.call(fqtl, modifyList(given, list(cis = wide))))$B, fit$B)
  # Those of the predictors are the samples of the results.
  other <- do.call(fqtl, modifyList(given, list(X = d$X[order, there])))
  expect_equal(other$B[colnames(d$X), ], fit$B, tolerance = 1e-6)
  expect_identical(rownames(fitted(other)), rownames(d$X)[order])
})

test_that("counts are matched by name with their sizes and library sizes", {
  d <- named_region(100)
  n <- 100
  set.seed(2)
  size <- matrix(rpois(3 * n, 6) + 1, n, dimnames = list(rownames(d$X), colnames(d$Y)))
  Y <- matrix(rbinom(3 * n, size, plogis(0.5 * d$X[, 20] - 0.3)), n, dimnames = dimnames(size))
  run <- \(size, Y) fqtl(Y, d$X, K = 1, family = "binomial", size = size)$B
  expect_equal(run(size[n:1, 3:1], Y), run(size, Y), tolerance = 1e-10)
  expect_equal(run(size, Y[n:1, ]), run(size, Y), tolerance = 1e-10)
  library <- setNames(exp(rnorm(n, 13, 0.3)), rownames(d$X))
  Y[] <- log2((rpois(3 * n, 20) + 0.5) / (library + 1) * 1e6)
  run <- \(library) fqtl(Y, d$X, K = 1, family = "voom", library_size = library)$eta
  expect_equal(run(rev(library)), run(library), tolerance = 1e-10)
})

test_that("new samples are predicted by the names of their predictors, covariates and offsets", {
  d <- named_region()
  batch <- data.frame(
    age = c(d$age), batch = factor(rep(c("a", "b", "c", "d"), 50)), row.names = rownames(d$X)
  )
  known <- setNames(sin(1:200), rownames(d$X))
  fit <- fqtl(d$Y, d$X, K = 2, covariates = batch, offset = known)
  new <- d$X[11:14, ]
  expected <- fitted(fit)[11:14, ]
  some <- batch[11:14, ]
  expect_equal(predict(fit, new, some, known[11:14]), expected, tolerance = 1e-10)
  turned <- cbind(new[, 30:1], other = 7)
  expect_equal(
    suppressMessages(predict(fit, turned, some[4:1, 2:1], rev(known[11:14]))), expected,
    tolerance = 1e-10
  )
  expect_equal(
    predict(fit, new[1, , drop = FALSE], some[1, ], known[11]), expected[1, , drop = FALSE],
    tolerance = 1e-10
  )
  expect_equal(predict(fit, newdata = new, Z = some, offset = known[11:14]), expected)
  expect_error(predict(fit, new, some), "`offset` is needed", class = "mnmash_error_argument")
  expect_equal(predict(fit, new, some, 0), expected - known[11:14], tolerance = 1e-10)
  expect_error(predict(fit, new, offset = 0), "`covariates` is needed", class = "mnmash_error")
  some$batch <- c("a", "b", "e", "a")
  expect_error(predict(fit, new, some, 0), "\"e\"", class = "mnmash_error_names")
  expect_error(predict(fit, new[, -3], batch[11:14, ], 0), "v3", class = "mnmash_error_names")
  expect_error(predict(fit, new, batch[11:14, ], 0, typ = 1, tpye = "link"), "`tpye`|no argument",
               class = "mnmash_error")
  # Missing cells of some samples and outcomes.
  Y <- d$Y[5:3, 2:1]
  rownames(Y) <- rownames(d$X)[5:3]
  Y[2, 1] <- NA
  expect_equal(suppressMessages(fqtl_impute(fit, Y))[2, 1], fitted(fit)[4, "lung"])
})

test_that("other containers give the same fit, and tables have a row for each effect", {
  d <- named_region(100)
  fit <- fqtl(d$Y, d$X, K = 1)
  skip_if_not_installed("Matrix")
  sparse <- fqtl(d$Y, Matrix::Matrix(d$X, sparse = TRUE), K = 1)
  expect_equal(sparse$B, fit$B, tolerance = 1e-10)
  blocks <- fqtl(d$Y, genotype_blocks(30, \(k) d$X[, k, drop = FALSE], size = 7), K = 1)
  expect_equal(blocks$B, fit$B, tolerance = 1e-10)
  table <- as.data.frame(fit)
  expect_identical(dim(table), c(90L, 5L))
  at <- table$predictor == "v20" & table$outcome == "lung"
  expect_equal(table$effect[at], fit$B["v20", "lung"])
  expect_equal(table$pip[at], pip(fit, "outcome")["v20", "lung"])
  expect_equal(fit$residuals, `rownames<-`(d$Y, rownames(d$X)) - fitted(fit))
  expect_identical(nobs(fit), 300L)
  alone <- fqtl_factorize(d$Y, K = 1)
  expect_identical(as.data.frame(alone)$outcome, rep(colnames(d$Y), alone$rank))
  expect_identical(alone$u_prior, "values")
  expect_identical(fit$u_prior, "susie")
  expect_error(pip(alone), "no predictors", class = "mnmash_error_type")
})
