sparse_case <- function(n = 90, p = 70, r = 3, seed = 8) {
  withr::local_seed(seed)
  X <- matrix(rbinom(n * p, 2, 0.1), n, dimnames = list(NULL, paste0("snp", 1:p)))
  X[, 7] <- 2 # constant
  X[, 9] <- X[, 8]
  Z <- cbind(age = rnorm(n), sex = rep(0:1, length.out = n))
  B <- matrix(0, p, r)
  B[c(2, 20), ] <- 0.7
  Y <- 3 + X %*% B + Z %*% matrix(1:6 / 5, 2) + matrix(rnorm(n * r), n)
  list(X = X, Y = Y, Z = Z, U = list(shared = matrix(1, r, r), own = diag(r)), grid = c(0.1, 0.4))
}

test_that("a sparse matrix of predictors gives the fit of the dense one", {
  skip_if_not_installed("Matrix")
  d <- sparse_case()
  S <- Matrix::Matrix(d$X, sparse = TRUE)
  missing <- d$Y
  missing[cbind(c(1, 5, 5, 30), c(1, 2, 3, 1))] <- NA
  settings <- list(
    list(d$Y), list(missing), list(d$Y, Z = d$Z), list(missing, Z = d$Z, standardize = FALSE),
    list(d$Y, intercept = FALSE), list(d$Y, order = "decreasing_logBF"),
    list(d$Y, B_init = matrix(0.1, 70, 3), standardize = TRUE)
  )
  for (setting in settings) {
    arguments <- c(setting, list(prior = d$U, grid = d$grid, max_iter = 40))
    dense <- do.call(mr_mash, c(list(d$X), arguments))
    sparse <- do.call(mr_mash, c(list(S), arguments))
    for (what in c("mu1", "lfsr", "V", "w0", "fitted", "residuals", "intercept", "covariates")) {
      expect_equal(unname(sparse[[what]]), unname(dense[[what]]), tolerance = 1e-9)
    }
    expect_equal(sparse$ELBO, dense$ELBO, tolerance = 1e-11)
  }
  expect_equal(predict(sparse, S[1:4, ]), predict(dense, d$X[1:4, ]), tolerance = 1e-9)
})

test_that("covariates are regressed out of predictors and responses", {
  d <- sparse_case()
  V <- cov(d$Y)
  d$X <- d$X[, -7]
  fit <- mr_mash(d$X, d$Y, d$U, grid = d$grid, V = V, Z = d$Z, standardize = FALSE)
  out <- \(M) residuals(lm(M ~ d$Z))
  plain <- mr_mash(
    out(d$X), out(d$Y), d$U, grid = d$grid, V = V, intercept = FALSE, standardize = FALSE
  )
  expect_equal(unname(fit$mu1), unname(plain$mu1), tolerance = 1e-9)
  expect_equal(fit$ELBO, plain$ELBO, tolerance = 1e-8)
  own <- coef(lm(d$Y - d$X %*% fit$mu1 ~ d$Z))
  expect_equal(unname(coef(fit)[1:3, ]), unname(own), tolerance = 1e-8)
  expect_identical(rownames(coef(fit))[1:4], c("(Intercept)", "age", "sex", "snp1"))
  expect_equal(unname(fitted(fit)), unname(predict(fit, d$X, d$Z)), tolerance = 1e-10)
  expect_equal(unname(fitted(fit) + residuals(fit)), unname(d$Y), tolerance = 1e-10)
  expect_error(predict(fit, d$X), "`covariates` is needed", class = "mnmash_error_argument")
  expect_error(predict(fit, d$X, d$Z[, 1]), "lack|covariate", class = "mnmash_error_dimension")
})

test_that("a predictor without variance keeps the prior's spread, whatever its multiples", {
  set.seed(5)
  X <- cbind(matrix(rnorm(60), 20), 1)
  Y <- matrix(rnorm(40), 20)
  U <- list(a = diag(2), b = matrix(1, 2, 2))
  S0 <- list(a1 = U$a, b1 = U$b, a2 = 4 * U$a, b2 = 9 * U$b, a3 = 25 * U$a)
  w0 <- c(0.1, 0.3, 0.2, 0.15, 0.25)
  fit <- suppressWarnings(mr_mash(
    X, Y, S0 = S0, w0 = w0, update_w0 = FALSE, standardize = FALSE, max_iter = 3
  ))
  second <- Reduce(`+`, Map(`*`, S0, w0))
  expect_equal(unname(fit$psd[4, ]), sqrt(diag(second)), tolerance = 1e-12)
})
