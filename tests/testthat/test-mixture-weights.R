source(test_path("fixtures", "weights-problems.R"), local = TRUE)
reference <- readRDS(test_path("fixtures", "weights.rds"))

# Objective, largest violation of the optimality conditions over all columns, and largest
# complementarity product, straight from their definitions.
certificate <- function(loglik, a, pi, w = rep(1, nrow(loglik))) {
  top <- apply(loglik, 1, max)
  L <- exp(loglik - top)
  u <- drop(L %*% pi)
  penalised <- a > 1
  penalty <- ifelse(penalised, (a - 1) / pi, 0)
  g <- (colSums(L * ifelse(w > 0, w / u, 0)) + penalty) / (sum(w) + sum(a - 1))
  list(
    objective = sum(w * (log(u) + top)) + sum((a - 1)[penalised] * log(pi[penalised])),
    kkt = max(g) - 1, product = max(abs(pi * (g - 1)))
  )
}

expect_optimal <- function(loglik, fit, a = rep(1, ncol(loglik)), w = rep(1, nrow(loglik))) {
  found <- certificate(loglik, a, fit$pi, w)
  expect_true(fit$converged)
  expect_lte(found$kkt, 1e-8)
  expect_lte(found$product, 1e-8)
  expect_equal(fit$kkt, max(found$kkt, 0), tolerance = 1e-12)
  expect_lt(abs(fit$objective / found$objective - 1), 1e-13)
  expect_equal(sum(fit$pi), 1, tolerance = 1e-14)
  expect_gte(min(diff(c(-Inf, fit$trace)) / abs(fit$objective)), -1e-14)
  expect_equal(fit$trace[length(fit$trace)], fit$objective, tolerance = 1e-15)
}

for (name in names(weight_problems)) {
  test_that(paste("the reference problem", name, "is solved to its optimum"), {
    if (name == "5000x441") skip_on_cran()
    loglik <- weight_problems[[name]]()
    case <- reference[[name]]
    expect_equal(sum(loglik[is.finite(loglik)]), case$sum_finite, tolerance = 1e-12)
    fit <- mixture_weights(loglik, case$prior, n_threads = 1)
    expect_optimal(loglik, fit, case$prior)
    expect_lt(abs(fit$objective - case$objective), 1e-9)
    expect_lt(fit$gap, 1e-9)
    expect_true(all(fit$pi == 0 | fit$pi > 1e-10))
    fitted <- log(exp(loglik[1:50, ]) %*% fit$pi)
    expect_equal(drop(fitted), case$fitted_loglik[1:50], tolerance = 1e-7)
    if (name != "near_duplicates") {
      expect_equal(which(fit$pi > 0), case$support)
      expect_equal(fit$pi, case$pi, tolerance = 1e-5)
    }
    expect_identical(mixture_weights(loglik, case$prior, n_threads = 2), fit)
  })
}

test_that("closed forms: one column, one row, two columns, disjoint rows, with a penalty or not", {
  expect_equal(mixture_weights(cbind(only = rnorm(9)))$pi, c(only = 1))
  expect_equal(mixture_weights(rbind(c(-2, 3, 0)), "uniform")$pi, c(0, 1, 0))
  # 40 rows (1, 0.1) and 60 rows (0.2, 1): 40 * 0.9 / (p + 0.1 q) = 60 * 0.8 / (0.2 p + q)
  two <- log(rbind(c(1, 0.1), c(0.2, 1))[rep(1:2, c(40, 60)), ])
  expect_equal(mixture_weights(two, "uniform")$pi[1], 31.2 / 72, tolerance = 1e-12)
  counts <- c(50, 30, 20, 0)
  disjoint <- matrix(-Inf, 100, 4)
  disjoint[cbind(1:100, rep(1:4, counts))] <- seq(-3, 3, length.out = 100)
  expect_equal(mixture_weights(disjoint, "uniform")$pi, counts / 100, tolerance = 1e-13)
  penalised <- mixture_weights(disjoint, c(10, 1, 1, 3))
  expect_equal(penalised$pi, (counts + c(9, 0, 0, 2)) / 111, tolerance = 1e-11)
  expect_identical(mixture_weights(disjoint)$pi, mixture_weights(disjoint, c(10, 1, 1, 1))$pi)
  expect_identical(
    mixture_weights(disjoint, nullweight = 4)$pi, mixture_weights(disjoint, c(4, 1, 1, 1))$pi
  )
})

