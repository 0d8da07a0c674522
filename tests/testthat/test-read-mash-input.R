example_input <- function() {
  set.seed(5)
  set <- function(n, scale) {
    s <- matrix(exp(rnorm(n * 3)), n, dimnames = list(NULL, c("x", "y", "z")))
    b <- s * rnorm(n * 3, sd = scale)
    list(b = b, s = s, z = b / s)
  }
  sets <- list(strong = set(6, 5), random = set(9, 1), null = set(8, 1))
  do.call(c, lapply(names(sets), \(n) stats::setNames(sets[[n]], paste0(n, ".", names(sets[[n]])))))
}

test_that("matrices, data frames and files give the same", {
  x <- example_input()
  input <- read_mash_input(x)
  expect_s3_class(input, "mash_input")
  expect_identical(input$strong.b, x$strong.b)
  expect_identical(input$null.s, x$null.s)
  frames <- lapply(x, as.data.frame)
  expect_identical(read_mash_input(frames), input)
  file <- withr::local_tempfile(fileext = ".rds")
  saveRDS(frames, file)
  expect_equal(read_mash_input(file), input, ignore_attr = "file")
  expect_identical(read_mash_input(input), input)
  expect_output(print(input), "3 conditions .*\n.*strong +6 units")
})

test_that("missing cells: NA, not a number, infinite, and the coding (0, 1000)", {
  x <- example_input()
  x$random.b[2, 1] <- NA
  x$random.b[3, 2] <- NaN
  x$random.s[4, 3] <- Inf
  x$random.b[5, 1] <- 0
  x$random.s[5, 1] <- 1000
  x$random.b[6, 2] <- 0
  x$random.s[6, 2] <- 0
  cells <- cbind(2:6, c(1, 2, 3, 1, 2))
  mask <- matrix(FALSE, 9, 3)
  mask[cells] <- TRUE
  input <- read_mash_input(x)
  expect_identical(unname(is.na(input$random.b)), mask)
  expect_identical(unname(is.na(input$random.s)), mask)
  reset <- read_mash_input(x, "reset1000")
  expect_identical(reset$random.b[cells], rep(0, 5))
  expect_identical(reset$random.s[cells], rep(1000, 5))
  expect_identical(reset$random.b[!mask], x$random.b[!mask])
})

test_that("units and conditions of which nothing is known are left out, and named", {
  x <- example_input()
  x$strong.b[3, ] <- NA
  expect_message(input <- read_mash_input(x), "1 units of `strong` are left out")
  expect_identical(input$strong.b, x$strong.b[-3, ])
  x <- example_input()
  x$null.b[, "y"] <- 0
  x$null.s[, "y"] <- 1000
  expect_warning(input <- read_mash_input(x), "condition y is left out.*`null`",
    class = "mnmash_warning_missing")
  expect_identical(colnames(input$strong.b), c("x", "z"))
  expect_identical(input$random.s, x$random.s[, c("x", "z")])
})

test_that("z-scores alone will do", {
  x <- example_input()
  x$strong.b <- x$strong.s <- NULL
  x$strong.z[1, 1] <- 0
  expect_message(input <- read_mash_input(x), "1 z-scores that are exactly 0")
  expect_identical(input$strong.b, x$strong.z)
  expect_true(all(input$strong.s == 1))
})

test_that("data under EZ: posteriors of missing cells come in units of effects", {
  # Four conditions with equal effects; a quarter of one column is missing.
  set.seed(2)
  n <- 400
  s <- matrix(exp(rnorm(n * 4, log(0.1), 0.2)), n, dimnames = list(NULL, letters[1:4]))
  effect <- rnorm(n, sd = 10)
  z <- effect + matrix(rnorm(n * 4), n)
  x <- list(strong.b = z * s, strong.s = s)
  x$strong.b[1:100, 2] <- 0
  x$strong.s[1:100, 2] <- 1000
  input <- read_mash_input(x)
  data <- set_data(input, "strong", 1)
  m <- mash(data, list(equal = matrix(1, 4, 4)), grid = 10, verbose = FALSE)

  # The exact marginal, by hand: of a shared effect given three of the four z-scores.
  others <- rowSums(z[1:100, -2])
  given_effect <- others / (3 + 1 / 100)
  null <- exp(-rowSums(z[1:100, -2]^2) / 2) * m$fitted_g$pi[1]
  alt <- m$fitted_g$pi[2] *
    apply(z[1:100, -2], 1, \(v) exp(slow_log_density(v, diag(3) + 100)) * (2 * pi)^1.5)
  typical <- stats::median(s[101:400, 2])
  expect_equal(unname(get_pm(m)[1:100, 2]), given_effect * alt / (alt + null) * typical,
    tolerance = 1e-6)
  # Observed cells, and the likelihood of what was observed, do not know about it.
  z_missing <- x$strong.b / x$strong.s
  z_missing[1:100, 2] <- NA
  z_data <- mash_set_data(z_missing)
  m_z <- mash(z_data, g = m$fitted_g, fixg = TRUE, verbose = FALSE)
  expect_equal(get_pm(m)[, -2], get_pm(m_z)[, -2] * s[, -2], tolerance = 1e-10)
  jacobian <- sum(log(s)) - sum(log(s[1:100, 2]))
  expect_equal(get_loglik(m), get_loglik(m_z) - jacobian, tolerance = 1e-12)
})

test_that("bad files are described", {
  x <- example_input()
  expect_error(read_mash_input(x[1:3], sets = "null"), "`file` has no `null` set .*it has `strong`",
    class = "mnmash_error_missing_entry")
  expect_error(read_mash_input(x["strong.b"]), "`strong.b` but not `strong.s`",
    class = "mnmash_error_missing_entry")
  expect_error(read_mash_input(list(a = 1)), "none of the entries .*it has `a`",
    class = "mnmash_error_missing_entry")
  y <- x
  y$random.s <- y$random.s[, 3:1]
  y$null.b <- y$null.b[, c(2, 3, 1)]
  expect_identical(read_mash_input(y), read_mash_input(x))
  y <- x
  colnames(y$random.b) <- colnames(y$random.s) <- c("x", "y", "q")
  expect_error(read_mash_input(y), "lacks 1 of 3 conditions \\(z\\), and it has 1 .* lacks \\(q\\)",
    class = "mnmash_error_names")
  y <- x
  y$null.b <- y$null.b[, 1:2]
  expect_error(read_mash_input(y), "`null.s` must have the dimensions",
    class = "mnmash_error_dimension")
  y <- x
  y$null.b <- y$null.s <- y$null.b[0, ]
  expect_error(read_mash_input(y, sets = "null"), "the `null` set has no units",
    class = "mnmash_error_too_few")
  y <- x
  y$strong.b <- data.frame(x = letters[1:6], y = 1, z = 2)
  expect_error(read_mash_input(y), "`file\\$strong.b` must hold numbers only: column 1",
    class = "mnmash_error_type")
})

test_that("standard errors are matched to effects by the names of units", {
  x <- example_input()
  rownames(x$strong.b) <- rownames(x$strong.s) <- paste0("u", 1:6)
  turned <- x
  turned$strong.s <- x$strong.s[6:1, ]
  expect_identical(read_mash_input(turned), read_mash_input(x))
  rownames(turned$strong.s)[2] <- "v"
  expect_error(read_mash_input(turned), "`file\\$strong.s` .* it lacks 1 of 6 units \\(u5\\)",
    class = "mnmash_error_names")
})
