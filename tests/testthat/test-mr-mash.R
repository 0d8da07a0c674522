fixture <- function(name) readRDS(test_path("fixtures", paste0(name, ".rds")))

expect_near <- function(got, want, tol, label = NULL) {
  expect_equal(length(got), length(want))
  expect_lte(max(abs(unname(got) - unname(want))), tol, label = label)
}

# As the run of the other program was made: its jitter, its updates, so many sweeps.
rerun <- function(input, run, n_sweeps, ...) {
  mr_mash(
    input$X, input$Y,
    S0 = input$S0, w0 = run$w0, V = run$V,
    residual = if (isTRUE(run$update_V)) run$V_method else "known", update_w0 = run$update_w0,
    w0_method = "em", standardize = run$standardize, tol = 0, tol_w0 = 0, max_iter = n_sweeps,
    e = 1e-8, covariance = "full", n_threads = 1, ...
  )
}

test_that("every sweep is that of mr.mash", {
  for (name in c("mrmash_r2", "mrmash_r5", "mrmash_missing_r3")) {
    x <- fixture(name)
    for (run in names(x$output)) {
      out <- x$output[[run]]
      fit <- rerun(x$input, x$input$runs[[run]], out$n_sweeps)
      label <- paste(name, run)
      expect_near(fit$mu1, out$mu1, 1e-9, label)
      expect_near(fit$w0, out$w0, 1e-9, label)
      expect_near(fit$V, out$V, 1e-9, label)
      expect_near(fit$ELBO, out$ELBO_plus_half_log_n, 1e-7, label)
      expect_near(fit$psd^2, out$S1_diag, 1e-9, label)
      expect_near(fit$intercept, out$intercept, 1e-9, label)
      expect_near(fit$pve, out$pve, 1e-9, label)
      expect_near(fit$expected_counts, out$w1_colsums, 1e-7, label)
      expect_near(fit$fitted[1:5, ], out$fitted_head, 1e-8, label)
      if (!is.null(out[["S1"]])) expect_near(fit$S1, out[["S1"]], 1e-9, label)
      if (!is.null(out$Y_imputed)) expect_near(fit$Y, out$Y_imputed, 1e-8, label)
      expect_equal(fit$convergence$iterations, out$n_sweeps)
      expect_false(fit$convergence$converged)
    }
  }
})

test_that("one predictor, or orthogonal ones, have the exact evidence and posterior", {
  x <- fixture("oracle_mnm_exact")
  for (case in c("p1", "p2_orthogonal", "p2_correlated")) {
    X <- x$input[[paste0("X_", case)]]
    want <- x$output[[case]]
    fit <- mr_mash(
      X, x$input$Y,
      S0 = x$input$V_list, w0 = x$input$w, V = x$input$Sigma, residual = "known",
      update_w0 = FALSE, standardize = FALSE, intercept = FALSE, covariance = "full", tol = 1e-14
    )
    if (case == "p2_correlated") {
      expect_lt(fit$ELBO, want$log_evidence - 1e-6)
      next
    }
    expect_near(fit$ELBO, want$log_evidence, 1e-9 * abs(want$log_evidence))
    expect_near(fit$mu1, want$posterior_mean, 1e-9)
    for (p in seq_len(ncol(X))) {
      block <- (p - 1) * 3 + 1:3
      expect_near(fit$S1[, , p], want$posterior_cov[block, block], 1e-9)
    }
    expect_near(fit$expected_counts, colSums(want$component_prob), 1e-9)
  }
})
