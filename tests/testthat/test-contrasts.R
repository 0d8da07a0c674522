map_cases <- c(
  "A_EE", "A_orthogonal_rank1", "EZ_A", "ref2_EZ_V", "ref5_EE", "refmean_EE", "refmean_common_V"
)

contrast_case <- function(case) {
  data <- case_data(case)
  if (is.null(case$input$ref)) data else mash_update_data(data, ref = case$input$ref)
}

test_that("stored cases of contrasts and linear functions are reproduced", {
  for (name in map_cases) {
    case <- mash_case(name)
    data <- contrast_case(case)
    expect_equal(unname(data$Shat), unname(case$output$Shat_scaled), tolerance = 1e-12)
    g <- case_prior(case)
    m <- mash(
      data, g = g, fixg = TRUE, A = case$input$A, outputlevel = 4, output_lfdr = TRUE,
      verbose = FALSE
    )
    loglik <- (m$lm$loglik_matrix + m$lm$lfactors)[1:5, ]
    expect_lt(relative_difference(unname(loglik), case$output$loglik), 1e-9)
    expect_lt(relative_difference(unname(m$vloglik[, 1]), case$output$vloglik), 1e-9)
    for (what in c("PosteriorMean", "PosteriorSD", "lfdr", "NegativeProb", "lfsr")) {
      found <- unname(m$result[[what]])
      expect_lt(max(abs(found - case$output[[what]])), 1e-9, label = paste(name, what))
    }
  }
})

test_that("a function that is orthogonal to the prior is zero: lfsr exactly 1, sd exactly 0", {
  case <- mash_case("A_orthogonal_rank1")
  m <- mash(
    contrast_case(case), g = case_prior(case), fixg = TRUE, A = case$input$A, verbose = FALSE
  )
  expect_identical(unname(m$result$lfsr[, 1]), rep(1, 30))
  expect_identical(unname(m$result$PosteriorSD[, 1]), rep(0, 30))
  expect_identical(unname(m$result$PosteriorMean[, 1]), rep(0, 30))
  expect_false(anyNA(unlist(m$result)))
})

# Posterior of A b, row by row, by conditional normal distributions. A variance that is rounding of
# zero counts as zero.
slow_linear <- function(data, components, weights, A) {
  loglik <- slow_loglik(data, components)
  zero <- matrix(0, nrow(data$Bhat), nrow(A))
  out <- list(mean = zero, sd = zero, lfdr = zero, negative = zero)
  for (j in seq_len(nrow(data$Bhat))) {
    o <- slow_observed(data, j)
    N <- slow_noise(data, j)
    w <- loglik[j, ] + log(weights)
    w <- exp(w - slow_log_sum_exp(w))
    H <- A %*% diag(data$Shat_alpha[j, ], ncol(A))
    second <- 0
    for (p in seq_along(components)) {
      U <- components[[p]]
      gain <- U[, o, drop = FALSE] %*% solve((N + U)[o, o, drop = FALSE])
      mean <- drop(H %*% gain %*% data$Bhat[j, o])
      variance <- diag(H %*% (U - gain %*% U[o, , drop = FALSE]) %*% t(H))
      none <- variance <= 1e-12 * drop(abs(H) %*% sqrt(diag(U)))^2
      variance[none] <- 0
      mean[none] <- 0
      out$mean[j, ] <- out$mean[j, ] + w[p] * mean
      second <- second + w[p] * (variance + mean^2)
      out$lfdr[j, ] <- out$lfdr[j, ] + w[p] * none
      negative <- ifelse(none, 0, pnorm(-mean / sqrt(variance)))
      out$negative[j, ] <- out$negative[j, ] + w[p] * negative
    }
    out$sd[j, ] <- sqrt(pmax(second - out$mean[j, ]^2, 0))
  }
  out
}

test_that("contrasts with varying errors, any alpha, V and missing cells equal a slow version", {
  U <- c(small_prior(4), list(zero = matrix(0, 4, 4)))
  components <- slow_components(U, c(0.5, 2))
  set.seed(3)
  weights <- prop.table(runif(length(components)))
  g <- list(pi = weights, Ulist = U, grid = c(0.5, 2), usepointmass = TRUE)
  maps <- list(contrast_matrix(4, 2), contrast_matrix(4, "mean"), rbind(rep(1, 4), c(0, 0, 0, 2)))
  for (alpha in c(0, 0.5, 1)) {
    for (V in list(diag(4), correlated(4), by_unit(4))) {
      for (missing in c(0, 0.3)) {
        data <- random_data(4, missing = missing, alpha = alpha, V = V)
        for (A in maps) {
          found <- suppressMessages(mash_compute_posterior_matrices(g, data, A = A))
          slow <- slow_linear(data, components, weights, A)
          expect_equal(unname(found$PosteriorMean), slow$mean, tolerance = 1e-9)
          expect_equal(unname(found$PosteriorSD), slow$sd, tolerance = 1e-7)
          expect_equal(unname(found$lfdr), slow$lfdr, tolerance = 1e-9)
          expect_equal(unname(found$NegativeProb), slow$negative, tolerance = 1e-9)
        }
      }
    }
  }
})

