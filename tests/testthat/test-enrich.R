# Stored results of torus and of the same EM in base R; the likelihood maximised by optim().

torus_data <- function() {
  case <- reference_case("torus_60x50")
  case$loci <- data.frame(locus = case$input$locus, z = case$input$z)
  case
}

test_that("the single-signal EM is torus's", {
  case <- torus_data()
  base <- case$output$base_r
  # The tool ends with an M-step: its coefficients are one iteration ahead of its probabilities.
  steps <- function(k) {
    suppressWarnings(
      enrich(case$loci, case$input$annotation, max_iter = k, tol = 0, conf_level = NULL)
    )
  }
  expect_equal(steps(4)$loglik, base$loglik_trace, tolerance = 1e-9)
  expect_lt(max(abs(unlist(steps(4)$pip) - base$pip)), 1e-6)
  fit <- steps(5)
  expect_equal(fit$coef$estimate, base$coef, tolerance = 1e-6)
  expect_equal(unlist(fit$prior_weights, use.names = FALSE), base$prior, tolerance = 1e-6)
  expect_lt(max(abs(fit$coef$estimate - case$output$torus$coef[, 1])), 2e-3)
  # And at the optimum, which torus stops short of.
  x <- cbind(1, case$input$annotation)
  locus <- factor(case$input$locus)
  loglik <- function(a) {
    eta <- drop(x %*% a)
    sum(log1p(tapply(exp(eta + base$log_bf), locus, sum))) - sum(log1p(exp(eta)))
  }
  best <- optim(base$coef, \(a) -loglik(a), method = "BFGS", control = list(reltol = 1e-14))
  fit <- enrich(case$loci, case$input$annotation, tol = 1e-9)
  expect_equal(fit$coef$estimate, best$par, tolerance = 1e-3)
  expect_lt(abs(tail(fit$loglik, 1) + best$value), 1e-5)
  # Ends of the intervals: the likelihood with the slope held there, intercept free.
  for (end in c(fit$coef$lower[2], fit$coef$upper[2])) {
    held <- optimize(\(a) loglik(c(a, end)), c(-12, 0), maximum = TRUE)$objective
    expect_equal(2 * (-best$value - held), qchisq(0.95, 1), tolerance = 1e-2)
  }
  expect_equal(rev(sort(fit$loci$fdr))[1], mean(fit$loci$p_null), tolerance = 1e-10)
  expect_output(print(fit), "60 loci")
})

test_that("a penalty shrinks, and no annotation is an average", {
  case <- torus_data()
  free <- enrich(case$loci, case$input$annotation, conf_level = NULL)
  ridge <- enrich(case$loci, case$input$annotation, penalty = 50, conf_level = NULL)
  expect_lt(abs(ridge$coef$estimate[2]), abs(free$coef$estimate[2]))
  alone <- enrich(case$loci, tol = 1e-10, conf_level = NULL)
  # At the maximum the prior probability is the mean posterior one.
  pip <- unlist(alone$pip)
  expect_equal(mean(pip), plogis(alone$coef$estimate), tolerance = 1e-4)
})

test_that("several signals per locus: enrichment is found and helps", {
  set.seed(2)
  n <- 300
  loci <- list()
  annotations <- list()
  truth <- list()
  for (l in 1:12) {
    X <- matrix(rbinom(n * 25, 2, 0.35), n)
    near <- rep(0:1, c(20, 5))
    causal <- sample(25, 1, prob = 1 + 12 * near)
    Y <- X[, causal] %o% c(0.35, 0.35) + matrix(rnorm(2 * n), n)
    loci[[l]] <- finemap_data(X, Y)
    annotations[[l]] <- cbind(near = near)
    truth[[l]] <- causal
  }
  prior <- list(U = list(same = matrix(1, 2, 2), first = diag(1:0)), w = c(0.3, 0.7))
  fit <- enrich(
    loci, annotations, "multi", prior = prior, V = diag(2), L = 3, update_weights = TRUE,
    penalty = 0.1, n_threads = 1
  )
  expect_gt(fit$coef$estimate, 1)
  expect_gt(min(diff(fit$loglik)), -0.05)
  expect_gt(fit$prior$w[["same"]], 0.6)
  weights <- fit$prior_weights[[1]]
  expect_equal(weights[25] / weights[1], exp(fit$coef$estimate))
  plain <- vapply(1:12, \(l) {
    pip(finemap(loci[[l]], prior, V = diag(2), L = 3, n_threads = 1))[truth[[l]]]
  }, 0)
  learnt <- vapply(1:12, \(l) fit$pip[[l]][truth[[l]]], 0)
  expect_gt(mean(learnt), mean(plain))
})

