# Penalised log-likelihood of scaled effects, written out.
slow_ud_objective <- function(data, fit) {
  total <- if (is.null(data$L)) {
    sum(apply(slow_loglik(data, fit$U), 1, \(l) slow_log_sum_exp(l + log(fit$w))))
  } else {
    mash_compute_loglik(as_fitted(fit), data)
  }
  free <- fit$components$kind == "unconstrained"
  if (fit$penalty == "none") return(total)
  each <- mapply(\(U, s) {
    u <- Re(eigen(solve(fit$metric, U), only.values = TRUE)$values) / s
    sum(if (fit$penalty == "iw") log(u) + 1 / u else (u + 1 / u) / 2)
  }, fit$U[free], fit$components$scale[free])
  total - fit$lambda / 2 * sum(each)
}

ud_data <- function(kind, J = 80, R = 3) {
  set.seed(match(kind, c("EZ", "EE", "NA", "V", "contrast")))
  B <- cbind(rnorm(J), rnorm(J, sd = 2), rnorm(J, sd = 0.5))[, seq_len(R)] + rnorm(J)
  S <- if (kind == "EZ") matrix(1, J, R) else matrix(exp(rnorm(J * R, 0, 0.4)), J)
  X <- B + S * matrix(rnorm(J * R), J) %*% chol(correlated(R))
  colnames(X) <- letters[seq_len(R)]
  if (kind == "NA") X[cbind(1:40, rep_len(1:R, 40))] <- S[cbind(1:40, rep_len(1:R, 40))] <- NA
  V <- if (kind == "V") by_unit(R, J) else correlated(R)
  data <- mash_set_data(X, S, V = V, alpha = if (kind == "EZ") 1 else 0)
  if (kind == "contrast") mash_update_data(data, ref = "a") else data
}

for (name in c("ud_common_I", "ud_common_V")) {
  case <- reference_case(name)
  for (how in names(case$output)) {
    test_that(paste("steps are those of the reference:", name, how), {
      stored <- case$output[[how]]$direct
      parts <- strsplit(how, ".", fixed = TRUE)[[1]]
      penalty <- if (length(parts) > 1) parts[2] else "none"
      input <- case$input
      K <- length(input$U_init)
      # The scale of every penalty starts at 1, and no step is of another kind.
      measurements <- list(
        x = input$X, s = matrix(1, nrow(input$X), ncol(input$X)), missing = NULL, V = input$V,
        baseline = NULL
      )
      free <- lapply(unname(input$U_init), \(U) list(kind = "unconstrained", rank = NULL, U = U))
      found <- call_core(
        "ud_fit",
        measurements = measurements, components = free, weights = input$w_init,
        control = list(
          update = parts[1], penalty = penalty, lambda = input$lambda, alpha = 0.5, warmup = 0,
          max_iter = input$maxiter, tol = 0, starts = 1, trial = 0, seed = 1, estimate_V = FALSE,
          estimate_w = TRUE, scale = 1
        )
      )
      last <- input$maxiter + 1
      # The reference floors eigenvalues at 1e-8, not at zero.
      expect_lt(abs(found$loglik[last] - stored$loglik), 1e-6)
      expect_lt(abs(found$ended$trace[last] - stored$loglik_penalized), 1e-6)
      expect_lt(max(abs(unlist(found$u) - unlist(stored$U))), 1e-7)
      expect_lt(max(abs(found$w - stored$w)), 1e-7)
      if (penalty != "none") expect_lt(max(abs(found$scale - stored$s)), 1e-10)
    })
  }
}

for (kind in c("EZ", "EE", "NA", "V", "contrast")) {
  test_that(paste("the objective is what it says, and never falls:", kind), {
    data <- ud_data(kind)
    for (penalty in c("iw", "nu", "none")) {
      fit <- ud_fit(data, K = 2, penalty = penalty, seed = 1, prune = 0, max_iter = 60)
      expect_true(all(diff(fit$objective) >= -1e-10 * abs(fit$objective[1])))
      last <- length(fit$objective)
      expect_equal(fit$objective[last], slow_ud_objective(data, fit), tolerance = 1e-10)
      expect_equal(sum(fit$w), 1)
      expect_identical(rownames(fit$U[[1]]), colnames(data$Bhat))
      expect_named(fit$U, c("unconstrained_1", "unconstrained_2"))
      if (penalty == "iw") {
        inverse <- sapply(fit$U, \(U) sum(diag(solve(U, fit$metric))))
        expect_equal(fit$components$scale, unname(nrow(fit$metric) / inverse), tolerance = 1e-8)
      }
    }
    if (kind %in% c("EZ", "EE", "V")) {
      s <- apply(data$Shat, 2, median)
      V <- if (data$commonV) data$V else rowMeans(data$V, dims = 2)
      expect_equal(unname(fit$metric), unname(outer(s, s) * V), tolerance = 1e-10)
    }
  })
}

