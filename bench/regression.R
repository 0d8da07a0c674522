# m&m regression: time per sweep and per coordinate, a problem of the size of mr.mash's vignette, what
# low-rank residual covariances recover, and memory. Run from anywhere, with mnmash installed:
#   OPENBLAS_NUM_THREADS=1 Rscript bench/regression.R [speed|vignette|lowrank|memory|optima]
# Times are of one thread, in seconds of CPU time. mr.mash.alpha 0.3.44 took, on a machine of the same
# kind, 538 us (r = 10) and 1159 us (r = 20) per coordinate with 61 components; r = 44 was not timed.

library(mnmash)

cpu <- function(expr) {
  t <- system.time(expr, gcFirst = TRUE)
  t[["user.self"]] + t[["sys.self"]]
}

wishart <- function(k, r) lapply(seq_len(k), \(i) crossprod(matrix(rnorm(2 * r * r), 2 * r)) / (2 * r^2))

speed <- function() {
  set.seed(2)
  cases <- list(
    list(n = 500, p = 500, r = 10, U = wishart(10, 10), scales = 6),
    list(n = 1000, p = 1000, r = 20, U = wishart(10, 20), scales = 6),
    list(n = 800, p = 2000, r = 44, U = wishart(15, 44), scales = 20)
  )
  for (case in cases) {
    X <- matrix(rnorm(case$n * case$p), case$n)
    B <- matrix(0, case$p, case$r)
    B[sample(case$p, case$p / 20), ] <- 0.1
    Y <- X %*% B + matrix(rnorm(case$n * case$r), case$n)
    for (residual in c("known", "full")) {
      time <- function(sweeps) {
        cpu(mr_mash(
          X, Y, case$U,
          grid = 2^seq(-5, 0, length.out = case$scales), V = if (residual == "known") cov(Y),
          residual = residual, max_iter = sweeps, tol = 0, tol_w0 = 0, covariance = "none",
          w0_method = "em", n_threads = 1
        ))
      }
      long <- min(time(13), time(13), time(13))
      short <- min(time(3), time(3), time(3))
      sweep <- (long - short) / 10
      cat(sprintf(
        "n = %d, p = %d, r = %d, %d matrices x %d scales, V %s: %.1f ms a sweep, %.1f us a coordinate\n",
        case$n, case$p, case$r, length(case$U), case$scales, residual, 1e3 * sweep,
        1e6 * sweep / case$p
      ))
    }
  }
}

canonical <- function(r) {
  c(
    lapply(seq_len(r), \(i) diag((seq_len(r) == i) + 0)),
    lapply(c(0, 0.25, 0.5, 0.75, 1), \(a) matrix(a, r, r) + diag(1 - a, r))
  )
}

vignette <- function() {
  sim <- simulate_mr_mash(n = 100, p = 800, p_causal = 50, r = 5, pve = 0.5, seed = 12)
  for (residual in c("known", "full")) {
    run <- function(...) {
      mr_mash(
        sim$X, sim$Y, canonical(5),
        grid = sqrt(2)^(-15:0), V = if (residual == "known") cov(sim$Y), residual = residual,
        n_threads = 1, ...
      )
    }
    report <- function(label, expr) {
      time <- cpu(fit <- expr)
      cat(sprintf("%s, V %s: bound %.3f after %d sweeps, %.2f s\n", label, residual, fit$ELBO,
                  fit$convergence$iterations, time))
    }
    report("161 sweeps of mr.mash", run(w0_method = "em", tol = 0, tol_w0 = 0, max_iter = 161))
    report("default", run())
    report("em, tight", run(w0_method = "em", tol = 1e-9, tol_w0 = 1e-5, max_iter = 5000))
  }
}

# tr(V) of s^2 I + W W', of which the plug-in estimate loses what the coefficients' uncertainty takes.
lowrank <- function(replicates = 10) {
  shares <- t(sapply(seq_len(replicates), \(seed) {
    set.seed(seed)
    n <- 1000
    p <- 250
    r <- 6
    X <- matrix(rnorm(n * p), n)
    B <- matrix(rnorm(p * r, sd = 0.15), p)
    W <- matrix(rnorm(r * 2), r)
    V <- tcrossprod(W) + diag(r)
    Y <- X %*% B + matrix(rnorm(n * r), n) %*% chol(V)
    trace <- function(plugin) {
      fit <- suppressWarnings(mr_mash(
        X, Y, list(own = diag(r)),
        grid = c(0.05, 0.1, 0.15, 0.2, 0.3), residual = "lowrank", rank = 2, plugin = plugin,
        covariance = "none", w0_method = "em"
      ))
      sum(diag(fit$V)) / sum(diag(V))
    }
    c(expected = trace(FALSE), plugin = trace(TRUE))
  }))
  cat("tr(V) estimated / true, mean and range over", replicates, "data sets:\n")
  print(round(rbind(mean = colMeans(shares), apply(shares, 2, range)), 3))
}

memory <- function() {
  set.seed(3)
  n <- 1000
  p <- 50000
  r <- 10
  X <- matrix(rnorm(n * p), n)
  Y <- X[, 1:5] %*% matrix(0.2, 5, r) + matrix(rnorm(n * r), n)
  peak <- \() as.numeric(sub("\\D+(\\d+).*", "\\1", grep("VmHWM", readLines("/proc/self/status"), value = TRUE)))
  before <- peak()
  time <- cpu(fit <- mr_mash(X, Y, canonical(r), grid = c(0.05, 0.1, 0.2), max_iter = 20, n_threads = 1))
  cat(sprintf(
    "X takes %.0f MB; peak rose from %.0f to %.0f MB; %d sweeps in %.1f s\n", 8 * n * p / 2^20,
    before / 2^10, peak() / 2^10, fit$convergence$iterations, time
  ))
}

# Bounds and sweeps of the two ways to estimate weights, under correlation of neighbours.
optima <- function() {
  for (cor in c(0, 0.5, 0.8, 0.95)) {
    for (seed in 1:3) {
      sim <- simulate_mr_mash(
        n = 300, p = 300, p_causal = 15, r = 4, pve = 0.3, X_cor = cor, X_pattern = "ar1", seed = seed
      )
      run <- function(...) {
        mr_mash(sim$X, sim$Y, canonical(4), grid = sqrt(2)^(-15:0), covariance = "none", ...)
      }
      fits <- list(
        convex = run(), em = run(w0_method = "em"),
        tight = run(w0_method = "em", tol = 1e-9, tol_w0 = 1e-5, max_iter = 5000)
      )
      bounds <- vapply(fits, \(fit) fit$ELBO - fits$tight$ELBO, 0)
      sweeps <- vapply(fits, \(fit) fit$convergence$iterations, 0L)
      cat(sprintf(
        "correlation %.2f: bound less that of tight em: convex %.2f, em %.2f; sweeps %d, %d, %d\n", cor,
        bounds[1], bounds[2], sweeps[1], sweeps[2], sweeps[3]
      ))
    }
  }
}

tasks <- commandArgs(trailingOnly = TRUE)
if (!length(tasks)) tasks <- c("speed", "vignette", "lowrank", "memory", "optima")
for (task in tasks) {
  cat("==", task, "\n")
  get(task)()
}
