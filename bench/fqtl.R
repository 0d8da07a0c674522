# Factored regression on simulations: power, rank, calibration, counts, variances, cell types,
# factorisation, time. Each design prints what was seen beside what is wanted.
#   Rscript bench/fqtl.R [sets per design, default 5] [designs, default ABOCDEVFGHI]
#                        [prior of the variants, default susie]
# The peers of H and V are flashier and limma, if they are installed.
library(mnmash)
given <- commandArgs(TRUE)
sets <- as.integer(c(given, 5)[1])
wanted <- strsplit(if (length(given) > 1) given[2] else "ABOCDEVFGHI", "")[[1]]
variants <- if (length(given) > 2) given[3] else "susie"
fqtl <- \(...) mnmash::fqtl(..., u_prior = variants)
fqtl_regression <- \(...) mnmash::fqtl_regression(..., u_prior = variants)

# Prints a number, what it should be, and whether it is.
check <- function(design, what, value, low = -Inf, high = Inf, digits = 2) {
  show <- \(x) format(x, digits = digits, nsmall = min(digits, 2))
  line <- if (is.finite(low) && is.finite(high)) {
    paste(show(low), "to", show(high))
  } else if (is.finite(low)) {
    paste(">=", show(low))
  } else if (is.finite(high)) {
    paste("<=", show(high))
  }
  verdict <- if (is.null(line)) "" else if (isTRUE(value >= low && value <= high)) "yes" else "NO"
  cat(sprintf("%s  %-52s %9s  %-14s %s\n", design, what, show(value), line %||% "", verdict))
}
`%||%` <- \(a, b) if (is.null(a)) b else a

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

user_time <- function(code) system.time(code)[["user.self"]]
strength <- function(fit, p) if (fit$rank) apply(abs(fit$u$mean), 1, max) else rep(0, p)

# A, B: factors of standard normal effects; causal outcomes have heritability h2, the others none.
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
  time <- user_time(fit <- fqtl(scale(Y), X, K = 5, n_threads = 1))
  if (!K) return(c(rank = fit$rank, high = sum(pip(fit) > 0.9), time = time))
  effects <- X %*% fit$B
  r2 <- vapply(tissues, \(t) {
    hidden <- is.na(Y[, t])
    if (sd(effects[hidden, t]) == 0) 0 else cor(effects[hidden, t], eta[hidden, t])^2
  }, 1)
  sure <- which(pip(fit) > 0.9)
  far <- if (length(sure)) {
    sum(apply(cor(X[, sure, drop = FALSE], X[, variants, drop = FALSE])^2, 1, max) < 0.25)
  } else {
    0
  }
  c(
    snp = average_precision(strength(fit, p), seq_len(p) %in% variants),
    tissue = average_precision(apply(effects, 2, var), seq_len(m) %in% tissues),
    r2 = mean(r2), rank = fit$rank, far = far, time = time
  )
}

if ("A" %in% wanted) {
  designs <- expand.grid(K = 1:3, h2 = c(0.1, 0.2, 0.3), snps = c(1, 3))
  means <- t(vapply(seq_len(nrow(designs)), \(d) {
    found <- vapply(seq_len(sets), \(s) {
      one_set(1000 * d + s, designs$K[d], designs$h2[d], designs$snps[d])
    }, numeric(6))
    cat(sprintf("A  K %d h2 %.1f SNPs %d:", designs$K[d], designs$h2[d], designs$snps[d]))
    cat(sprintf(" %s %.2f", rownames(found), rowMeans(found)), "\n")
    rowMeans(found)
  }, numeric(6)))
  strong <- designs$h2 >= 0.2
  errors <- abs(means[, "rank"] - designs$K)
  check("A", "SNP AUPRC, mean over the grid", mean(means[, "snp"]), low = 0.76)
  check("A", "tissue AUPRC at h2 >= .2, mean", mean(means[strong, "tissue"]), low = 0.95)
  check("A", "tissue AUPRC at h2 >= .2, worst design", min(means[strong, "tissue"]), low = 0.95)
  check("A", "rank error at h2 >= .2, worst design", max(errors[strong]), high = 0.5)
  check("A", "far false positives in a set, mean", mean(means[, "far"]), high = 0.1)
}

