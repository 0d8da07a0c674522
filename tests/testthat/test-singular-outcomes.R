# Outcomes that are copies, constant, or more than there are samples: one sentence that says which,
# and what to do, in every model that takes their covariance.

not_psd <- "mnmash_error_not_psd"
set.seed(1)
X <- matrix(rbinom(30 * 4, 2, 0.4), 30)
y <- rnorm(30)
copies <- cbind(liver = y, lung = rnorm(30), skin = 2 * y + 1)
wide <- matrix(rnorm(30 * 31), 30)
mix <- cbind(a = y, b = copies[, 2], c = y - copies[, 2])

test_that("copies are named by mr_mash(), finemap() and ud_fit()", {
  named <- "\\(liver\\) and .* 3 \\(skin\\) have the correlation 1; leave some out, or"
  expect_error(mr_mash(X, copies, list(diag(3)), grid = 0.2), named, class = not_psd)
  expect_error(finemap(finemap_data(X, copies), list(diag(3))), named, class = not_psd)
  z <- copies - rep(c(0, 0, 1), each = 30)
  expect_error(
    ud_fit(mash_set_data(z), K = 1, estimate_V = TRUE), "`data`: the covariance .* \\(skin\\) have",
    class = not_psd
  )
  expect_error(
    finemap(
      finemap_suffstat(
        crossprod(X), crossprod(X, mix), unname(crossprod(mix[, c(1, 2, 1)])), 30
      ),
      list(diag(3))
    ),
    "`YtY` must be positive definite.*correlation 1", class = not_psd
  )
})

test_that("combinations, and more outcomes than samples can tell apart, are said to be that", {
  for (Y in list(mix, wide, wide[, 1:30])) {
    R <- ncol(Y)
    said <- paste0("`Y`: the covariance of its ", R, " .*s in 30 samples is singular; leave some")
    expect_error(mr_mash(X, Y, list(diag(R)), grid = 0.2), said, class = not_psd)
    expect_error(finemap(finemap_data(X, Y), list(diag(R))), said, class = not_psd)
  }
})

test_that("the remedies that are named work", {
  for (residual in c("diagonal", "lowrank")) {
    rank <- if (residual == "lowrank") 1
    fit <- mr_mash(X, wide, list(diag(31)), grid = 0.2, residual = residual, rank = rank)
    expect_true(fit$convergence$converged)
  }
  fit <- mr_mash(X, copies, list(diag(3)), grid = 0.2, V = diag(3))
  expect_true(all(is.finite(fit$ELBO)))
  fit <- finemap(finemap_data(X, wide), list(diag(31)), estimate_V = "diag")
  expect_true(all(is.finite(pip(fit))))
  expect_true(all(is.finite(pip(finemap(finemap_data(X, copies), list(diag(3)), V = diag(3))))))
  # Without an intercept shifts are no combinations.
  expect_s3_class(
    mr_mash(X, cbind(y, y + 3), list(diag(2)), grid = 0.2, intercept = FALSE, max_iter = 2),
    "mr_mash"
  )
})

test_that("a constant outcome is named", {
  for (Y in list(cbind(a = y, b = 1), cbind(a = y, b = c(NA, rep(0.1, 29))))) {
    expect_error(
      mr_mash(X, Y, list(diag(2)), grid = 0.2), "`Y` must vary: column 2 \\(b\\) is constant",
      class = "mnmash_error_value"
    )
    expect_error(
      finemap_data(X, Y), "`Y` must vary: column 2 \\(b\\)", class = "mnmash_error_value"
    )
  }
})
