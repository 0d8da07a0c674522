test_that("groups are chains of similar matrices, and their weights add up", {
  angle <- function(degrees) {
    v <- c(cos(degrees * pi / 180), sin(degrees * pi / 180))
    tcrossprod(v)
  }
  # the cosine of two such matrices is the squared cosine of the angle
  U <- list(a = angle(0), b = 3 * angle(10), c = angle(20), far = angle(60), other = angle(65))
  m <- structure(
    list(fitted_g = list(
      pi = c(0.1, 0.1, 0.2, 0.05, 0.15, 0, 0.1, 0, 0.2, 0.1, 0), Ulist = U, grid = c(1, 2),
      usepointmass = TRUE
    )),
    class = "mash"
  )
  found <- near_duplicates(m, similarity = cos(11 * pi / 180)^2)
  expect_identical(found$matrix, c("c", "a", "b", "far", "other"))
  expect_identical(found$group, c(1L, 1L, 1L, 2L, 2L))
  expect_equal(found$weight, c(0.25, 0.2, 0.2, 0.25, 0))
  expect_equal(found$group_weight, c(0.65, 0.65, 0.65, 0.25, 0.25))
  expect_equal(found$similarity[1], cos(10 * pi / 180)^2)
  expect_equal(found$nearest[4], "other")
  expect_identical(near_duplicates(m, cos(6 * pi / 180)^2)$matrix, c("far", "other"))
  expect_identical(nrow(near_duplicates(m, 1)), 0L)
})

test_that("lists of matrices do too, and matrices of zeros are like one another only", {
  found <- near_duplicates(list(diag(2), zero = 0 * diag(2), none = 0 * diag(2), 5 * diag(2)))
  groups <- split(found$matrix, found$group)
  expect_identical(unname(groups), list(c("U1", "U4"), c("zero", "none")))
  expect_true(all(is.na(found$weight)))
  expect_error(near_duplicates(list()), class = "mnmash_error_argument")
  expect_error(near_duplicates(3), class = "mnmash_error_type")
})
