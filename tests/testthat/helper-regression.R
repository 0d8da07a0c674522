# Predictors with correlated neighbours, and a response of some of them.
regression_data <- function(n = 80, p = 40, rho = 0.6, r = 1, seed = 1) {
  simulate_mr_mash(
    n, p, ceiling(p / 10), r, pve = 0.5, X_cor = rho, X_pattern = "ar1", V_cor = 0.3,
    B_cor = if (r > 1) 0.5 else 1, seed = seed
  )
}

# Largest difference relative to the largest expected value.
scaled_difference <- function(found, expected) max(abs(found - expected)) / max(abs(expected))