if ("B" %in% wanted) {
  null <- vapply(seq_len(10 * sets), \(s) one_set(s, 0, 0.5, 1), numeric(3))
  check("B", "null: share with rank 0", mean(null["rank", ] == 0), low = 0.95)
  check("B", "null: PIP > .9", sum(null["high", ]), high = 0)
}

# O: factors that act on the same outcomes in part: 7 of 16 each, drawn anew for each factor.
if ("O" %in% wanted) {
  for (snps in c(1, 3)) {
    found <- vapply(seq_len(4 * sets), \(s) {
      set.seed(11000 + s)
      n <- 450; p <- 250; m <- 16; K <- 3
      X <- genotypes(n, p)
      U <- matrix(0, p, K)
      V <- matrix(0, m, K)
      for (k in seq_len(K)) {
        U[sample(p, snps), k] <- rnorm(snps)
        U[, k] <- U[, k] / sd(X %*% U[, k])
        V[sample(m, 7), k] <- sample(c(-1, 1), 7, TRUE) * runif(7, 0.5, 1.5)
      }
      B <- U %*% t(V)
      Y <- X %*% B + matrix(rnorm(n * m), n) * sqrt(3)
      Y[runif(n * m) > 0.5] <- NA
      fit <- fqtl(Y, X, K = 5, n_threads = 1)
      alike <- if (fit$rank) apply(abs(cor(V, fit$v$mean)), 1, max) else 0
      c(
        average_precision(c(pip(fit, "outcome")), c(B != 0)), mean(alike), fit$rank,
        sum(pip(fit, "outcome") > 0.5 & B == 0)
      )
    }, numeric(4))
    found <- rowMeans(found)
    what <- sprintf("3 factors of %d SNPs on common outcomes: ", snps)
    check("O", paste0(what, "effects' AUPRC"), found[1], low = if (snps == 1) 0.95 else 0.85)
    check("O", paste0(what, "correlation of loadings"), found[2], low = 0.95)
    check("O", paste0(what, "rank"), found[3], 2.5, 3.5)
    check("O", paste0(what, "false effects in a set"), found[4])
  }
}

# C: the model's own prior, two factors. Its hyper-parameters are known, or drawn anew for each set
# and estimated, or the same in all sets and estimated: then an estimate from the few variants and
# outcomes of one set errs on the same side for all of them, however they are averaged.
if ("C" %in% wanted) {
  one <- function(s, hyper, m) {
    set.seed(3000 + s)
    n <- 400
    p <- 200
    K <- 2
    between <- \(low, high) plogis(runif(K, qlogis(low), qlogis(high)))
    pi_u <- if (hyper == "drawn") rep(between(0.1 / p, 0.5)[1], K) else rep(3 / p, K)
    pi_v <- if (hyper == "drawn") between(0.1 / m, 0.95) else rep(0.4, K)
    X <- scale(matrix(rbinom(n * p, 2, runif(1, 0.2, 0.5)), n), scale = FALSE)
    U <- vapply(pi_u, \(q) rbinom(p, 1, q) * rnorm(p, sd = 0.5), numeric(p))
    V <- vapply(pi_v, \(q) rbinom(m, 1, q) * rnorm(m), numeric(m))
    B <- U %*% t(V)
    Y <- scale(X %*% B + matrix(rnorm(n * m), n), scale = FALSE)
    prior <- if (hyper == "known") {
      list(pi_u = 3 / p, tau_u = 4 * mean(Y^2) / mean(X^2), pi_v = 0.4)
    }
    fit <- fqtl(Y, X, prior = as.list(prior), n_threads = 1)
    list(
      effect = data.frame(
        pip = c(pip(fit, "outcome")), real = c(B != 0),
        inside = c(abs(B - fit$B) < qnorm(0.95) * fit$B_sd)
      ),
      variant = data.frame(pip = pip(fit), real = rowSums(B != 0) > 0)
    )
  }
  settings <- list(c("known", 15), c("drawn", 15), c("drawn", 44), c("fixed", 44), c("fixed", 15))
  for (setting in settings) {
    found <- lapply(seq_len(100 * sets), one, setting[1], as.integer(setting[2]))
    for (what in c("effect", "variant")) {
      cells <- do.call(rbind, lapply(found, `[[`, what))
      bins <- cut(cells$pip, c(-1, 0.1, 0.3, 0.5, 0.7, 0.9, 1))
      expected <- tapply(cells$pip, bins, mean)
      seen <- tapply(cells$real, bins, mean)
      count <- table(bins)
      for (b in names(count)[count >= 50]) {
        label <- sprintf("%s, %s outcomes: %s, PIP %s, %d", setting[1], setting[2], what, b, count[b])
        check("C", label, seen[b], expected[b] - 0.1, expected[b] + 0.1)
      }
      if (what == "effect") {
        label <- paste0(setting[1], ", ", setting[2], " outcomes: coverage of 90% intervals")
        check("C", label, mean(cells$inside[cells$pip > 0.5]), 0.85, 0.95)
      }
    }
  }
}

