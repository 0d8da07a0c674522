# Arguments that other packages' functions have: used, taken with a word, or refused in words.

test_that("other packages' words are understood", {
  sim <- simulate_mr_mash(n = 60, p = 8, p_causal = 2, r = 2, pve = 0.5, seed = 1)
  y <- sim$Y[, 1]
  B <- matrix(0.1, 8, 2)
  expect_identical(
    mr_mash(sim$X, sim$Y, S0 = list(diag(2)), mu1_init = B, nthreads = 1,
            ca_update_order = "decreasing_logBF")$mu1,
    mr_mash(sim$X, sim$Y, S0 = list(diag(2)), B_init = B, n_threads = 1,
            order = "decreasing_logBF")$mu1
  )
  expect_identical(
    mr_ash(sim$X, y, beta.init = B[, 1], max.iter = 500, update.sigma2 = FALSE, sigma2 = 1)$beta,
    mr_ash(sim$X, y, beta_init = B[, 1], max_iter = 500, update_sigma2 = FALSE, sigma2 = 1)$beta
  )
  region <- finemap_data(sim$X, sim$Y)
  fitted <- \(...) finemap(region, ...)[c("pip", "elbo")]
  expect_identical(
    fitted(prior_variance = list(diag(2)), residual_variance = cov(sim$Y), n_thread = 1),
    fitted(list(diag(2)), V = cov(sim$Y))
  )
  expect_error(fitted(list(diag(2)), prior_variance = list(diag(2))), "not both",
               class = "mnmash_error_argument")
  expect_error(fitted(prior_variance = "no"), "`prior_variance`", class = "mnmash_error_type")
  mixed <- \(...) {
    mr_mash(sim$X, sim$Y, S0 = list(diag(2)), max_iter = 3, tol = 9, ...)[c("mu1", "V")]
  }
  expect_identical(
    mixed(update_w0_method = "EM", update_V_method = "diagonal", update_w0_tol = 1),
    mixed(w0_method = "em", residual = "diagonal", tol_w0 = 1)
  )
  s <- univariate_sumstats(sim$X, sim$Y, standardize.response = FALSE)
  expect_identical(
    finemap_sumstats(bhat = s$Bhat, shat = s$Shat, R = cor(sim$X), N = 60, var_y = 1),
    finemap_sumstats(Bhat = s$Bhat, Shat = s$Shat, LD = cor(sim$X), n = 60)
  )
  Z <- cbind(age = rnorm(60))
  expect_identical(varbvs(sim$X, y = y, covariates = Z)$pip, varbvs(sim$X, Z, y)$pip)
  expect_error(varbvs(sim$X, Z, y, covariates = Z), "not both", class = "mnmash_error_argument")
  expect_error(
    mr_mash_rss(Z = sim$B, LD = diag(8), n = 9, covY = diag(2), prior = list(diag(2)),
                covariates = Z), "`covariates`", class = "mnmash_error_argument"
  )
})

test_that("arguments without a counterpart are said to change nothing, or refused", {
  sim <- simulate_mr_mash(n = 60, p = 8, p_causal = 2, r = 2, pve = 0.5, seed = 1)
  y <- sim$Y[, 1]
  region <- finemap_data(sim$X, sim$Y)
  tables <- list(
    list(peers = mash_peers, fit = \(...) mr_mash(sim$X, sim$Y, list(diag(2)), grid = 0.3, ...)),
    list(peers = ash_peers, fit = \(...) mr_ash(sim$X, y, ...)),
    list(peers = varbvs_peers, fit = \(...) varbvs(sim$X, NULL, y, ...)),
    list(peers = finemap_peers, fit = \(...) finemap(region, list(diag(2)), ...))
  )
  taken <- list(
    verbose = TRUE, version = "R", compute_ELBO = FALSE, convergence_criterion = "ELBO",
    method.q = "sigma_dep_q", min.iter = 1, optimize.eta = TRUE, initialize.params = FALSE,
    update.sigma = TRUE, update.sa = TRUE, nr = 10, verbosity = 1, prior_tol = 1e-9,
    estimate_prior_variance = TRUE, approximate = FALSE,
    compute_objective = TRUE, compute_univariate_zscore = FALSE,
    precompute_covariances = TRUE, n_purity = 50, track_fit = FALSE
  )
  for (table in tables) {
    right <- coef(table$fit())
    for (word in names(table$peers)) {
      if (word %in% names(taken)) {
        expect_message(
          found <- do.call(table$fit, taken[word]), paste0("`", word, "` changes nothing")
        )
        expect_identical(coef(found), right)
      }
      if (!isTRUE(table$peers[[word]]$nothing("other"))) {
        expect_error(
          do.call(table$fit, stats::setNames(list("other"), word)),
          paste0("`", word, "` cannot be used here: "), class = "mnmash_error_argument"
        )
      }
    }
  }
  expect_error(
    varbvs(sim$X, NULL, y, sigma = 1, update.sigma = TRUE), "held", class = "mnmash_error_argument"
  )
})
