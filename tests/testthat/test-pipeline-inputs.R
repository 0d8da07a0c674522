input <- read_mash_input(extdata("mashr_input.rds"))
conditions <- colnames(input$strong.b)

test_that("vhat by a method, as a matrix, from a file", {
  z <- input$null.b / input$null.s
  direct <- cor(z[apply(abs(z), 1, max) < 2, ])
  expect_equal(resolve_vhat("simple", input, 0), direct, tolerance = 1e-12)
  expect_equal(resolve_vhat("vhat_simple", input, 1), direct, tolerance = 1e-12)
  expect_equal(unname(resolve_vhat("identity", input, 0)), diag(8))
  expect_identical(rownames(resolve_vhat(diag(8), input, 0)), conditions)
  file <- withr::local_tempfile(fileext = ".rds")
  saveRDS(direct, file)
  expect_identical(resolve_vhat(file, input, 0), direct)
  for (method in c("corrected", "corshrink", "vhat_simple_specific")) {
    V <- suppressMessages(resolve_vhat(method, input, 0))
    expect_equal(unname(diag(V)), rep(1, 8))
    expect_gt(min(eigen(V, symmetric = TRUE)$values), 0)
  }
})

test_that("maximum likelihood of V leaves R's random numbers alone", {
  small <- input[c("random.b", "random.s")]
  set.seed(3)
  before <- .Random.seed
  mle <- function(...) {
    suppressMessages(resolve_vhat("mle", small, 1, n_subset = 40, max_iter = 2, ...))
  }
  one <- mle()
  expect_identical(.Random.seed, before)
  expect_identical(mle(), one)
  expect_false(identical(mle(seed = 1), one))
})

test_that("arrays of V pass, for the set they are for", {
  V <- array(diag(8), c(8, 8, 17), dimnames = list(conditions, conditions, NULL))
  expect_identical(dim(resolve_vhat(V, input, 0)), c(8L, 8L, 17L))
  data <- set_data(input, "strong", 0, resolve_vhat(V, input, 0))
  expect_false(data$commonV)
  expect_error(set_data(input, "random", 0, V), "17", class = "mnmash_error_dimension")
})

test_that("conditions are matched by name, in any order", {
  V <- 0.4^abs(outer(1:8, 1:8, "-"))
  dimnames(V) <- list(conditions, conditions)
  expect_identical(resolve_vhat(V[8:1, 8:1], input, 0), V)
  expect_error(resolve_vhat(diag(4), input, 0), "`V` has 4 conditions, but the data have 8",
    class = "mnmash_error_dimension")
  small <- lapply(input, \(x) x[, c("Ast", "Mic")])
  V <- matrix(0.3, 8, 8, dimnames = list(conditions, conditions)) + diag(0.7, 8)
  expect_message(found <- resolve_vhat(V, small, 0), "`V`: 2 of its 8 conditions are used")
  expect_equal(found, V[c("Ast", "Mic"), c("Ast", "Mic")])
  dimnames(V) <- list(letters[1:8], letters[1:8])
  expect_error(resolve_vhat(V, input, 0), "it lacks 8 of 8 conditions \\(ALL, Ast, End, ...\\)",
    class = "mnmash_error_names")
  expect_error(resolve_vhat("smple", input, 0), "one of \"identity\".*not \"smple\"",
    class = "mnmash_error_argument")
})

test_that("too few null units: how many there are, and what to do", {
  few <- input
  few$null.b <- few$null.b[1:5, ]
  few$null.s <- few$null.s[1:5, ]
  expect_error(resolve_vhat("simple", few, 0),
    "not enough null rows .*has 5, .*another method", class = "mnmash_error_too_few")
  few$null.b <- few$null.b[0, ]
  few$null.s <- few$null.s[0, ]
  expect_error(
    resolve_vhat("simple", few, 0),
    "not enough null rows .*`null` set has 0, .*another method", class = "mnmash_error_too_few"
  )
  expect_error(resolve_vhat("simple", input[1:2], 0), "`data` has no `null` set",
    class = "mnmash_error_missing_entry")
})

test_that("priors: conditions that the data lack are integrated out, others are errors", {
  U <- list(a = crossprod(matrix(1:64 / 64, 8)), b = diag(8))
  U <- lapply(U, `dimnames<-`, list(conditions, conditions))
  prior <- list(U = U, w = c(0.5, 0.5))
  expect_message(
    found <- resolve_prior(prior, conditions[c(1, 3)]),
    "`prior`: 2 of its 8 conditions are used, those of the data"
  )
  expect_equal(found$U$a, U$a[c(1, 3), c(1, 3)])
  expect_identical(resolve_prior(lapply(U, unname), letters[1:8])$U$a,
    `dimnames<-`(U$a, list(letters[1:8], letters[1:8])))
  expect_error(resolve_prior(lapply(U, \(u) unname(u[1:3, 1:3])), conditions),
    "`prior` has 3 conditions, but the data have 8", class = "mnmash_error_dimension")
  expect_identical(resolve_prior(prior, rev(conditions))$U$a, U$a[8:1, 8:1])
  expect_error(resolve_prior(prior, c("new", conditions)), "it lacks 1 of 9 conditions \\(new\\)",
    class = "mnmash_error_names")
})