test_that("the order of rows and columns, and row constants, do not matter", {
  loglik <- scale_problem(21, 400, 30)
  fit <- mixture_weights(loglik, "uniform")
  set.seed(1)
  rows <- sample(400)
  cols <- sample(30)
  shift <- rnorm(400, sd = 100)
  other <- mixture_weights((loglik + shift)[rows, cols], "uniform")
  expect_equal(other$pi, fit$pi[cols], tolerance = 1e-8)
  expect_equal(other$objective, fit$objective + sum(shift), tolerance = 1e-12)
})

test_that("a row of weight two counts twice, a row of weight zero not at all", {
  loglik <- scale_problem(22, 300, 20)
  weights <- rep(0:2, 100)
  fit <- mixture_weights(loglik, row_weights = weights)
  expect_optimal(loglik, fit, c(10, rep(1, 19)), weights)
  repeated <- mixture_weights(loglik[rep(1:300, weights), ])
  expect_equal(fit$pi, repeated$pi, tolerance = 1e-8)
  expect_equal(fit$objective, repeated$objective, tolerance = 1e-12)
})

test_that("any start reaches the optimum, and the optimum stays where it is", {
  loglik <- scale_problem(23, 600, 40)
  fit <- mixture_weights(loglik, "uniform")
  expect_lte(mixture_weights(loglik, "uniform", start = fit$pi)$iterations, 1)
  for (p in c(1, 20, 40)) {
    from <- mixture_weights(loglik, "uniform", start = 3 * (1:40 == p))
    expect_optimal(loglik, from)
    expect_equal(from$objective, fit$objective, tolerance = 1e-13)
  }
})

test_that("collinear, copied, empty, dominated and few columns are handled", {
  fine <- scale_problem(24, 300, 400, growth = 1.01)
  expect_optimal(fine, mixture_weights(fine, "uniform"))
  wide <- matrix(rnorm(10 * 300, sd = 5), 10)
  expect_optimal(wide, mixture_weights(wide, "uniform"))
  loglik <- scale_problem(25, 200, 10)
  fit <- mixture_weights(loglik, "uniform")
  copied <- mixture_weights(cbind(loglik, loglik, -Inf, loglik - 1), "uniform")
  expect_equal(copied$objective, fit$objective, tolerance = 1e-13)
  expect_identical(copied$pi[21:31], rep(0, 11))
  same <- matrix(rep(c(-1, -2, -3), each = 50), 50)
  expect_equal(mixture_weights(same, "uniform")$pi, c(1, 0, 0))
})

test_that("rows that differ by thousands of log units are handled", {
  set.seed(26)
  for (spread in c(1e2, 1e4, 1e8)) {
    loglik <- matrix(-spread * runif(100 * 30), 100)
    expect_optimal(loglik, mixture_weights(loglik, "uniform"))
  }
  outlier <- vapply(c(1, 2, 4), \(sd) dnorm(c(-1, 0, 2, 1e8), sd = sd, log = TRUE), numeric(4))
  expect_optimal(outlier, mixture_weights(outlier, "uniform"))
})

test_that("many rows, which start from samples, end at the optimum even when they are sorted", {
  x <- sort(abs(scale_problem(27, 30000, 2)[, 1]))
  loglik <- vapply(1.25^(0:25) / 3, \(sd) dnorm(x, sd = sd, log = TRUE), numeric(30000))
  expect_optimal(loglik, mixture_weights(loglik, "uniform"))
})

