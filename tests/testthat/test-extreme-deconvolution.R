# Stored results of two other programs, at equal numbers of steps; slow versions in plain R.

ed_case <- function(name) readRDS(test_path("fixtures", paste0("ed_", name, ".rds")))

# The log-likelihood of a mixture, unit by unit, over the observed entries.
slow_loglik <- function(x, N, pi, means, U, P = NULL, weights = rep(1, nrow(x))) {
  one <- function(j) {
    at <- which(!is.na(x[j, ]))
    Pj <- if (is.null(P)) diag(ncol(x)) else P(j)
    Pj <- Pj[at, , drop = FALSE]
    logs <- vapply(seq_along(pi), \(k) {
      total <- Pj %*% U[[k]] %*% t(Pj) + N(j)[at, at, drop = FALSE]
      r <- x[j, at] - Pj %*% means[k, ]
      log(pi[k]) - (length(at) * log(2 * base::pi) + log(det(total)) + sum(r * solve(total, r))) / 2
    }, 0)
    max(logs) + log(sum(exp(logs - max(logs))))
  }
  sum(weights * vapply(seq_len(nrow(x)), one, 0))
}

test_that("cov_ed() takes the steps of mashr's, ridge and reported likelihood included", {
  for (name in c("EE_V", "EE_Videntity_subset")) {
    case <- ed_case(name)
    data <- mash_set_data(case$input$Bhat, case$input$Shat, V = case$input$V)
    n <- length(case$input$subset)
    for (want in case$output) {
      fit <- cov_ed(
        data, case$input$U_init, case$input$subset, tol = -Inf, maxiter = want$maxiter,
        ridge = "mashr"
      )
      # The stored outputs agree with direct computation to 1e-12 after ten steps.
      within <- if (want$maxiter > 10) 1e-8 else 1e-9
      expect_named(fit, names(want$U_with_ridge))
      for (k in seq_along(fit)) {
        expect_identical(dimnames(fit[[k]]), dimnames(want$U_with_ridge[[k]]))
        expect_lt(max(abs(fit[[k]] - want$U_with_ridge[[k]])), within)
      }
      expect_lt(max(abs(attr(fit, "pi") - want$pi)), within)
      trace <- attr(fit, "trace") / n
      expect_length(trace, want$maxiter + 1)
      expect_lt(abs(trace[want$maxiter] - want$avg_loglik_reported), 1e-9)
      expect_lt(abs(trace[want$maxiter + 1] - want$avg_loglik_at_output), 1e-9)
      expect_false(attr(fit, "converged"))
    }
  }
})

test_that("means, projections, weights, regularisation, fixed parts: those of the C library", {
  for (name in c("means_full_w", "means_projection_2of3", "means_weights_fix")) {
    case <- ed_case(name)
    input <- case$input
    want <- case$output
    fit <- extreme_deconvolution(
      input$ydata, input$ycovar, input$xamp, input$xmean, input$xcovar,
      projection = input$projection, weight = input$log_weights, logweight = TRUE,
      fixcovar = input$fixcovar, w = input$w, tol = -Inf, maxiter = input$maxiter
    )
    expect_lt(max(abs(fit$xamp - want$xamp)), 1e-9)
    expect_lt(max(abs(fit$xmean - want$xmean)), 1e-9)
    for (k in seq_along(want$xcovar)) {
      expect_lt(max(abs(fit$xcovar[[k]] - want$xcovar[[k]])), 1e-9)
    }
    expect_lt(abs(fit$avgloglikedata - want$avg_loglik_reported), 1e-9)
    expect_lt(abs(utils::tail(attr(fit, "trace"), 1) - want$avg_loglik_at_output), 1e-9)
  }
})

test_that("noise, projections and covariances can be given in all of mashr's forms", {
  case <- ed_case("means_projection_2of3")
  input <- case$input
  run <- \(...) extreme_deconvolution(..., tol = -Inf, maxiter = 2)
  first <- run(
    input$ydata, input$ycovar, input$xamp, input$xmean, input$xcovar, input$projection
  )
  slices <- \(x) lapply(seq_len(dim(x)[1L]), \(j) matrix(x[j, , ], dim(x)[2L]))
  covariances <- aperm(simplify2array(input$xcovar), c(3, 1, 2))
  other <- run(
    input$ydata, slices(input$ycovar), input$xamp, input$xmean, covariances,
    slices(input$projection)
  )
  expect_equal(other$xcovar[2, , ], first$xcovar[[2L]], tolerance = 1e-14)
  expect_equal(other$xmean, first$xmean, tolerance = 1e-14)
  middle <- run(
    input$ydata, aperm(input$ycovar, c(2, 3, 1)), input$xamp, input$xmean, input$xcovar,
    input$projection
  )
  expect_identical(middle, first)
})