test_that("bad loci and annotations are refused by name", {
  case <- torus_data()
  expect_error(enrich(case$loci[-1, ], case$input$annotation), class = "mnmash_error_dimension")
  bad <- case$loci
  bad$z[7] <- Inf
  expect_error(enrich(bad), "number 7", class = "mnmash_error_not_finite")
  expect_error(enrich(case$loci, cbind(rep(1, 3000))), "constant", class = "mnmash_error_value")
  x <- cbind(a = case$input$annotation[, 1], b = 1 - case$input$annotation[, 1])
  expect_error(enrich(case$loci, x), "column 2 \\(b\\) is a combination",
               class = "mnmash_error_value")
  expect_error(enrich(list()), class = "mnmash_error_type")
  expect_error(enrich(case$loci, method = "multi"), class = "mnmash_error_type")
})

test_that("without a signal intervals have no ends that the data do not give", {
  set.seed(15)
  J <- 100
  locus <- rep(paste0("g", seq_len(J)), each = 50)
  a <- rbinom(50 * J, 1, 0.15)
  tss <- abs(rnorm(50 * J, 0, 3e5))
  z <- rnorm(50 * J)
  fit <- enrich(data.frame(locus, z), data.frame(a, tss))
  one <- enrich(data.frame(locus, z), data.frame(a))
  bare <- enrich(data.frame(locus, z), data.frame(a), conf_level = NULL)
  expect_identical(one$coef$estimate, bare$coef$estimate)
  expect_true(all(is.finite(fit$coef$estimate)) && fit$converged)
  # Plainly.
  lbf <- local({
    m <- sapply(c(1, 4, 16, 25), \(k) -0.5 * log1p(k) + 0.5 * z^2 * k / (1 + k))
    log(rowMeans(exp(m)))
  })
  loglik <- function(intercept, slope) {
    eta <- intercept + slope * a
    sum(log1p(tapply(exp(eta + lbf), locus, sum))) - sum(log1p(exp(eta)))
  }
  best <- \(f, from, to) max(vapply(seq(from, to), \(at) {
    optimize(f, c(at, at + 1), maximum = TRUE, tol = 1e-8)$objective
  }, 0))
  top <- tail(one$loglik, 1)
  expect_identical(one$coef["(Intercept)", "lower"], -Inf)
  held <- best(\(slope) loglik(one$coef["(Intercept)", "upper"], slope), -30, 10)
  expect_equal(2 * (top - held), qchisq(0.95, 1), tolerance = 5e-3)
  for (end in c("lower", "upper")) {
    at <- one$coef["a", end]
    far <- if (is.finite(at)) at else 30 * sign(at)
    lost <- 2 * (top - best(\(intercept) loglik(intercept, far), -60, 0))
    if (is.finite(at)) expect_equal(lost, qchisq(0.95, 1), tolerance = 5e-3)
    else expect_lt(lost, qchisq(0.95, 1))
  }
  zero <- 2 * (top - best(\(intercept) loglik(intercept, 0), -60, 0))
  expect_equal(one$coef["a", "p_value"], pchisq(zero, 1, lower.tail = FALSE), tolerance = 1e-2)
})

test_that("an interval of a penalised coefficient is of what the penalty leaves", {
  case <- torus_data()
  x <- case$input$annotation
  fit <- enrich(case$loci, x, penalty = 20, tol = 1e-10)
  sd <- sqrt(mean((x - mean(x))^2))
  locus <- factor(case$input$locus)
  loglik <- function(intercept, slope) {
    eta <- intercept + slope * x[, 1]
    sum(log1p(tapply(exp(eta + case$output$base_r$log_bf), locus, sum))) - sum(log1p(exp(eta))) -
      10 * (slope * sd)^2
  }
  top <- tail(fit$loglik, 1)
  expect_equal(loglik(fit$coef$estimate[1], fit$coef$estimate[2]), top, tolerance = 1e-8)
  for (end in unlist(fit$coef[1, c("lower", "upper")])) {
    held <- optimize(\(slope) loglik(end, slope), c(-3, 5), maximum = TRUE)$objective
    expect_equal(2 * (top - held), qchisq(0.95, 1), tolerance = 5e-3)
  }
  for (end in unlist(fit$coef[2, c("lower", "upper")])) {
    held <- optimize(\(intercept) loglik(intercept, end), c(-12, 0), maximum = TRUE)$objective
    expect_equal(2 * (top - held), qchisq(0.95, 1), tolerance = 5e-3)
  }
})
