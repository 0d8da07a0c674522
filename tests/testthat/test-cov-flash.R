case <- readRDS(test_path("fixtures", "flash_300x10.rds"))
data <- mash_set_data(case$input$Bhat, case$input$Shat)
tight <- list(tol = 1e-8)

test_that("the bound is flashier's or higher, with its matrices where it is the same", {
  for (tag in case$input$tags) {
    U <- cov_flash(data, tag, sparse = FALSE)
    expected <- case$output[[tag]]
    expect_gte(attr(U, "fit")$elbo, expected$elbo - 1e-4)
    U <- cov_flash(data, tag, greedy_args = tight, backfit_args = tight, sparse = FALSE)
    expect_gte(attr(U, "fit")$elbo, expected$elbo)
    expect_lt(attr(U, "fit")$elbo, expected$elbo + 0.01)
    expect_named(U, names(expected$U))
    for (name in names(U)) {
      error <- max(abs(U[[name]] - expected$U[[name]])) / max(abs(expected$U[[name]]))
      expect_lt(error, 1e-3)
    }
    expect_true(attr(U, "fit")$converged)
  }
})

test_that("the saved model is flashier's, and says what the matrices are made of", {
  file <- withr::local_tempfile(fileext = ".rds")
  U <- cov_flash(data, "nonneg", tag = "mine", output_model = file, sparse = FALSE)
  saved <- readRDS(file)
  expected <- case$output$nonneg
  # How the size of a factor is shared between its sides is arbitrary.
  for (side in c("L", "F")) {
    mean <- paste0(side, "_pm")
    size <- \(fit) rep(sqrt(colSums(fit[[mean]]^2)), each = nrow(fit[[mean]]))
    for (what in paste0(side, c("_pm", "_psd"))) {
      ours <- abs(saved$model[[what]]) / size(saved$model)
      expect_equal(ours, abs(expected[[what]]) / size(expected), tolerance = 1e-3)
    }
  }
  expect_equal(saved$model$residual_sd, expected$residual_sd, tolerance = 1e-4)
  expect_true(all(saved$model$F_pm >= 0))
  fitted <- tcrossprod(saved$model$L_pm, saved$model$F_pm)
  expect_equal(U$tFLASH_mine, crossprod(fitted) / 300)
  expect_equal(U$FLASH_mine_2, tcrossprod(saved$factors[, 2]), ignore_attr = TRUE)
  expect_equal(colSums(saved$factors^2), rep(1, 4))
})

test_that("no factor is an empty list and a message, that c() and mash() take", {
  set.seed(1)
  noise <- mash_set_data(matrix(rnorm(300), 100))
  expect_message(U <- cov_flash(noise), "no factors")
  expect_length(U, 0)
  expect_type(U, "list")
  expect_identical(names(c(cov_canonical(noise), U)), names(cov_canonical(noise)))
  zero <- mash_set_data(matrix(0, 20, 3), matrix(1, 20, 3))
  expect_message(expect_length(cov_flash(zero), 0), "no factors")
})

test_that("two, three, four conditions, one row and one condition work", {
  set.seed(2)
  for (R in 2:4) {
    B <- outer(rnorm(100) * (runif(100) < 0.5), rep(3, R)) + rnorm(100 * R)
    U <- cov_flash(mash_set_data(B))
    expect_gte(length(U), 2)
    expect_gt(min(eigen(U[[1]])$values), -1e-10)
    # The common factor has the same weight everywhere.
    expect_equal(U$FLASH_default_1, matrix(1 / R, R, R), tolerance = 0.2)
  }
  expect_true(is.list(suppressMessages(cov_flash(mash_set_data(matrix(rnorm(50)))))))
  expect_true(is.list(suppressMessages(cov_flash(data, subset = 3))))
})