# D: counts.
if ("D" %in% wanted) {
  for (mean in c(5, 50, 1000)) for (size in c(0.5, 5)) {
    ratio <- vapply(seq_len(sets), \(s) {
      set.seed(4000 + s)
      n <- 300
      depth <- runif(n, 0.5, 2)
      y <- rnbinom(n, mu = mean * depth, size = size)
      reference <- MASS::glm.nb(y ~ offset(log(depth)))
      fit <- fqtl(y, matrix(rnorm(5 * n), n), family = "nb", offset = log(depth), n_threads = 1)
      c(exp(fit$covariates[1]) / exp(coef(reference)), fit$dispersion$value[1] / reference$theta)
    }, numeric(2))
    worst <- apply(abs(ratio - 1), 1, max)
    what <- sprintf("mean %g size %g: worst %s / glm.nb - 1", mean, size, c("mean", "size"))
    check("D", what[1], worst[1], high = 0.03)
    check("D", what[2], worst[2], high = 0.15)
  }
  for (mean in c(5, 50)) {
    precision <- vapply(seq_len(sets), \(s) {
      set.seed(4500 + s)
      n <- 300; p <- 250; m <- 10
      X <- genotypes(n, p)
      chosen <- sample(p, 3)
      V <- sample(c(-1, 1), 5, TRUE)
      eta <- cbind(drop(X[, chosen] %*% c(0.5, 0.35, 0.25)) %o% V, matrix(0, n, m - 5))
      depth <- runif(n, 0.5, 2)
      Y <- matrix(rnbinom(n * m, mu = mean * exp(eta) * depth, size = 1.5), n)
      truth <- seq_len(p) %in% chosen
      counts <- fqtl(Y, X, family = "nb", offset = log(depth), n_threads = 1)
      logs <- fqtl(log1p(Y / depth), X, n_threads = 1)
      c(average_precision(strength(counts, p), truth), average_precision(strength(logs, p), truth))
    }, numeric(2))
    found <- rowMeans(precision)
    low <- if (mean == 5) found[2] else found[2] - 0.02
    check("D", sprintf("mean %g: SNP AUPRC, against log1p", mean), found[1], low = low)
  }
}