test_that("matrices of the package Matrix are the plain ones, as noise and as projections", {
  skip_if_not_installed("Matrix")
  set.seed(3)
  x <- matrix(rnorm(40), 20)
  noise <- lapply(1:20, \(j) matrix(c(1, j / 40, j / 40, 1), 2))
  projection <- lapply(1:20, \(j) cbind(diag(2), c(0, j %% 2)))
  U <- list(a = diag(3), b = matrix(1, 3, 3))
  run <- \(noise, projection) ed(x, noise, U, projection = projection, max_iter = 3)[c("U", "pi")]
  plain <- run(noise, projection)
  sparse <- \(m) Matrix::Matrix(m, sparse = TRUE)
  expect_identical(run(lapply(noise, Matrix::Matrix), lapply(projection, sparse)), plain)
  common <- matrix(c(1, 0.3, 0.3, 1), 2)
  expect_identical(
    run(Matrix::Matrix(common), sparse(projection[[1L]])), run(common, projection[[1L]])
  )
  expect_identical(
    run(list(s = sparse(matrix(1:40 / 20, 20)), V = Matrix::Matrix(common)), projection),
    run(list(s = matrix(1:40 / 20, 20), V = common), projection)
  )
  # The three-dimensional form is the list's.
  expect_identical(run(simplify2array(noise), simplify2array(projection)), plain)
})

test_that("the likelihood of observations with any noise and missing values is the plain one", {
  set.seed(3)
  J <- 12
  n <- 3
  x <- matrix(rnorm(J * n), J)
  x[cbind(1:6, c(1, 2, 3, 3, 2, 1))] <- NA
  s <- matrix(runif(J * n, 0.3, 2), J)
  V <- 0.5^abs(outer(1:n, 1:n, "-"))
  U <- list(a = tcrossprod(1:n), b = diag(n), c = crossprod(matrix(rnorm(9), 3)))
  pi <- c(0.2, 0.5, 0.3)
  means <- matrix(rnorm(9), 3)
  weights <- runif(J)
  N <- \(j) diag(s[j, ]) %*% V %*% diag(s[j, ])
  want <- slow_loglik(x, N, pi, means, U, weights = weights)
  all <- array(unlist(lapply(seq_len(J), N)), c(n, n, J))
  for (noise in list(list(s = s, V = V), all, lapply(seq_len(J), N))) {
    fit <- ed(x, noise, U, pi, means, row_weights = weights, max_iter = 0)
    expect_equal(fit$loglik, want, tolerance = 1e-12)
    expect_identical(fit$n_iter, 0)
  }
  P <- array(rnorm(n * 2 * J), c(n, 2, J))
  small <- lapply(U, \(u) u[1:2, 1:2])
  fit <- ed(x, list(s = s, V = V), small, pi, means[, 1:2], projection = P, max_iter = 0)
  want <- slow_loglik(x, N, pi, means[, 1:2], small, \(j) P[, , j])
  expect_equal(fit$loglik, want, tolerance = 1e-12)
  # Units without noise in one entry
  exact <- s
  exact[, 2] <- 0
  fit <- ed(x, list(s = exact), U["b"], max_iter = 0)
  want <- slow_loglik(x, \(j) diag(exact[j, ]^2), 1, matrix(0, 1, n), U["b"])
  expect_equal(fit$loglik, want, tolerance = 1e-12)
})

