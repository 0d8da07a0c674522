# Coverage, power and memory of finemap():
#   Rscript bench/finemap.R coverage [REPLICATES]
#   Rscript bench/finemap.R memory
# Regions: 574 samples, 500 variants with LD that decays within blocks; 6 conditions with residual
# covariance 0.3 + 0.7 I; one to four causal variants; effects from a mixture of shared, structured
# and single-condition patterns, scaled so that the largest is uniform in 0.1 to 0.3 for a variant
# of unit variance.
suppressPackageStartupMessages(library(mnmash))
options(mnmash.threads = 1)
arguments <- commandArgs(trailingOnly = TRUE)

# Neighbours correlated 0.5 to 0.999 within blocks of 20 to 60 variants, as in a region of the
# genome.
genotypes <- function(n, p) {
  ends <- cumsum(sample(20:60, p, TRUE))
  first <- c(1, ends[ends < p] + 1)
  haplotype <- function(rho, cut) {
    x <- matrix(rnorm(n * p), n)
    for (j in seq_len(p)[-1]) {
      if (!j %in% first) x[, j] <- rho[j] * x[, j - 1] + sqrt(1 - rho[j]^2) * x[, j]
    }
    x > rep(cut, each = n)
  }
  rho <- 1 - 10^runif(p, -3, -0.6)
  cut <- cumsum(rnorm(p, sd = 0.03)) %% 1.2 + 0.1
  X <- haplotype(rho, cut) + haplotype(rho, cut)
  constant <- apply(X, 2, \(x) all(x == x[1]))
  X[sample(n, 5), constant] <- 1
  X
}

conditions <- 6
mixture <- function(R) {
  decay <- 0.7^abs(outer(seq_len(R), seq_len(R), "-"))
  half <- tcrossprod(rep(1:0, c(ceiling(R / 2), R %/% 2)))
  single <- lapply(seq_len(R), \(r) diag(as.numeric(seq_len(R) == r)))
  U <- c(list(matrix(1, R, R), decay, half, diag(R)), single)
  list(U = U, w = c(0.3, 0.2, 0.15, 0.1, rep(0.25 / R, R)))
}

region <- function(n = 574, p = 500, R = conditions, prior = mixture(R)) {
  X <- genotypes(n, p)
  causal <- sort(sample(p, sample(4, 1)))
  B <- t(vapply(causal, \(j) {
    U <- prior$U[[sample(length(prior$U), 1, prob = prior$w)]]
    b <- drop(t(chol(U + 1e-10 * diag(R))) %*% rnorm(R))
    b[abs(b) < 1e-3] <- 0
    b / max(abs(b)) * runif(1, 0.1, 0.3)
  }, numeric(R)))
  V <- 0.3 + diag(0.7, R)
  Y <- scale(X)[, causal, drop = FALSE] %*% B + matrix(rnorm(n * R), n) %*% chol(V)
  list(X = X, Y = Y, V = V, causal = causal, B = B, prior = prior)
}

score_sets <- function(sets, causal) {
  members <- lapply(sets, \(s) unname(s$variables))
  hit <- vapply(members, \(s) any(causal %in% s), NA)
  list(
    sets = length(members), covered = sum(hit), sizes = lengths(members),
    found = causal %in% unlist(members)
  )
}

