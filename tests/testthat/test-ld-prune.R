# All pairs, one after the other; a variant without variance is correlated with none.
slow_greedy <- function(X, threshold) {
  kept <- integer()
  for (k in seq_len(ncol(X))) {
    r <- vapply(kept, \(i) if (sd(X[, i]) * sd(X[, k]) > 0) abs(cor(X[, i], X[, k])) else -1, 0)
    if (!any(r >= threshold)) kept <- c(kept, k)
  }
  kept
}

blocks_of_ld <- function(n = 120, p = 60, rho = 0.8) {
  set.seed(2)
  X <- matrix(rnorm(n * p), n)
  for (k in 2:p) if (k %% 6 != 1) X[, k] <- rho * X[, k - 1] + sqrt(1 - rho^2) * X[, k]
  round(X, 2)
}

test_that("no two kept variants are correlated, and every other is with one kept before", {
  X <- blocks_of_ld()
  for (threshold in c(0.2, 0.45, 0.9)) {
    expect_identical(ld_prune(X, threshold), slow_greedy(X, threshold))
  }
  kept <- greedy_prune(scale(X) / sqrt(nrow(X) - 1), 0.45, size = 7L)
  expect_identical(kept, slow_greedy(X, 0.45))
  expect_identical(ld_prune(X, 0), 1L)
})

test_that("clusters are those of single linkage, as hclust() finds them", {
  X <- blocks_of_ld()
  for (threshold in c(0.3, 0.45, 0.7)) {
    groups <- cutree(hclust(as.dist(1 - abs(cor(X))), "single"), h = 1 - threshold)
    expect_identical(ld_prune(X, threshold, method = "cluster"), unname(which(!duplicated(groups))))
  }
})

test_that("variants come by name, the first ones preferred, from matrices, blocks and files", {
  X <- blocks_of_ld()
  X[, 3] <- 1
  colnames(X) <- paste0("v", 1:60)
  some <- paste0("v", c(9, 3, 2, 1, 40:30))
  kept <- ld_prune(X, variants = some)
  expect_identical(kept, some[slow_greedy(X[, some], 0.45)])
  blocks <- genotype_blocks(60, \(columns) X[, columns, drop = FALSE], size = 7)
  expect_identical(ld_prune(blocks, variants = some), kept)
  expect_identical(ld_prune(blocks, variants = c(9, 3, 2, 1, 40:30)), kept)
  expect_identical(ld_prune(unname(X), variants = c(9, 3, 2, 1, 40:30)),
    as.double(sub("v", "", kept)))
  file <- withr::local_tempfile(fileext = ".rds")
  saveRDS(X, file)
  expect_identical(ld_prune(file, variants = some), kept)
  # A missing value counts as its variant's mean.
  gaps <- X
  gaps[c(1, 5), "v9"] <- NA
  filled <- gaps
  filled[c(1, 5), "v9"] <- mean(gaps[, "v9"], na.rm = TRUE)
  expect_identical(ld_prune(gaps, 0.5), ld_prune(filled, 0.5))
  expect_error(
    ld_prune(X, variants = c("v1", "w1")), "\"w1\" is none", class = "mnmash_error_names"
  )
  expect_error(ld_prune(X, 2), "`threshold`", class = "mnmash_error_argument")
})