test_that("data of contrasts have the likelihood of their covariance, missing cells included", {
  U <- small_prior(3)
  g <- list(Ulist = U, grid = 1, usepointmass = TRUE)
  for (V in list(diag(4), correlated(4), by_unit(4))) {
    for (ref in list(2, "mean")) {
      full <- random_data(4, V = V)
      data <- mash_update_data(full, ref = ref)
      L <- contrast_matrix(4, ref)
      each <- vapply(seq_len(12), \(j) {
        S <- diag(full$Shat[j, ])
        stats::cov2cor(L %*% S %*% (if (full$commonV) V else V[, , j]) %*% S %*% t(L))
      }, matrix(0, 3, 3))
      dense <- data
      dense$L <- NULL
      dense$V <- each
      dense$commonV <- FALSE
      expect_equal(
        unname(loglik_matrix(data, g, 1L)), slow_loglik(dense, slow_components(U, 1)),
        tolerance = 1e-10
      )
    }
  }
  # A difference is missing where its condition or the baseline is.
  B <- matrix(rnorm(12), 4)
  B[1, 3] <- NA
  data <- mash_update_data(mash_set_data(B), ref = 1)
  expect_identical(unname(which(data$missing)), 5L)
  B[2, 1] <- NA
  expect_error(mash_update_data(mash_set_data(B), ref = 1), "row 2", class = "mnmash_error_missing")
})

test_that("contrast matrices have mashr's rows, names and reference", {
  L <- contrast_matrix(3, 2, c("a", "b", "c"))
  expect_identical(L[, ], rbind(`a-b` = c(a = 1, b = -1, c = 0), `c-b` = c(0, -1, 1)))
  expect_identical(attr(L, "reference"), 2L)
  mean <- contrast_matrix(3, "mean")
  expect_equal(unname(mean[, ]), rbind(c(2, -1, -1), c(-1, 2, -1)) / 3)
  expect_identical(rownames(mean), c("1-mean", "2-mean"))
  expect_identical(dim(contrast_matrix(2, 1)), c(1L, 2L))
})

test_that("two conditions can be compared, and names can be used for the reference", {
  sims <- simple_sims2(5, 0.5)
  sims <- list(B = sims$Bhat[, 1:2], S = sims$Shat[, 1:2])
  colnames(sims$B) <- colnames(sims$S) <- c("case", "control")
  data <- mash_update_data(mash_set_data(sims$B, sims$S), ref = "control")
  m <- mash(data, cov_canonical(data), verbose = FALSE)
  expect_identical(colnames(get_pm(m)), "case-control")
  mean <- mash_update_data(mash_set_data(sims$B, sims$S), ref = "mean")
  m <- mash(mean, cov_canonical(mean), verbose = FALSE)
  expect_identical(colnames(get_pm(m)), c("case-mean", "control-mean"))
  expect_equal(get_pm(m)[, 1], -get_pm(m)[, 2])
})

test_that("a new V changes contrasts as if it had been there from the start", {
  data <- random_data(4)
  V <- correlated(4)
  late <- mash_update_data(mash_update_data(data, ref = 3), V = V)
  early <- mash_update_data(mash_update_data(data, V = V), ref = 3)
  expect_equal(late, early)
})

test_that("wrong references, maps and repeated references are named", {
  data <- random_data(3)
  expect_error(mash_update_data(data, ref = 4), "`ref`", class = "mnmash_error_argument")
  expect_error(mash_update_data(data, ref = "x"), "\"mean\"", class = "mnmash_error_argument")
  expect_error(
    mash_update_data(mash_update_data(data, ref = 1), ref = 2), "already",
    class = "mnmash_error_argument"
  )
  expect_error(contrast_matrix(1, 1), "2 conditions", class = "mnmash_error_argument")
  g <- list(pi = c(0.5, 0.5), Ulist = list(diag(3)), grid = 1)
  posterior <- \(A) suppressMessages(mash_compute_posterior_matrices(g, data, A = A))
  expect_error(posterior(diag(2)), "3 columns", class = "mnmash_error_dimension")
  expect_error(posterior(matrix(NA_real_, 1, 3)), "`A`", class = "mnmash_error_not_finite")
  expect_identical(ncol(posterior(c(1, -1, 0))$lfsr), 1L)
})

test_that("contrasts after a fit are those of the fit's prior, one or two threads", {
  data <- random_data(4, J = 300, alpha = 1)
  m <- mash(data, cov_canonical(data), verbose = FALSE)
  L <- contrast_matrix(4, 1)
  found <- get_posterior_condition_wise_summary(data, m, L)
  expect_identical(dim(found$lfsr), c(300L, 3L))
  expect_equal(found$PosteriorMean, get_pm(m) %*% t(L), tolerance = 1e-10, ignore_attr = TRUE)
  one <- mash_compute_posterior_matrices(m, data, A = L, n_threads = 1)
  expect_identical(one, mash_compute_posterior_matrices(m, data, A = L, n_threads = 2))
})
