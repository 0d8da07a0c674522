# Deterministic data for the benchmarks: effects in many conditions, as seen over tissues. Base R
# only; the same seed gives the same data (default RNG of R >= 3.6).

# Residual correlation that falls off with the distance between conditions
ar1 <- function(R, rho = 0.4) rho^abs(outer(seq_len(R), seq_len(R), "-"))

# Half of the units null; the others shared by all conditions, in one only, of rank 3, or
# independent
mash_effects <- function(J, R, null = 0.5, sd = 1) {
  B <- matrix(0, J, R)
  patterns <- matrix(rnorm(3 * R), 3) / sqrt(3)
  kind <- sample(5L, J, TRUE, c(null, rep((1 - null) / 4, 4)))
  shared <- which(kind == 2L)
  B[shared, ] <- sd * rnorm(length(shared))
  single <- which(kind == 3L)
  B[cbind(single, sample(R, length(single), TRUE))] <- 2 * sd * rnorm(length(single))
  rank3 <- which(kind == 4L)
  B[rank3, ] <- sd * matrix(rnorm(3 * length(rank3)), ncol = 3) %*% patterns
  free <- which(kind == 5L)
  B[free, ] <- sd * rnorm(length(free) * R)
  B
}

# `model`: "EE" and "EZ" have lognormal standard errors in each cell (EZ is analysed with alpha =
# 1), "common" has one standard error per condition.
mash_workload <- function(J, R, model = c("EE", "EZ", "common"), V = ar1(R), seed = 1) {
  model <- match.arg(model)
  set.seed(seed)
  B <- mash_effects(J, R)
  S <- if (model == "common") {
    matrix(exp(rnorm(R, log(0.2), 0.3)), J, R, byrow = TRUE)
  } else {
    matrix(exp(rnorm(J * R, log(0.2), 0.3)), J, R)
  }
  Bhat <- B + S * (matrix(rnorm(J * R), J) %*% chol(V))
  dimnames(Bhat) <- dimnames(S) <- list(NULL, paste0("c", seq_len(R)))
  list(Bhat = Bhat, Shat = S, V = V, alpha = as.numeric(model == "EZ"))
}

# Prior covariances, made here so that every package gets the same: canonical (R + 5), five
# principal components and their sum, and (`full`) six of full rank, from the strong units grouped
# by the component they load on.
workload_covariances <- function(w, npc = min(5L, ncol(w$Bhat) - 1L), full = TRUE) {
  X <- if (w$alpha == 1) w$Bhat / w$Shat else w$Bhat
  R <- ncol(X)
  strength <- apply(abs(w$Bhat / w$Shat), 1L, max)
  strong <- X[order(-strength)[seq_len(max(R, nrow(X) %/% 5L))], ]
  canonical <- c(
    list(identity = diag(R)),
    stats::setNames(lapply(seq_len(R), \(r) diag(as.numeric(seq_len(R) == r))), colnames(X)),
    list(equal_effects = matrix(1, R, R)),
    stats::setNames(
      lapply(c(0.25, 0.5, 0.75), \(rho) diag(R) * (1 - rho) + rho), paste0("simple_het_", 1:3)
    )
  )
  parts <- svd(strong, nu = npc, nv = npc)
  pca <- lapply(seq_len(npc), \(k) tcrossprod(parts$v[, k]))
  total <- tcrossprod(parts$v * rep(parts$d[seq_len(npc)], each = R)) / nrow(strong)
  Ulist <- c(
    canonical, stats::setNames(pca, paste0("PCA_", seq_len(npc))), list(tPCA = total)
  )
  if (full) {
    group <- rank(max.col(abs(parts$u)) + 1e-3 * rowSums(strong^2) / max(rowSums(strong^2)))
    group <- cut(group, 6L, labels = FALSE)
    shapes <- lapply(1:6, \(g) {
      B <- strong[group == g, , drop = FALSE]
      crossprod(B) / nrow(B) + diag(R) / sqrt(nrow(B))
    })
    Ulist <- c(Ulist, stats::setNames(shapes, paste0("full_", 1:6)))
  }
  Ulist
}

# A covariance of given rank, of largest variance one
lowrank_covariance <- function(R, rank) {
  U <- tcrossprod(matrix(rnorm(R * rank), R))
  U / max(diag(U))
}

# Units of K components, of ranks one to all, and full-rank matrices to start from
ed_workload <- function(J, R, K, V = ar1(R), seed = 1) {
  set.seed(seed)
  component <- sample(K, J, TRUE, rev(seq_len(K)))
  B <- matrix(0, J, R)
  for (k in seq_len(K)) {
    e <- eigen((0.5 + k / K) * lowrank_covariance(R, min(R, 1 + (3 * k) %% R)), symmetric = TRUE)
    rows <- which(component == k)
    noise <- matrix(rnorm(length(rows) * R), ncol = R)
    B[rows, ] <- noise %*% (t(e$vectors) * sqrt(pmax(e$values, 0)))
  }
  S <- matrix(exp(rnorm(J * R, log(0.3), 0.4)), J, R)
  start <- lapply(seq_len(K), \(k) tcrossprod(matrix(rnorm(R * (R + 3)), R)) / (R + 3))
  list(Bhat = B + S * (matrix(rnorm(J * R), J) %*% chol(V)), Shat = S, V = V, start = start)
}

# Counts 0, 1, 2 with linkage between neighbours, in blocks of 100
genotypes <- function(n, p, rho = 0.9) {
  frequency <- runif(p, 0.05, 0.5)
  counts <- matrix(0, n, p)
  for (haplotype in 1:2) {
    z <- rnorm(n)
    for (j in seq_len(p)) {
      kept <- if (j %% 100 == 1) 0 else rho
      z <- kept * z + sqrt(1 - kept^2) * rnorm(n)
      counts[, j] <- counts[, j] + (z < qnorm(frequency[j]))
    }
  }
  counts
}

# Responses to a few of p predictors; residuals as large as a share of explained variance asks
responses <- function(X, B, V, pve) {
  mean <- X %*% B
  size <- sqrt(mean(apply(mean, 2, var)) * (1 - pve) / pve)
  mean + size * matrix(rnorm(length(mean)), nrow(mean)) %*% chol(V)
}

# One predictor in 50 has effects, shared by all responses, independent, or of low rank
regression_workload <- function(n, p, r, K = 5, pve = 0.3, seed = 1) {
  set.seed(seed)
  X <- scale(genotypes(n, p), scale = FALSE)
  attributes(X) <- list(dim = c(n, p))
  U <- c(list(matrix(1, r, r), diag(r)), lapply(1:3, \(rank) lowrank_covariance(r, min(r, rank))))
  B <- matrix(0, p, r)
  for (j in sample(p, max(2, round(p / 50)))) {
    e <- eigen(U[[sample(K, 1)]], symmetric = TRUE)
    B[j, ] <- e$vectors %*% (sqrt(pmax(e$values, 0)) * rnorm(r))
  }
  list(X = X, Y = responses(X, B, ar1(r, 0.3), pve))
}

# Three causal variants, half shared by the conditions
finemap_workload <- function(n, p, r, seed = 1) {
  set.seed(seed)
  X <- genotypes(n, p, rho = 0.97)
  X <- scale(X[, apply(X, 2, sd) > 0])
  attributes(X) <- list(dim = dim(X))
  B <- matrix(0, ncol(X), r)
  B[sample(ncol(X), 3), ] <- rnorm(3) + 0.5 * rnorm(3 * r)
  list(X = X, Y = responses(X, B, ar1(r, 0.3), pve = 0.1))
}
