# Signs under the linkage of people: genes with two variants in negative linkage, one acting in some
# conditions and one in the others, have marginal effects of opposite signs, which are false.

opposing_genes <- function(regions, n = 500, seed = 1) {
  withr::local_seed(seed)
  conditions <- c("liver", "lung", "skin", "cortex", "cerebellum", "amygdala")
  brain <- 4:6
  V <- 0.3 + 0.7 * diag(6)
  lapply(coalescent_genotypes(regions, n, shuffled = TRUE), \(X) {
    X <- scale(X)[, seq(1, ncol(X), 2)]
    LD <- cor(X)
    pairs <- which(LD < -0.35 & LD > -0.85, arr.ind = TRUE)
    B <- matrix(0, ncol(X), 6)
    sizes <- \(k) sqrt(0.06) * exp(rnorm(k, sd = 0.2))
    sign <- sample(c(-1, 1), 1)
    at <- pairs[sample.int(nrow(pairs), 1), ]
    B[at[1], -brain] <- sign * sizes(3)
    B[at[2], brain] <- sign * sizes(3)
    Y <- X %*% B + matrix(rnorm(6 * n), n) %*% chol(V)
    colnames(Y) <- conditions
    list(X = X, Y = Y, B = B)
  })
}

# Of the calls of sets, the share whose sign no variant of the set has in the condition.
wrong_signs <- function(fit, genes) {
  calls <- fit$calls[fit$calls$lfsr < 0.05, ]
  right <- mapply(\(region, set, condition, effect) {
    of <- fit$variants$region == region & fit$variants$set == set
    inside <- match(fit$variants$variant[of], colnames(genes[[region]]$X))
    any(genes[[region]]$B[inside, match(condition, fit$conditions)] * effect > 0)
  }, calls$region, calls$set, calls$condition, calls$effect)
  c(calls = length(right), wrong = sum(!right))
}

test_that("what is learnt from the genome makes signs better than the canonical matrices do", {
  genes <- opposing_genes(1:24)
  data <- lapply(genes, `[`, c("X", "Y"))
  canonical <- wrong_signs(mnm(data, rounds = 0, effects = FALSE), genes)
  learnt <- wrong_signs(mnm(data, effects = FALSE), genes)
  share <- \(x) x[["wrong"]] / x[["calls"]]
  message(
    "wrong signs in opposing genes: canonical ", round(share(canonical), 3), " of ",
    canonical[["calls"]], ", learnt ", round(share(learnt), 3), " of ", learnt[["calls"]]
  )
  expect_gt(learnt[["calls"]], 50)
  expect_lt(share(learnt), share(canonical) + 0.02)
  expect_lt(share(learnt), 0.3)
})