test_that("a scale that was fitted is applied", {
  set.seed(1)
  X <- rnorm(500, sd = 2) + matrix(rnorm(2000), 500)
  data <- mash_set_data(X)
  fit <- ud_fit(data, U_scaled = list(equal = matrix(1, 4, 4)))
  # X'1/2 has variance 1 + 4 s
  s <- (mean(rowSums(X)^2 / 4) - 1) / 4
  expect_equal(fit$components$scale, s, tolerance = 1e-8)
  expect_equal(unname(fit$U$equal), matrix(s, 4, 4), tolerance = 1e-8)
  expect_gt(fit$loglik[2] - fit$loglik[1], 100)
})

test_that("low ranks are kept and found, and starts on the boundary are left", {
  set.seed(2)
  f <- c(2, -1, 0.5, 1)
  data <- mash_set_data(tcrossprod(rnorm(400), f) + matrix(rnorm(1600), 400))
  for (update in c("auto", "ed", "fa")) {
    fit <- ud_fit(data, n_rank1 = 1, update = update, seed = 3)
    expect_identical(fit$ranks, c(rank1_1 = 1L))
    direction <- eigen(fit$U$rank1_1)$vectors[, 1]
    expect_gt(abs(sum(direction * f)) / sqrt(sum(f^2)), 0.99)
  }
  # Extreme deconvolution alone would never leave the wrong direction of this start.
  fit <- ud_fit(data, Ulist = list(ones = matrix(1, 4, 4)), penalty = "none", tol = 1e-9)
  top <- eigen(fit$U$ones)
  expect_gt(abs(sum(top$vectors[, 1] * f)) / sqrt(sum(f^2)), 0.99)
  fit <- ud_fit(data, U_low_rank = list(two = diag(c(1, 1, 0, 0))), seed = 1)
  expect_lte(fit$ranks[["two"]], 2L)
})

test_that("the noise can be estimated", {
  set.seed(4)
  X <- matrix(rnorm(3000), 1000) %*% chol(correlated(3))
  fit <- ud_fit(
    mash_set_data(X, 2), U_fixed = list(null = matrix(0, 3, 3)), estimate_V = TRUE, tol = 0,
    max_iter = 300
  )
  expect_equal(unname(fit$V), crossprod(X) / 1000 / 4, tolerance = 1e-8)
  expect_error(
    ud_fit(ud_data("EE"), estimate_V = TRUE), "estimate_V", class = "mnmash_error_argument"
  )
})

test_that("seeds, threads and starts decide as documented", {
  data <- ud_data("EE", J = 300)
  fit <- \(...) ud_fit(data, K = 3, max_iter = 15, ...)
  one <- fit(seed = 1, n_threads = 1)
  expect_identical(one, fit(seed = 1, n_threads = 2))
  expect_false(identical(one$U, fit(seed = 2)$U))
  set.seed(5)
  two <- fit()
  set.seed(5)
  expect_identical(two, fit())
  several <- fit(seed = 1, n_starts = 3, trial = 10)
  expect_length(several$starts, 3)
  last <- length(several$objective)
  expect_gte(several$objective[last], max(several$starts))
  expect_false(one$converged)
  expect_match(one$message, "max_iter")
})

test_that("fits are printed, summed up and used", {
  data <- ud_data("EE")
  fit <- ud_fit(data, K = 2, U_fixed = list(null = matrix(0, 3, 3)), seed = 1)
  expect_output(print(fit), "unconstrained_1")
  expect_s3_class(summary(fit), "summary.mnmash_ud")
  expect_equal(attr(logLik(fit), "df"), 2 * 6 + 2)
  m <- predict(fit, data)
  slow <- slow_posterior(data, fit$U, fit$w)
  expect_equal(unname(get_pm(m)), slow$mean, tolerance = 1e-8)
  expect_equal(unname(get_lfsr(m)), slow$lfsr, tolerance = 1e-8)
  expect_equal(mash_compute_loglik(as_fitted(fit), data), as.numeric(logLik(fit)))
  prior <- as_prior(fit)
  expect_equal(prior$null_weight, fit$w[["null"]])
  expect_equal(prior$w, fit$w[names(prior$w)])
  expect_error(predict(fit, ud_data("EZ")), "alpha", class = "mnmash_error_units")
})

test_that("held-out likelihoods are those of fits to the other folds", {
  data <- ud_data("EZ", J = 60)
  folds <- rep(1:2, 30)
  found <- ud_cv(data, K = c(1, 3), penalty = "iw", folds = folds, seed = 1, max_iter = 30)
  expect_s3_class(found, "mash_cv")
  expect_identical(colnames(found$vloglik), c("K = 1, iw", "K = 3, iw"))
  fit <- ud_fit(data_rows(data, which(folds == 2)), K = 3, seed = 1, max_iter = 30)
  slow <- slow_vloglik(data_rows(data, which(folds == 1)), fit$U, fit$w)
  expect_equal(unname(found$vloglik[folds == 1, 2]), slow, tolerance = 1e-8)
  expect_s3_class(found$fit, "mnmash_ud")
})

