# Statistics and correlations that cannot be of the same data: what a fit to them shows.

# How far `LD` may be off, for the core: the samples that it is from, if these are not those of the
# statistics, and a relative error of fitted z-scores: of numbers that were rounded and samples that
# differ a little; more for z-scores of unknown sample size, and for shrunken correlations.
ld_slack <- function(LD_samples, n = NULL, shrink = 0) {
  c(
    ld_samples(LD_samples) %||% Inf,
    max(if (is.null(n)) 0.05 else 0.02, min(shrink / (1 - shrink), 1e6))
  )
}

ld_samples <- function(LD_samples) {
  if (!is.null(LD_samples)) check_number(LD_samples, 3, name = "LD_samples")
}

# Residual variances, as multiples of those of the responses, where `LD` is of N other people: what
# these get wrong is, to first order, noise with the covariance `LD` times n / N times the share of
# the variance that predictors explain, which is at least that of any one alone. A variance that was
# estimated would take such noise for effects, and vanish.
ld_noise <- function(LD_samples, z, n) {
  n <- max(n)
  share <- max(z^2 / (z^2 + n - 2), 0)
  1 + share * max(n / LD_samples - 1, 0)
}

# The log-likelihood of a perfect fit of n samples with noise V.
largest_loglik <- function(V, n) {
  if (!n > 0) return(NA_real_)
  V <- as.matrix(V)
  -n / 2 * (nrow(V) * log(2 * pi) + as.numeric(determinant(V)$modulus))
}

# What a fit says of its data: `found` is what the core looked at, `bound` the bound on its
# log-likelihood and what that cannot exceed, and `of` the data: z-scores `Z` (p x R), noise `V`,
# `LD`, `Shat` if it was given, names of `predictors` and `conditions`, and `typed`, how to name
# them. If they contradict each other, `action` is taken: "stop" or "warn". `where` begins the
# message.
data_check <- function(found, bound, of, action, where = "") {
  predictors <- of$predictors %||% as.character(seq_len(nrow(of$Z)))
  some <- utils::head(seq_along(found$variable), 20L)
  check <- list(
    bound = c(bound = bound[[1L]], largest = bound[[2L]]),
    explained = if (!is.null(found$left)) stats::setNames(1 - found$left, of$conditions),
    pairs = data.frame(
      predictor = predictors[found$variable[some]], lead = predictors[found$lead[some]],
      statistic = found$statistic[some], swapped = found$swapped[some]
    ),
    p = found$p, mean_square = spread_of(of)
  )
  facts <- contradictions(check)
  if (!length(facts)) return(check)
  check$cause <- likely_cause(check, found, of)
  worst <- utils::head(check$pairs$predictor, 10L)
  if (!length(worst)) worst <- predictors[utils::head(order(-rowSums(of$Z^2)), 10L)]
  message <- paste0(
    where, of$typed$z, " and ", of$typed$LD, " contradict each other: ",
    paste(facts, collapse = "; "), ". Likely cause: ", describe_cause(check$cause, of$typed),
    ". Furthest off: ", paste(worst, collapse = ", "), ". ", of$typed$qc,
    " says how far they disagree, and which are outliers or have swapped alleles; ",
    if (action == "stop") "`contradiction = \"warn\"` fits all the same" else
      "the fit has no meaning where they do"
  )
  if (action == "stop") {
    stop_mnmash("contradiction", message, data = list(check = check))
  }
  warn_mnmash("contradiction", message, data = list(check = check))
  check
}

# What is impossible, in words; nothing if all is possible.
contradictions <- function(check) {
  facts <- character()
  worst <- if (length(check$explained)) which.max(check$explained)
  if (length(worst) && check$explained[worst] > 1.001) {
    facts <- paste0(
      "the fit explains ", signif(check$explained[[worst]], 3), " times the variance",
      if (!is.null(names(worst))) paste0(" of ", names(worst))
    )
  }
  over <- check$bound[["bound"]] - check$bound[["largest"]]
  if (isTRUE(over > 1e-6 * abs(check$bound[["largest"]]))) {
    facts <- c(facts, "the bound on its log-likelihood exceeds that of a perfect fit")
  }
  if (check$p < 1e-4) {
    facts <- c(facts, paste0(
      "of what it leaves, predictors differ that are alike (p = ", format_p(check$p), ")"
    ))
  }
  if (check$mean_square[["p"]] < 1e-4) {
    facts <- c(facts, paste0(
      "z-scores are closer to zero, or to one another, than chance allows (mean square ",
      signif(check$mean_square[["mean"]], 2), ", p = ", format_p(check$mean_square[["p"]]), ")"
    ))
  }
  facts
}

format_p <- function(p) if (p < 1e-300) "0" else format(p, digits = 1L)

# The mean square of z-scores, and the probability of so little noise. Those of variables that are
# not alike, decorrelated, have a variance of one, and effects make none of them smaller: their sum
# of squares is at least a chi-squared variable, their median that of a normal distribution.
spread_of <- function(of) {
  Z <- whitened(of$Z, of$V)
  some <- unlike(of$LD, of$predictors)
  y <- abs(forwardsolve(some$factor, Z[some$at, , drop = FALSE]))
  half <- ceiling(length(y) / 2)
  below <- 2 * stats::pnorm(sort(y, partial = half)[half]) - 1
  p <- c(
    2 * stats::pchisq(sum(y^2), length(y)),
    2 * stats::pbinom(half - 1, length(y), below, lower.tail = FALSE)
  )
  if (all(of$Z >= 0 & of$Z <= 1)) {
    # A density is at most its value at zero: of each variable, given those before it.
    V <- determinant(stats::cov2cor(as.matrix(of$V)))$modulus
    terms <- ncol(Z) * log(2 * pi * diag(some$factor)^2) + as.numeric(V)
    p <- c(p, exp(-sum(pmax(terms, 0)) / 2))
  }
  c(mean = mean(Z^2), p = min(p, 1))
}

# Variables that are not alike, each with at least a fifth of its variance given those before,
# and the Cholesky factor of their correlations. Of equals the first by name, so that the order of
# the data does not matter.
unlike <- function(LD, names = NULL, most = 100L) {
  p <- nrow(LD)
  by_name <- if (is.null(names)) seq_len(p) else order(names, method = "radix")
  most <- min(most, p)
  left <- rep(1, p)
  factor <- matrix(0, p, most)
  at <- integer()
  while (length(at) < most && max(left) > 0.2) {
    k <- length(at)
    j <- by_name[which.max(left[by_name])]
    column <- ld_column(LD, j)
    column[j] <- 1
    if (k) column <- column - factor[, seq_len(k), drop = FALSE] %*% factor[j, seq_len(k)]
    factor[, k + 1L] <- column / sqrt(left[j])
    left <- left - factor[, k + 1L]^2
    at <- c(at, j)
    left[at] <- 0
  }
  list(at = at, factor = factor[at, seq_along(at), drop = FALSE])
}

# How to name the data in messages. `kind` is the argument that z-scores came as.
typed_data <- function(kind) {
  list(
    z = as_typed(kind), LD = as_typed(if (kind == "XtY") "XtX" else "LD"),
    Shat = as_typed("Shat"),
    qc = switch(
      kind, Z = "qc_sumstats(Z, LD, n)", Bhat = "qc_sumstats(Bhat / Shat, LD, n)",
      "qc_sumstats() of their z-scores and correlations"
    )
  )
}