test_that("mash data, contrasts and missing cells are fitted with their exact noise", {
  data <- random_data(4, J = 40, missing = 0.2, V = correlated(4))
  U <- list(one = diag(4), two = tcrossprod(c(1, 1, 0, -1)))
  B <- data$Bhat
  B[data$missing] <- NA
  N <- \(j) diag(data$Shat[j, ]) %*% data$V %*% diag(data$Shat[j, ])
  expect_warning(
    fit <- cov_ed(data, U, maxiter = 3, tol = -Inf, ridge = "none"),
    class = "mnmash_warning_rank_one"
  )
  trace <- attr(fit, "trace")
  zero <- matrix(0, 2, 4)
  expect_equal(trace[1], slow_loglik(B, N, c(0.5, 0.5), zero, U), tolerance = 1e-10)
  expect_equal(trace[4], slow_loglik(B, N, attr(fit, "pi"), zero, fit), tolerance = 1e-10)
  expect_true(all(diff(trace) > 0))
  expect_identical(attr(fit, "ranks"), c(ED_one = 4L, ED_two = 1L))

  against <- mash_update_data(random_data(4, J = 30, V = correlated(4)), ref = 2)
  U <- list(one = diag(3))
  L <- against$L
  N <- \(j) L %*% (against$V * tcrossprod(against$Shat_orig[j, ])) %*% t(L)
  fit <- cov_ed(against, U, maxiter = 2, tol = -Inf, ridge = "none")
  want <- slow_loglik(against$Bhat, N, 1, matrix(0, 1, 3), fit)
  expect_equal(utils::tail(attr(fit, "trace"), 1), want, tolerance = 1e-10)
})

test_that("threads do not change a bit; convergence and iterations are told", {
  data <- random_data(3, J = 700)
  U <- list(a = diag(3), b = matrix(1, 3, 3) + diag(3))
  one <- cov_ed(data, U, n_threads = 1)
  expect_identical(cov_ed(data, U, n_threads = 2), one)
  expect_true(attr(one, "converged"))
  expect_identical(length(attr(one, "trace")), as.integer(attr(one, "n_iter")) + 1L)
  gain <- utils::tail(diff(attr(one, "trace")), 1) / 700
  expect_lte(gain, 1e-6)
  expect_equal(sum(attr(one, "pi")), 1)
})

test_that("held parts stay, and the others share the rest of the weight", {
  data <- random_data(3, J = 60)
  U <- list(a = diag(3), b = 2 * diag(3), c = 5 * diag(3))
  fit <- cov_ed(
    data, U, maxiter = 5, fixamp = c(TRUE, FALSE, FALSE), fixcovar = c(FALSE, FALSE, TRUE),
    pi_init = c(0.2, 0.3, 0.5), ridge = "none"
  )
  expect_equal(attr(fit, "pi")[["ED_a"]], 0.2)
  expect_equal(sum(attr(fit, "pi")), 1)
  expect_equal(unname(fit$ED_c), U$c)
  expect_false(isTRUE(all.equal(unname(fit$ED_a), U$a)))
})

test_that("ed() finds two separated groups from half of each unit, and starts again", {
  set.seed(8)
  group <- rep(1:2, each = 300)
  centre <- rbind(c(0, 0), c(4, 6))
  b <- centre[group, ] + matrix(rnorm(1200), ncol = 2) %*% chol(matrix(c(1, 0.5, 0.5, 1), 2))
  x <- b + rnorm(1200, sd = 0.4)
  x[cbind(which(seq_along(group) %% 3 == 0), 1L + group[seq_along(group) %% 3 == 0] %% 2)] <- NA
  fit <- ed(x, list(s = 0.4), list(diag(2), diag(2)), means = rbind(c(1, 1), c(3, 4)))
  expect_true(fit$converged)
  expect_lt(max(abs(fit$means - centre)), 0.25)
  expect_lt(max(abs(fit$U[[1]] - matrix(c(1, 0.5, 0.5, 1), 2))), 0.35)
  set.seed(1)
  many <- ed(x, list(s = 0.4), U = 2, starts = 3, max_iter = 30)
  expect_length(many$objectives, 3)
  expect_identical(utils::tail(many$trace, 1), max(many$objectives))
  set.seed(1)
  expect_identical(ed(x, list(s = 0.4), U = 2, starts = 3, max_iter = 30)$U, many$U)
  expect_output(print(fit), "2 components")
  expect_equal(as.numeric(logLik(fit)), fit$loglik)
  expect_identical(attr(logLik(fit), "df"), 2 * (3 + 2) + 1)
  expect_error(as_prior(fit), class = "mnmash_error_argument")
  expect_s3_class(as_prior(many), "mnmash_prior")
})

