# Deterministic data for the benchmarks: effects in many conditions, as seen over tissues. Base R
# only; the same seed gives the same data (default RNG of R >= 3.6).

# Residual correlation that falls off with the distance between conditions
ar1 <- function(R, rho = 0.4) rho^abs(outer(seq_len(R), seq_len(R), "-"))

# Half of the units null; the others shared by all conditions, in one only, of rank 3, or independent
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

# `model`: "EE" and "EZ" have lognormal standard errors in each cell (EZ is analysed with alpha = 1),
# "common" has one standard error per condition.
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

# Prior covariances, made here so that every package gets the same: canonical (R + 5), five principal
# components and their sum, and (`full`) six of full rank, from the strong units grouped by the
# component they load on.
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
