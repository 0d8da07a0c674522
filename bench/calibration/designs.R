# Effects whose truth is known. A design is a function of (J, R) that draws with R's random numbers
# and returns a list: B, the effects (J x R); Bhat and Shat, measured (NA where missing); V, the
# true residual correlation; U, covariances whose scale mixture is the true prior, NULL where there
# is none; and block, the block of each unit.

draws <- function(n, S) {
  e <- eigen(S, symmetric = TRUE)
  matrix(rnorm(n * ncol(S)), n) %*% (sqrt(pmax(e$values, 0)) * t(e$vectors))
}

# Sharing of several kinds, the same in all replicates: by all conditions (differing, or equal), by
# the first half, along three factors, in one condition, and independent.
shared_truth <- function(R) {
  half <- seq_len(ceiling(R / 2))
  block <- matrix(0, R, R)
  block[half, half] <- 0.8
  block[cbind(half, half)] <- 1
  # Factors that need no random numbers.
  loadings <- outer(seq_len(R), 1:3, \(r, k) 1.4 * cos(k * 12.9898 * r + 78.233 * k))
  factors <- tcrossprod(loadings) + diag(0.3, R)
  one <- diag(as.numeric(seq_len(R) == R))
  U <- list(
    varied = 0.7 + diag(0.3, R), equal = matrix(1, R, R), block = block,
    factors = factors / max(diag(factors)), one = one, independent = diag(R)
  )
  list(U = U, w = c(0.3, 0.15, 0.2, 0.15, 0.1, 0.1))
}

# Random subsets of conditions with factors of their own, and exact zeros in the others.
subset_truth <- function(R) {
  U <- lapply(1:6, \(k) {
    size <- sample(c(1, 2, ceiling(R / 4), ceiling(R / 2), ceiling(0.8 * R), R), 1)
    set <- sample(R, size)
    U <- matrix(0, R, R)
    U[set, set] <- tcrossprod(matrix(rnorm(2 * size), size)) + diag(runif(1), size)
    U / max(diag(U))
  })
  list(U = stats::setNames(U, paste0("T", 1:6)), w = rep(1 / 6, 6))
}

# No exact zeros: variances fall over the conditions.
decaying_truth <- function(R) {
  U <- lapply(1:6, \(k) {
    sd <- sqrt(exp(-(seq_len(R) - 1) * runif(1, 0.1, 0.5)))[sample(R)]
    C <- stats::cov2cor(tcrossprod(matrix(rnorm(2 * R), R)) + diag(R))
    U <- sd * t(sd * C)
    U / max(diag(U))
  })
  list(U = stats::setNames(U, paste0("T", 1:6)), w = rep(1 / 6, 6))
}

# A share of the units has effects: normal, of sizes that differ by unit.
effects <- function(J, truth, share = 0.2, size = 3 * sqrt(rexp(J))) {
  B <- matrix(0, J, nrow(truth$U[[1]]))
  kind <- sample(length(truth$U), J, TRUE, truth$w)
  active <- rbinom(J, 1, share) == 1
  for (k in seq_along(truth$U)) {
    rows <- which(active & kind == k)
    if (length(rows)) B[rows, ] <- draws(length(rows), truth$U[[k]]) * size[rows]
  }
  # A covariance that is zero in a condition is so up to rounding.
  B[abs(B) < 1e-9] <- 0
  B
}

measured <- function(B, V = diag(ncol(B)), Shat = matrix(1, nrow(B), ncol(B)), U = NULL,
                     noise = draws(nrow(B), V), block = seq_len(nrow(B))) {
  names <- list(paste0("u", seq_len(nrow(B))), paste0("t", seq_len(ncol(B))))
  dimnames(B) <- names
  list(
    B = B, Bhat = B + noise * Shat, Shat = `dimnames<-`(Shat, names),
    V = `dimnames<-`(V, names[c(2, 2)]), U = U, block = block
  )
}

from_truth <- function(truth, J, ...) measured(effects(J, truth), U = truth$U, ...)

# Runs of ten units, measured with correlation .9, that tag one effect.
in_runs <- function(truth, J) {
  R <- nrow(truth$U[[1]])
  run <- rep(seq_len(J / 10), each = 10)
  B <- 0.95 * effects(J / 10, truth)[run, ]
  noise <- sqrt(0.9) * matrix(rnorm(J / 10 * R), ncol = R)[run, ] +
    sqrt(0.1) * matrix(rnorm(J * R), J)
  measured(B, U = truth$U, noise = noise, block = run)
}

cells_alone <- function(J, R) {
  measured(matrix(rbinom(J * R, 1, 0.05) * rnorm(J * R, sd = 4), J, R))
}

stacked <- function(a, b) {
  d <- measured(rbind(a$B, b$B), noise = 0)
  d$Bhat[] <- rbind(a$Bhat, b$Bhat)
  d$U <- a$U
  d
}

# As in Urbut et al. (2019), in 44 tissues: 5 in 100 units have effects, along covariances learnt
# from eQTL of GTEx.
in_tissues <- function(J, U) {
  rows <- seq_len(J / 20)
  B <- matrix(0, J, 44)
  for (j in rows) {
    B[j, ] <- draws(1, U[[1 + j %% length(U)]]) * sqrt(abs(rnorm(1))) * 4
  }
  measured(B, U = U)
}

gtex_truth <- local({
  found <- NULL
  function() {
    if (is.null(found)) {
      U <- ud_fit(mash_set_data(gtex_z), seed = 1, n_threads = 1)$U
      found <<- lapply(U, \(u) unname(u) / max(diag(u)))
    }
    found
  }
})

designs <- list(
  plain = \(J, R) from_truth(shared_truth(R), J),
  missing = \(J, R) {
    d <- from_truth(shared_truth(R), J)
    gone <- matrix(runif(J * R) < 0.5, J)
    gone[rowSums(!gone) == 0, 1] <- FALSE
    d$Bhat[gone] <- d$Shat[gone] <- NA
    d
  },
  correlated = \(J, R) from_truth(shared_truth(R), J, V = 0.6 + diag(0.4, R)),
  heavy = \(J, R) {
    truth <- shared_truth(R)
    measured(effects(J, truth, size = 2.2 * sqrt(4 / rchisq(J, 4))), U = truth$U)
  },
  errors = \(J, R) {
    Shat <- matrix(exp(rnorm(J * R, sd = 0.5)), J)
    from_truth(shared_truth(R), J, Shat = Shat)
  },
  linked = \(J, R) in_runs(shared_truth(R), J),
  linked_subsets = \(J, R) in_runs(subset_truth(R), J),
  independent = cells_alone,
  half = \(J, R) stacked(from_truth(shared_truth(R), J / 2), cells_alone(J / 2, R)),
  subsets = \(J, R) from_truth(subset_truth(R), J),
  decaying = \(J, R) from_truth(decaying_truth(R), J),
  few = \(J, R) from_truth(shared_truth(R), J / 10),
  few_subsets = \(J, R) from_truth(subset_truth(R), J / 10),
  null = \(J, R) measured(matrix(0, J, R)),
  # Always in 44 conditions.
  tissues = \(J, R) in_tissues(J, gtex_truth()),
  tissues_alike = \(J, R) in_tissues(J, list(identity = diag(44)))
)
