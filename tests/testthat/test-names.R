test_that("things with names are matched by name, in any order, and reduced to what is needed", {
  align <- mnmash:::align_to
  expect_identical(align(c("c", "a", "b"), c("a", "b", "c"), "V", "condition"), c(2L, 3L, 1L))
  expect_message(
    expect_identical(align(c("c", "a", "b"), c("b", "c"), "V", "condition"), c(3L, 1L)),
    "`V`: 2 of its 3 conditions are used, those of the data"
  )
  expect_silent(align(c("a", "b"), c("a", "b"), "V", "condition"))
})

test_that("names that are missing are an error that lists three of them", {
  align <- mnmash:::align_to
  expect_error(
    align(c("a", "b"), letters[2:7], "V", "condition"),
    "`V` does not go with the data: it lacks 5 of 6 conditions (c, d, e, ...)",
    fixed = TRUE, class = "mnmash_error_names"
  )
  expect_error(
    align(c("a", "b", "c"), c("a", "b"), "w0", "component", to = "`S0`", more = "refuse"),
    "it has 1 that `S0` lacks (c)",
    fixed = TRUE, class = "mnmash_error_names"
  )
})

test_that("without names on one side order counts, and sizes must agree", {
  align <- mnmash:::align_to
  expect_identical(align(NULL, c("a", "b"), "V", "condition", n_own = 2L), 1:2)
  expect_identical(align(c("a", "b"), NULL, "V", "condition", n_wanted = 2L), 1:2)
  expect_error(
    align(NULL, c("a", "b"), "V", "condition", n_own = 3L),
    "`V` has 3 conditions, but the data have 2: without names in `V`",
    fixed = TRUE, class = "mnmash_error_dimension"
  )
})

test_that("names that stand twice match only where both sides are the same", {
  align <- mnmash:::align_to
  expect_identical(align(c("a", "a"), c("a", "a"), "Shat", "unit"), 1:2)
  expect_error(
    align(c("a", "a", "b"), c("b", "a", "a"), "Shat", "unit"), "two units named \"a\"",
    class = "mnmash_error_names"
  )
})

test_that("whole numbers are the same names whatever their storage", {
  expect_identical(mnmash:::name_text(c(100000L, 7L)), mnmash:::name_text(c(1e5, 7)))
  expect_identical(mnmash:::name_text(1e5), "100000")
  expect_identical(mnmash:::name_text(factor(c("x", "y"))), c("x", "y"))
  expect_identical(mnmash:::name_text(123456789012), "123456789012")
})

test_that("square matrices and arrays of them are reordered on both margins", {
  V <- matrix(1:9, 3, dimnames = list(letters[1:3], letters[1:3]))
  at <- c(2, 3, 1)
  expect_identical(
    mnmash:::align_square(V, c("b", "c", "a"), 3L, "V", "condition"), V[at, at]
  )
  A <- array(1:18, c(3, 3, 2), list(letters[1:3], letters[1:3], NULL))
  expect_identical(
    mnmash:::align_square(A, c("b", "c", "a"), 3L, "V", "condition"), A[c(2, 3, 1), c(2, 3, 1), ]
  )
  dimnames(V)[[2L]] <- rev(letters[1:3])
  expect_error(
    mnmash:::align_square(V, letters[1:3], 3L, "V", "condition"), "condition 1 is a in the rows, c",
    class = "mnmash_error_names"
  )
})

test_that("dots are used or refused: another package's word, both words, a slip, no name", {
  f <- function(x, max_iter = 10, LD = NULL, ...) {
    mnmash:::take_dots(...)
    list(max_iter, LD)
  }
  expect_identical(f(1, maxiter = 5)[[1L]], 5)
  expect_identical(f(1, R = "ld")[[2L]], "ld")
  expect_error(f(1, max_iter = 3, maxiter = 5), "give `max_iter` or `maxiter`, not both",
    class = "mnmash_error_argument"
  )
  expect_error(f(1, mx_iter = 3), "no argument `mx_iter`: did you mean `max_iter`?",
    fixed = TRUE, class = "mnmash_error_argument"
  )
  expect_error(f(1, 2, 3, 4), "an argument without a name", class = "mnmash_error_argument")
})

test_that("a check names its argument as the caller wrote it", {
  f <- function(tolerance) mnmash:::check_number(tolerance, 0)
  expect_error(f(-1), "`tolerance` must be one finite number of at least 0", fixed = TRUE)
  g <- function(control) mnmash:::check_count(control$max_iter)
  expect_error(g(list(max_iter = 1.5)), "`control$max_iter` must be a whole number", fixed = TRUE)
})