coverage <- function(replicates) {
  set.seed(20)
  many <- compat <- single <- list()
  signs <- c(0, 0)
  pips <- NULL
  for (i in seq_len(replicates)) {
    s <- region()
    data <- finemap_data(s$X, s$Y)
    fit <- suppressWarnings(finemap(data, s$prior, V = s$V))
    many[[i]] <- score_sets(fit$sets, s$causal)
    older <- suppressWarnings(finemap(data, s$prior, V = s$V, compat = "mvsusieR", tol = 0.01))
    compat[[i]] <- score_sets(older$sets, s$causal)
    one <- lapply(seq_len(conditions), \(r) {
      f <- suppressWarnings(finemap(finemap_data(s$X, s$Y[, r]), 1, V = s$V[r, r]))
      c(score_sets(f$sets, s$causal), list(pip = f$pip))
    })
    single[[i]] <- list(
      sets = sum(vapply(one, `[[`, 0L, "sets")), covered = sum(vapply(one, `[[`, 0L, "covered")),
      sizes = unlist(lapply(one, `[[`, "sizes")),
      found = Reduce(`|`, lapply(one, `[[`, "found"))
    )
    # Signs called at the variant that is causal, at an lfsr of 0.01.
    for (j in seq_along(s$causal)) {
      called <- fit$lfsr[s$causal[j], ] < 0.01
      wrong <- sign(fit$coef[s$causal[j], ]) != sign(s$B[j, ])
      signs <- signs + c(sum(called), sum(called & wrong))
    }
    largest <- Reduce(pmax, lapply(one, `[[`, "pip"))
    truth <- seq_along(fit$pip) %in% s$causal
    pips <- rbind(pips, data.frame(truth, many = fit$pip, single = largest)[
      fit$pip > 0.01 | largest > 0.01 | truth, ])
  }
  report <- function(name, x) {
    sets <- sum(vapply(x, `[[`, 0L, "sets"))
    covered <- sum(vapply(x, `[[`, 0L, "covered"))
    found <- unlist(lapply(x, `[[`, "found"))
    sizes <- unlist(lapply(x, `[[`, "sizes"))
    cat(sprintf(
      "%-22s sets %4d  coverage %.3f (se %.3f)  power %.3f of %d  mean size %.1f  of one %d\n",
      name, sets, covered / sets, sqrt(covered / sets * (1 - covered / sets) / sets), mean(found),
      length(found), mean(sizes), sum(sizes == 1)
    ))
  }
  report("finemap", many)
  report("compat = mvsusieR", compat)
  report("union of single", single)
  cat(sprintf("signs called %d, wrong %d (%.4f)\n", signs[1], signs[2], signs[2] / signs[1]))
  for (t in c(0.5, 0.95)) {
    for (k in c("many", "single")) {
      called <- pips[[k]] > t
      fdp <- mean(!pips$truth[called])
      cat(sprintf("PIP > %.2f %-6s %d calls, FDP %.3f\n", t, k, sum(called), fdp))
    }
  }
  bins <- cut(pips$many, c(0, 0.1, 0.3, 0.5, 0.7, 0.9, 1))
  print(data.frame(
    mean_pip = tapply(pips$many, bins, mean), causal = tapply(pips$truth, bins, mean),
    n = as.integer(table(bins))
  ), digits = 3)
}

cpu <- function(expr) {
  time <- system.time(expr)
  unname(time[["user.self"]] + time[["sys.self"]])
}

random_prior <- function(R, K) {
  U <- lapply(seq_len(K), \(k) {
    f <- matrix(rnorm(R * R), R)
    stats::cov2cor(tcrossprod(f))
  })
  list(U = U, w = rep(1 / K, K))
}

memory <- function() {
  set.seed(1)
  R <- 49
  p <- 5000
  prior <- random_prior(R, 40)
  X <- genotypes(700, p)
  LD <- cor(X)
  effects <- \(j) LD[, j] %o% rnorm(R, sd = 5)
  Z <- matrix(rnorm(p * R), p) + effects(1000) + effects(3000)
  rm(X)
  invisible(gc())
  data <- finemap_sumstats(Z, LD, n = 700, check = FALSE)
  try(writeLines("5", "/proc/self/clear_refs"), silent = TRUE)
  time <- cpu(fit <- finemap(data, prior, V = diag(R), L = 10))
  peak <- grep("VmHWM", readLines("/proc/self/status"), value = TRUE)
  cat(sprintf("p = %d, R = %d: CPU %.1f s, %d sweeps, %s\n", p, R, time, fit$n_iter, peak))
}

switch(
  arguments[1],
  coverage = coverage(if (length(arguments) > 1) as.integer(arguments[2]) else 120),
  memory = memory()
)
