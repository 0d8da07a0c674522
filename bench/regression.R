# m&m regression: what low-rank residual covariances recover, memory, and the optima that weights
# by convex steps and by EM lead to. With mnmash installed:
#   OPENBLAS_NUM_THREADS=1 Rscript bench/regression.R [lowrank|memory|optima]

library(mnmash)

cpu <- function(expr) {
  t <- system.time(expr, gcFirst = TRUE)
  t[["user.self"]] + t[["sys.self"]]
}

canonical <- function(r) {
  c(
    lapply(seq_len(r), \(i) diag((seq_len(r) == i) + 0)),
    lapply(c(0, 0.25, 0.5, 0.75, 1), \(a) matrix(a, r, r) + diag(1 - a, r))
  )
}

# tr(V) of s^2 I + W W', of which the plug-in estimate loses what the coefficients' uncertainty
# takes.
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
if (!length(tasks)) tasks <- c("lowrank", "memory", "optima")
for (task in tasks) {
  cat("==", task, "\n")
  get(task)()
}
