test_that("a relative ridge is in units of the noise of each condition", {
  data <- random_data(3, J = 25, V = correlated(3))
  U <- list(a = diag(3), b = matrix(1, 3, 3, dimnames = list(letters[1:3], letters[1:3])))
  ridged <- add_ridge(U, data)
  want <- apply(data$Shat^2, 2, median) / 5
  expect_equal(ridged$b - U$b, diag(want), ignore_attr = TRUE)
  expect_identical(dimnames(ridged$b), dimnames(U$b))
  expect_identical(add_ridge(U, data, ridge = "none"), U)
  expect_equal(add_ridge(U$a, data, subset = 1:4, ridge = "mashr"), diag(1.5, 3))
  expect_equal(add_ridge(U$a, data, ridge = "mashr", size = 2), diag(3, 3))
  # Other units of a condition: the same ridge in those units
  scaled <- mash_set_data(data$Bhat %*% diag(c(1, 1000, 1)), data$Shat %*% diag(c(1, 1000, 1)))
  D <- diag(c(1, 1000, 1))
  expect_equal(add_ridge(D %*% U$a %*% D, scaled), D %*% add_ridge(U$a, data) %*% D)
  z <- mash_set_data(matrix(rnorm(30), 10))
  expect_equal(add_ridge(diag(3), z), add_ridge(diag(3), z, ridge = "mashr"))
})

test_that("noise variances know V by unit, missing cells and contrasts", {
  V <- by_unit(3)
  V[2, 2, ] <- 4
  data <- mash_set_data(matrix(rnorm(36), 12), matrix(runif(36, 1, 2), 12), V = V)
  expect_equal(noise_variances(data), apply(data$Shat^2, 2, median) * c(1, 4, 1))
  holed <- random_data(3, J = 20, missing = 0.3)
  S <- holed$Shat
  S[holed$missing] <- NA
  expect_equal(noise_variances(holed), apply(S^2, 2, median, na.rm = TRUE))
  against <- mash_update_data(random_data(3), ref = 1)
  expect_equal(noise_variances(against), apply(unname(against$Shat)^2, 2, median))
})

test_that("ranks do not depend on units; rank-one matrices are named", {
  u <- c(1e-6, 1, 1e6)
  expect_identical(covariance_rank(tcrossprod(u)), 1L)
  expect_identical(covariance_rank(diag(u)), 3L)
  expect_identical(covariance_rank(matrix(0, 2, 2)), 0L)
  U <- list(line = tcrossprod(u), single = diag(c(1, 0, 0)), full = diag(3))
  expect_warning(warn_rank_one(U), "line", class = "mnmash_warning_rank_one")
  expect_silent(warn_rank_one(U[2:3]))
})