test_that("bad arguments are named", {
  data <- ud_data("EE")
  expect_error(ud_fit(1), class = "mnmash_error_type")
  expect_error(ud_fit(data, K = 0), "nothing to fit", class = "mnmash_error_argument")
  expect_error(ud_fit(data, K = 1.5), "`K`", class = "mnmash_error_argument")
  expect_error(ud_fit(data, Ulist = list(diag(2))), class = "mnmash_error_dimension")
  expect_error(ud_fit(data, Ulist = list(-diag(3))), class = "mnmash_error_not_psd")
  expect_error(ud_fit(data, update = "ted"), "gted", class = "mnmash_error_argument")
  expect_error(ud_fit(data, update = "fa", penalty = "iw"), class = "mnmash_error_argument")
  expect_error(ud_fit(data, K = 2, w = 1), "`w`", class = "mnmash_error_argument")
  zero <- list(z = matrix(0, 3, 3))
  expect_error(ud_fit(data, U_scaled = zero), "z", class = "mnmash_error_value")
  expect_error(
    ud_fit(data, Ulist = list(a = diag(3)), U_fixed = list(a = diag(3))), "\"a\"",
    class = "mnmash_error_names"
  )
})

test_that("where rounding takes steps back before they gain little, the fit has not converged", {
  # Effects on a line, and errors of next to nothing: the steps' gains drown in rounding.
  set.seed(2)
  line <- matrix(rnorm(240), 60) %*% tcrossprod(1:4) / 10
  fit <- \(s) suppressWarnings(ud_fit(
    mash_set_data(line, matrix(s, 60, 4)), K = 3, seed = 1, tol = 0, max_iter = 3000
  ))
  stalled <- fit(1e-6)
  expect_identical(stalled$convergence$stop, "stalled")
  expect_false(stalled$converged)
  expect_gt(diff(utils::tail(stalled$objective, 2)), 1)
  expect_match(stalled$message, "rounding")
  usual <- fit(1)
  expect_true(usual$converged)
  expect_lt(abs(diff(utils::tail(usual$objective, 2))), 1e-10)
})

test_that("one standard error of 1e-10 neither moves a start nor makes the noise singular", {
  set.seed(1)
  J <- 300
  B <- matrix(rnorm(J * 4), J) %*% chol(1 + diag(4)) * (runif(J) < 0.5) * 2
  s <- matrix(runif(J * 4, 0.5, 1.5), J)
  x <- B + s * matrix(rnorm(J * 4), J)
  x[1, 2] <- 0.7e-10
  s[1, 2] <- 1e-10
  data <- mash_set_data(x, s)
  U <- list(a = diag(4), b = 0.5 + diag(4))
  start <- ud_fit(data, Ulist = U, penalty = "none", max_iter = 0, seed = 1)
  expect_equal(start$loglik[1], ed(x, list(s = s), U = U, max_iter = 0)$loglik, tolerance = 1e-9)
  expect_equal(
    start$loglik[1],
    sum(slow_vloglik(data, c(list(diag(4)), list(0.5 + diag(4))), c(0.5, 0.5))), tolerance = 1e-9
  )
  for (penalty in c("iw", "none")) {
    fit <- ud_fit(data, K = 2, n_starts = 2, seed = 1, penalty = penalty, max_iter = 30)
    expect_true(all(is.finite(fit$loglik)))
    expect_gte(min(diff(fit$objective)), -1e-8)
  }
  factors <- ud_fit(data, Ulist = U, update = "fa", seed = 1, max_iter = 30)
  expect_gt(tail(factors$loglik, 1), start$loglik[1])
})

test_that("conditions in other units have other units and nothing else, whatever the step", {
  set.seed(2)
  s <- matrix(runif(800, 0.5, 1.5), 200)
  x <- matrix(rnorm(800), 200) %*% chol(1 + diag(4)) * (runif(200) < 0.5) * 2 + s * rnorm(800)
  units <- 2^c(0, 0, 27, -20)
  U <- list(a = diag(4), b = 0.5 + diag(4))
  scaled <- lapply(U, \(u) u * outer(units, units))
  plain <- mash_set_data(x, s)
  other <- mash_set_data(t(t(x) * units), t(t(s) * units))
  for (update in c("fa", "gted", "ed")) {
    fit <- \(data, U) ud_fit(data, Ulist = U, update = update, penalty = "none", max_iter = 30)
    a <- fit(plain, U)
    b <- fit(other, scaled)
    expect_equal(b$loglik + 200 * sum(log(units)), a$loglik, tolerance = 1e-8)
    expect_equal(b$U$b / outer(units, units), a$U$b, tolerance = 1e-5)
  }
})