test_that("missing cells are left out", {
  set.seed(3)
  l <- rnorm(200) * (runif(200) < 0.5)
  B <- outer(l, c(3, 3, 2, 1)) + rnorm(800)
  full <- cov_flash(mash_set_data(B))
  B[sample(800, 160)] <- NA
  B <- B[rowSums(!is.na(B)) > 0, ]
  U <- cov_flash(mash_set_data(B))
  expect_equal(U$FLASH_default_1, full$FLASH_default_1, tolerance = 0.1)
  expect_equal(U$tFLASH_default, full$tFLASH_default, tolerance = 0.15)
})

test_that("singletons can be left out, whatever the units", {
  set.seed(4)
  l <- matrix(rnorm(600) * (runif(600) < 0.3), 300)
  f <- cbind(c(1, 1, 1, 0, 0), c(0, 0, 0, 0, 1))
  B <- 4 * tcrossprod(l, f) + rnorm(1500)
  for (scale in c(1, 1e-4)) {
    scaled <- mash_set_data(B * scale, scale)
    expect_length(cov_flash(scaled), 3)
    expect_message(U <- cov_flash(scaled, remove_singleton = TRUE), "1 singleton")
    expect_named(U, c("tFLASH_default", "FLASH_default_1"))
  }
  expect_equal(cov_flash(scaled)[[1]], cov_flash(mash_set_data(B))[[1]] * 1e-8, tolerance = 1e-5)
})

test_that("standard errors can be given", {
  set.seed(5)
  l <- rnorm(300)
  S <- matrix(ifelse(runif(1200) < 0.5, 0.2, 5), 300)
  B <- outer(l, c(1, 1, -1, 0)) + S * rnorm(1200)
  noisy <- mash_set_data(B, S)
  truth <- tcrossprod(c(1, 1, -1, 0)) / 3
  expect_equal(cov_flash(noisy, noise = "given")$FLASH_default_1, truth, tolerance = 0.1)
  expect_equal(cov_flash(noisy, noise = "scaled")$FLASH_default_1, truth, tolerance = 0.1)
})

test_that("arguments meant for flashier are checked", {
  expect_error(
    cov_flash(data, greedy_args = list(init_fn = mean)), "init_fn", class = "mnmash_error_argument"
  )
  expect_error(cov_flash(data, backfit_args = list(maxiter = 1.5)), "backfit_args\\$maxiter")
  one <- cov_flash(data, greedy_args = list(Kmax = 1))
  expect_length(one, 2)
  expect_false(attr(cov_flash(data, backfit_args = list(maxiter = 1)), "fit")$converged)
  expect_error(cov_flash(data, tag = 1), "`tag`", class = "mnmash_error_argument")
})

test_that("a condition without effects has exact zeros, and no share of the others' effects", {
  set.seed(7)
  n <- 800
  R <- 6
  active <- runif(n) < 0.3
  pattern <- cbind(shared = 1, rbind(matrix(0, 3, 1), matrix(1, 3, 1)))
  B <- active * tcrossprod(matrix(rnorm(2 * n), n) * 3, pattern)
  Bhat <- cbind(B + rnorm(n * R), rnorm(n))
  data <- mash_set_data(Bhat, matrix(1, n, R + 1))
  strong <- which(apply(abs(Bhat), 1, max) > 4.2)
  false_calls <- \(U) {
    fit <- mash(data, c(U, cov_canonical(data)), verbose = FALSE)
    sum(get_lfsr(fit)[, R + 1] < 0.05)
  }
  for (noise in c("column", "given")) {
    mashr <- cov_flash(data, subset = strong, noise = noise, sparse = FALSE)
    U <- cov_flash(data, subset = strong, noise = noise)
    for (u in U) expect_true(all(u[, R + 1] == 0))
    expect_named(U, names(mashr)[seq_along(U)])
    # What is far from zero stays as it is.
    shared <- U$FLASH_default_1 != 0
    expect_gte(sum(shared), 9)
    expect_equal(U$FLASH_default_1[shared], mashr$FLASH_default_1[shared], tolerance = 0.02)
    expect_gt(false_calls(mashr), 15)
    expect_lt(false_calls(U), 10)
  }
})
