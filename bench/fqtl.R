# Factored regression on simulations after Park et al. (2017): power, rank, false positives, time.
#   Rscript bench/fqtl.R [sets per design, default 5]
library(mnmash)
sets <- as.integer(c(commandArgs(TRUE), 5)[1])

average_precision <- function(score, truth) {
  truth <- truth[order(-score, truth)]
  mean((cumsum(truth) / seq_along(truth))[truth == 1])
}

genotypes <- function(n, p) {
  one <- \(maf) {
    z <- matrix(rnorm(n * 25), n)
    for (j in 2:25) z[, j] <- 0.9 * z[, j - 1] + sqrt(1 - 0.81) * z[, j]
    (z < qnorm(maf)) + 0
  }
  block <- \() {
    maf <- runif(1, 0.05, 0.5)
    one(maf) + one(maf)
  }
  X <- do.call(cbind, replicate(p / 25, block(), simplify = FALSE))
  scale(X, scale = FALSE)
}

# Factors of standard normal effects; each causal outcome has heritability h2 (none of the others).
one_set <- function(seed, K, h2, snps, n = 450, p = 500, m = 44, causal = 10, observed = 0.36) {
  set.seed(seed)
  X <- genotypes(n, p)
  tissues <- sample(m, causal)
  factor <- if (K) sample(rep_len(seq_len(K), causal)) else integer(causal)
  eta <- matrix(rnorm(n * m), n)
  variants <- integer()
  for (k in seq_len(K)) {
    chosen <- sample(p, snps)
    signal <- drop(scale(X[, chosen, drop = FALSE] %*% rnorm(snps)))
    own <- tissues[factor == k]
    eta[, own] <- signal %o% sample(c(-1, 1), length(own), TRUE)
    variants <- c(variants, chosen)
  }
  Y <- eta + matrix(rnorm(n * m), n) * sqrt(1 / h2 - 1)
  Y[matrix(runif(n * m) > observed, n)] <- NA
  time <- system.time(fit <- fqtl(scale(Y), X, K = 5, n_threads = 1))[["user.self"]]
  if (!K) return(c(rank = fit$rank, high = sum(pip(fit) > 0.9), time = time))
  effects <- X %*% fit$B
  r2 <- vapply(tissues, \(t) {
    hidden <- is.na(Y[, t])
    if (sd(effects[hidden, t]) == 0) 0 else cor(effects[hidden, t], eta[hidden, t])^2
  }, 1)
  score <- if (fit$rank) apply(abs(fit$u$mean), 1, max) else rep(0, p)
  sure <- which(pip(fit) > 0.9)
  far <- if (length(sure)) {
    sum(apply(cor(X[, sure, drop = FALSE], X[, variants, drop = FALSE])^2, 1, max) < 0.25)
  } else {
    0
  }
  c(
    snp = average_precision(score, seq_len(p) %in% variants),
    tissue = average_precision(apply(effects, 2, var), seq_len(m) %in% tissues),
    r2 = mean(r2), rank = fit$rank, far = far, time = time
  )
}

designs <- expand.grid(K = 1:3, h2 = c(0.1, 0.2, 0.3), snps = c(1, 3))
for (d in seq_len(nrow(designs))) {
  out <- vapply(seq_len(sets), \(s) {
    one_set(1000 * d + s, designs$K[d], designs$h2[d], designs$snps[d])
  }, numeric(6))
  cat(sprintf("K %d h2 %.1f SNPs %d:", designs$K[d], designs$h2[d], designs$snps[d]))
  cat(sprintf(" %s %.2f", rownames(out), rowMeans(out)), "\n")
}
null <- vapply(seq_len(10 * sets), \(s) one_set(s, 0, 0.5, 1), numeric(3))
cat(sprintf(
  "null: rank 0 in %.0f%%, PIP > .9: %d, %.2f s\n",
  100 * mean(null["rank", ] == 0), sum(null["high", ]), mean(null["time", ])
))

set.seed(1)
X <- genotypes(500, 2000)
B <- matrix(0, 2000, 44)
for (k in 1:5) B[sample(2000, 1), sample(44, 10)] <- 0.4 * rnorm(10)
Y <- X %*% B + matrix(rnorm(500 * 44), 500)
cat("n 500, p 2000, m 44, K 5, seconds:", system.time(fqtl(Y, X, n_threads = 1))[["user.self"]], "\n")
