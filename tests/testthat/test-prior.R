test_that("matrices are checked, named and scaled to a largest variance of one", {
  U <- list(a = 4 * diag(2), matrix(0, 2, 2))
  expect_equal(prior_matrices(U, 2), list(a = diag(2), U2 = matrix(0, 2, 2)))
  expect_equal(prior_matrices(U, 2, normalize = FALSE)$a, 4 * diag(2))
  bad <- matrix(c(1, 2, 2, 1), 2)
  expect_error(prior_matrices(list(), 2), "empty", class = "mnmash_error_argument")
  expect_error(prior_matrices(diag(2), 2), "list", class = "mnmash_error_type")
  expect_error(
    prior_matrices(list(x = bad), 2), "\\(x\\).*eigenvalue is -1",
    class = "mnmash_error_not_psd"
  )
  expect_error(prior_matrices(list(diag(3)), 2), "U1.*2 x 2", class = "mnmash_error_dimension")
  expect_error(
    prior_matrices(list(replace(diag(2), 2, .5)), 2), "symmetric",
    class = "mnmash_error_asymmetric"
  )
  expect_error(
    prior_matrices(list(replace(diag(2), 2, NA)), 2), "NA at",
    class = "mnmash_error_not_finite"
  )
  expect_error(prior_matrices(list("a"), 2), "numeric", class = "mnmash_error_type")
  twice <- list(a = diag(2), a = diag(2))
  expect_error(prior_matrices(twice, 2), "\"a\"", class = "mnmash_error_names")
})

test_that("the grid spans a tenth of the smallest error to twice the largest excess", {
  B <- matrix(c(5, 0, 1, 2), 2)
  S <- matrix(c(1, 2, .5, 1), 2)
  grid <- autoselect_grid(mash_set_data(B, S), 2)
  expect_equal(max(grid), 2 * sqrt(24))
  expect_lte(min(grid), 0.05)
  expect_gt(min(grid), 0.025)
  expect_equal(grid[-1] / grid[-length(grid)], rep(2, length(grid) - 1))
  expect_equal(autoselect_grid(mash_set_data(B, S), 0), c(0, sqrt(24)))
  expect_equal(max(autoselect_grid(mash_set_data(B / 100, S), 2)), 0.4)
  expect_error(
    autoselect_grid(mash_set_data(B, S), 0.5), "gridmult",
    class = "mnmash_error_argument"
  )
})

test_that("missing cells do not enter the grid", {
  B <- matrix(c(5, 0, 1, 2, NA, 3), 2)
  S <- matrix(c(1, 2, .5, 1, NA, 3), 2)
  complete <- mash_set_data(B[, 1:2], S[, 1:2])
  expect_equal(autoselect_grid(mash_set_data(B, S), 2), autoselect_grid(complete, 2))
})

test_that("components come null first, then by scale", {
  ulist <- list(a = diag(1), b = diag(1))
  expect_identical(component_names(ulist, 1:2, TRUE), c("null", "a.1", "b.1", "a.2", "b.2"))
  expect_identical(component_names(ulist, 1, FALSE), c("a.1", "b.1"))
})

test_that("the prior of the weights is checked", {
  expect_identical(dirichlet_parameters("nullb", 3, 10), c(10, 1, 1))
  expect_identical(dirichlet_parameters("uniform", 2, 10), c(1, 1))
  expect_identical(dirichlet_parameters(c(2, 1), 2, 10), c(2, 1))
  expect_error(dirichlet_parameters(1, 2, 10), "2 numbers", class = "mnmash_error_argument")
  expect_error(dirichlet_parameters(c(1, 0), 2, 10), "element 2", class = "mnmash_error_value")
})