test_that("what cannot be is refused by name", {
  data <- random_data(3)
  U <- list(a = diag(3))
  expect_error(cov_ed(data, list(diag(2))), "Ulist_init", class = "mnmash_error_dimension")
  expect_error(cov_ed(data, list(bad = -diag(3))), "bad", class = "mnmash_error_not_psd")
  expect_error(cov_ed(data, U, subset = 99), "subset", class = "mnmash_error_argument")
  expect_error(cov_ed(data, U, maxIter = 3), "maxIter", class = "mnmash_error_argument")
  expect_error(cov_ed(data, U, fixamp = c(TRUE, TRUE)), "fixamp", class = "mnmash_error_argument")
  expect_error(cov_ed(data, U, weight = 1), class = "mnmash_error_argument")
  expect_silent(cov_ed(data, U, logfile = "nothing", maxiter = 1))
  x <- matrix(1:6 / 3, 3)
  expect_error(ed(x, U = U), "noise", class = "mnmash_error_argument")
  expect_error(ed(x, diag(3), U = list(diag(2))), "noise", class = "mnmash_error_dimension")
  expect_error(ed(x, -diag(2), U = list(diag(2))), "noise", class = "mnmash_error_not_psd")
  expect_error(
    ed(x, matrix(0, 2, 2), U = list(matrix(1, 2, 2))), class = "mnmash_error_singular_noise"
  )
  expect_error(
    ed(x, diag(2), U = list(diag(2)), means = matrix(0, 2, 2)), "means",
    class = "mnmash_error_dimension"
  )
  odd <- list(matrix(c(1, 2, 2, 1), 2))
  expect_warning(
    extreme_deconvolution(x, x^2, 1, matrix(0, 1, 2), odd, maxiter = 1),
    class = "mnmash_warning_not_psd"
  )
  expect_warning(
    extreme_deconvolution(x, x^2, 1, matrix(0, 1, 2), list(diag(2)), maxiter = 1, maxsnm = TRUE),
    class = "mnmash_warning_ignored"
  )
})

test_that("one likelihood, a log file, and an array of covariances come back as asked", {
  set.seed(2)
  y <- matrix(rnorm(20), 10)
  start <- aperm(array(diag(2), c(2, 2, 1)), c(3, 1, 2))
  fit <- extreme_deconvolution(y, y^2 + 0.1, 1, matrix(0, 1, 2), start, likeonly = TRUE)
  want <- slow_loglik(y, \(j) diag(y[j, ]^2 + 0.1), 1, matrix(0, 1, 2), list(diag(2)))
  expect_equal(fit$avgloglikedata, want / 10, tolerance = 1e-12)
  expect_identical(fit$xcovar, start)
  file <- tempfile()
  fit <- extreme_deconvolution(
    y, y^2 + 0.1, 1, matrix(0, 1, 2), start, logfile = file, maxiter = 4, tol = -Inf
  )
  written <- as.numeric(readLines(paste0(file, "_loglike.log")))
  expect_equal(written, attr(fit, "trace"), tolerance = 1e-12)
})

test_that("truncated eigenvalues solve their equations with the V of the data; mash() takes them", {
  set.seed(4)
  V <- correlated(4)
  draw <- \(U) matrix(rnorm(800), 200) %*% chol(V + U)
  x <- rbind(draw(tcrossprod(1:4)), draw(diag(c(6, 0, 4, 1))))
  data <- mash_set_data(x, V = V)
  start <- list(a = diag(4), b = 0.5 * diag(4) + 1)
  fit <- suppressWarnings(
    cov_ed(data, start, algorithm = "teem", ridge = "none", tol = 1e-13),
    classes = "mnmash_warning_rank_one"
  )
  expect_named(fit, c("ED_a", "ED_b"))
  expect_true(attr(fit, "converged"))
  z <- t(solve(t(chol(V)), t(x)))
  whiten <- \(U) solve(t(chol(V)), t(solve(t(chol(V)), U)))
  logs <- vapply(1:2, \(k) {
    total <- diag(4) + whiten(fit[[k]])
    log(attr(fit, "pi")[k]) - (log(det(total)) + rowSums(z * t(solve(total, t(z))))) / 2
  }, numeric(400))
  q <- exp(logs - apply(logs, 1, max))
  q <- q / rowSums(q)
  expect_equal(unname(attr(fit, "pi")), colMeans(q), tolerance = 1e-4)
  for (k in 1:2) {
    e <- eigen(crossprod(z, q[, k] * z) / sum(q[, k]), symmetric = TRUE)
    best <- e$vectors %*% (pmax(e$values - 1, 0) * t(e$vectors))
    expect_lt(max(abs(whiten(fit[[k]]) - best)), 1e-3)
  }
  m <- mash(data, c(fit, cov_canonical(data)), verbose = FALSE, outputlevel = 1)
  expect_s3_class(m, "mash")
  expect_error(
    cov_ed(data, start, algorithm = "teem", w = 1), "w", class = "mnmash_error_argument"
  )
})
