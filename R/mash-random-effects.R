# Random-effects meta-analysis of a few estimates.

#' Random-effects meta-analysis
#'
#' The model is `y_i ~ N(mu, se_i^2 + tau2)`. The variance `tau2` is estimated by restricted maximum
#' likelihood (`"REML"`), found by Fisher scoring and, where that does not settle, by search; or by
#' the method of moments of DerSimonian and Laird (`"DL"`).
#'
#' @param y estimates.
#' @param se their standard errors, positive.
#' @param method how to estimate `tau2`, the variance between the true effects.
#' @return A list of `mean` and its standard error `se`, `z` and the two-sided `p` of no effect,
#'   `tau2`, and Cochran's `Q` with its `p` of equal effects, `Q_p`. Estimates that are `NA` are
#'   left out; without any, all are `NA`.
#' @references Viechtbauer (2005), Journal of Educational and Behavioral Statistics 30, 261-293.
#' @export
#' @examples
#' random_effects(y = c(0.1, 0.5, 0.9), se = c(0.1, 0.2, 0.2))
random_effects <- function(y, se, method = c("REML", "DL")) {
  method <- match_choice(method, c("REML", "DL"))
  if (is.numeric(y) && is.numeric(se) && !is.null(names(y))) {
    se <- align_each(se, names(y), length(y), "se", "unit", to = "`y`")
  }
  if (!is.numeric(y) || !is.numeric(se) || length(y) != length(se)) {
    stop_mnmash("dimension", "`y` and `se` must be numbers, as many of one as of the other")
  }
  check_size(y)
  check_size(se)
  use <- !is.na(y) & !is.na(se)
  y <- y[use]
  v <- se[use]^2
  bad <- which(!is.finite(y) | !is.finite(v) | v <= 0)
  if (length(bad)) {
    stop_mnmash("value", "`y` and `se` must be finite, `se` positive: element ",
                which(use)[bad[1L]], " is not")
  }
  if (!length(y)) {
    return(as.list(c(mean = NA_real_, se = NA, z = NA, p = NA, tau2 = NA, Q = NA, Q_p = NA)))
  }
  fixed <- 1 / v
  Q <- sum(fixed * (y - sum(fixed * y) / sum(fixed))^2)
  tau2 <- moment_tau2(y, v, Q)
  if (method == "REML" && length(y) > 1L) tau2 <- reml_tau2(y, v, tau2)
  w <- 1 / (v + tau2)
  mean <- sum(w * y) / sum(w)
  se <- 1 / sqrt(sum(w))
  df <- length(y) - 1
  list(
    mean = mean, se = se, z = mean / se, p = 2 * stats::pnorm(-abs(mean / se)), tau2 = tau2, Q = Q,
    Q_p = if (df) stats::pchisq(Q, df, lower.tail = FALSE) else 1
  )
}

moment_tau2 <- function(y, v, Q) {
  w <- 1 / v
  if (length(y) < 2L) return(0)
  max(0, (Q - (length(y) - 1)) / (sum(w) - sum(w^2) / sum(w)))
}

# Restricted log-likelihood of tau2, up to a constant.
reml_objective <- function(tau2, y, v) {
  w <- 1 / (v + tau2)
  mean <- sum(w * y) / sum(w)
  (sum(log(w)) - log(sum(w)) - sum(w * (y - mean)^2)) / 2
}

# Fisher scoring; the objective decides, and the boundary is a candidate.
reml_tau2 <- function(y, v, start) {
  tau2 <- start
  scale <- max(stats::var(y), mean(v))
  settled <- FALSE
  for (iteration in 1:100) {
    w <- 1 / (v + tau2)
    total <- sum(w)
    mean <- sum(w * y) / total
    traces <- c(total - sum(w^2) / total, sum(w^2) - 2 * sum(w^3) / total + (sum(w^2) / total)^2)
    step <- (sum(w^2 * (y - mean)^2) - traces[1L]) / traces[2L]
    following <- max(0, tau2 + step)
    settled <- abs(following - tau2) <= 1e-12 * scale
    tau2 <- following
    if (settled) break
  }
  objective <- \(x) reml_objective(x, y, v)
  if (settled && objective(tau2) >= objective(0)) return(tau2)
  search_tau2(objective, scale, tau2)
}

# The best of a grid over ten orders of magnitude, refined; zero if that is better.
search_tau2 <- function(objective, scale, tried) {
  grid <- c(0, scale * 10^seq(-8, 2, length.out = 201))
  values <- vapply(grid, objective, 0)
  best <- which.max(values)
  bounds <- grid[c(max(1L, best - 1L), min(length(grid), best + 1L))]
  refined <- stats::optimize(objective, bounds, maximum = TRUE, tol = 1e-12 * scale)$maximum
  candidates <- c(grid[best], refined, tried)
  candidates[which.max(vapply(candidates, objective, 0))]
}
