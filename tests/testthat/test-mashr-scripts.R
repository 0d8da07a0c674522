# Scripts in mashr's words. The expected numbers are those of mashr 0.2.81 (with ashr 2.2-65 and
# mixsqp 0.3-48) on the same seeds; log-likelihoods differ by what its optimiser leaves.

quiet <- function(...) mash(..., verbose = FALSE)
near <- function(found, expected, within) expect_lt(abs(found - expected), within)

test_that("one condition at a time, canonical, data-driven", {
  set.seed(1)
  sims <- simple_sims(500, 5, 1)
  data <- mash_set_data(sims$Bhat, sims$Shat)
  m.1by1 <- mash_1by1(data)
  near(get_loglik(m.1by1), -16440.138, 1e-2)
  strong <- get_significant_results(m.1by1, 0.05)
  expect_length(strong, 77)
  U.c <- cov_canonical(data)
  m.c <- quiet(data, U.c)
  near(get_loglik(m.c), -16120.3214, 1e-3)
  expect_length(get_significant_results(m.c), 150)
  near(get_pairwise_sharing(m.c)[1, 2], 0.776119402985, 1e-8)
  near(get_estimated_pi(m.c)[["null"]], 0.371196, 1e-4)
  near(max(get_log10bf(m.c)), 9.638058, 1e-5)
  m.pca <- quiet(data, c(U.c, cov_pca(data, 5, subset = strong)))
  near(get_loglik(m.pca), -16118.4028, 1e-3)
  expect_length(get_significant_results(m.pca), 153)
})

test_that("correlated errors, and z-scores alike", {
  set.seed(1)
  sims <- simple_sims(500, 5, 1)
  data <- mash_set_data(sims$Bhat, sims$Shat)
  V <- estimate_null_correlation_simple(data)
  near(V[1, 2], 0.0579253656467, 1e-10)
  near(get_loglik(quiet(mash_update_data(data, V = V), cov_canonical(data))), -16121.1118, 1e-3)
  scaled <- mash_set_data(sims$Bhat, sims$Shat * 2, alpha = 1)
  near(get_loglik(quiet(scaled, cov_canonical(scaled))), -18099.65206, 1e-3)
})

test_that("contrasts with a condition and with the mean", {
  set.seed(1)
  sims <- sim_contrast2(400)
  data <- mash_set_data(sims$Chat, sims$Shat)
  expected <- list(
    list(ref = "condition_5", loglik = -2165.47396, significant = 3, columns = 4),
    list(ref = "mean", loglik = -1528.77505, significant = 1, columns = 5)
  )
  for (case in expected) {
    data.L <- mash_update_data(data, ref = case$ref)
    m <- quiet(data.L, cov_canonical(data.L))
    near(get_loglik(m), case$loglik, 1e-3)
    expect_length(get_significant_results(m), case$significant)
    expect_identical(ncol(get_lfsr(m)), as.integer(case$columns))
  }
})

test_that("a fitted prior applied to data, and the iterated residual correlation", {
  set.seed(2)
  sims <- simple_sims2(100, 0.5)
  data <- mash_set_data(sims$Bhat, sims$Shat)
  U.c <- cov_canonical(data)
  m <- quiet(data, U.c)
  near(get_loglik(m), -1269.7701, 1e-3)
  m2 <- quiet(data, g = get_fitted_g(m), fixg = TRUE)
  expect_length(get_significant_results(m2), 85)
  near(mash_compute_posterior_matrices(m, data)$lfsr[3, 4], 0.48231, 1e-4)
  near(mash_compute_loglik(m, data), get_loglik(m), 1e-8)
  em <- mash_estimate_corr_em(data, U.c, max_iter = 4)
  near(get_loglik(em$mash.model), -1123.2985, 1e-3)
  near(em$V[1, 2], 0.8628235, 1e-4)
})

test_that("data-driven covariances: as good as the truth where canonical ones are wrong", {
  # The tutorials print -16120.32 for canonical covariances, and say that these are worse.
  set.seed(1)
  sims <- simple_sims(500, 5, 1)
  data <- mash_set_data(sims$Bhat, sims$Shat)
  strong <- get_significant_results(mash_1by1(data), 0.05)
  U.ed <- cov_ed(data, cov_pca(data, 5, subset = strong), subset = strong)
  expect_named(U.ed, paste0("ED_", c(paste0("PCA_", 1:5), "tPCA")))
  expect_lt(get_loglik(quiet(data, U.ed)), -16130)
  expect_gt(get_loglik(quiet(data, c(cov_canonical(data), U.ed))), -16120.32)

  set.seed(1)
  sims <- simple_sims2(1000, 1)
  U.true <- list(
    true.U1 = tcrossprod(c(1, 1, 0, 0, 0)), true.U2 = tcrossprod(c(0, 0, 1, 1, 1))
  )
  data <- mash_set_data(sims$Bhat, sims$Shat)
  strong <- get_significant_results(mash_1by1(data))
  U.c <- cov_canonical(data)
  U.ed <- cov_ed(data, cov_pca(data, 5, strong), strong)
  loglik <- vapply(list(U.c, U.ed, c(U.c, U.ed), U.true), \(U) get_loglik(quiet(data, U)), 0)
  expect_gt(loglik[2], loglik[1] + 300)
  near(loglik[2], loglik[4], 10)
  near(loglik[3], loglik[2], 10)
})

test_that("an eQTL study: flash and extreme deconvolution, random and strong units", {
  set.seed(1)
  sims <- simple_sims(2000, 5, 1)
  strong <- get_significant_results(mash_1by1(mash_set_data(sims$Bhat, sims$Shat)), 0.05)
  random <- sample(seq_len(nrow(sims$Bhat)), 2000)
  data.temp <- mash_set_data(sims$Bhat[random, ], sims$Shat[random, ])
  Vhat <- estimate_null_correlation_simple(data.temp)
  data.random <- mash_set_data(sims$Bhat[random, ], sims$Shat[random, ], V = Vhat)
  data.strong <- mash_set_data(sims$Bhat[strong, ], sims$Shat[strong, ], V = Vhat)
  U.f <- cov_flash(data.strong, factors = "nonneg", tag = "non_neg")
  expect_identical(names(U.f)[1:2], c("tFLASH_non_neg", "FLASH_non_neg_1"))
  U.ed <- cov_ed(data.strong, c(U.f, cov_pca(data.strong, 5)))
  m <- quiet(data.random, Ulist = c(U.ed, cov_canonical(data.random)), outputlevel = 1)
  m2 <- quiet(data.strong, g = get_fitted_g(m), fixg = TRUE)
  lfsr <- get_lfsr(m2)
  called <- lfsr < 0.05
  wrong <- sign(get_pm(m2)) != sign(sims$B[strong, ])
  expect_gt(sum(called), 300)
  expect_lt(mean(wrong[called]), 0.05)
})