test_that("EM climbs, agrees in the end, and says when it stopped short", {
  loglik <- scale_problem(28, 200, 8, growth = 2)
  best <- mixture_weights(loglik, "uniform")
  short <- mixture_weights(loglik, "uniform", method = "em", max_iter = 10)
  expect_false(short$converged)
  expect_equal(short$iterations, 10)
  expect_match(short$message, "limit of iterations")
  expect_true(all(diff(short$trace) > 0))
  expect_equal(short$kkt, certificate(loglik, rep(1, 8), short$pi)$kkt, tolerance = 1e-10)
  expect_gt(best$objective, short$objective)
  expect_lte(best$objective, short$objective + short$gap)
  long <- mixture_weights(loglik, "uniform", method = "em", tol = 1e-4)
  expect_true(long$converged)
  expect_lt(best$objective - long$objective, 1e-4 * 200)
})

test_that("a fit that runs out of iterations says so, with a true certificate", {
  loglik <- scale_problem(29, 500, 40)
  best <- mixture_weights(loglik, "uniform")
  fit <- mixture_weights(loglik, "uniform", max_iter = 1)
  expect_false(fit$converged)
  expect_equal(fit$kkt, certificate(loglik, rep(1, 40), fit$pi)$kkt, tolerance = 1e-10)
  expect_lte(best$objective, fit$objective + fit$gap)
})

test_that("names come from the columns; data frames and integers are taken; nothing is modified", {
  loglik <- matrix(-(1:12 %% 5), 4, dimnames = list(NULL, c("a", "b", "c")))
  storage.mode(loglik) <- "integer"
  before <- loglik + 0L
  fit <- mixture_weights(loglik)
  expect_named(fit$pi, c("a", "b", "c"))
  expect_identical(mixture_weights(as.data.frame(loglik)), fit)
  double <- loglik + 0
  kept <- double + 0
  mixture_weights(double)
  expect_identical(double, kept)
  expect_identical(loglik, before)
  expect_named(
    fit, c(
      "pi", "objective", "kkt", "gap", "iterations", "converged", "message", "trace", "convergence"
    )
  )
})

test_that("unusable input is named, with its place", {
  loglik <- scale_problem(30, 20, 4)
  bad <- function(i, j, value) {
    loglik[i, j] <- value
    loglik
  }
  wrong <- function(kind, message, ...) {
    expect_error(mixture_weights(...), message, class = paste0("mnmash_error_", kind))
  }
  wrong("value", "NaN at row 7, column 2", bad(7, 2, NA))
  wrong("value", "Inf at row 20, column 4", bad(20, 4, Inf))
  wrong("value", "row 3", bad(3, 1:4, -Inf))
  wrong("type", "loglik", letters)
  wrong("dimension", "loglik", matrix(0, 0, 3))
  wrong("value", "element 2 is 0.5", loglik, c(1, 0.5, 1, 1))
  wrong("argument", "4 numbers", loglik, c(1, 1))
  wrong("argument", "nullbiased", loglik, "flat")
  wrong("argument", "4 numbers", loglik, start = 1)
  wrong("value", "element 1", loglik, start = c(-1, 1, 1, 1))
  wrong("value", "zero everywhere", loglik, start = rep(0, 4))
  wrong("argument", "20 numbers", loglik, row_weights = 1:3)
  wrong("value", "element 5", loglik, row_weights = replace(rep(1, 20), 5, NA))
  wrong("value", "zero everywhere", loglik, row_weights = rep(0, 20))
  wrong("argument", "tol", loglik, tol = -1)
  wrong("argument", "max_iter", loglik, max_iter = 1.5)
  wrong("argument", "method", loglik, method = "sqp")
  wrong("argument", "nullweight", loglik, nullweight = 0.5)
})

test_that("the objective is not below that of mixsqp", {
  skip_if_not_installed("mixsqp")
  loglik <- scale_problem(31, 1000, 60)
  fit <- mixture_weights(loglik, "uniform")
  other <- mixsqp::mixsqp(loglik, log = TRUE, control = list(verbose = FALSE))
  theirs <- certificate(loglik, rep(1, 60), other$x / sum(other$x))
  expect_gte(fit$objective, theirs$objective - 1e-9)
  expect_lte(fit$objective, theirs$objective + 1000 * log1p(max(theirs$kkt, 0)) + 1e-9)
})
