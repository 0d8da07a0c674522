# Error rates of fits whose prior was learnt, where the truth is known: in ten seconds, what
# bench/calibration.R does at length.

# One unit in five has effects: of sizes that differ, shared by all conditions, the same everywhere,
# in the first half only, in the last condition, or independent.
known_effects <- function(J, R, share = 0.2) {
  half <- diag(as.numeric(seq_len(R) <= R / 2))
  U <- list(
    0.7 + diag(0.3, R), matrix(1, R, R), half %*% (0.8 + diag(0.2, R)) %*% half,
    diag(as.numeric(seq_len(R) == R)), diag(R)
  )
  B <- matrix(0, J, R)
  kind <- sample(5, J, TRUE, c(0.4, 0.2, 0.2, 0.1, 0.1)) * rbinom(J, 1, share)
  for (k in 1:5) {
    e <- eigen(U[[k]], symmetric = TRUE)
    rows <- which(kind == k)
    B[rows, ] <- matrix(rnorm(length(rows) * R), ncol = R) %*%
      (sqrt(pmax(e$values, 0)) * t(e$vectors)) * 3 * sqrt(rexp(length(rows)))
  }
  B[abs(B) < 1e-9] <- 0
  B
}

# Wrong calls at lfsr < .05 (of sign, or of effects that are zero), and those promised. Units come
# in runs that share effects and nine tenths of their errors.
call_errors <- function(B, missing, run = 1) {
  block <- rep(seq_len(nrow(B)), each = run)
  common <- if (run > 1) matrix(rnorm(length(B)), nrow(B))[block, ] else 0
  B <- B[block, ]
  Bhat <- B + sqrt(0.9) * common + (if (run > 1) sqrt(0.1) else 1) * rnorm(length(B))
  Bhat[runif(length(B)) < missing] <- NA
  Bhat[rowSums(!is.na(Bhat)) == 0, 1] <- 0
  data <- mash_set_data(Bhat)
  prior <- learn_prior(data, blocks = block)
  m <- mash(mash_update_data(data, V = prior$V), g = prior, fixg = TRUE, verbose = FALSE)
  called <- get_lfsr(m) < 0.05
  wrong <- sign(get_pm(m)) != sign(B)
  c(wrong = sum(wrong[called]), promised = sum(get_lfsr(m)[called]), right = sum(called & !wrong))
}

test_that("where a prior is learnt, signs are wrong about as often as their lfsr say", {
  skip_on_cran()
  set.seed(20)
  for (missing in c(0, 0.5)) {
    found <- rowSums(replicate(4, call_errors(known_effects(4000, 20), missing)))
    expect_lt(found[["wrong"]] / found[["promised"]], 1.5)
    expect_gt(found[["right"]], if (missing) 10000 else 18000)
  }
})

test_that("where there is nothing, next to nothing is called", {
  skip_on_cran()
  set.seed(21)
  expect_warning(found <- call_errors(matrix(0, 4000, 20), 0), NA)
  expect_lte(found[["wrong"]], 1)
})

test_that("linked units whose blocks are given, and few units, keep their promise too", {
  skip_on_cran()
  set.seed(22)
  for (run in c(10, 1)) {
    found <- rowSums(replicate(3, call_errors(known_effects(400, 20), 0, run)))
    expect_lt(found[["wrong"]] / found[["promised"]], if (run > 1) 1.5 else 2)
    expect_gt(found[["right"]], 1000 * run)
  }
})
