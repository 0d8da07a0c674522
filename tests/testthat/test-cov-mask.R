masked_diagonals <- function(found) lapply(found, \(U) diag(unname(U)))

test_that("copies lack the conditions whose variance is small beside the largest, and only these", {
  data <- mash_set_data(random_data(4, J = 10)$Bhat)
  U <- tcrossprod(matrix(cos(1:16), 4))
  U <- U / sqrt(tcrossprod(diag(U))) * sqrt(tcrossprod(c(1, 0.2, 0.08, 0.03)))
  found <- cov_mask(list(a = U, flat = diag(4)), data)
  expect_identical(names(found), c("a_mask5", "a_mask10", "a_mask25"))
  expect_equal(masked_diagonals(found), list(
    a_mask5 = c(1, 0.2, 0.08, 0), a_mask10 = c(1, 0.2, 0, 0), a_mask25 = c(1, 0, 0, 0)
  ))
  expect_equal(unname(found$a_mask10[1:2, 1:2]), U[1:2, 1:2])
  expect_true(all(found$a_mask10[3:4, ] == 0) && all(found$a_mask10[, 3:4] == 0))
  # The same conditions stay under both: one copy.
  expect_identical(names(cov_mask(list(a = U), data, c(0.12, 0.15))), "a_mask12")
  expect_identical(cov_mask(list(zero = 0 * U, flat = diag(4)), data), list())
})

test_that("what is masked does not depend on the units of the conditions, or on their order", {
  data <- random_data(5, J = 30, missing = 0.2)
  U <- list(a = crossprod(matrix(sin(1:25), 5)) * tcrossprod(c(1, 0.6, 0.3, 0.2, 0.1)))
  found <- cov_mask(U, data, c(0.02, 0.1, 0.3))
  expect_gt(length(found), 1)
  unit <- 10^(-2:2)
  hold <- is.na(replace(data$Bhat, data$missing, NA))
  put <- \(x) replace(x %*% diag(unit), hold, NA)
  scaled <- mash_set_data(put(data$Bhat), put(data$Shat))
  again <- cov_mask(list(a = U$a * tcrossprod(unit)), scaled, c(0.02, 0.1, 0.3))
  expect_equal(lapply(again, \(u) unname(u) / tcrossprod(unit)), lapply(found, unname))
  names <- letters[1:5]
  named <- \(x, order) `colnames<-`(x[, order], names[order])
  B <- replace(data$Bhat, data$missing, NA)
  S <- replace(data$Shat, data$missing, NA)
  dimnames(U$a) <- list(names, names)
  order <- c(3, 1, 5, 2, 4)
  one <- cov_mask(U, mash_set_data(named(B, 1:5), named(S, 1:5)), 0.1)
  two <- cov_mask(U, mash_set_data(named(B, order), named(S, order)), 0.1)
  expect_identical(two[[1]][names, names], one[[1]])
})

test_that("thresholds are shares", {
  data <- mash_set_data(matrix(1:4, 2))
  for (bad in list(0, 1, NA, "a", numeric())) {
    expect_error(cov_mask(list(diag(2)), data, bad), "thresholds", class = "mnmash_error_argument")
  }
})
