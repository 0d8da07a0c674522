# Why statistics and correlations contradict each other: the likely cause, and what to do.

# One word: "p_values", "scale", "variances", "unsigned", "squared", "alleles" or "population".
likely_cause <- function(check, found, of) {
  Z <- of$Z
  few <- nrow(Z) < 10L
  if (!few && all(Z >= 0 & Z <= 1)) return("p_values")
  if (check$mean_square[["p"]] < 1e-4) {
    return(if (!is.null(of$Shat) && stats::median(of$Shat) > 1) "variances" else "scale")
  }
  if (!few && all(Z >= 0)) return("unsigned")
  if (!few && are_squares(of)) return("squared")
  near <- around(found, of)
  if (is.null(near)) return("population")
  if (are_swapped(near)) return("alleles")
  if (!is.null(of$Shat) && are_variances(near)) "variances" else "population"
}

# What is looked at more closely: variables that differ from others, those near them, at most 300.
# `Q` is the inverse of their correlations, kept from being singular.
around <- function(found, of, most = 300L, slack = 0.01) {
  Z <- whitened(of$Z, of$V)
  at <- seq_len(nrow(Z))
  if (length(at) > most) {
    worst <- utils::head(seq_along(found$variable), 30L)
    worst <- unique(c(found$variable[worst], found$lead[worst], which.max(rowSums(Z^2))))
    alike <- do.call(pmax, lapply(worst, \(j) abs(ld_column(of$LD, j))))
    at <- utils::head(order(-alike), most)
  }
  C <- (1 - slack) * as.matrix(of$LD[at, at, drop = FALSE])
  diag(C) <- 1
  root <- tryCatch(chol(C), error = \(e) NULL)
  if (is.null(root)) return()
  Shat <- if (!is.null(of$Shat)) of$Shat[at, , drop = FALSE]
  near <- list(Z = Z[at, , drop = FALSE], raw = of$Z[at, , drop = FALSE], Shat = Shat, V = of$V)
  near$Q <- chol2inv(root)
  near
}

# The sum of squares of decorrelated z-scores: few times the largest where neighbours agree.
rough <- function(Z, Q) sum(Z * (Q %*% Z))

# Whether the other sign of some z-scores makes nearly all agree, which it does not if they, or the
# correlations, are of other people. Signs are turned one by one, that which helps most first.
are_swapped <- function(near) {
  Z <- near$Z
  W <- near$Q %*% Z
  before <- left <- sum(Z * W)
  for (turn in seq_len(ceiling(nrow(Z) / 4))) {
    gain <- 4 * rowSums(Z * W) - 4 * diag(near$Q) * rowSums(Z^2)
    j <- which.max(gain)
    if (gain[j] < 30) break
    left <- left - gain[j]
    W <- W - 2 * near$Q[, j] %o% Z[j, ]
    Z[j, ] <- -Z[j, ]
  }
  left < before / 4 || left < min(before / 2, 8 * (max(rowSums(Z^2)) + nrow(Z)))
}

# Whether z-scores of the roots of `Shat` agree with one another, better than those of `Shat` do.
are_variances <- function(near) {
  root <- whitened(near$raw * sqrt(near$Shat), near$V)
  most <- \(Z) max(rowSums(Z^2))
  left <- rough(root, near$Q)
  left < 10 * most(root) + 1.5 * length(root) &&
    left / most(root) < rough(near$Z, near$Q) / most(near$Z)
}

# z-scores whose noise is independent between conditions.
whitened <- function(Z, V) {
  t(backsolve(chol(stats::cov2cor(as.matrix(V))), t(Z), transpose = TRUE))
}

# Whether correlations have no sign: those of variables that are far apart are negative as often
# as not. Of few, they must fit the neighbours of the strongest z-score less well than their roots.
are_squares <- function(of) {
  if (ld_least(of$LD) < 0) return(FALSE)
  strength <- rowSums(of$Z^2)
  lead <- which.max(strength)
  column <- ld_column(of$LD, lead)
  if (sum(column > 0 & column < 0.05) >= 20L) return(TRUE)
  near <- setdiff(which(column > 0.1), lead)
  if (!length(near)) return(FALSE)
  miss <- \(r) stats::median(abs(sqrt(strength[near]) - r * sqrt(strength[lead])))
  miss(sqrt(column[near])) < miss(column[near])
}

describe_cause <- function(cause, typed) {
  switch(
    cause,
    p_values = paste0(
      typed$z, " has only values between 0 and 1, as if they were p-values: z-scores are ",
      "sign(effect) * qnorm(p / 2, lower.tail = FALSE)"
    ),
    scale = paste0(
      typed$z, " is not in units of its standard errors: give effects divided by these"
    ),
    variances = paste0(typed$Shat, " holds variances in place of standard errors: give its sqrt()"),
    unsigned = paste0(
      typed$z, " has no negative value, as if it held |z|: give z-scores with their signs"
    ),
    squared = paste0(typed$LD, " holds r^2 in place of r: give correlations with their signs"),
    alleles = paste0(
      "alleles that are swapped in the statistics or in ", typed$LD, ": turn the signs of those ",
      "that are swapped, or leave them out"
    ),
    population = paste0(
      typed$LD, " of other people than the statistics (another ancestry), or in another order; or ",
      "statistics of different samples each: use that of the samples of the study, say ",
      "by `LD_samples` from how many people it is, or leave outliers out"
    )
  )
}

ld_least <- function(LD) if (isS4(LD)) min(LD@x) else min(LD)

ld_column <- function(LD, j) as.vector(LD[, j])
