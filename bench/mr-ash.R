# Time of mr_ash() per update of one coefficient, against mr.ash.alpha where it is installed.
#
#   Rscript bench/mr-ash.R
#
# User CPU time, one thread. "per coordinate" is the time of the sweeps divided by their number and
# by the number of predictors; the time of one sweep (which prepares the data) is taken off.
suppressMessages(library(mnmash))

user_time <- function(code) system.time(code)[[1]]

simulate <- function(n, p, causal = 20, rho = 0.5, seed = 1) {
  simulate_mr_mash(n, p, causal, 1, pve = 0.5, X_cor = rho, X_pattern = "ar1", seed = seed)
}

per_coordinate <- function(X, y, sa2, method, sweeps = 60) {
  run <- \(sweeps) user_time(suppressWarnings(mr_ash(
    X, y, sa2 = sa2, method = method, tol = 0, max_iter = sweeps, n_threads = 1
  )))
  short <- min(replicate(3, run(1)))
  long <- min(replicate(3, run(sweeps)))
  1e6 * (long - short) / (sweeps - 1) / ncol(X)
}

cases <- list(c(500, 5000), c(500, 1000), c(2000, 2000))
sa2 <- (2^((0:19) / 20) - 1)^2
for (case in cases) {
  sim <- simulate(case[1], case[2])
  scaled <- sa2 * case[1] / median(colSums(scale(sim$X, scale = FALSE)^2))
  cat(sprintf(
    "n = %d, p = %d, K = 20: %.2f us per coordinate (em), %.2f us (convex)\n", case[1], case[2],
    per_coordinate(sim$X, sim$Y, scaled, "em"), per_coordinate(sim$X, sim$Y, scaled, "convex")
  ))
  y <- drop(sim$Y)
  for (method in c("em", "convex")) {
    time <- user_time(fit <- suppressWarnings(mr_ash(
      sim$X, y, sa2 = scaled, method = method, max_iter = 5000, n_threads = 1
    )))
    cat(sprintf(
      "  to convergence (%s): %.2f s, %d sweeps, bound %.4f\n", method, time, fit$iterations, fit$elbo
    ))
  }
  if (requireNamespace("mr.ash.alpha", quietly = TRUE)) {
    time <- user_time(utils::capture.output(
      peer <- mr.ash.alpha::mr.ash(sim$X, y, sa2 = scaled, standardize = FALSE)
    ))
    cat(sprintf(
      "  mr.ash.alpha: %.2f s, %d sweeps, %.2f us per coordinate, bound %.4f\n", time, peer$iter,
      1e6 * time / peer$iter / case[2], -utils::tail(peer$varobj, 1)
    ))
  }
}

# Univariate regressions, against lm().
sim <- simulate_mr_mash(500, 5000, 20, 10, pve = 0.3, seed = 1)
time <- user_time(univariate_sumstats(sim$X, sim$Y))
pairs <- 200
peer <- user_time(for (j in seq_len(pairs)) summary(lm(sim$Y[, 1] ~ sim$X[, j])))
cat(sprintf(
  "univariate_sumstats: %.2f us a pair; lm: %.0f us a pair\n", 1e6 * time / 5e4, 1e6 * peer / pairs
))