# E: a covariate of the log-variance.
if ("E" %in% wanted) {
  found <- vapply(seq_len(4 * sets), \(s) {
    set.seed(5000 + s)
    n <- 450; p <- 250
    z <- rnorm(n)
    X <- genotypes(n, p)
    chosen <- sample(p, 3)
    eta <- drop(X[, chosen] %*% c(0.5, 0.35, 0.25)) %o% c(1, 1)
    Y <- eta + exp(0.5 * z) * matrix(rnorm(2 * n), n)
    truth <- seq_len(p) %in% chosen
    modelled <- fqtl(Y, X, var_covariates = cbind(z = z), n_threads = 1)
    plain <- fqtl(Y, X, n_threads = 1)
    off <- (modelled$dispersion$theta["z", ] - 1) / modelled$dispersion$se["z", ]
    c(mean(abs(off) < qnorm(0.95)), average_precision(strength(modelled, p), truth),
      average_precision(strength(plain, p), truth))
  }, numeric(3))
  found <- rowMeans(found)
  check("E", sprintf("coverage of 90%% intervals, %d", 8 * sets), found[1], 0.85, 0.95)
  check("E", "SNP AUPRC, against one variance", found[2], low = found[3])
}

# V: logarithms of lognormal-Poisson counts, against limma's observation weights and the same sparse
# regression of each outcome, weighted by its square roots.
if ("V" %in% wanted) {
  peer <- requireNamespace("limma", quietly = TRUE)
  for (mean in c(5, 50)) {
    found <- vapply(seq_len(2 * sets), \(s) {
      set.seed(9000 + s)
      n <- 300; p <- 250; m <- 10
      X <- genotypes(n, p)
      chosen <- sample(p, 3)
      V <- sample(c(-1, 1), 5, TRUE)
      eta <- cbind(drop(X[, chosen] %*% c(0.5, 0.35, 0.25)) %o% V, matrix(0, n, m - 5))
      library <- round(exp(rnorm(n, 13, 0.4)))
      rate <- mean * exp(eta + matrix(rnorm(n * m, sd = 0.4), n)) * library / exp(13)
      counts <- matrix(rpois(n * m, rate), n)
      Y <- log2((counts + 0.5) / (library + 1) * 1e6)
      truth <- seq_len(p) %in% chosen
      largest <- \(fit) apply(abs(as.matrix(fit$B)), 1, max)
      alone <- fqtl_regression(Y, X, family = "voom", library_size = library, n_threads = 1)
      factored <- fqtl(Y, X, family = "voom", library_size = library, n_threads = 1)
      theirs <- NA
      if (peer) {
        design <- matrix(1, n)
        w <- sqrt(t(limma::voom(t(counts), design, lib.size = library)$weights))
        each <- vapply(seq_len(m), \(t) {
          root <- w[, t] / mean(w[, t])
          fit <- fqtl_regression(Y[, t] * root, X * root, covariates = root, n_threads = 1)
          abs(drop(fit$B))
        }, numeric(p))
        theirs <- average_precision(apply(each, 1, max), truth)
      }
      c(
        average_precision(largest(alone), truth), average_precision(strength(factored, p), truth),
        theirs
      )
    }, numeric(3))
    found <- rowMeans(found)
    low <- if (peer) found[3] - 0.02 else -Inf
    check("V", sprintf("mean %g: SNP AUPRC of each outcome, against limma", mean), found[1], low)
    check("V", sprintf("mean %g: SNP AUPRC of factors, against limma", mean), found[2], low)
  }
}

# F: one outcome, a mixture of three cell types with three variants each.
if ("F" %in% wanted) {
  found <- vapply(seq_len(sets), \(s) {
    set.seed(6000 + s)
    n <- 600; p <- 1000; K <- 3
    X <- matrix(rnorm(n * p), n)
    chosen <- lapply(seq_len(K), \(k) sample(p, 3))
    eta <- vapply(chosen, \(j) drop(X[, j] %*% rnorm(3, 1)) / sqrt(3), numeric(n))
    W <- matrix(runif(n * K), n)
    W <- W / rowSums(W)
    Y <- rnorm(n) * sqrt(0.5) + rowSums(W * eta) * sqrt(0.5)
    fit <- fqtl(Y, X, weights = W, nonneg = TRUE, n_threads = 1)
    at <- \(k) which(fit$factor_weight == k)
    hits <- lapply(seq_len(K), \(k) if (length(at(k))) which(fit$u$pip[, at(k)] > 0.5))
    right <- sum(mapply(\(h, j) sum(h %in% j), hits, chosen))
    c(right, length(unlist(hits)) - right)
  }, numeric(2))
  check("F", "causal SNPs of 9 in their own cell type, mean", mean(found[1, ]), low = 6)
  check("F", "false ones, mean", mean(found[2, ]), high = 1)
}

# G: an ideal factor of rank one.
if ("G" %in% wanted) {
  ranks <- vapply(seq_len(4 * sets), \(s) {
    set.seed(7000 + s)
    n <- 100; p <- 500; m <- 5
    X <- scale(matrix(rbinom(n * p, 2, runif(1, 0.05, 0.5)), n), scale = FALSE)
    signal <- drop(scale(X[, sample(p, 1)]))
    fqtl(signal %o% rep(1, m) + matrix(rnorm(n * m), n), X, K = m, n_threads = 1)$rank
  }, 1)
  check("G", "share with rank one", mean(ranks == 1), low = 1)
}

# H: a factorisation with missing cells.
if ("H" %in% wanted) {
  peer <- requireNamespace("flashier", quietly = TRUE)
  found <- vapply(seq_len(sets), \(s) {
    set.seed(8000 + s)
    n <- 100
    U <- matrix(rnorm(3 * n), n)
    V <- matrix(rnorm(3 * n) * rbinom(3 * n, 1, 0.5), n)
    full <- U %*% t(V) + 0.5 * matrix(rnorm(n * n), n)
    Y <- full
    holes <- sample(n * n, n * n / 10)
    Y[holes] <- NA
    time <- user_time(fit <- fqtl_factorize(Y, K = 6, n_threads = 1))
    error <- sqrt(mean((fitted(fit) - full)[holes]^2))
    other <- c(NA, NA)
    if (peer) {
      other[2] <- user_time(theirs <- flashier::flash(Y, var_type = 2, backfit = TRUE, verbose = 0))
      other[1] <- sqrt(mean((fitted(theirs) - full)[holes]^2))
    }
    c(fit$rank, min(cancor(U, fit$u$mean)$cor), error, time, other)
  }, numeric(6))
  check("H", "share with rank three", mean(found[1, ] == 3), low = 1)
  check("H", "smallest canonical correlation", min(found[2, ]), low = 0.99, digits = 4)
  check("H", "held-out RMSE", mean(found[3, ]), high = 1.02 * mean(found[5, ]), digits = 4)
  check("H", "seconds", mean(found[4, ]))
  check("H", "seconds, flashier", mean(found[6, ]))
}

# I: time, for designs of several ranks and strengths.
if ("I" %in% wanted) {
  designs <- rbind(expand.grid(truth = c(2, 5), effect = c(0.15, 0.4), snps = c(1, 4)), c(0, 0, 1))
  for (d in seq_len(nrow(designs))) {
    truth <- designs$truth[d]
    snps <- designs$snps[d]
    set.seed(10 * truth + snps)
    X <- genotypes(500, 2000)
    B <- matrix(0, 2000, 44)
    for (k in seq_len(truth)) {
      B[sample(2000, snps), sample(44, 10)] <- designs$effect[d] * rnorm(10 * snps)
    }
    Y <- X %*% B + matrix(rnorm(500 * 44), 500)
    time <- user_time(fit <- fqtl(Y, X, K = 5, n_threads = 1))
    size <- sprintf("%d factors of %d SNPs, %.2f", truth, snps, designs$effect[d])
    what <- sprintf("500 x 2000 x 44, %s: rank %d", size, fit$rank)
    check("I", what, time, high = 2)
  }
}
